"""What came of visiting URLs: the article, the frontier's new state and the run's record, in one transaction.

Only claims that the owner still holds are written. So a transaction that is run again after its COMMIT got lost, and a
worker that was thought dead and is not, write nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from newscrawl.store import articles, lake_files
from newscrawl.store.frontier import backoff, rest
from newscrawl.store.tables import url_hash, urls, visits

_MANY = 1000  # repeats are not counted further

# the frontier's state after each outcome
STATE = {
    "stored": "done",
    "changed": "done",
    "unchanged": "done",
    "duplicate": "done",
    "refused": "refused",
    "gone": "gone",
    "failed": "failed",
}


@dataclass(frozen=True)
class Visit:
    """One URL visited: either `article` (a row of `articles.row_of`), or `outcome` with `kind` and `reason`.

    `asked` is False when the site was not even asked, as its host is to be left alone for now: the URL waits, and the
    run has no visit to show. `attempts` counts this visit; `repeats` those before it that brought nothing; `growing` is
    a page that may get its text later; `retry_after` and `elapsed` are in seconds; `warc` is (path, offset, length);
    `arrived` is the canonical URL that redirects led to.
    """

    url_id: int
    visited: datetime
    attempts: int
    repeats: int = 0
    asked: bool = True
    article: Mapping[str, Any] | None = None
    outcome: str | None = None
    kind: str | None = None
    reason: str | None = None
    retry_after: float | None = None
    status: int | None = None
    bytes: int | None = None
    elapsed: float | None = None
    warc: tuple[str, int, int] | None = None
    etag: str | None = None
    last_modified: str | None = None
    growing: bool = False
    arrived: str | None = None


def record(
    connection: Connection, site: str, run_id: int, batch_id: int, owner: str, results: Sequence[Visit], now: datetime
) -> dict[str, int]:
    """Writes the results whose URLs `owner` still holds; returns how many had which outcome."""
    held = select(urls.c.id, urls.c.article_id).where(
        urls.c.id.in_([one.url_id for one in results]), urls.c.state == "claimed", urls.c.claimed_by == owner
    )
    article_of = dict(connection.execute(held.order_by(urls.c.id).with_for_update()).all())
    kept = [one for one in results if one.url_id in article_of]
    with_article = [one for one in kept if one.article is not None]
    stored = articles.upsert(connection, site, [one.article for one in with_article if one.article], now)
    ended = {one.url_id: (end.outcome, end.article_id) for one, end in zip(with_article, stored, strict=True)}
    for one in kept:
        if one.outcome is not None:
            ended[one.url_id] = (one.outcome, article_of[one.url_id])
    if kept:
        connection.execute(_UPDATE, [_url_row(one, *ended[one.url_id]) for one in kept])
    if arrived := sorted((url_hash(one.arrived), one.url_id) for one in with_article if one.arrived):
        # the page is there: nobody needs to fetch it again by its own name
        ends = [{"hash": hash, "new_article_id": ended[url_id][1], "now": now} for hash, url_id in arrived]
        connection.execute(_ARRIVED, ends)
    asked = [one for one in kept if one.asked]
    if asked:
        connection.execute(insert(visits), [_visit_row(one, run_id, batch_id, ended[one.url_id][0]) for one in asked])
    return dict(Counter(ended[one.url_id][0] for one in asked))


@dataclass(frozen=True)
class Kept:
    """A URL whose last raw page is kept: `warc` is (path, offset, length), `article_id` what became of it so far."""

    url_id: int
    run_id: int
    warc: tuple[str, int, int]
    article_id: int | None


def kept(connection: Connection, site: str, *, after: int, count: int, since: datetime | None) -> list[Kept]:
    """The next `count` URLs of the site by id with a kept page, after the id `after`; visited at `since` or later."""
    wanted = [urls.c.site == site, urls.c.id > after, visits.c.warc_path.is_not(None)]
    if since is not None:
        wanted.append(visits.c.visited >= since)
    last = (
        select(func.max(visits.c.id).label("id"))
        .join(urls, urls.c.id == visits.c.url_id)
        .where(*wanted)
        .group_by(urls.c.id)
        .order_by(urls.c.id)
        .limit(count)
        .subquery()
    )
    query = (
        select(visits, urls.c.article_id)
        .join(last, last.c.id == visits.c.id)
        .join(urls, urls.c.id == visits.c.url_id)
        .order_by(urls.c.id)
    )
    return [
        Kept(row.url_id, row.run_id, (row.warc_path, row.warc_offset, row.warc_length), row.article_id)
        for row in connection.execute(query)
    ]


def remake(connection: Connection, site: str, results: Sequence[Visit], now: datetime) -> dict[str, int]:
    """Writes articles that were read anew from kept pages; returns how many had which outcome.

    A page that was refused before and is an article now is done; one that is none any more changes nothing. What a
    lake holds of the articles is to be loaded again.
    """
    read = [one for one in results if one.article is not None]
    stored = articles.upsert(connection, site, [one.article for one in read if one.article], now)
    if read:
        done = update(urls).where(
            urls.c.id == bindparam("url_id"), or_(urls.c.state == "refused", urls.c.state == "done")
        )
        done = done.values(state="done", kind=None, reason=None, article_id=bindparam("new_article_id"))
        pairs = zip(read, stored, strict=True)
        connection.execute(done, [{"url_id": one.url_id, "new_article_id": end.article_id} for one, end in pairs])
    days = {end.fetched.astimezone(UTC).date() for end in stored if end.fetched is not None}
    lake_files.outdate(connection, site, days)
    outcomes = Counter(end.outcome for end in stored)
    return dict(outcomes + Counter(one.outcome for one in results if one.outcome is not None))


_SET = (
    "state",
    "attempts",
    "repeats",
    "next_visit",
    "etag",
    "last_modified",
    "kind",
    "reason",
    "article_id",
    "last_visit",
)
_UPDATE = (
    update(urls)
    .where(urls.c.id == bindparam("url_id"))
    .values({name: bindparam(f"new_{name}") for name in _SET} | {"claims": 0, "claimed_by": None, "lease_until": None})
)


_ARRIVED = (
    update(urls)
    .where(urls.c.url_hash == bindparam("hash"), urls.c.state == "new")
    .values(state="done", article_id=bindparam("new_article_id"), last_visit=bindparam("now"), kind=None, reason=None)
)


def _visit_row(one: Visit, run_id: int, batch_id: int, outcome: str) -> dict[str, Any]:
    path, offset, length = one.warc or (None, None, None)
    return {
        "run_id": run_id,
        "batch_id": batch_id,
        "url_id": one.url_id,
        "outcome": outcome,
        "kind": one.kind and one.kind[:64],
        "reason": one.reason and one.reason[:1000],
        "status": one.status,
        "bytes": one.bytes,
        "elapsed_ms": None if one.elapsed is None else round(one.elapsed * 1000),
        "warc_path": path,
        "warc_offset": offset,
        "warc_length": length,
        "visited": one.visited,
    }


def _url_row(one: Visit, outcome: str, article_id: int | None) -> dict[str, Any]:
    state = STATE[outcome]
    pause, repeats = None, one.repeats
    if outcome in ("stored", "changed"):
        repeats = 0
    elif state != "failed":
        repeats = min(repeats + 1, _MANY)
    if not one.asked:
        pause = timedelta(seconds=one.retry_after or 0.0)
    elif state == "failed":
        pause = backoff(one.attempts, one.retry_after)
    elif state in ("refused", "gone"):
        pause = rest(one.kind, repeats, growing=one.growing)
    # a validator that does not fit would be cut and never match again
    etag = one.etag if one.etag and len(one.etag) <= 512 else None
    last_modified = one.last_modified if one.last_modified and len(one.last_modified) <= 64 else None
    return {
        "url_id": one.url_id,
        "new_state": state,
        "new_attempts": one.attempts if state == "failed" else 0,
        "new_repeats": repeats,
        "new_next_visit": None if pause is None else one.visited + pause,
        "new_etag": etag,
        "new_last_modified": last_modified,
        "new_kind": one.kind and one.kind[:64],
        "new_reason": one.reason and one.reason[:1000],
        "new_article_id": article_id,
        "new_last_visit": one.visited,
    }
