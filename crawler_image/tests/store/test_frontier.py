"""No URL is lost, none is anybody's twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from newscrawl.store import Database, frontier, runs
from newscrawl.store.frontier import DEATHS, MAX_ATTEMPTS, backoff
from newscrawl.store.tables import urls
from newscrawl.store.visits import Visit, record
from sqlalchemy import Connection, select, update
from store_samples import NOW, link, links

LEASE = timedelta(seconds=60)
IDLE = timedelta(seconds=180)
H, D = timedelta(hours=1), timedelta(days=1)


def cut(connection: Connection, run_id: int, *, now: datetime = NOW, **told: object) -> list[int]:
    wanted = {"size": 10, "limit": 1000, "since": None, "now": now, "idle": IDLE} | told
    return frontier.cut_batches(connection, "hanbit", run_id, **wanted)


def take(connection: Connection, batch: int, owner: str, now: datetime = NOW, count: int = 100) -> list[int]:
    return [one.id for one in frontier.claim(connection, batch, owner, count=count, now=now, lease=LEASE)]


def states(connection: Connection) -> dict[str, int]:
    return {state: count for _, state, count in frontier.stats(connection, "hanbit")}


def fail(url_id: int, now: datetime, attempts: int = 1, **told: object) -> Visit:
    return Visit(url_id, now, attempts, outcome="failed", kind="http_500", reason="Server Error", **told)


@pytest.fixture
def run(database: Database) -> int:
    """A run of a site with 25 known URLs."""

    def prepare(connection: Connection) -> int:
        run_id = runs.start(connection, "hanbit", "first", NOW)
        assert frontier.add_links(connection, "hanbit", links(*range(25)), run_id, NOW) == 25
        return run_id

    return database.run(prepare)


def test_links_are_added_once(database: Database, run: int) -> None:
    with database.engine.begin() as connection:
        assert frontier.add_links(connection, "hanbit", links(24, 25), run, NOW) == 1
        assert frontier.known(connection, {link(3).url, link(99).url}) == {link(3).url}
        assert frontier.add_links(connection, "hanbit", {}, run, NOW) == 0
        assert states(connection) == {"new": 26}


def test_batches_take_the_newest_first_and_each_url_once(database: Database) -> None:
    with database.engine.begin() as connection:
        run_id = runs.start(connection, "hanbit", "first", NOW)
        dated = {link(n).url: link(n, published=NOW - timedelta(days=n)) for n in range(30)}
        frontier.add_links(connection, "hanbit", dated, run_id, NOW)
        batches = cut(connection, run_id, limit=25)
        sizes = [len(take(connection, batch, "a")) for batch in batches]
        assert sizes == [10, 10, 5]
        left = set(connection.scalars(select(urls.c.url).where(urls.c.batch_id.is_(None))))
        assert left == {link(n).url for n in range(25, 30)}
        # a retried discovery finds the same batches and cuts no more than the limit
        assert cut(connection, run_id, limit=25) == batches
        assert cut(connection, runs.start(connection, "hanbit", "b", NOW), since=NOW - timedelta(days=26)) != []
        assert states(connection) == {"claimed": 25, "new": 5}


def test_another_run_takes_only_what_no_living_run_holds(database: Database, run: int) -> None:
    with database.engine.begin() as connection:
        assert len(cut(connection, run)) == 3
        other = runs.start(connection, "hanbit", "second", NOW)
        assert cut(connection, other) == []
        runs.finish(connection, run, "failed", "died", NOW)
        assert len(cut(connection, other)) == 3
        third = runs.start(connection, "hanbit", "third", NOW)
        assert len(cut(connection, third, now=NOW + IDLE + LEASE)) == 3


def test_two_workers_never_hold_the_same_url(database: Database, run: int) -> None:
    with database.engine.begin() as connection:
        (batch,) = cut(connection, run, size=25)
    with database.engine.begin() as first, database.engine.begin() as second:
        mine = take(first, batch, "a", count=10)
        # while the other has not committed: not waited for, and not mistaken for the end of the batch
        assert not set(take(second, batch, "b", count=10)) & set(mine)
        assert frontier.next_free(second, batch) == NOW
    with database.engine.begin() as second:
        theirs = take(second, batch, "b", count=100)
        assert (len(mine), len(theirs)) == (10, 15)
        assert not set(mine) & set(theirs)


def test_a_dead_workers_urls_are_taken_when_its_lease_ends(database: Database, run: int) -> None:
    with database.engine.begin() as connection:
        (batch,) = cut(connection, run, size=25)
        dead = take(connection, batch, "dead", count=5)
        alive = take(connection, batch, "alive", count=20)
        later = NOW + LEASE / 2
        frontier.renew(connection, batch, "alive", now=later, lease=LEASE)
        assert take(connection, batch, "b", later) == []
        assert frontier.next_free(connection, batch) == NOW + LEASE
        assert sorted(take(connection, batch, "b", NOW + LEASE)) == sorted(dead)
        frontier.release(connection, batch, "alive")
        assert sorted(take(connection, batch, "c", NOW + LEASE)) == sorted(alive)
        assert runs.get(connection, run).alive == later


def test_a_url_that_kills_its_workers_comes_last_and_is_given_up(database: Database, run: int) -> None:
    with database.engine.begin() as connection:
        (batch,) = cut(connection, run, size=25)
        now, (deadly,) = NOW, take(connection, batch, "w0", count=1)
        now += LEASE
        assert take(connection, batch, "w1", now)[-1] == deadly
        connection.execute(update(urls).where(urls.c.id == deadly).values(claims=DEATHS))
        now += LEASE
        assert deadly not in take(connection, batch, "w2", now)
        row = connection.execute(select(urls).where(urls.c.id == deadly)).one()
        assert (row.state, row.kind, row.next_visit) == ("failed", "worker_died", None)


def test_a_failed_url_rests_longer_each_time_and_is_given_up_at_last(database: Database, run: int) -> None:
    with database.engine.begin() as connection:
        (batch,) = cut(connection, run, size=25)
        target, *others = take(connection, batch, "w")
        now = NOW
        for attempt in range(1, MAX_ATTEMPTS + 1):
            assert record(connection, "hanbit", run, batch, "w", [fail(target, now, attempt)], now) == {"failed": 1}
            pause = backoff(attempt)
            if pause is None:
                break
            frontier.renew(connection, batch, "w", now=now + pause, lease=LEASE)
            assert take(connection, batch, "w", now + pause - timedelta(milliseconds=1)) == []
            now += pause
            assert take(connection, batch, "w", now) == [target]
        assert attempt == MAX_ATTEMPTS
        assert states(connection) == {"claimed": len(others), "failed": 1}
        assert take(connection, batch, "w", now + timedelta(days=365)) == others
        assert frontier.retry(connection, site="hanbit", states=["failed"], kind="http_404") == 0
        assert frontier.retry(connection, site="hanbit", states=["failed"], kind="http_500") == 1
        runs.finish(connection, run, "failed", "over", now)
        assert states(connection)["new"] == 1


def test_the_sites_wish_to_wait_is_obeyed() -> None:
    assert backoff(1) == timedelta(seconds=5)
    assert backoff(1, retry_after=90) == timedelta(seconds=90)
    assert backoff(2, retry_after=1) == timedelta(seconds=20)
    assert backoff(7) == timedelta(seconds=5 * 4**6)
    assert [backoff(8), backoff(9)] == [timedelta(days=7), timedelta(days=30)]
    assert backoff(1, retry_after=1e12) == timedelta(days=1)
    assert backoff(MAX_ATTEMPTS) is None


def test_a_done_url_is_due_again_when_its_link_says_that_it_changed(database: Database, run: int) -> None:
    with database.engine.begin() as connection:
        (batch,) = cut(connection, run, size=25)
        done = [Visit(one, NOW, 1, outcome="unchanged") for one in take(connection, batch, "w")]
        record(connection, "hanbit", run, batch, "w", done, NOW)
        runs.finish(connection, run, "succeeded", None, NOW)
        later = NOW + timedelta(hours=1)
        second = runs.start(connection, "hanbit", "second", later)
        seen = {
            link(n).url: link(n, modified=NOW + timedelta(minutes=m)) for n, m in ((1, -5), (2, 5), (3, 0), (4, -1))
        }
        assert frontier.add_links(connection, "hanbit", seen, second, later) == 0
        (again,) = cut(connection, second, now=later)
        due = {one.url for one in frontier.claim(connection, again, "w", count=9, now=later, lease=LEASE)}
        # a date to the minute may mean a moment after the visit
        assert due == {link(2).url, link(3).url}


@pytest.mark.parametrize(
    ("visit", "rests"),
    [
        (Visit(0, NOW, 1, outcome="refused", kind="not_an_article", growing=True), [H, 6 * H, 7 * D]),
        (Visit(0, NOW, 1, outcome="refused", kind="not_an_article"), [7 * D, 30 * D]),
        (Visit(0, NOW, 1, outcome="refused", kind="robots"), [D, 7 * D, 30 * D]),
        (Visit(0, NOW, 1, outcome="gone", kind="http_404"), [H, D, 7 * D]),
        (Visit(0, NOW, 1, outcome="gone", kind="http_410"), [7 * D, 30 * D]),
    ],
    ids=lambda told: told.kind if isinstance(told, Visit) else "",
)
def test_what_was_refused_or_gone_is_looked_at_again_some_times(
    database: Database, visit: Visit, rests: list[timedelta]
) -> None:
    with database.engine.begin() as connection:
        run = runs.start(connection, "hanbit", "0", NOW)
        frontier.add_links(connection, "hanbit", links(1), run, NOW)
        now = NOW
        for number, rest in enumerate([*rests, None]):
            if number:
                run = runs.start(connection, "hanbit", str(number), now)
                assert cut(connection, run, now=now - timedelta(seconds=1)) == []
            (batch,) = cut(connection, run, now=now)
            (claimed,) = frontier.claim(connection, batch, "w", count=9, now=now, lease=LEASE)
            told = replace(visit, url_id=claimed.id, repeats=claimed.repeats, visited=now)
            record(connection, "hanbit", run, batch, "w", [told], now)
            runs.finish(connection, run, "succeeded", None, now)
            next_visit = connection.scalar(select(urls.c.next_visit))
            assert next_visit == (None if rest is None else now + rest)
            now += rest or timedelta()
        # for good, unless its hub dates a change
        later = now + timedelta(days=365)
        assert cut(connection, runs.start(connection, "hanbit", "late", later), now=later) == []
        frontier.add_links(connection, "hanbit", {link(1).url: link(1, modified=later)}, run, later)
        assert len(cut(connection, runs.start(connection, "hanbit", "last", later), now=later)) == 1


def test_a_given_up_url_is_due_when_its_hub_dates_a_change_but_not_one_that_kills(database: Database, run: int) -> None:
    with database.engine.begin() as connection:
        over = {"state": "failed", "next_visit": None, "last_visit": NOW}
        for number, kind in ((1, "http_500"), (2, "worker_died")):
            where = urls.c.url == link(number).url
            connection.execute(update(urls).where(where).values(over | {"kind": kind}))
        later = NOW + timedelta(hours=1)
        seen = {link(n).url: link(n, modified=later) for n in (1, 2)}
        frontier.add_links(connection, "hanbit", seen, run, later)
        due = select(urls.c.url).where(urls.c.next_visit <= later)
        assert list(connection.scalars(due)) == [link(1).url]


def test_a_hub_that_always_dates_a_change_does_not_hammer_what_stays_as_it_is(database: Database, run: int) -> None:
    visits, now = [], NOW
    with database.engine.begin() as connection:
        runs.finish(connection, run, "succeeded", None, NOW)
        connection.execute(update(urls).where(urls.c.url != link(1).url).values(state="gone"))
        for number in range(48 * 7):
            run_id = runs.start(connection, "hanbit", f"run {number}", now)
            frontier.add_links(connection, "hanbit", {link(1).url: link(1, modified=now)}, run_id, now)
            for batch in cut(connection, run_id, now=now):
                (claimed,) = frontier.claim(connection, batch, "w", count=9, now=now, lease=LEASE)
                visits.append(now)
                told = Visit(claimed.id, now, 1, outcome="unchanged", repeats=claimed.repeats)
                record(connection, "hanbit", run_id, batch, "w", [told], now)
            runs.finish(connection, run_id, "succeeded", None, now)
            now += timedelta(minutes=30)
    assert [later - earlier for earlier, later in pairwise(visits)] == [H * 2**n for n in range(7)]


def test_a_time_without_a_zone_is_refused(database: Database, run: int) -> None:
    naive = {link(77).url: link(77, published=datetime(2026, 1, 1))}
    with (
        database.engine.begin() as connection,
        pytest.raises(Exception, match="a time without a zone cannot be stored: 2026-01-01"),
    ):
        frontier.add_links(connection, "hanbit", naive, run, datetime.now(UTC))
