"""A crawl loses nothing and stores nothing twice, whatever dies in the middle of it."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import redis
from cuttable import Proxy
from deadly_steps import fetch_until
from newscrawl import batch
from newscrawl import crawl as crawl_module
from newscrawl import reparse as reparse_module
from newscrawl import settings as environment
from newscrawl.context import now, open_context
from newscrawl.crawl import SiteUnreachable, discover_site, fetch_batch, report
from newscrawl.lake import LakeError
from newscrawl.lake.filesystem import open_lake
from newscrawl.lake.load import due, load_articles, ship_warcs
from newscrawl.reparse import reparse
from newscrawl.settings import Settings
from newscrawl.store import Database, StoreUnavailable, articles, frontier, runs
from newscrawl.store.articles import Search
from newscrawl.store.tables import hubs, lake_files, urls, visits
from newscrawl.store.visits import Visit
from small_site import SmallSite
from sqlalchemy import func, make_url, select, text, update
from sqlalchemy.exc import ProgrammingError
from store_samples import row as sample_row

SITE = "small"


@pytest.fixture
def site() -> Iterator[SmallSite]:
    with SmallSite(40) as one:
        yield one


@pytest.fixture
def told(database: Database, mysql_url: str, redis_url: str, site: SmallSite, tmp_path: Path) -> dict[str, str]:
    """The environment of a worker."""
    redis.Redis.from_url(redis_url).flushdb()
    site.profile(tmp_path / "sites")
    return {
        "NEWSCRAWL_MYSQL_URL": mysql_url,
        "NEWSCRAWL_REDIS_URL": redis_url,
        "NEWSCRAWL_DATA_DIR": str(tmp_path / "data"),
        "NEWSCRAWL_SITES": str(tmp_path / "sites"),
        "NEWSCRAWL_MYSQL_PATIENCE": "20",
    }


@pytest.fixture
def settings(told: dict[str, str]) -> Settings:
    return environment.load(told)


def crawl(settings: Settings, key: str = "first", **limits: int) -> dict:
    found = discover_site(SITE, run_key=key, settings=settings, **limits)
    for number in found.batches:
        fetch_batch(found.run_id, number, settings=settings)
    return report(found.run_id, settings=settings)


def stored(database: Database) -> dict[str, str]:
    rows = database.run(lambda connection: list(articles.search(connection, Search(), limit=None)))
    assert len(rows) == len({row.canonical_url for row in rows})
    return {row.canonical_url: row.body for row in rows}


def truth(site: SmallSite) -> dict[str, str]:
    return {site.article(n): body for n, body in site.bodies.items() if n not in site.broken}


def visits_of(database: Database) -> dict[str, int]:
    query = select(urls.c.url, func.count()).join(visits, visits.c.url_id == urls.c.id).group_by(urls.c.url)
    return dict(database.run(lambda connection: connection.execute(query).all()))


def states(database: Database) -> dict[str, int]:
    return {state: count for _, state, count in database.run(lambda connection: frontier.stats(connection, SITE))}


def test_a_crawl_and_the_next(database: Database, settings: Settings, site: SmallSite) -> None:
    site.broken = {7}
    site.statuses = {3: [500], 5: [404]}
    first = crawl(settings)
    expected = truth(site)
    del expected[site.article(5)]
    assert stored(database) == expected
    assert first["ok"], first
    assert first["counts"] | {"stored": 38, "refused": 1, "gone": 1, "unvisited": 0, "waiting": 0} == first["counts"]
    assert {(one["outcome"], one["kind"]) for one in first["failures"]} == {
        ("refused", "not_an_article"),
        ("gone", "http_404"),
    }
    asked = site.asked()
    assert asked == dict.fromkeys(site.bodies, 1) | {3: 2}
    # the next run asks for nothing but what changed
    site.change(9, "Corrected text of the ninth story, long enough.\n\nAnd a second paragraph of it.")
    second = crawl(settings, "second")
    assert second["ok"], second
    assert (second["counts"]["changed"], second["counts"]["visits"]) == (1, 1)
    assert site.asked() == asked | {9: 2}
    assert stored(database)[site.article(9)] == site.bodies[9]
    row = database.run(lambda connection: articles.get(connection, site.article(9)))
    assert row is not None
    (old,) = database.run(lambda connection: articles.history(connection, row.id))
    assert (row.version, old.version) == (2, 1)


def test_a_second_profile_of_a_site_hears_whose_its_links_are(
    database: Database, settings: Settings, site: SmallSite
) -> None:
    crawl(settings)
    remembered = "SELECT site, url, HEX(listed), visited FROM hubs"
    before = database.run(lambda connection: connection.execute(text(remembered)).all())
    site.profile(settings.sites[1], "second")
    for key in ("first", "again"):
        found = discover_site("second", run_key=key, settings=settings)
        told = report(found.run_id, settings=settings)
        assert (told["ok"], told["counts"]["elsewhere"]) == (False, {"small": 40})
        assert told["reason"].startswith("40 links belong to site small")
    assert database.run(lambda connection: connection.execute(text(remembered)).all()) == before
    # what is new is the first finder's
    site.publish(40, site.bodies[0][::-1], site.published[0])
    found = discover_site("second", run_key="third", settings=settings)
    assert (found.new, len(found.batches)) == (1, 1)
    fetch_batch(found.run_id, found.batches[0], settings=settings)
    assert report(found.run_id, settings=settings)["ok"]


def test_a_long_discovery_gives_signs_of_life(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = now() - 2 * settings.idle

    def slow(profile: object, fetcher: object, *, known: Callable[[list[str]], set[str]], **rest: object) -> Iterator:
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE runs SET alive = :old"), {"old": old.replace(tzinfo=None)})
        assert known([]) == set()
        (run,) = database.run(lambda connection: runs.recent(connection, SITE))
        assert now() - run.alive < settings.idle
        return iter(())

    monkeypatch.setattr(crawl_module, "discover", slow)
    discover_site(SITE, run_key="first", settings=settings)


def test_a_flash_is_read_again_when_it_may_have_its_text(
    database: Database, settings: Settings, site: SmallSite
) -> None:
    site.bodies[7] = "Breaking news."
    crawl(settings)
    with database.engine.begin() as connection:
        row = connection.execute(select(urls).where(urls.c.url == site.article(7))).one()
        assert (row.state, row.next_visit - row.last_visit) == ("refused", timedelta(hours=1))
        connection.execute(update(urls).where(urls.c.id == row.id).values(next_visit=row.last_visit))
    site.bodies[7] = "Breaking news, told now at the length that an article has."
    assert crawl(settings, "second")["counts"]["stored"] == 1
    assert stored(database) == truth(site)


def test_where_a_redirect_led_is_not_fetched_by_its_own_name(
    database: Database, settings: Settings, site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "STORED_TOGETHER", 1)
    found = discover_site(SITE, run_key="first", settings=settings)
    in_turn = database.run(lambda connection: list(connection.scalars(select(urls.c.url).order_by(urls.c.id))))
    first, last = (int(url.rpartition("/")[2]) for url in (in_turn[0], in_turn[-1]))
    site.redirects = {first: last}
    fetch_batch(found.run_id, found.batches[0], settings=settings)
    assert report(found.run_id, settings=settings)["ok"]
    expected = truth(site)
    del expected[site.article(first)]
    assert stored(database) == expected
    assert site.asked() == dict.fromkeys(site.bodies, 1)
    assert states(database) == {"done": 40}


def test_raw_pages_are_kept_where_the_visit_says(database: Database, settings: Settings, site: SmallSite) -> None:
    crawl(settings, limit=3)
    rows = database.run(lambda connection: connection.execute(select(visits)).all())
    assert len(rows) == 3
    for row in rows:
        with open(row.warc_path, "rb") as file:
            file.seek(row.warc_offset)
            assert len(file.read(row.warc_length)) == row.warc_length > 100


def test_a_page_that_cannot_be_stored_costs_no_other(database: Database, settings: Settings) -> None:
    found = discover_site(SITE, run_key="first", settings=settings, limit=10)
    worker = batch._Worker(open_context(SITE, settings, database), found.run_id, found.batches[0])
    rows = [sample_row(number) | {"site": SITE} for number in range(10)]
    rows[3]["published"] = datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))
    rows[6]["section"] = "x" * 300
    rows[7]["keywords"] = ["\ud83d"]
    claimed = worker._claim(10)
    worker._waiting = [Visit(one.id, now(), 1, article=row) for one, row in zip(claimed, rows, strict=True)]
    worker._store()
    assert worker.outcomes == {"stored": 7, "refused": 3}
    assert len(stored(database)) == 7
    (failure,) = report(found.run_id, settings=settings)["failures"]
    assert (failure["kind"], failure["count"]) == ("unstorable", 3)


def test_what_is_wrong_with_the_database_is_blamed_on_no_page(database: Database, settings: Settings) -> None:
    found = discover_site(SITE, run_key="first", settings=settings, limit=3)
    with database.engine.begin() as connection:
        connection.execute(text("RENAME TABLE articles TO elsewhere"))
    try:
        with pytest.raises(ProgrammingError, match="articles"):
            fetch_batch(found.run_id, found.batches[0], settings=settings)
    finally:
        with database.engine.begin() as connection:
            connection.execute(text("RENAME TABLE elsewhere TO articles"))
    assert states(database) == {"new": 40}


def test_a_limit_leaves_the_rest_for_the_next_run(database: Database, settings: Settings, site: SmallSite) -> None:
    assert crawl(settings, limit=15)["counts"]["stored"] == 15
    assert crawl(settings, "second")["counts"]["stored"] == 25
    assert stored(database) == truth(site)


@pytest.mark.parametrize("rules", ["as before", "changed"])
def test_a_site_that_was_paused_for_longer_than_its_lookback_loses_nothing(
    database: Database, settings: Settings, site: SmallSite, rules: str
) -> None:
    file = settings.sites[-1] / "small.yaml"
    file.write_text(file.read_text().replace("batch_size: 100", "lookback_days: 3"))
    crawl(settings)
    with database.engine.begin() as connection:
        paused = timedelta(days=6)
        connection.execute(update(runs.runs).values(started=now() - paused))
        connection.execute(update(hubs).values(visited=now() - paused))
        found_nothing = runs.start(connection, SITE, "its pattern was wrong", now())
        runs.note(connection, found_nothing, {"found": 0}, now())
        runs.finish(connection, found_nothing, "succeeded", None, now())
    site.publish(40, site.bodies[0][::-1], now() - timedelta(days=5))
    if rules == "changed":
        file.write_text(file.read_text().replace("/news/[0-9]+", "/news/[0-9]+$"))
    assert crawl(settings, "second")["counts"]["stored"] == 1
    assert stored(database) == truth(site)


def test_a_run_has_no_more_batches_than_airflow_maps(
    settings: Settings, site: SmallSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(crawl_module, "MAX_BATCHES", 3)
    site.profile(settings.sites[-1], batch_size=5)
    assert len(discover_site(SITE, run_key="first", settings=settings).batches) == 3
    assert "the rest is the next run's" in caplog.text


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.long)])
def test_killed_at_any_moment_it_goes_on_where_it_was(
    database: Database, told: dict[str, str], tmp_path: Path, kills: int
) -> None:
    told["NEWSCRAWL_LEASE"] = "1"
    settings, chance = environment.load(told), random.Random(kills)
    workers = multiprocessing.get_context("forkserver")
    workers.set_forkserver_preload(["newscrawl.batch"])
    with SmallSite(10 * kills) as site:
        site.profile(tmp_path / "sites", batch_size=10 * kills)
        found = discover_site(SITE, run_key="first", settings=settings)
        work = found.run_id, found.batches[0], settings
        for kill in range(1, kills + 1):
            held = _Held(site, 9 * kill)
            # while requests are in flight, or at a step in MySQL or the WARC; in some kills beside another worker
            step = 0 if kill % 2 else chance.randint(1, 120)
            dying = [workers.Process(target=fetch_until, args=(step, *work))]
            dying += [workers.Process(target=fetch_until, args=(0, *work))] * (kill % 5 == 2)
            for worker in dying:
                worker.start()
            try:
                if step:
                    dying[0].join(60)
                    assert dying[0].exitcode == -signal.SIGKILL
                else:
                    assert held.reached.wait(30)
            finally:
                for worker in dying:
                    worker.kill()
                    worker.join()
                held.go_on.set()
        site.on_article = lambda n: None
        fetch_batch(found.run_id, found.batches[0], settings=settings)
        told_at_end = report(found.run_id, settings=settings)
        assert told_at_end["ok"], told_at_end
        assert stored(database) == truth(site)
        assert states(database) == {"done": 10 * kills}
        # recorded once each, and asked for again only when its worker died before it was stored
        assert set(visits_of(database).values()) == {1}
        assert max(site.asked().values()) <= kills + 1
        # what is stored can be read again: no record was written over, none is half there
        assert reparse(SITE, settings=settings) == {"unchanged": 10 * kills}


class _Held:
    """Holds the site's answers from its `count`-th article request on, so that a worker has requests in flight."""

    def __init__(self, site: SmallSite, count: int):
        self.reached, self.go_on = threading.Event(), threading.Event()
        self._site, self._count = site, count
        site.on_article = self._on_article

    def _on_article(self, number: int) -> None:
        if sum(self._site.asked().values()) >= self._count:
            self.reached.set()
            self.go_on.wait(30)


