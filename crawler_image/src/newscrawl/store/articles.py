"""Articles in MySQL: one row for each, however many URLs lead to it, and what it said before it was changed.

`decide` compares fetched articles with the stored ones and is pure; `upsert` asks, decides and writes within its
caller's transaction, so that the article and the frontier's word for it are committed together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    desc,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    union,
    union_all,
)

from newscrawl.model import PreparedArticle
from newscrawl.store.frontier import lock_site
from newscrawl.store.many import ROWS, upsert_rows
from newscrawl.store.tables import VERSIONED, article_versions, articles, url_hash
from newscrawl.urls import MAX_URL

# characters; utf8mb4 takes up to four bytes each
_MAX = {"title": 1000, "canonical_url": MAX_URL, "url": MAX_URL, "body": 4_000_000}
_ARCHIVED = timedelta(seconds=1)  # archives keep times to the second
_ADDRESS = re.compile(rf"https?://[^\s\ud800-\udfff]{{1,{MAX_URL}}}", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Unstorable(Exception):
    """An article that no sound page yields; the message says what is wrong with it."""


@dataclass(frozen=True)
class Existing:
    """What decides about a stored article."""

    id: int
    url_hash: bytes
    url: str
    content_hash: bytes
    version: int
    fetched: datetime


@dataclass(frozen=True)
class Decision:
    """What becomes of one fetched article: its outcome, and the row to write or None.

    `key` is the url_hash of the article that it is or duplicates; `archive` the id whose present version is kept.
    """

    outcome: str
    key: bytes
    row: Mapping[str, Any] | None = None
    archive: int | None = None


@dataclass(frozen=True)
class Stored:
    """Where a fetched article ended: `outcome` is stored, changed, unchanged or duplicate.

    `fetched` is that of the version that was written, None when none was.
    """

    article_id: int
    outcome: str
    fetched: datetime | None = None


def row_of(prepared: PreparedArticle, *, site: str, run_id: int | None, fetched: datetime) -> dict[str, Any]:
    """The columns of an article; raises Unstorable. `published_offset` is in minutes east of UTC."""
    article = prepared.article
    texts = {
        "title": article.title,
        "canonical_url": article.canonical_url,
        "url": article.url,
        "body": article.body,
    }
    for name, text in texts.items():
        if not text.strip() or len(text) > _MAX[name]:
            raise Unstorable(f"its {name} has {len(text)} characters (1 to {_MAX[name]} can be stored)")
    offset = article.published.utcoffset() if article.published else None
    return {
        **texts,
        "url_hash": url_hash(article.canonical_url),
        "site": site,
        "version": 1,
        "authors": [_whole(name) for name in article.authors],
        "published": article.published,
        "published_offset": None if offset is None else round(offset.total_seconds() / 60),
        "modified": article.modified,
        "section": article.section and _whole(article.section)[:255],
        "keywords": [_whole(word) for word in article.keywords],
        # one that is in the page itself (data:) is no address to keep
        "image": article.image if article.image and _ADDRESS.fullmatch(article.image) else None,
        "language": article.language and article.language[:16],
        "access": article.access,
        "extractor": article.extractor,
        "profile": article.profile,
        "sources": dict(article.sources),
        "content_hash": bytes.fromhex(prepared.content_hash),
        "simhash": prepared.simhash,
        "characters": prepared.characters,
        "words": prepared.words,
        "reading_seconds": prepared.reading_seconds,
        "run_id": run_id,
        "fetched": fetched,
    }


def _whole(text: str) -> str:
    """The text without halves of characters, which JSON's escapes can leave and no database takes."""
    return _SURROGATE.sub("\ufffd", text)


