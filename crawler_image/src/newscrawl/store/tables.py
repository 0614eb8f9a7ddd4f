"""The crawler's tables, as SQLAlchemy Core sees them; `migrations/` creates them.

Shapes that recur: a URL is unique by the SHA-256 of its canonical form (BINARY(32): 2,000-character keys do not fit an
index); primary keys are ascending integers, so that inserts append and other tables refer to 8 bytes; times are UTC in
DATETIME columns, which compare and index well, and an article's `published_offset` keeps the minutes that its own date
line was ahead of UTC, so that the date a reader saw can be shown again. Indices serve the queries named beside them.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from sqlalchemy import JSON, Column, Date, Dialect, Enum, Index, Integer, MetaData, SmallInteger, String, Table, Text
from sqlalchemy.dialects.mysql import BIGINT, BINARY, DATETIME, MEDIUMTEXT
from sqlalchemy.types import TypeDecorator

metadata = MetaData()

URL_STATES = ("new", "claimed", "done", "failed", "gone", "refused")
OUTCOMES = ("stored", "changed", "unchanged", "duplicate", "refused", "gone", "failed")
RUN_STATES = ("running", "succeeded", "failed")
LAKE_KINDS = ("articles", "warc")
LAKE_STATES = ("writing", "loaded")

_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_0900_ai_ci"}


def url_hash(canonical_url: str) -> bytes:
    """The 32 bytes that identify a canonical URL in every table."""
    return hashlib.sha256(canonical_url.encode()).digest()


class Utc(TypeDecorator[datetime]):
    """An aware time, stored as UTC to the millisecond; a naive one is refused, as nobody knows what it means."""

    impl = DATETIME
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(fsp=3)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware to naive UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value.isoformat()}")
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive UTC to aware."""
        return None if value is None else value.replace(tzinfo=UTC)


def _id() -> Column:
    return Column("id", BIGINT(unsigned=True), primary_key=True, autoincrement=True)


