"""A real HDFS for the tests: one NameNode and one DataNode from Maven's jars.

They are Hadoop's own servers with their own configuration: as processes of this user, on ports of the loopback
interface that nobody else has, or in an image for the chart's HDFS.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import tenacity

from cluster import cache, images, tools
from cluster.steps import StepFailed, run

HERE = Path(__file__).parent
IMAGE = "newscrawl-airflow/hadoop"
START_SECONDS = 180  # ten on a quiet machine
JVM = ("-Xmx256m", "--add-opens", "java.base/java.lang=ALL-UNNAMED")
SERVERS = "org.apache.hadoop.hdfs.server"
LOG4J = """
log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d %p %c: %m%n
"""


class NoJava(Exception):
    """Java or Maven is missing and cannot be installed; the message says what to do."""


def jars() -> Path:
    """The folder of the jars, from Maven's registry or the cache. Raises NoJava."""
    try:
        tools.install_package("java", "default-jre-headless")
        tools.install_package("mvn", "maven")
    except StepFailed as error:
        raise NoJava(str(error)) from None

    def fetch(target: Path) -> None:
        pom = shutil.copy(HERE / "pom.xml", target)
        run("mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={target}", folder=target)
        run("sha256sum", "--check", "--strict", "--quiet", HERE / "jars.sha256", folder=target)

    return cache.built("hadoop", cache.digest(HERE / "pom.xml", HERE / "jars.sha256"), fetch)


def chart_values(docker: Mapping[str, str]) -> list[str]:
    """helm's options for a release with an HDFS of its own; where no image can be pulled, one is made for the node.

    Raises NoJava and StepFailed.
    """
    enabled = ["--set", "hdfs.enabled=true"]
    if images.registry_reachable(docker)[0]:
        return enabled
    dockerfile = HERE / "Dockerfile"
    tag = cache.digest(dockerfile, HERE / "jars.sha256")
    images.provide(docker, f"{IMAGE}:{tag}", jars(), dockerfile.read_text())
    return [*enabled, "--set", f"hdfs.image.repository={IMAGE}", "--set-string", f"hdfs.image.tag={tag}"]


@contextlib.contextmanager
def server(jars: Path, folder: Path) -> Iterator[str]:
    """The webhdfs:// URL of an empty HDFS that keeps its data and logs in `folder`; its user is this process'."""
    rpc, http = free_ports(2)
    _configure(folder, rpc, http)
    classes = f"{folder}:{jars}/*"
    subprocess.run(
        ["java", *JVM, "-cp", classes, f"{SERVERS}.namenode.NameNode", "-format", "-nonInteractive"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    with contextlib.ExitStack() as running:
        started = [
            running.enter_context(_java(folder, classes, f"{SERVERS}.{name}"))
            for name in ("namenode.NameNode", "datanode.DataNode")
        ]
        wait_for(folder, http, started)
        yield f"webhdfs://127.0.0.1:{http}"


@contextlib.contextmanager
def _java(folder: Path, classes: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    # where it is to be had: a test process that is killed leaves no server
    bound = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
    with (folder / f"{name.rsplit('.', 1)[1]}.log").open("wb") as log:
        process = subprocess.Popen([*bound, "java", *JVM, "-cp", classes, name], cwd=folder, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _configure(folder: Path, rpc: int, http: int) -> None:
    for part in ("webapps/hdfs", "webapps/datanode", "webapps/static", "data"):
        (folder / part).mkdir(parents=True)
    (folder / "log4j.properties").write_text(LOG4J)
    _write(folder / "core-site.xml", {"fs.defaultFS": f"hdfs://127.0.0.1:{rpc}"})
    _write(
        folder / "hdfs-site.xml",
        {
            "dfs.namenode.http-address": f"127.0.0.1:{http}",
            "dfs.namenode.name.dir": f"{folder}/name",
            "dfs.datanode.data.dir": f"{folder}/data",
            "dfs.datanode.address": "127.0.0.1:0",
            "dfs.datanode.ipc.address": "127.0.0.1:0",
            "dfs.datanode.http.address": "127.0.0.1:0",
            "dfs.datanode.hostname": "127.0.0.1",
            "dfs.replication": "1",
        },
    )


def _write(path: Path, settings: dict[str, str]) -> None:
    lines = [f"<property><name>{name}</name><value>{value}</value></property>" for name, value in settings.items()]
    path.write_text("\n".join(["<configuration>", *lines, "</configuration>"]))


def wait_for(folder: Path, http: int, started: list[subprocess.Popen[bytes]]) -> None:
    """Wait until the DataNode has reported to the NameNode. Raises StepFailed with the servers' last lines."""
    state = f"http://127.0.0.1:{http}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"

    def over() -> bool:
        if any(process.poll() is not None for process in started):
            return True
        with contextlib.suppress(OSError), urllib.request.urlopen(state, timeout=10) as answer:
            beans = json.load(answer)["beans"]
            return bool(beans) and beans[0]["NumLiveDataNodes"] == 1
        return False

    ready = tenacity.Retrying(
        stop=tenacity.stop_after_delay(START_SECONDS),
        wait=tenacity.wait_fixed(0.2),
        retry=tenacity.retry_if_result(lambda done: not done),
        retry_error_callback=lambda _: False,
    )(over)
    if not ready or any(process.poll() is not None for process in started):
        logs = "\n".join(path.read_text()[-3000:] for path in sorted(folder.glob("*.log")))
        raise StepFailed(f"the HDFS of the tests does not answer; its last lines:\n{logs}")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody has."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]
