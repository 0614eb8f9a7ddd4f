"""The frontier: every URL ever seen, and whose turn it is.

A URL is `new`, `claimed` by a worker under a lease, or has ended as `done`, `failed`, `gone` or `refused`. It is
visited again at `next_visit`; without one only when its hub dates a change. It belongs to at most one batch, so that no
two tasks visit it; a worker that dies leaves claims whose lease runs out, and whoever comes next, the retried task or
the site's next run, goes on with them. Every function is one step of its caller's transaction and is told the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, or_, select, update
from sqlalchemy.dialects.mysql import insert as mysql_insert

from newscrawl.model import Link
from newscrawl.store.many import upsert_rows
from newscrawl.store.tables import batches, runs, sites, url_hash, urls

DEATHS = 20  # more than a drain, a node loss and a redeploy together can do to one innocent URL
_FIRST_PAUSE = 5.0
_SHORT_PAUSES = 7
_LONGEST_PAUSE = 6 * 3600.0
# a ban or a broken section may last for days
_LONG_PAUSES = (timedelta(days=7), timedelta(days=30))
MAX_ATTEMPTS = _SHORT_PAUSES + len(_LONG_PAUSES) + 1

# after how long what was refused or gone is looked at again, by its kind: sites publish links before their pages, and
# flashes before their text; what stays as it is ends here
_GROWING = (timedelta(hours=1), timedelta(hours=6), timedelta(days=7))
_RESTS = {
    "http_404": (timedelta(hours=1), timedelta(days=1), timedelta(days=7)),
    "robots": (timedelta(days=1), timedelta(days=7), timedelta(days=30)),
}
_OTHER_RESTS = (timedelta(days=7), timedelta(days=30))

# how long a URL is left alone that was visited for nothing `repeats` times in a row, whatever dates its hub shows: an
# hour, doubled up to a week (seconds)
_REST = "IF(urls.repeats = 0, 0, FLOOR(LEAST(3600 * POW(2, urls.repeats - 1), 604800)))"
_ENDED = (
    "(urls.state IN ('done', 'refused', 'gone')"
    " OR (urls.state = 'failed' AND urls.next_visit IS NULL AND urls.kind <> 'worker_died'))"
)
# MySQL assigns in this order: next_visit has to compare with the old modified. Hubs write dates to the minute: what
# they call changed in the minute of our visit may have been changed after it
_SEEN_AGAIN = {
    "next_visit": f"IF({_ENDED} AND new.modified > COALESCE(urls.modified, urls.last_visit - INTERVAL 1 MINUTE),"
    f" GREATEST(new.first_seen, COALESCE(urls.last_visit, new.first_seen) + INTERVAL {_REST} SECOND), urls.next_visit)",
    "modified": "COALESCE(new.modified, urls.modified)",
}


@dataclass(frozen=True)
class Claimed:
    """A URL to visit, which failed `attempts` times so far, and was visited for nothing `repeats` times before.

    `etag` and `last_modified` are set when its article is stored and need not be sent again.
    """

    id: int
    url: str
    attempts: int
    etag: str | None
    last_modified: str | None
    repeats: int = 0


def backoff(attempts: int, retry_after: float | None = None) -> timedelta | None:
    """How long to leave a URL alone after its `attempts`-th failure: 5 s, 20 s, 80 s ... 6 h, a week, a month.

    None gives it up. The site's own wish (`retry_after`, seconds) is obeyed where it is longer. Two short pauses
    outlast a hiccup within one batch, those of hours an outage, the longest a ban.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    if attempts > _SHORT_PAUSES:
        return _LONG_PAUSES[attempts - _SHORT_PAUSES - 1]
    pause = min(_FIRST_PAUSE * 4 ** (attempts - 1), _LONGEST_PAUSE)
    return timedelta(seconds=max(pause, min(retry_after or 0.0, 86400.0)))


def rest(kind: str | None, repeats: int, *, growing: bool) -> timedelta | None:
    """How long to leave a URL alone that was refused or gone, for the `repeats`-th time in a row; None: for good.

    `growing` is a page that has too little text for an article yet.
    """
    rests = _GROWING if growing else _RESTS.get(kind or "", _OTHER_RESTS)
    return rests[repeats - 1] if repeats <= len(rests) else None


