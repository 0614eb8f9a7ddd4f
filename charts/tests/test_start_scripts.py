"""MySQL and Redis as the chart starts them in their real images, and anew on the same volume after an upgrade."""

from __future__ import annotations

from contextlib import closing, contextmanager

import pymysql
import pytest
import redis
from cluster import services, versions
from cluster.steps import run
from redis.backoff import NoBackoff
from redis.retry import Retry

pytestmark = pytest.mark.slow

# what SQL, option files, printf, sed and the shell would each take for something else
HOSTILE = r"""a'b"c\d %s&#;$(id)`id`/\'"""
# user -> its own database
DATABASES = {"airflow": "airflow", "results": "results", "newscrawl": "articles"}


def write(folder, rendered, name, secret):
    """The files of the ConfigMap and the Secret, as the pod has them; the probe's command."""
    for part, texts in (("config", rendered.one("ConfigMap", f"newscrawl-{name}")["data"]), ("secrets", secret)):
        (folder / part).mkdir(exist_ok=True)
        for file, text in texts.items():
            (folder / part / file).write_text(text)
    pod = rendered.one("StatefulSet", f"newscrawl-{name}")["spec"]["template"]["spec"]
    return pod["containers"][0]["readinessProbe"]["exec"]["command"]


@contextmanager
def started(docker, folder, name, image, port, data):
    """The server in a container as strict as the chart's, with a volume at `data`; the container's id."""
    folder.chmod(0o755)
    memory = ("--tmpfs", f"/run/newscrawl-{name}:uid=999,gid=999,mode=700", "--tmpfs", "/tmp")
    options = ("--read-only", "-v", f"{folder}:/etc/newscrawl-{name}:ro", "-v", data, *memory)
    script = f"exec bash /etc/newscrawl-{name}/config/start.sh"
    with services.container(docker, image, port, script, *options) as container:
        yield container


def test_mysql_takes_new_passwords_and_takes_a_grant_back(docker, render, tmp_path):
    def ask(user, password, statement, database=None):
        login = {"user": user, "password": password, "database": database or DATABASES[user], "autocommit": True}
        port = services.published(container, 3306, docker)
        with closing(pymysql.connect(host="127.0.0.1", port=port, **login)) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall()

    def await_ready(password):
        services.await_answer(container, docker, lambda: ask("airflow", password, "SELECT 1"), pymysql.MySQLError)

    users = ("root", *DATABASES)
    write(tmp_path, render(), "mysql", {f"{user}-password": f"old {user}" for user in users})
    with started(docker, tmp_path, "mysql", versions.MYSQL_IMAGE, 3306, "/var/lib/mysql") as container:
        await_ready("old airflow")
        ask("airflow", "old airflow", "CREATE TABLE kept AS SELECT 7 AS n", "articles")
        # a pod is ended so: SIGTERM, and SIGKILL after its grace
        run("docker", "stop", "-t", "60", container, environment=docker)
        rendered = render("default", "--set-json", "mysql.airflowGrantOnArticles=[]")
        probe = write(tmp_path, rendered, "mysql", {f"{user}-password": f"{HOSTILE}{user}" for user in users})
        run("docker", "start", container, environment=docker)
        await_ready(f"{HOSTILE}airflow")
        run("docker", "exec", container, *probe, environment=docker)
        for user, database in DATABASES.items():
            assert ask(user, f"{HOSTILE}{user}", "SELECT DATABASE()") == ((database,),)
            with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
                ask(user, f"old {user}", "SELECT 1")
        assert ask("newscrawl", f"{HOSTILE}newscrawl", "SELECT n FROM kept") == ((7,),)
        with pytest.raises(pymysql.err.OperationalError, match=r"denied .* to database 'articles'"):
            ask("airflow", f"{HOSTILE}airflow", "SELECT n FROM kept", "articles")
        socket = "--socket=/run/newscrawl-mysql/mysqld.sock"
        as_root = ("docker", "exec", "-e", f"MYSQL_PWD={HOSTILE}root", container, "mysql", "-uroot", socket)
        assert run(*as_root, "-Ne", "SELECT CURRENT_USER()", environment=docker) == "root@localhost\n"


def test_redis_takes_a_new_password(docker, render, tmp_path):
    def ask(password, *command):
        port = services.published(container, 6379, docker)
        # told at once: a client retries a refused password for seconds
        at_once = Retry(NoBackoff(), 0)
        with redis.Redis(port=port, password=password, decode_responses=True, retry=at_once) as client:
            return client.execute_command(*command)

    def await_ready(password):
        services.await_answer(container, docker, lambda: ask(password, "PING"), redis.RedisError)

    write(tmp_path, render(), "redis", {"password": "old"})
    with started(docker, tmp_path, "redis", versions.REDIS_IMAGE, 6379, "/data") as container:
        await_ready("old")
        ask("old", "SET", "kept", "7")
        run("docker", "stop", "-t", "60", container, environment=docker)
        probe = write(tmp_path, render(), "redis", {"password": HOSTILE})
        run("docker", "start", container, environment=docker)
        await_ready(HOSTILE)
        run("docker", "exec", "-e", f"REDISCLI_AUTH={HOSTILE}", container, *probe, environment=docker)
        assert ask(HOSTILE, "GET", "kept") == "7"
        for wrong in ("old", None):
            with pytest.raises(redis.AuthenticationError):
                ask(wrong, "PING")
