"""Where the lake is, who may log in to it, and an HDFS of the release's own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import requests
from cluster import hdfs
from newscrawl.lake.filesystem import open_lake
from newscrawl.settings import load


def container(rendered, kind, name):
    return rendered.one(kind, name)["spec"]["template"]["spec"]["containers"][0]


def settings_of(text):
    return {one.find("name").text: one.find("value").text for one in ET.fromstring(text)}


def test_no_lake_unless_it_is_asked_for(render, environment):
    for kind, name in (("StatefulSet", "newscrawl-worker-default"), ("Deployment", "newscrawl-dag-processor")):
        assert not [key for key in environment(container(render(), kind, name)) if "LAKE" in key]
    assert not [item for item in render().objects if item["metadata"]["name"].endswith(("-hdfs", "node"))]


@pytest.mark.parametrize(
    "url", ["gs://bucket", "gs://bucket/a/b", "hdfs://name/news", "webhdfs://me@name:9870/x", "file:///lake"]
)
def test_every_component_knows_the_lake_and_the_crawler_accepts_its_url(render, environment, url):
    rendered = render("default", "--set", f"lake.url={url}")
    told = environment(container(rendered, "Deployment", "newscrawl-dag-processor"))
    assert load({"NEWSCRAWL_LAKE_URL": told["NEWSCRAWL_LAKE_URL"]}).require_lake() == url
    worker = environment(container(rendered, "StatefulSet", "newscrawl-worker-default"))
    assert (worker["NEWSCRAWL_LAKE_URL"], worker["NEWSCRAWL_LAKE_KEEP_DAYS"]) == (url, "7")
    kept = render("default", "--set", f"lake.url={url}", "--set-json", "lake.keepWarcDays=null")
    assert "NEWSCRAWL_LAKE_KEEP_DAYS" not in environment(container(kept, "StatefulSet", "newscrawl-worker-default"))


def test_only_workers_log_in(render, environment):
    worker = environment(container(render("lake"), "StatefulSet", "newscrawl-worker-default"))
    assert worker["NEWSCRAWL_LAKE_OPTIONS"] == {"secretKeyRef": {"name": "hadoop-login", "key": "options"}}
    processor = environment(container(render("lake"), "Deployment", "newscrawl-dag-processor"))
    assert "NEWSCRAWL_LAKE_OPTIONS" not in processor


def test_hdfs_of_the_release_is_the_lake_unless_another_is_named(render, environment):
    def url(*arguments):
        rendered = render("lake", *arguments)
        return environment(container(rendered, "StatefulSet", "newscrawl-worker-default"))["NEWSCRAWL_LAKE_URL"]

    lake = open_lake(url(), {})
    service = render("lake").one("Service", "newscrawl-namenode")
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert (lake.name, lake.files.user) == (f"webhdfs://newscrawl-namenode:{ports['http']}/newscrawl", "newscrawl")
    assert url("--set", "lake.url=gs://bucket/news") == "gs://bucket/news"


def test_hdfs_is_configured_from_the_values(render, environment):
    rendered = render("lake")
    files = rendered.one("ConfigMap", "newscrawl-hdfs")["data"]
    site = settings_of(files["hdfs-site.xml"])
    assert (site["dfs.replication"], site["dfs.blocksize"]) == ("2", "64m")
    assert site["dfs.datanode.hostname"] == "${env.POD_NAME}.newscrawl-datanode.news.svc"
    assert settings_of(files["core-site.xml"]) == {"fs.defaultFS": "hdfs://newscrawl-namenode:8020"}
    for name, replicas, size in (("newscrawl-namenode", 1, "2Gi"), ("newscrawl-datanode", 2, "100Gi")):
        found = rendered.one("StatefulSet", name)["spec"]
        assert (found["replicas"], found["serviceName"]) == (replicas, name)
        claim = found["volumeClaimTemplates"][0]["spec"]
        assert claim["resources"]["requests"]["storage"] == size
        told = environment(found["template"]["spec"]["containers"][0])
        assert told["POD_NAME"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert environment(container(rendered, "StatefulSet", "newscrawl-namenode"))["HADOOP_HEAPSIZE_MAX"] == "512m"
    door = rendered.one("NetworkPolicy", "newscrawl-datanode")["spec"]["ingress"][0]
    assert [port["port"] for port in door["ports"]] == ["data", "http", "ipc"]
    assert list(door["from"][0]) == ["podSelector"]


@pytest.fixture
def pod(render, hadoop_jars, tmp_path):
    """Starts a server as its pod would, with the chart's files, in a folder in place of the pod's paths and names."""
    rpc, http, pages = hdfs.free_ports(3)
    places = {"/data": f"{tmp_path}/data", "/etc/newscrawl-hdfs": f"{tmp_path}/conf", "newscrawl-namenode:8020":
              f"127.0.0.1:{rpc}", "0.0.0.0:9870": f"127.0.0.1:{http}", ".newscrawl-datanode.news.svc": ""}  # fmt: skip
    local = {"address": 0, "ipc.address": 0, "http.address": pages}
    settings = {"dfs.replication": "1"} | {f"dfs.datanode.{name}": f"127.0.0.1:{port}" for name, port in local.items()}
    for folder in ("conf", "data", "bin", "webapps/hdfs", "webapps/datanode", "webapps/static"):
        (tmp_path / folder).mkdir(parents=True)
    rendered = render("lake", "--set-json", f"hdfs.config={json.dumps(settings)}")
    for name, text in rendered.one("ConfigMap", "newscrawl-hdfs")["data"].items():
        for place, here in places.items():
            text = text.replace(place, here)
        (tmp_path / "conf" / name).write_text(text)
    command = tmp_path / "bin" / "hdfs"
    command.write_text(
        f'#!/bin/bash\nset -e\ncd {tmp_path}\nmain=datanode.DataNode\n[ "$1" = datanode ] || main=namenode.NameNode\n'
        f'shift\nexec java -Xmx256m -cp "$HADOOP_CONF_DIR:{tmp_path}:{hadoop_jars}/*" '
        f'{hdfs.SERVERS}.$main "$@"\n'
    )
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"

    @contextlib.contextmanager
    def run(name):
        with (tmp_path / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", tmp_path / "conf" / "start.sh", name],
                env={**os.environ, "PATH": path, "POD_NAME": "127.0.0.1"}, stdout=log, stderr=log,
            )  # fmt: skip
            try:
                yield process
            finally:
                process.terminate()
                process.wait(60)

    run.folder, run.http, run.pages = tmp_path, http, pages
    return run


@pytest.mark.hdfs
def test_hadoop_starts_as_the_chart_starts_it_and_keeps_its_data(pod, render):
    folder: Path = pod.folder
    probe = container(render("lake"), "StatefulSet", "newscrawl-datanode")["readinessProbe"]["httpGet"]["path"]
    (folder / "data" / "name.new").mkdir()  # a first start was cut short
    for text in (None, b"kept"):
        with pod("namenode") as name_node, pod("datanode") as data_node:
            hdfs.wait_for(folder, pod.http, [name_node, data_node])
            for port in (pod.http, pod.pages):
                assert requests.get(f"http://127.0.0.1:{port}{probe}", timeout=60).status_code == 200
            lake = open_lake(f"webhdfs://newscrawl@127.0.0.1:{pod.http}/newscrawl", {})
            if text is None:
                with lake.write_aside("articles/one", "writer") as target:
                    target.write(b"kept")
                lake.publish("articles/one", "writer")
            assert lake.files.cat("/newscrawl/articles/one") == b"kept"
            assert lake.files.info("/newscrawl/articles/one")["owner"] == "newscrawl"
