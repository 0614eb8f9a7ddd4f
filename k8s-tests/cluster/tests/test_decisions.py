"""The decisions of the bring-up: what is kept, what is replaced, what a machine lacks, what a cache key covers."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cluster import cache, engine, images, kind, node_image, runc_within_bounds
from cluster.kind import State
from cluster.steps import StepFailed, run


@pytest.mark.parametrize(
    ("state", "image", "action"),
    [
        (State(exists=False), "node:a", "create"),
        (State(exists=True, running=False, image="node:a"), "node:a", "replace"),
        (State(exists=True, running=True, image="node:a", sound=False), "node:a", "replace"),
        (State(exists=True, running=True, image="node:b", sound=True), "node:a", "replace"),
        (State(exists=True, running=True, image="node:a", sound=True), "node:a", "keep"),
        (State(exists=True, running=True, image="node:b", sound=True), None, "keep"),
    ],
)
def test_a_sound_cluster_is_kept_and_a_broken_one_replaced(state, image, action):
    assert kind.verdict(state, image)[0] == action


def test_kind_configuration_names_only_what_the_path_needs():
    stock = yaml.safe_load(kind.configuration(None, own_node=False, user_namespace=False, cgroup_v1=True))
    assert stock["nodes"] == [{"role": "control-plane"}]
    assert "networking" not in stock
    assert not {"featureGates", "kubeadmConfigPatches"} & set(stock)
    own = yaml.safe_load(kind.configuration("kindest/node:x", own_node=True, user_namespace=True, cgroup_v1=True))
    assert own["nodes"] == [{"role": "control-plane", "image": "kindest/node:x"}]
    assert own["networking"] == {"disableDefaultCNI": True}
    assert own["featureGates"] == {"KubeletInUserNamespace": True}
    assert "cgroupDriver: cgroupfs" in own["kubeadmConfigPatches"][0]


@pytest.mark.parametrize(("bounds", "missing"), [("000001ffffffffff", []), ("000001fffeffffff", ["CAP_SYS_RESOURCE"])])
def test_a_missing_capability_is_seen_in_the_bounding_set(bounds, missing):
    assert engine.missing_capabilities(f"Name:\tx\nCapBnd:\t{bounds}\n") == missing


def test_runc_is_wrapped_only_where_a_capability_is_missing(tmp_path):
    assert "runtimes" not in engine.configuration(tmp_path, [])
    wrapped = engine.configuration(tmp_path, ["CAP_SYS_RESOURCE"])
    assert wrapped["default-runtime"] in wrapped["runtimes"]
    assert all(str(tmp_path) in str(wrapped[key]) for key in ("data-root", "exec-root", "pidfile", "hosts"))


def test_the_wrapper_takes_the_capability_and_the_limits_from_a_container(tmp_path):
    process = {"args": ["x"], "rlimits": [1], "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"]}}
    (tmp_path / "config.json").write_text(json.dumps({"ociVersion": "1", "process": process}))
    runc_within_bounds.rewrite(["create", "--bundle", str(tmp_path), "name"])
    rewritten = json.loads((tmp_path / "config.json").read_text())
    assert rewritten == {"ociVersion": "1", "process": {"args": ["x"], "capabilities": {"bounding": ["CAP_CHOWN"]}}}


@pytest.mark.parametrize(
    ("forced", "image", "registry"),
    [
        ("registry", None, True),
        ("packages", {"Config": {}, "RepoDigests": ["redis@sha256:0"]}, False),
        (None, {"Config": {"Labels": {images.RECIPE_LABEL: "0"}}, "RepoDigests": []}, False),
        (None, {"Config": {"Labels": None}, "RepoDigests": ["redis@sha256:0"]}, True),
    ],
)
def test_the_path_follows_from_the_setting_or_from_where_the_image_came(forced, image, registry):
    assert images.decided_path(forced, image)[0] is registry


def test_an_image_of_unknown_origin_leaves_the_path_open_and_a_wrong_setting_is_refused():
    assert images.decided_path(None, None) is None
    assert images.decided_path(None, {"Config": {"Labels": None}, "RepoDigests": []}) is None
    with pytest.raises(StepFailed, match="NEWSCRAWL_CLUSTER_PATH=pakages"):
        images.decided_path("pakages", None)


def test_a_number_that_is_another_process_by_now_is_not_our_engine(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = tmp_path / "newscrawl-airflow" / "engine" / engine.ENGINE_PID_FILE
    file.parent.mkdir(parents=True)
    assert not engine.was_killed()
    file.write_text(str(os.getpid()))
    assert engine.was_killed()
    engine.stop()  # would end this process
    script = "import time; print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script, str(file.parent)], stdout=subprocess.PIPE) as ours:
        ours.stdout.readline()
        file.write_text(str(ours.pid))
        assert not engine.was_killed()
        engine.stop()
    assert ours.returncode == -signal.SIGTERM


def test_only_the_docker_client_that_fits_comes_first_on_path(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("other", "ours"):
        (tmp_path / name).mkdir()
        for program in ("docker", "python3"):
            (tmp_path / name / program).write_text("#!/bin/sh\n")
            (tmp_path / name / program).chmod(0o755)
    monkeypatch.setattr(engine, "client", lambda: str(tmp_path / "ours" / "docker"))
    path = engine._client_first({"PATH": f"{tmp_path / 'other'}:{tmp_path / 'ours'}"})["PATH"]
    assert Path(shutil.which("docker", path=path)).resolve() == tmp_path / "ours" / "docker"
    assert shutil.which("python3", path=path) == str(tmp_path / "other" / "python3")
    same = {"PATH": f"{tmp_path / 'ours'}:{tmp_path / 'other'}"}
    assert engine._client_first(same) == same


def test_only_the_machines_own_certificates_are_added():
    def pem(text: str) -> str:
        return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"

    assert images.extra_certificates(pem("a") + pem("b"), "# comment\n" + pem("a")) == [pem("b")]


@pytest.mark.parametrize(
    "dump",
    [
        '[plugins."io.containerd.grpc.v1.cri".containerd]\n  snapshotter = "overlayfs"\n',
        "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]\n  snapshotter = ''\n"
        "[plugins.'io.containerd.cri.v1.images']\n    snapshotter = 'overlayfs'\n",
    ],
    ids=["containerd 1", "containerd 2"],
)
def test_the_snapshotter_is_found_in_what_either_containerd_says(dump: str):
    assert images.SNAPSHOTTER.search(dump)[1] == "overlayfs"


def test_a_digest_covers_names_and_contents(tmp_path: Path):
    (tmp_path / "a").write_text("1")
    first = cache.digest("v1", tmp_path)
    (tmp_path / "a").write_text("2")
    second = cache.digest("v1", tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, cache.digest("v1", tmp_path), cache.digest("v2", tmp_path)}) == 4


def test_an_interrupted_build_is_not_taken_for_a_finished_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def interrupted(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.built("thing", "1", interrupted)
    built = cache.built("thing", "1", lambda folder: (folder / "whole").write_text(""))
    assert [path.name for path in built.iterdir()] == ["whole"]
    assert cache.built("thing", "1", interrupted) == built


def test_kinds_storage_manifest_gets_our_images():
    body = "image: ` + storageProvisionerImage + `\nhelper: ` + storageHelperImage + `"
    source = f"const defaultStorageManifest = `\n{body}\n`\n"
    manifest = yaml.safe_load(node_image.storage_manifest(source))
    assert manifest == {"image": node_image.PROVISIONER_IMAGE, "helper": "debian:trixie-slim"}
    with pytest.raises(ValueError, match="defaultStorageManifest"):
        node_image.storage_manifest("package nodeimage")


def test_a_failed_command_shows_its_last_lines():
    with pytest.raises(StepFailed, match=r"ended with 3:\n.*why"):
        run("bash", "-c", "echo why >&2; exit 3")
    with pytest.raises(StepFailed, match="no such command"):
        run("no-such-command-here")