def test_a_page_that_fails_again_and_again_holds_no_worker(
    database: Database, settings: Settings, site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LONGEST_REST_SECONDS", 1.0)
    site.statuses[3] = [500] * 9
    assert crawl(replace(settings, lease=1.0))["ok"]
    assert states(database) == {"done": 39, "failed": 1}
    # the fetcher's own tries of one visit, and no second visit
    assert visits_of(database)[site.article(3)] == 1


def test_two_workers_on_one_batch_share_it(database: Database, settings: Settings, site: SmallSite) -> None:
    found = discover_site(SITE, run_key="first", settings=settings)
    both = threading.Barrier(2, timeout=20)

    def work() -> int:
        both.wait()
        return sum(fetch_batch(found.run_id, found.batches[0], settings=settings).outcomes.values())

    with ThreadPoolExecutor(2) as pool:
        shares = [one.result() for one in [pool.submit(work), pool.submit(work)]]
    assert sum(shares) == 40
    assert site.asked() == dict.fromkeys(site.bodies, 1)
    assert stored(database) == truth(site)


def test_mysql_restarts_during_a_crawl(database: Database, settings: Settings, mysql_url: str, site: SmallSite) -> None:
    url = make_url(mysql_url)
    with Proxy(url.host or "", url.port or 3306) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        settings = replace(settings, mysql_url=through)
        _away_at(site, 12, proxy)
        told = crawl(settings)
    assert told["ok"], told
    assert stored(database) == truth(site)
    assert set(visits_of(database).values()) == {1}
    assert site.asked() == dict.fromkeys(site.bodies, 1)


def test_redis_restarts_during_a_crawl(database: Database, settings: Settings, redis_url: str, site: SmallSite) -> None:
    url = make_url(redis_url)
    with Proxy(url.host or "", url.port or 6379) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        settings = replace(settings, redis_url=through)
        _away_at(site, 12, proxy)
        told = crawl(settings)
    assert told["ok"], told
    assert stored(database) == truth(site)
    assert site.asked() == dict.fromkeys(site.bodies, 1)


def _away_at(site: SmallSite, request: int, proxy: Proxy) -> None:
    def on_article(number: int) -> None:
        if sum(site.asked().values()) == request:
            proxy.cut()
            threading.Timer(1.0, proxy.mend).start()

    site.on_article = on_article


def test_mysql_gone_for_good_fails_the_task_and_the_retry_goes_on(
    database: Database, settings: Settings, mysql_url: str, site: SmallSite
) -> None:
    url = make_url(mysql_url)
    found = discover_site(SITE, run_key="first", settings=settings)
    with Proxy(url.host or "", url.port or 3306) as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        site.on_article = lambda number: proxy.cut() if sum(site.asked().values()) == 12 else None
        short = replace(settings, mysql_url=through, mysql_patience=0.5, lease=1.0)
        with pytest.raises(StoreUnavailable, match="nothing is lost"):
            fetch_batch(found.run_id, found.batches[0], settings=short)
    fetch_batch(found.run_id, found.batches[0], settings=settings)
    assert stored(database) == truth(site)
    assert set(visits_of(database).values()) == {1}


def test_a_full_disk_is_told_and_loses_no_url(
    database: Database, told: dict[str, str], site: SmallSite, tmp_path: Path
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    found = discover_site(SITE, run_key="first", settings=environment.load(told))
    # a volume of its own, in a namespace of its own: 16 KiB
    mount = f'mount -t tmpfs -o size=16k none {full} && exec "$@"'
    code = f"from newscrawl.crawl import fetch_batch; fetch_batch({found.run_id}, {found.batches[0]})"
    ran = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh", sys.executable, "-c", code],
        env=os.environ | told | {"NEWSCRAWL_DATA_DIR": str(full)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode != 0
    assert f"DiskFull: {full}/warc: no space left (0 of 0 MiB used)" in ran.stderr
    assert "persistence.size" in ran.stderr
    left = states(database)
    assert left["new"] + left["done"] == 40
    assert left["done"] == len(stored(database)) > 0
    fetch_batch(found.run_id, found.batches[0], settings=environment.load(told))
    assert stored(database) == truth(site)


def test_an_unreachable_site_is_a_failed_run_with_its_reason(database: Database, settings: Settings) -> None:
    with SmallSite(1) as gone:
        gone.profile(settings.sites[-1])
    with pytest.raises(SiteUnreachable, match=r"^small: robots_unreachable: .*Connection refused .*/feed\]$"):
        discover_site(SITE, run_key="first", settings=settings)
    (run,) = database.run(lambda connection: runs.recent(connection, SITE))
    assert (run.state, run.reason.split(":")[0]) == ("failed", "robots_unreachable")
    told = report(run.id, settings=settings)
    assert not told["ok"]
    assert told["reason"] == run.reason


def test_a_layout_change_is_not_a_silent_zero(settings: Settings, site: SmallSite) -> None:
    site.broken = set(site.bodies)
    told = crawl(settings)
    assert not told["ok"]
    assert told["reason"].startswith("none of 40 pages was an article: not_an_article (40): ")


def test_a_field_that_goes_empty_fails_the_run(database: Database, settings: Settings, site: SmallSite) -> None:
    assert crawl(settings, limit=25)["ok"]
    site.without_section = True
    told = crawl(settings, "second")
    assert (told["ok"], told["counts"]["stored"]) == (False, 15)
    assert told["reason"].startswith("section went empty: 0 of 15 articles have it, before 100% had")
    assert stored(database) == truth(site)


def test_a_profile_whose_body_is_read_by_another_means_fails_the_run(
    database: Database, settings: Settings, site: SmallSite
) -> None:
    file = settings.sites[-1] / "small.yaml"
    right = file.read_text()
    site.bodies = {n: "\n\n".join([body] * 3) for n, body in site.bodies.items()}
    file.write_text(right.replace("css: article p", 'css: .text p", "css: article p'))
    assert crawl(settings, limit=25)["ok"]
    file.write_text(right.replace('"css: article p"', '"css: .text p", "auto:"'))
    told = crawl(settings, "second")
    assert told["counts"]["stored"] == 15
    assert told["reason"].startswith("body by the profile went empty: 0 of 15 articles have it, before 100% had")


def test_a_site_that_has_been_silent_for_weeks_fails_its_runs(database: Database, settings: Settings) -> None:
    assert crawl(settings)["ok"]
    with database.engine.begin() as connection:
        connection.execute(update(runs.runs).values(started=now() - timedelta(days=25)))
        for days in range(26, 32):
            started = now() - timedelta(days=days)
            run_id = runs.start(connection, SITE, f"{days} days ago", started)
            runs.note(connection, run_id, {"filled": {"articles": 3, "characters": 9000}}, started)
            runs.finish(connection, run_id, "succeeded", None, started)
    for key in ("second", "third"):
        assert crawl(settings, key)["reason"].startswith("no new article for 600 hours, before never for more than 24")


def test_hubs_in_trouble_are_noted(database: Database, settings: Settings, site: SmallSite) -> None:
    file = settings.sites[-1] / "small.yaml"
    file.write_text(file.read_text().replace(f'"{site.url}/feed"', f'"{site.url}/feed", "{site.url}/gone"'))
    assert crawl(settings)["counts"]["hubs"] == {f"{site.url}/gone": "http_404"}


def test_kept_pages_are_read_anew_with_a_better_profile(
    database: Database, settings: Settings, site: SmallSite
) -> None:
    file = settings.sites[-1] / "small.yaml"
    right = file.read_text()
    file.write_text(right.replace("css: article p", "css: article h1"))
    assert crawl(settings)["counts"]["refused"] == 40
    asked = site.asked()
    file.write_text(right)
    assert reparse(SITE, settings=settings) == {"stored": 40}
    assert stored(database) == truth(site)
    assert reparse(SITE, settings=settings) == {"unchanged": 40}
    file.write_text(right.replace("css: h1", "css: article p"))
    assert reparse(SITE, settings=settings) == {"changed": 40}
    assert site.asked() == asked
    assert states(database) == {"done": 40}
    row = database.run(lambda connection: articles.get(connection, site.article(3)))
    assert (row.version, len(database.run(lambda connection: articles.history(connection, row.id)))) == (2, 1)


def test_pages_that_are_gone_or_damaged_are_counted(database: Database, settings: Settings, site: SmallSite) -> None:
    crawl(settings, limit=3)
    (path,) = settings.warc_dir.glob("*.warc.gz")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert reparse(SITE, settings=settings) == {"unchanged": 2, "damaged": 1}
    path.unlink()
    assert reparse(SITE, settings=settings) == {"elsewhere": 3}


def test_pages_are_read_anew_from_the_lake(
    database: Database, settings: Settings, site: SmallSite, tmp_path: Path
) -> None:
    with_lake = replace(settings, lake_url=f"file://{tmp_path}/lake")
    crawl(settings, limit=3)
    lake = open_lake(with_lake.lake_url, {})
    (shipped,) = ship_warcs(database, lake, settings.warc_dir, all_days=True, keep=timedelta.max)
    warc = settings.warc_dir / Path(shipped.path).name
    warc.write_bytes(warc.read_bytes()[:-20])
    assert reparse(SITE, settings=with_lake) == {"unchanged": 3}
    warc.unlink()
    assert reparse(SITE, settings=with_lake) == {"unchanged": 3}


def test_a_lake_that_fails_says_where_to_go_on(
    database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reparse_module, "LAKE_PAUSES", (0.0,))
    monkeypatch.setattr(reparse_module, "TOGETHER", 1)
    crawl(settings, limit=3)
    with database.engine.begin() as connection:
        last = connection.scalar(select(func.max(visits.c.url_id)))
        connection.execute(update(visits).where(visits.c.url_id == last).values(warc_path="newscrawl-20260301-gone"))
    away = replace(settings, lake_url="webhdfs://127.0.0.1:9/lake")
    read: list[int] = []
    with pytest.raises(LakeError, match=r"newscrawl reparse small --after \d+$") as caught:
        reparse(SITE, settings=away, on_pages=read.append)
    assert read == [1, 1]
    after = int(str(caught.value).rpartition(" ")[2])
    assert reparse(SITE, settings=settings, after=after) == {"elsewhere": 1}


def test_what_is_made_anew_is_loaded_into_the_lake_again(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    crawl(settings, limit=3)
    lake, today = open_lake(f"file://{tmp_path}/lake", {}), now().date()
    much_later = now() + timedelta(days=100)

    def load_when_the_day_is_over() -> None:
        load_articles(database, lake, today, SITE)
        with database.engine.begin() as connection:
            connection.execute(update(lake_files).values(loaded=much_later))

    load_when_the_day_is_over()
    assert due(database, lake, much_later) == []
    file = settings.sites[-1] / "small.yaml"
    file.write_text(file.read_text().replace("css: h1", "css: article p"))
    assert reparse(SITE, settings=settings) == {"changed": 3}
    assert due(database, lake, much_later) == [(today, SITE)]
    load_when_the_day_is_over()
    assert due(database, lake, much_later) == []


def test_a_feed_without_links_is_not_a_success(settings: Settings, site: SmallSite) -> None:
    site.bodies.clear()
    told = crawl(settings)
    assert told["reason"].startswith("found no link at all")


def test_discovery_tried_again_goes_on_with_the_same_run(
    database: Database, settings: Settings, site: SmallSite
) -> None:
    first = discover_site(SITE, run_key="first", settings=settings)
    again = discover_site(SITE, run_key="first", settings=settings)
    assert (again.run_id, again.batches) == (first.run_id, first.batches)
    assert states(database) == {"new": 40}