def lock_site(connection: Connection, site: str) -> None:
    """Makes the writers of one site take turns until the transaction ends."""
    statement = mysql_insert(sites).values(site=site)
    connection.execute(statement.on_duplicate_key_update(site=statement.inserted.site))


def known(connection: Connection, canonical_urls: Iterable[str]) -> set[str]:
    """Those of the URLs that the frontier has, whatever became of them."""
    by_hash = {url_hash(url): url for url in canonical_urls}
    found = connection.scalars(select(urls.c.url_hash).where(urls.c.url_hash.in_(by_hash)))
    return {by_hash[bytes(digest)] for digest in found}


def owners(connection: Connection, canonical_urls: Iterable[str]) -> dict[str, str]:
    """The site of each of the URLs that the frontier has: what is found a second time stays the first finder's."""
    by_hash = {url_hash(url): url for url in canonical_urls}
    found = connection.execute(select(urls.c.url_hash, urls.c.site).where(urls.c.url_hash.in_(by_hash)))
    return {by_hash[bytes(row.url_hash)]: row.site for row in found}


def has_links(connection: Connection, site: str) -> bool:
    """Whether the frontier has any URL of the site."""
    return connection.scalar(select(urls.c.id).where(urls.c.site == site).limit(1)) is not None


def add_links(connection: Connection, site: str, links: Mapping[str, Link], run_id: int, now: datetime) -> int:
    """Adds links by canonical URL and returns how many were new; a known one is due again when it was modified since.

    Links whose URL is longer than urls.MAX_URL are the caller's to refuse.
    """
    if not links:
        return 0
    new = len(links) - len(known(connection, links))
    rows = [
        {
            "url_hash": url_hash(canonical),
            "site": site,
            "url": link.url,
            "source": link.source,
            "published": link.published,
            "modified": link.modified,
            "first_run_id": run_id,
            "first_seen": now,
        }
        for canonical, link in links.items()
    ]
    # in the order of the index, so that two writers meet in the same order and do not deadlock
    upsert_rows(connection, urls, sorted(rows, key=lambda row: row["url_hash"]), _SEEN_AGAIN)
    return new


def cut_batches(
    connection: Connection,
    site: str,
    run_id: int,
    *,
    size: int,
    limit: int,
    since: datetime | None,
    now: datetime,
    idle: timedelta,
) -> list[int]:
    """Cuts what is due into batches of the run, newest articles first, and returns all batch ids of the run.

    Due are new URLs, those whose pause is over or whose hub dates a change, and claims whose lease ran out; not those
    in a batch of another run that gave a sign of life within `idle`. `limit` counts the URLs of all batches of the run;
    `since` leaves out what is known to be older.
    """
    lock_site(connection, site)
    mine = select(batches.c.id, batches.c.size).where(batches.c.run_id == run_id)
    existing = connection.execute(mine.order_by(batches.c.id)).all()
    due = (
        select(urls.c.id)
        .outerjoin(batches, batches.c.id == urls.c.batch_id)
        .outerjoin(runs, runs.c.id == batches.c.run_id)
        .where(
            urls.c.site == site,
            _due(now, revisit=True),
            or_(
                urls.c.batch_id.is_(None),
                runs.c.id.is_(None),
                and_(runs.c.id != run_id, or_(runs.c.state != "running", runs.c.alive < now - idle)),
            ),
        )
        .order_by(urls.c.published.desc(), urls.c.id)
        .limit(max(limit - sum(row.size for row in existing), 0))
        .with_for_update(of=urls, skip_locked=True)
    )
    if since is not None:
        due = due.where(or_(urls.c.published.is_(None), urls.c.published >= since))
    ids = list(connection.scalars(due))
    cut = [row.id for row in existing]
    for start in range(0, len(ids), size):
        part = ids[start : start + size]
        row = connection.execute(insert(batches).values(run_id=run_id, size=len(part), created=now))
        batch_id = row.inserted_primary_key[0]
        connection.execute(
            update(urls)
            .where(urls.c.id.in_(part))
            .values(batch_id=batch_id, state="new", claimed_by=None, lease_until=None, next_visit=None)
        )
        cut.append(batch_id)
    return cut