def decide(rows: Sequence[Mapping[str, Any]], existing: Sequence[Existing]) -> list[Decision]:
    """One decision for each row, in order, knowing the earlier ones.

    The same canonical URL is the same article. A page of another URL than the one that was stored is a duplicate,
    unless it is the canonical one, which wins. Another canonical URL with the same title and body on the same site is
    a duplicate too. New text under the same URL is a change, whose past is kept; an older page than the one whose text
    is stored (of an archive) changes nothing. A text that is the same keeps the time
    when it was first fetched: a version belongs to one day for ever.
    """
    by_url = {one.url_hash: one for one in existing}
    by_content = {one.content_hash: one.url_hash for one in existing}
    decisions = []
    for row in rows:
        key, content = row["url_hash"], row["content_hash"]
        old = by_url.get(key)
        if old is None and content in by_content:
            decisions.append(Decision("duplicate", by_content[content]))
            continue
        if old is not None and old.url != row["url"] and row["url"] != row["canonical_url"]:
            decisions.append(Decision("duplicate", key))
            continue
        if old is None:
            decisions.append(Decision("stored", key, row))
            by_url[key] = Existing(0, key, row["url"], content, 1, row["fetched"])
        elif old.fetched - row["fetched"] >= _ARCHIVED:
            decisions.append(Decision("unchanged", key))
            continue
        elif old.content_hash == content:
            outcome = "unchanged" if old.url == row["url"] else "duplicate"
            decisions.append(Decision(outcome, key, {**row, "version": old.version, "fetched": old.fetched}))
            by_url[key] = replace(old, url=row["url"])
        else:
            # id 0: stored a moment ago within this very transaction, nobody has seen the past
            version = old.version + 1 if old.id else 1
            decisions.append(Decision("changed", key, {**row, "version": version}, archive=old.id or None))
            by_url[key] = Existing(0, key, row["url"], content, version, row["fetched"])
        by_content[content] = key
    return decisions


def upsert(connection: Connection, site: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Stored]:
    """Writes the rows (of `row_of`, one site's) and returns what became of each, in order."""
    if not rows:
        return []
    # two workers with the same text under two URLs must see each other
    lock_site(connection, site)
    hashes = [row["url_hash"] for row in rows]
    contents = [row["content_hash"] for row in rows]
    query = select(*(articles.c[field.name] for field in fields(Existing))).where(
        or_(articles.c.url_hash.in_(hashes), (articles.c.site == site) & articles.c.content_hash.in_(contents))
    )
    existing = [Existing(*row) for row in connection.execute(query.order_by(desc(articles.c.id)))]
    decisions = decide(rows, existing)
    _archive(connection, [one.archive for one in decisions if one.archive is not None], now)
    # the last word on an article within the batch; in the order of the index, against deadlocks
    writes = {one.key: one.row for one in decisions if one.row is not None}
    ordered = [writes[key] for key in sorted(writes)]
    upsert_rows(connection, articles, ordered, _UPDATE)
    keys = {one.key for one in decisions}
    query = select(articles.c.url_hash, articles.c.id).where(articles.c.url_hash.in_(keys))
    ids = dict(connection.execute(query).all())
    return [Stored(ids[one.key], one.outcome, one.row["fetched"] if one.row else None) for one in decisions]


_UPDATE = {column.name: f"new.{column.name}" for column in articles.c if column.name not in ("id", "url_hash", "site")}


