"""The command does what Airflow does, says what went wrong, and never shows a password."""

from __future__ import annotations

import csv
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
import redis
import requests
from click.testing import CliRunner, Result
from newscrawl.cli import main, options
from newscrawl.store import Database, runs
from newscrawl.store.tables import articles
from pyarrow.parquet import read_table
from small_site import SmallSite
from sqlalchemy import make_url, update

Run = Callable[..., Result]


@pytest.fixture
def site() -> Iterator[SmallSite]:
    with SmallSite(6) as one:
        yield one


@pytest.fixture
def told(mysql_url: str, redis_url: str, site: SmallSite, tmp_path: Path) -> dict[str, str]:
    redis.Redis.from_url(redis_url).flushdb()
    site.profile(tmp_path / "sites", batch_size=2)
    return {
        "NEWSCRAWL_MYSQL_URL": mysql_url,
        "NEWSCRAWL_REDIS_URL": redis_url,
        "NEWSCRAWL_DATA_DIR": str(tmp_path / "data"),
        "NEWSCRAWL_SITES": str(tmp_path / "sites"),
        "NEWSCRAWL_QUEUES": None,
        "COLUMNS": "200",
    }


@pytest.fixture
def run(database: Database, told: dict[str, str]) -> Run:
    """Runs the command in the environment `told`, checks its exit code."""

    def call(*words: str, exits: int = 0, **environment: str) -> Result:
        result = CliRunner().invoke(main, words, env=told | environment)
        assert result.exit_code == exits, (result.output, result.exception)
        return result

    return call


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


@pytest.mark.parametrize("words", [(), *commands(main)], ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
        assert command
    assert command.help
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert all(one.help for one in options), [one.name for one in options if not one.help]


def test_the_list_of_commands_says_what_each_says_and_imports_none() -> None:
    context = click.Context(main)
    listed = " ".join(CliRunner().invoke(main, ["--help"], terminal_width=200).output.split())
    for name in main.list_commands(context):
        told = (main.get_command(context, name).help or "").partition(".\n")[0].partition(",\n")[0]
        assert f"{name} {told[:40]}" in listed
    code = "import sys; from newscrawl.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlalchemy", "redis", "requests", "numpy", "rich", "lxml"} & set(modules)


def test_a_crawl_by_hand_from_nothing_to_an_export(run: Run, site: SmallSite, tmp_path: Path) -> None:
    assert "up to date" in run("db", "migrate").output
    assert "up to date" in run("db", "status").output
    assert "small" in run("sites", "list").output
    crawled = run("crawl", "small", "--limit", "4")
    assert "of small succeeded" in crawled.output
    told = json.loads(run("crawl", "small", "--json").stdout)
    assert (told["ok"], told["counts"]["stored"], told["counts"]["batches"]) == (True, 2, 1)

    listed = run("articles", "list", "--limit", "5")
    assert "Story 5" in listed.stdout
    assert "5 of 6 articles" in listed.stderr
    word = site.bodies[3].split()[1]
    assert "Story 3" in run("articles", "search", word).stdout
    assert "Story 4" not in run("articles", "search", word, "--site", "small").stdout
    shown = run("articles", "show", site.article(2)).stdout
    assert site.bodies[2] in shown
    assert "Story" in run("articles", "similar", site.article(2), "--distance", "32").stdout
    assert "Story" not in run("articles", "similar", site.article(2), "--distance", "0").stdout
    assert "no article 999999999" in run("articles", "show", "999999999", exits=1).output

    lines = run("articles", "export").stdout.splitlines()
    exported = {one["title"]: one for one in map(json.loads, lines)}
    assert {title: one["body"] for title, one in exported.items()} == {
        f"Story {n}": body for n, body in site.bodies.items()
    }
    assert exported["Story 1"]["published"].endswith("+00:00")
    file = tmp_path / "out.csv"
    run("articles", "export", "--format", "csv", "--output", str(file), "--since", "2020-01-01", "--limit", "3")
    with open(file, newline="", encoding="utf-8") as written:
        rows = list(csv.DictReader(written))
    assert [row["title"] for row in rows] == ["Story 5", "Story 4", "Story 3"]
    assert rows[0]["body"] == site.bodies[5]
    file = tmp_path / "out.parquet"
    run("articles", "export", "--format", "parquet", "--output", str(file), "--text", word)
    (row,) = read_table(file).to_pylist()
    assert (row["title"], row["site"], row["body"]) == ("Story 3", "small", site.bodies[3])

    (last, first) = [json.loads(line) for line in run("runs", "--site", "small", "--json").stdout.splitlines()]
    assert (first["counts"]["stored"], last["counts"]["stored"]) == (4, 2)
    assert "succeeded" in run("runs", str(last["id"])).stdout
    assert run("frontier", "stats").stdout.split()[-6:] == ["0", "0", "6", "0", "0", "0"]
    health = " ".join(run("sites", "health", "small").stdout.split())
    assert "6 done" in health
    filled = "authors 0%, body by the profile 100%, image 0%, keywords 0%, modified 0%, published 100%, section 100%"
    assert f"run {last['id']}: of 2 articles have {filled}" in health
    # a run without articles says nothing about them
    run("crawl", "small")
    assert f"run {last['id']}: of 2 articles" in " ".join(run("sites", "health", "small").stdout.split())


