"""The crawler's own command against the four sites on this machine: no Airflow, and exactly the truth all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pymysql
import pytest
import report
import yaml
from newssite.local import LocalSites, running, write_profiles
from newssite.state import SITES, State
from sqlalchemy.engine import make_url

pytestmark = pytest.mark.slow

ARTICLES = 60  # harbor has two pages among them that are not articles
CHANGED = 50


@pytest.fixture(scope="module")
def sites() -> Iterator[LocalSites]:
    with running(State.new(ARTICLES, latency=0, crawl_delay=0)) as sites:
        yield sites


@pytest.fixture(scope="module")
def crawler(
    sites: LocalSites, redis_url: str, mysql_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The environment of the command: profiles without a limit, tables in a database of its own."""
    folder: Path = tmp_path_factory.mktemp("crawler")
    for path in write_profiles(folder / "sites", sites.ports):
        profile = yaml.safe_load(path.read_text())
        profile["politeness"] = {"requests_per_second": 1000, "concurrency": 4}
        path.write_text(yaml.safe_dump(profile, allow_unicode=True))
    database = f"crawl_{os.getpid()}"
    with _connected(mysql_server_url) as connection:
        connection.cursor().execute(f"CREATE DATABASE {database}")
    environment = os.environ | {
        "NEWSCRAWL_MYSQL_URL": f"{mysql_server_url}/{database}",
        "NEWSCRAWL_REDIS_URL": redis_url,
        "NEWSCRAWL_SITES": str(folder / "sites"),
        "NEWSCRAWL_DATA_DIR": str(folder / "data"),
    }
    _newscrawl(environment, "db", "migrate")
    return environment


def _connected(url: str) -> pymysql.Connection:
    at = make_url(url)
    return pymysql.connect(
        host=at.host,
        port=at.port,
        user=at.username,
        password=at.password,
        database=at.database,
        charset="utf8mb4",
        cursorclass=pymysql.cursors.DictCursor,
    )


def _newscrawl(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("newscrawl"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _verdict(sites: LocalSites, crawler: Mapping[str, str], site: str) -> dict:
    """The site's part of the demo's report."""
    with _connected(crawler["NEWSCRAWL_MYSQL_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute(f"{report.QUERY} WHERE site = %s", (site,))
        return report.compare(sites.truth(site), cursor.fetchall(), [], {})["sites"][site]


@pytest.mark.parametrize("site", SITES)
def test_a_crawl_stores_the_truth_and_the_next_one_asks_for_what_is_new_or_changed(
    sites: LocalSites, crawler: dict[str, str], site: str
) -> None:
    assert json.loads(_newscrawl(crawler, "crawl", site, "--json"))["ok"]
    first = _verdict(sites, crawler, site)
    assert first["wrong"] == []
    assert first["stored"] == first["expected"] >= ARTICLES - 2

    before = {line["canonical"] for line in sites.truth(site)}
    sites.state.control({"site": site, "publish": 3})
    new = {line["canonical"] for line in sites.truth(site)} - before
    if site != "dure":  # whose lists do not tell of changes
        sites.state.control({"site": site, "change": CHANGED})
        (changed,) = (line["canonical"] for line in sites.truth(site) if line["kind"] == "article" and line["modified"])
        new.add(changed)
    sites.state.requests.clear()
    _newscrawl(crawler, "crawl", site, "--json")
    asked = {sites.url(site, one["path"]) for one in sites.state.requests}
    assert asked & (before | new) == new
    second = _verdict(sites, crawler, site)
    assert second["wrong"] == []
    assert second["stored"] == first["stored"] + 3