def _ref(name: str, *, nullable: bool = True) -> Column:
    return Column(name, BIGINT(unsigned=True), nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> Column:
    return Column(name, Utc(), nullable=nullable)


# one row a site: its lock makes the writers of one site take turns where they must (duplicates, cutting batches)
sites = Table("sites", metadata, Column("site", String(64), primary_key=True), **_OPTIONS)

# feeds, sitemaps and list pages: validators, a digest of the links, the rules of their choice, how long they rest
hubs = Table(
    "hubs",
    metadata,
    Column("url_hash", BINARY(32), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("etag", String(512)),
    Column("last_modified", String(64)),
    Column("listed", BINARY(16)),
    Column("rules", BINARY(16)),
    Column("rest_seconds", Integer, nullable=False, server_default="0"),
    _time("visited", nullable=False),
    **_OPTIONS,
)

# the frontier: every URL ever seen
urls = Table(
    "urls",
    metadata,
    _id(),
    Column("url_hash", BINARY(32), nullable=False),
    Column("site", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Enum(*URL_STATES), nullable=False, server_default="new"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("repeats", SmallInteger, nullable=False, server_default="0"),  # visits in a row that brought nothing
    Column("claims", SmallInteger, nullable=False, server_default="0"),  # since it was last answered for
    _ref("batch_id"),
    Column("claimed_by", String(64)),
    _time("lease_until"),
    _time("next_visit"),
    Column("etag", String(512)),
    Column("last_modified", String(64)),
    Column("kind", String(64)),
    Column("reason", String(1000)),
    _ref("article_id"),
    _ref("first_run_id", nullable=False),
    _time("published"),
    _time("modified"),
    _time("first_seen", nullable=False),
    _time("last_visit"),
    Index("url", "url_hash", unique=True),
    Index("due", "site", "state", "next_visit"),  # what to visit next; statistics by state
    Index("batch", "batch_id", "state"),  # what is left of a batch
    Index("found_by", "first_run_id"),  # what a run found
    **_OPTIONS,
)

batches = Table(
    "batches",
    metadata,
    _id(),
    _ref("run_id", nullable=False),
    Column("size", Integer, nullable=False),
    _time("created", nullable=False),
    Index("run", "run_id"),
    **_OPTIONS,
)

runs = Table(
    "runs",
    metadata,
    _id(),
    Column("run_key", String(250), nullable=False),
    Column("site", String(64), nullable=False),
    Column("state", Enum(*RUN_STATES), nullable=False, server_default="running"),
    Column("reason", String(1000)),
    _time("started", nullable=False),
    _time("alive", nullable=False),
    _time("finished"),
    Column("counts", JSON, nullable=False),
    Index("site_key", "site", "run_key", unique=True),
    Index("site_started", "site", "started"),  # a site's last runs
    **_OPTIONS,
)

# one row an exchange with a site: what a run did, why a URL failed, where its bytes are archived
visits = Table(
    "visits",
    metadata,
    _id(),
    _ref("run_id", nullable=False),
    _ref("batch_id", nullable=False),
    _ref("url_id", nullable=False),
    Column("outcome", Enum(*OUTCOMES), nullable=False),
    Column("kind", String(64)),
    Column("reason", String(1000)),
    Column("status", SmallInteger),
    Column("bytes", Integer),
    Column("elapsed_ms", Integer),
    Column("warc_path", String(512)),
    _ref("warc_offset"),
    _ref("warc_length"),
    _time("visited", nullable=False),
    Index("run_outcome", "run_id", "outcome", "kind"),  # a run's report, errors by kind
    Index("url_visited", "url_id", "visited"),  # a URL's history
    **_OPTIONS,
)


def _article_columns() -> list[Column]:
    return [
        Column("title", Text, nullable=False),
        Column("body", MEDIUMTEXT, nullable=False),  # paragraphs separated by an empty line
        Column("authors", JSON, nullable=False),
        _time("published"),
        Column("published_offset", SmallInteger),
        _time("modified"),
        Column("section", String(255)),
        Column("keywords", JSON, nullable=False),
        Column("image", Text),
        Column("language", String(16)),
        Column("access", String(16), nullable=False),
        Column("extractor", String(64), nullable=False),
        Column("profile", String(128)),
        Column("sources", JSON, nullable=False),
        Column("content_hash", BINARY(32), nullable=False),
        Column("simhash", BIGINT(unsigned=True), nullable=False),
        Column("characters", Integer, nullable=False),
        Column("words", Integer, nullable=False),
        Column("reading_seconds", Integer, nullable=False),
        _ref("run_id"),
        _time("fetched", nullable=False),
    ]


VERSIONED = tuple(column.name for column in _article_columns())

articles = Table(
    "articles",
    metadata,
    _id(),
    Column("url_hash", BINARY(32), nullable=False),
    Column("site", String(64), nullable=False),
    Column("canonical_url", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    *_article_columns(),
    Index("canonical", "url_hash", unique=True),
    Index("site_published", "site", "published"),  # a site's newest articles, articles of a period
    Index("published", "published"),
    Index("content", "site", "content_hash"),  # the same text under another URL
    Index("site_fetched", "site", "fetched"),  # a day of the lake
    **_OPTIONS,
)

# what an article said before it was changed
article_versions = Table(
    "article_versions",
    metadata,
    Column("article_id", BIGINT(unsigned=True), primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    *_article_columns(),
    _time("replaced", nullable=False),
    Index("fetched", "fetched"),  # a day of the lake
    **_OPTIONS,
)

# the lake's manifest: one row a file of a lake, `writing` while it is not as the database says
lake_files = Table(
    "lake_files",
    metadata,
    _id(),
    Column("lake", String(255), nullable=False),
    Column("path", String(255), nullable=False),
    Column("kind", Enum(*LAKE_KINDS), nullable=False),
    Column("site", String(64)),
    Column("day", Date, nullable=False),
    Column("state", Enum(*LAKE_STATES), nullable=False),
    Column("writer", String(32), nullable=False),
    Column("records", Integer),
    _ref("bytes"),
    _time("started", nullable=False),
    _time("loaded"),
    Index("file", "lake", "path", unique=True),
    Index("day", "lake", "day"),
    **_OPTIONS,
)