def test_a_lake_is_loaded_by_hand(run: Run, site: SmallSite, tmp_path: Path) -> None:
    assert "NEWSCRAWL_LAKE_URL is not set" in run("lake", "list", exits=2).output
    assert "webhdfs://" in run("lake", "list", exits=2, NEWSCRAWL_LAKE_URL="ftp://host/lake").output
    lake = {"NEWSCRAWL_LAKE_URL": f"file://{tmp_path}/lake"}
    assert "JSON object" in run("lake", "list", exits=2, NEWSCRAWL_LAKE_OPTIONS="token", **lake).output
    today = str(datetime.now(UTC).date())
    assert f"no article was fetched on {today}" in run("lake", "load", today, **lake).output
    run("crawl", "small")
    assert "small: 6 articles" in run("lake", "load", today, **lake).output
    assert "not a day such as" in run("lake", "load", "yesterday", exits=2, **lake).output
    shipped = run("lake", "ship", "--all", "--keep-days", "7", **lake)
    assert f"warc/date={today}/newscrawl-" in shipped.stdout
    assert "0 files copied" in run("lake", "ship", "--all", **lake).stderr
    listed = run("lake", "list", **lake).stdout
    assert f"articles/site=small/date={today}/articles.parquet " in listed
    assert [line.split()[1] for line in listed.splitlines()[1:]] == ["loaded", "loaded"]


def test_a_lake_says_which_days_are_left(run: Run, database: Database, tmp_path: Path) -> None:
    lake = {"NEWSCRAWL_LAKE_URL": f"file://{tmp_path}/lake"}
    run("crawl", "small")
    assert "to be loaded" not in run("lake", "list", **lake).output
    with database.engine.begin() as connection:
        connection.execute(update(articles).values(fetched=datetime(2026, 3, 1, 12, tzinfo=UTC)))
    assert "1 days of a site are to be loaded, from 2026-03-01 on" in run("lake", "list", **lake).stderr


def test_more_workers_are_processes_that_share_the_batches(run: Run, site: SmallSite) -> None:
    told = json.loads(run("crawl", "small", "--workers", "2", "--json").stdout)
    assert (told["ok"], told["counts"]["stored"]) == (True, 6)
    assert site.asked() == dict.fromkeys(site.bodies, 1)


def test_what_failed_can_be_looked_at_and_tried_again(run: Run, site: SmallSite) -> None:
    site.broken = {1, 2}
    told = run("crawl", "small")
    assert "not_an_article" in told.stdout
    assert "not_an_article" in run("sites", "health", "small").stdout
    site.broken = set()
    assert "0 URLs" in run("frontier", "retry", "small").output
    kind = "--kind", "not_an_article"
    assert "2 URLs of small are new again" in run("frontier", "retry", "small", "--state", "refused", *kind).output
    assert json.loads(run("crawl", "small", "--json").stdout)["counts"]["stored"] == 2


def test_a_failed_run_has_its_own_exit_code(run: Run, site: SmallSite) -> None:
    site.broken = set(site.bodies)
    assert "failed: none of 6 pages was an article" in run("crawl", "small", exits=1).output
    assert "failed: none of 6 pages was an article" in run("runs").output