def claim(
    connection: Connection, batch_id: int, owner: str, *, count: int, now: datetime, lease: timedelta
) -> list[Claimed]:
    """Up to `count` URLs of the batch that nobody works on, now `owner`'s for the time of the lease.

    Those that workers died with come last, so that the others are not kept waiting by a URL that kills its worker;
    after DEATHS of them it is given up.
    """
    free = (
        select(urls)
        .where(urls.c.batch_id == batch_id, _due(now, revisit=False))
        .order_by(urls.c.claims, urls.c.id)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(free).all()
    deadly = [row.id for row in rows if row.claims >= DEATHS]
    if deadly:
        reason = f"{DEATHS} workers that took this URL died before they answered for it"
        given_up = {"state": "failed", "kind": "worker_died", "reason": reason, "claims": 0, "next_visit": None}
        connection.execute(update(urls).where(urls.c.id.in_(deadly)).values(given_up | {"claimed_by": None}))
    mine = [row for row in rows if row.claims < DEATHS]
    if mine:
        connection.execute(
            update(urls)
            .where(urls.c.id.in_([row.id for row in mine]))
            .values(state="claimed", claimed_by=owner, lease_until=now + lease, claims=urls.c.claims + 1)
        )
    return [
        Claimed(
            row.id,
            row.url,
            row.attempts,
            *((row.etag, row.last_modified) if row.article_id else (None, None)),
            row.repeats,
        )
        for row in mine
    ]


def renew(connection: Connection, batch_id: int, owner: str, *, now: datetime, lease: timedelta) -> None:
    """Extends the owner's claims, and says that the batch's run is alive."""
    held = urls.c.batch_id == batch_id, urls.c.state == "claimed", urls.c.claimed_by == owner
    connection.execute(update(urls).where(*held).values(lease_until=now + lease))
    run_id = select(batches.c.run_id).where(batches.c.id == batch_id).scalar_subquery()
    connection.execute(update(runs).where(runs.c.id == run_id).values(alive=now))


def release(connection: Connection, batch_id: int, owner: str) -> None:
    """Gives the owner's claims back as if they had not been made."""
    held = urls.c.batch_id == batch_id, urls.c.state == "claimed", urls.c.claimed_by == owner
    connection.execute(
        update(urls)
        .where(*held)
        .values(state="new", claimed_by=None, lease_until=None, claims=func.greatest(urls.c.claims - 1, 0))
    )


def next_free(connection: Connection, batch_id: int) -> datetime | None:
    """When the next URL of the batch may be claimed; None when there is none left to anyone.

    A moment that has passed is no contradiction to an empty `claim`: another worker was just claiming.
    """
    moment = case(
        (urls.c.state == "new", urls.c.first_seen),
        (urls.c.state == "claimed", urls.c.lease_until),
        else_=urls.c.next_visit,
    )
    return connection.scalar(
        select(func.min(moment, type_=urls.c.next_visit.type)).where(
            urls.c.batch_id == batch_id, urls.c.state.in_(("new", "claimed", "failed"))
        )
    )


def stats(connection: Connection, site: str | None = None) -> list[tuple[str, str, int]]:
    """(site, state, URLs) of one site or of all."""
    query = select(urls.c.site, urls.c.state, func.count()).group_by(urls.c.site, urls.c.state)
    if site is not None:
        query = query.where(urls.c.site == site)
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(urls.c.site, urls.c.state))]


def retry(
    connection: Connection, *, site: str, states: Sequence[str], kind: str | None = None, url: str | None = None
) -> int:
    """Puts URLs that ended badly back to new, for the next run of the site; returns how many."""
    statement = update(urls).where(urls.c.site == site, urls.c.state.in_(states))
    if kind is not None:
        statement = statement.where(urls.c.kind == kind)
    if url is not None:
        statement = statement.where(urls.c.url_hash == url_hash(url))
    fresh = {
        "state": "new",
        "attempts": 0,
        "repeats": 0,
        "claims": 0,
        "batch_id": None,
        "next_visit": None,
        "kind": None,
        "reason": None,
    }
    return connection.execute(statement.values(fresh)).rowcount


def _due(now: datetime, *, revisit: bool) -> ColumnElement[bool]:
    """The URLs that may be taken: never visited, pause over, lease over; only for `revisit` those that did not fail."""
    rested = ("failed", "done", "refused", "gone") if revisit else ("failed",)
    return or_(
        urls.c.state == "new",
        and_(urls.c.state.in_(rested), urls.c.next_visit <= now),
        and_(urls.c.state == "claimed", urls.c.lease_until <= now),
    )