def _archive(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    if not ids:
        return
    names = ["article_id", "version", *VERSIONED, "replaced"]
    present = select(
        articles.c.id,
        articles.c.version,
        *(articles.c[name] for name in VERSIONED),
        literal(now, article_versions.c.replaced.type),
    ).where(articles.c.id.in_(ids))
    connection.execute(insert(article_versions).from_select(names, present))


@dataclass(frozen=True)
class Search:
    """What to look for; times are aware, `text` occurs in title or body."""

    site: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


def search(connection: Connection, wanted: Search, *, limit: int | None = 20) -> Iterator[Row]:
    """Articles, newest first, all columns; read as a stream, so that an export of millions needs no memory."""
    query = _where(select(articles), wanted).order_by(desc(articles.c.published), desc(articles.c.id))
    if limit is not None:
        query = query.limit(limit)
    yield from connection.execution_options(stream_results=True, yield_per=ROWS).execute(query)


def count(connection: Connection, wanted: Search) -> int:
    """How many articles `search` would yield without a limit."""
    return connection.scalar(_where(select(func.count()).select_from(articles), wanted)) or 0


def get(connection: Connection, wanted: int | str) -> Row | None:
    """One article by id or by canonical URL."""
    where = articles.c.id == wanted if isinstance(wanted, int) else articles.c.url_hash == url_hash(wanted)
    return connection.execute(select(articles).where(where)).one_or_none()


def similar(connection: Connection, article: Row, *, distance: int, days: int) -> list[Row]:
    """Articles of any site that say nearly the same as `article` (a row of `get`), nearest first, with `distance`.

    Near are fingerprints that differ in at most `distance` of their 64 bits; compared are articles published up to
    `days` before or after it (fetched, when it has no date).
    """
    moment, around = article.published or article.fetched, timedelta(days=days)
    bits = func.bit_count(articles.c.simhash.op("^")(article.simhash)).label("distance")
    query = (
        select(articles, bits)
        .where(articles.c.published.between(moment - around, moment + around), articles.c.id != article.id)
        .having(bits <= distance)
        .order_by(bits, desc(articles.c.published))
    )
    return list(connection.execute(query))


def history(connection: Connection, article_id: int) -> list[Row]:
    """The versions that the article had before its present one, oldest first."""
    query = select(article_versions).where(article_versions.c.article_id == article_id)
    return list(connection.execute(query.order_by(article_versions.c.version)))


@dataclass(frozen=True)
class Position:
    """A version of an article in the order of a day: where the next page goes on."""

    fetched: datetime
    id: int
    version: int


def fetched_between(
    connection: Connection, site: str, start: datetime, end: datetime, after: Position | None = None
) -> list[Row]:
    """Up to ROWS versions of the site's articles, past and present, that were first fetched from `start` until before
    `end`, in the order of Position and after `after`.

    A version is in the one table or in the other, never in both, and keeps its Position: pages that are asked for one
    after the other hold each version exactly once, even when articles change in between.
    """
    first = start if after is None else after.fetched
    named = ("canonical_url", "url", *VERSIONED)
    present = select(articles.c.id, articles.c.version, *(articles.c[name] for name in named)).where(
        articles.c.site == site,
        articles.c.fetched >= first,
        articles.c.fetched < end,
        _after(articles.c.fetched, articles.c.id, articles.c.version, after),
    )
    past = select(
        article_versions.c.article_id,
        article_versions.c.version,
        *(articles.c[name] if name not in VERSIONED else article_versions.c[name] for name in named),
    ).where(
        articles.c.id == article_versions.c.article_id,
        articles.c.site == site,
        article_versions.c.fetched >= first,
        article_versions.c.fetched < end,
        _after(article_versions.c.fetched, article_versions.c.article_id, article_versions.c.version, after),
    )
    pages = (
        present.order_by(articles.c.fetched, articles.c.id).limit(ROWS),
        past.order_by(article_versions.c.fetched, article_versions.c.article_id, article_versions.c.version).limit(
            ROWS
        ),
    )
    both = union_all(*pages)
    columns = both.selected_columns
    return list(connection.execute(both.order_by(columns.fetched, columns.id, columns.version).limit(ROWS)))


def sites_fetched(connection: Connection, start: datetime, end: datetime) -> list[str]:
    """The sites that have a version first fetched from `start` until before `end`, by name."""
    present = select(articles.c.site).where(articles.c.fetched >= start, articles.c.fetched < end)
    past = (
        select(articles.c.site)
        .join(article_versions, article_versions.c.article_id == articles.c.id)
        .where(article_versions.c.fetched >= start, article_versions.c.fetched < end)
    )
    return sorted(connection.scalars(union(present, past)))


def days_fetched(connection: Connection) -> set[tuple[date, str]]:
    """The (UTC day, site) pairs on which a version was first fetched."""
    # of the present ones both are read from an index
    present = select(func.date(articles.c.fetched), articles.c.site).distinct()
    past = (
        select(func.date(article_versions.c.fetched), articles.c.site)
        .join(articles, articles.c.id == article_versions.c.article_id)
        .distinct()
    )
    return {(day, site) for day, site in connection.execute(union(present, past))}


def _after(fetched: Column, id: Column, version: Column, after: Position | None) -> ColumnElement[bool]:
    if after is None:
        return true()
    return or_(fetched > after.fetched, id > after.id, and_(id == after.id, version > after.version))


def _where(query: Select, wanted: Search) -> Select:
    if wanted.site is not None:
        query = query.where(articles.c.site == wanted.site)
    if wanted.since is not None:
        query = query.where(articles.c.published >= wanted.since)
    if wanted.until is not None:
        query = query.where(articles.c.published < wanted.until)
    if wanted.text is not None:
        query = query.where(
            or_(
                articles.c.title.contains(wanted.text, autoescape=True),
                articles.c.body.contains(wanted.text, autoescape=True),
            )
        )
    return query