def test_a_run_that_was_killed_is_told_from_one_that_runs(run: Run, database: Database) -> None:
    with database.engine.begin() as connection:
        old = datetime.now(UTC) - timedelta(minutes=5)
        runs.start(connection, "small", "killed", old)
        runs.start(connection, "small", "running", datetime.now(UTC))
        runs.start(connection, "other", "another site's", old)
    assert "stopped answering" in run("sites", "health", "small").stdout
    listed = [line for line in run("runs").stdout.splitlines() if "small" in line]
    assert ["stopped answering" in line for line in listed] == [False, True]
    run("crawl", "small")
    killed = [json.loads(line) for line in run("runs", "--json").stdout.splitlines()]
    assert {(one["run_key"], one["state"]) for one in killed if not one["run_key"].startswith("cli:")} == {
        ("killed", "failed"),
        ("running", "running"),
        ("another site's", "running"),
    }
    assert "failed: stopped answering" in run("runs", "--site", "small").stdout


def test_profiles_are_checked(run: Run, tmp_path: Path, site: SmallSite) -> None:
    assert "small: ok" in run("sites", "check").output
    served = run("sites", "check", exits=1, NEWSCRAWL_QUEUES="other").output
    assert "no worker serves 'default' (served: other)" in served
    wrong = tmp_path / "sites" / "wrong.yaml"
    wrong.write_text("site: wrong\nname: Wrong\n")
    broken = run("sites", "check", str(wrong), exits=1).output
    assert broken.splitlines() == [f"{wrong}:1: hosts: is missing", f"{wrong}:1: timezone: is missing"]
    assert "broken" in run("sites", "list", exits=1).output
    assert "wrong.yaml" in run("crawl", "wrong", exits=2).output
    assert "no profile of the site 'nobody'" in run("crawl", "nobody", exits=2).output


def test_a_page_can_be_tried_without_storing_it(run: Run, site: SmallSite, tmp_path: Path) -> None:
    tried = run("sites", "try", site.article(4)).stdout
    assert "Story 4" in tried
    assert site.bodies[4] in tried
    page = tmp_path / "page.html"
    page.write_bytes(requests.get(site.article(5), timeout=10).content)
    assert "needs --url" in run("sites", "try", str(page), exits=2).output
    assert "Story 5" in run("sites", "try", str(page), "--url", site.article(5)).stdout
    for words in ((), ("--url", site.article(5))):
        assert "missing.html: there is no such file" in run("sites", "try", "missing.html", *words, exits=2).output
    assert f"{tmp_path}: cannot be read" in run("sites", "try", str(tmp_path), exits=2).output
    site.broken = {1}
    assert "not an article" in run("sites", "try", site.article(1), exits=1).output
    # a page of no site is fetched all the same
    assert "other.example" in run("sites", "try", "http://other.example/1", exits=1).output
    assert "Story" not in run("articles", "list").stdout


def test_the_environment_is_asked_for_by_name(run: Run) -> None:
    assert "NEWSCRAWL_MYSQL_URL is not set" in run("articles", "list", exits=2, NEWSCRAWL_MYSQL_URL="").output
    assert "NEWSCRAWL_REDIS_URL is not set" in run("crawl", "small", exits=2, NEWSCRAWL_REDIS_URL="").output
    assert "not a time such as" in run("articles", "list", "--since", "yesterday", exits=2).output


def test_a_database_that_does_not_work_is_explained_without_its_password(run: Run, mysql_url: str) -> None:
    url = make_url(mysql_url)
    for wrong, words in (
        (url.set(password="hidden"), "MySQL refuses this user or password"),
        (url.set(database="nowhere"), "there is no such database"),
        (url.set(database="mysql"), "run `newscrawl db migrate`"),
    ):
        said = run("articles", "list", exits=1, NEWSCRAWL_MYSQL_URL=wrong.render_as_string(hide_password=False))
        assert words in said.output
        assert "hidden" not in said.output
    status = run("db", "status", exits=1, NEWSCRAWL_MYSQL_URL=url.set(database="mysql").render_as_string(False))
    assert "run `newscrawl db migrate`" in status.output


