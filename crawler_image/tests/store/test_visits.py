"""An article and the frontier's word for it are one fact, written once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from newscrawl.model import Seen
from newscrawl.store import Database, articles, frontier, runs
from newscrawl.store.articles import Search
from newscrawl.store.hubs import Hubs
from newscrawl.store.tables import urls, visits
from newscrawl.store.visits import Visit, record
from sqlalchemy import func, select
from store_samples import NOW, links, row

LEASE = timedelta(seconds=60)


@pytest.fixture
def claimed(database: Database) -> tuple[int, int, list[int]]:
    """(run, batch, ids) of five URLs that worker `w` holds."""
    with database.engine.begin() as connection:
        run_id = runs.start(connection, "hanbit", "k", NOW)
        frontier.add_links(connection, "hanbit", links(*range(5)), run_id, NOW)
        (batch,) = frontier.cut_batches(connection, "hanbit", run_id, size=5, limit=5, since=None, now=NOW, idle=LEASE)
        taken = frontier.claim(connection, batch, "w", count=5, now=NOW, lease=LEASE)
        return run_id, batch, [one.id for one in taken]


def results(ids: list[int]) -> list[Visit]:
    page = {"status": 200, "bytes": 900, "elapsed": 0.25, "warc": ("a.warc.gz", 10, 20)}
    return [
        Visit(ids[0], NOW, 1, article=row(0), etag='"e"', last_modified="x" * 65, **page),
        Visit(ids[1], NOW, 1, article=row(0, url="https://news.example/copy"), **page),
        Visit(ids[2], NOW, 1, outcome="gone", kind="http_404", reason="Not Found"),
        Visit(ids[3], NOW, 1, outcome="refused", kind="not_an_article", reason="no title" * 500, **page),
        Visit(ids[4], NOW, 1, outcome="failed", kind="timeout", reason="30 s", retry_after=7),
    ]


def test_each_outcome_ends_where_it_belongs(database: Database, claimed: tuple[int, int, list[int]]) -> None:
    run_id, batch, ids = claimed
    with database.engine.begin() as connection:
        counts = record(connection, "hanbit", run_id, batch, "w", results(ids), NOW)
        assert counts == {"stored": 1, "duplicate": 1, "gone": 1, "refused": 1, "failed": 1}
        rows = {one.id: one for one in connection.execute(select(urls))}
        assert [rows[one].state for one in ids] == ["done", "done", "gone", "refused", "failed"]
        assert rows[ids[0]].article_id == rows[ids[1]].article_id is not None
        assert (rows[ids[0]].etag, rows[ids[0]].last_modified) == ('"e"', None)
        assert rows[ids[4]].next_visit == NOW + timedelta(seconds=7)
        assert {(one.claimed_by, one.claims) for one in rows.values()} == {(None, 0)}
        kept = connection.execute(select(visits).where(visits.c.url_id == ids[3])).one()
        assert (kept.outcome, kept.status, kept.elapsed_ms, len(kept.reason)) == ("refused", 200, 250, 1000)
        assert (kept.warc_path, kept.warc_offset, kept.warc_length) == ("a.warc.gz", 10, 20)


def test_a_transaction_that_is_run_again_writes_nothing_twice(
    database: Database, claimed: tuple[int, int, list[int]]
) -> None:
    run_id, batch, ids = claimed
    for expected in ({"stored": 1, "duplicate": 1, "gone": 1, "refused": 1, "failed": 1}, {}):
        with database.engine.begin() as connection:
            assert record(connection, "hanbit", run_id, batch, "w", results(ids), NOW) == expected
    with database.engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(visits)) == 5
        assert articles.count(connection, Search()) == 1


def test_a_worker_that_lost_its_lease_writes_nothing(database: Database, claimed: tuple[int, int, list[int]]) -> None:
    run_id, batch, ids = claimed
    with database.engine.begin() as connection:
        frontier.claim(connection, batch, "other", count=5, now=NOW + LEASE, lease=LEASE)
        assert record(connection, "hanbit", run_id, batch, "w", results(ids), NOW) == {}
        assert articles.count(connection, Search()) == 0


def test_a_run_counts_urls_by_their_last_visit(database: Database, claimed: tuple[int, int, list[int]]) -> None:
    run_id, batch, ids = claimed
    with database.engine.begin() as connection:
        record(connection, "hanbit", run_id, batch, "w", results(ids), NOW)
        tally = runs.tally(connection, run_id)
        assert (tally.waiting, tally.next_visit) == (1, NOW + timedelta(seconds=7))
        later = NOW + timedelta(seconds=7)
        frontier.claim(connection, batch, "w", count=5, now=later, lease=LEASE)
        again = [Visit(ids[4], later, 2, article=row(4))]
        assert record(connection, "hanbit", run_id, batch, "w", again, later) == {"stored": 1}
        tally = runs.tally(connection, run_id)
        assert tally.outcomes == {"stored": 2, "duplicate": 1, "gone": 1, "refused": 1}
        assert (tally.visits, tally.unvisited, tally.waiting) == (6, 0, 0)
        assert {(one.outcome, one.kind, one.count) for one in tally.failures} == {
            ("gone", "http_404", 1),
            ("refused", "not_an_article", 1),
        }
        runs.finish(connection, run_id, "succeeded", None, later)
        health = runs.health(connection, "hanbit", later)
        assert health.states == {"done": 3, "gone": 1, "refused": 1}
        assert [one.state for one in health.runs] == ["succeeded"]
        # the past failure stays visible in the site's health
        assert ("failed", "timeout", 1) in {(one.outcome, one.kind, one.count) for one in health.failures}


def test_hubs_are_remembered_only_once_saved_and_under_their_rules(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    feed, rules = "https://news.example/feed", b"r" * 16
    first = Seen('"1"', None, b"l" * 16, NOW, timedelta(minutes=7))
    with database.engine.begin() as connection:
        hubs = Hubs(connection, "hanbit", rules)
        assert hubs.get(feed) == Seen()
        hubs.put(feed, first)
        assert hubs.get(feed) == first
        assert Hubs(connection, "hanbit", rules).get(feed) == Seen()
        hubs.save(connection, NOW)
        assert Hubs(connection, "hanbit", rules).get(feed) == first
        assert Hubs(connection, "hanbit", b"s" * 16).get(feed) == Seen()
        assert Hubs(connection, "other", rules).get(feed) == Seen()
        dated = "Mon, 02 Mar 2026 00:00:00 GMT"
        hubs.put(feed, replace(first, etag="x" * 513, last_modified=dated))
        hubs.save(connection, NOW)
        again = Hubs(connection, "hanbit", rules).get(feed)
        assert (again.etag, again.last_modified) == (None, dated)
        # nobody takes a hub away from its site
        other = Hubs(connection, "other", rules)
        other.put(feed, first)
        other.save(connection, NOW)
        assert f"{feed}: is a hub of site hanbit" in caplog.text
        assert Hubs(connection, "hanbit", rules).get(feed) == again
        assert Hubs(connection, "other", rules).get(feed) == Seen()