def test_a_redis_that_does_not_work_is_explained_before_anything_is_asked_of_it(
    run: Run, redis_url: str, site: SmallSite
) -> None:
    place = redis_url.partition("://")[2].rpartition("@")[2]
    host = place.partition("/")[0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    for wrong, words in (
        (f"redis://:hidden@{place}", f"Redis {host} refuses us"),
        (f"{redis_url.rpartition('/')[0]}/999", f"Redis {host} refuses us"),
        (f"redis://:hidden@{nobody}/1", f"Redis {nobody} does not answer"),
    ):
        began = time.monotonic()
        for command in (("crawl", "small"), ("sites", "try", site.article(1))):
            said = run(*command, exits=1, NEWSCRAWL_REDIS_URL=wrong).output
            assert said.startswith(f"Error: {words}")
            assert "NEWSCRAWL_REDIS_URL" in said
            assert "hidden" not in said
        assert time.monotonic() - began < 15


def test_a_command_that_only_looks_does_not_wait_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "LOOK_PATIENCE", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"mysql+pymysql://u:hidden@127.0.0.1:{free.getsockname()[1]}/articles"
    for command in ("articles list", "runs", "sites health small", "frontier stats", "db status"):
        began = time.monotonic()
        said = run(*command.split(), exits=1, NEWSCRAWL_MYSQL_URL=nowhere).output
        assert time.monotonic() - began < 5
        assert "check that it runs" in said
        assert "hidden" not in said


@pytest.mark.parametrize(
    "words",
    [
        *("articles list --site smal", "articles search x --site smal", "articles export --site smal"),
        *("runs --site smal", "frontier stats --site smal", "frontier retry smal", "sites health smal"),
        *("crawl smal", "reparse smal", "lake load 2026-11-28 smal"),
    ],
)
def test_a_site_that_nobody_knows_is_an_error(run: Run, words: str, tmp_path: Path, database: Database) -> None:
    said = run(*words.split(), exits=2, NEWSCRAWL_LAKE_URL=f"file://{tmp_path}/lake").output
    assert said.startswith("Error: no profile of the site 'smal' (did you mean small?)")
    assert not (tmp_path / "lake").exists()


def test_a_site_without_a_profile_is_known_by_its_past(run: Run, tmp_path: Path) -> None:
    run("crawl", "small")
    (tmp_path / "sites" / "small.yaml").unlink()
    assert "6 of 6 articles" in run("articles", "list", "--site", "small").output


def test_nothing_is_not_a_bare_header(run: Run, tmp_path: Path) -> None:
    lake = {"NEWSCRAWL_LAKE_URL": f"file://{tmp_path}/lake"}
    for words, told in (
        ("runs", "(no runs yet)"),
        ("sites health small", "(no URLs yet)\n(no runs yet)"),
        ("frontier stats", "(no URLs yet)"),
        ("articles list", "(no articles)"),
        ("lake list", "(nothing was loaded yet)"),
        ("lake ship", "0 files copied; --all"),
    ):
        result = run(*words.split(), **lake)
        assert told in result.stderr
        assert not result.stdout


def test_a_setting_that_is_missing_is_told_before_any_progress(run: Run) -> None:
    for words in ("crawl small", "reparse small"):
        said = run(*words.split(), exits=2, NEWSCRAWL_MYSQL_URL="").output
        assert said.startswith("Error: NEWSCRAWL_MYSQL_URL is not set")
    assert "discovering" not in run("crawl", "small").output


def test_a_folder_of_profiles_that_is_not_there_is_an_error(run: Run, tmp_path: Path) -> None:
    typed = str(tmp_path / "site")
    for words in ("sites list", "sites check", "crawl small", "reparse small"):
        assert (
            f"NEWSCRAWL_SITES: there is no folder {typed}" in run(*words.split(), exits=2, NEWSCRAWL_SITES=typed).output
        )


@pytest.mark.slow
def test_a_drafted_profile_is_one_that_crawls(run: Run, site: SmallSite, tmp_path: Path) -> None:
    drafts = tmp_path / "drafts"
    told = run("sites", "new", site.article(3), "--allow-private", "--out", str(drafts)).output
    (file,) = drafts.glob("*.yaml")
    assert str(file) in told
    assert run("sites", "check", str(file)).output.endswith(": ok\n")
    tried = run("sites", "try", site.article(4), "--site", file.stem, NEWSCRAWL_SITES=str(drafts)).output
    assert "Story 4" in tried
    assert (
        "is there already"
        in run("sites", "new", site.article(3), "--allow-private", "--out", str(drafts), exits=1).output
    )


def test_reparse_tells_what_became_of_each_page(run: Run) -> None:
    run("crawl", "small")
    assert run("reparse", "small").output.split()[-2:] == ["6", "unchanged"]
