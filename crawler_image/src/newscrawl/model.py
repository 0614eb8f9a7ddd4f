"""The facts that pass between the stages of a crawl.

Discovery yields links, fetching turns a link into a response, extraction turns a response into an article, and
preprocessing prepares it for storage. Each stage depends on these records only, never on another stage's code, so
that any of them can be replaced or run alone (re-parsing an archive runs no fetch, for example).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Link:
    """A URL that may be an article, with what the place it was found in says of it.

    `source` is the feed, sitemap or list page; `published` and `modified` are aware or None.
    """

    url: str
    source: str
    published: datetime | None = None
    modified: datetime | None = None
    title: str | None = None


@dataclass(frozen=True)
class Response:
    """One HTTP exchange that ended in a 200, 203 or 304 answer.

    `url` is the final URL after `redirects` (each URL that redirected, in order); header names are lower case; `body`
    is decoded from its transfer and content encodings, empty for a 304; `elapsed` is in seconds; `fetched_at` is UTC.
    """

    url: str
    requested_url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    fetched_at: datetime
    redirects: tuple[str, ...] = ()

    @property
    def not_modified(self) -> bool:
        """Whether the server said that the copy we have is still good."""
        return self.status == 304


class FetchError(Exception):
    """A URL that could not be fetched: `kind` is a stable word for statistics (`timeout`, `http_404`, `robots` ...).

    `permanent` says that a retry cannot help; `retry_after` is how many seconds the server (or our limiter) asked us
    to wait.
    """

    def __init__(self, url: str, kind: str, message: str, *, permanent: bool = False, retry_after: float | None = None):
        super().__init__(f"{url}: {kind}: {message}")
        self.url = url
        self.kind = kind
        self.message = message
        self.permanent = permanent
        self.retry_after = retry_after


class NotAnArticle(Exception):
    """A page that was fetched well and is not an article; `reason` says what spoke against it."""

    def __init__(self, url: str, reason: str):
        super().__init__(f"{url}: not an article: {reason}")
        self.url = url
        self.reason = reason


@dataclass(frozen=True)
class Article:
    """What a page became.

    `published` and `modified` are aware; `access` is `free` or `paywalled`; `language` is an ISO 639-1 code;
    `extractor` names the code and version that made it, `profile` is `site@version` or None without one; `sources`
    says for each field where it came from.
    """

    url: str
    canonical_url: str
    title: str
    paragraphs: tuple[str, ...]
    authors: tuple[str, ...] = ()
    published: datetime | None = None
    modified: datetime | None = None
    section: str | None = None
    keywords: tuple[str, ...] = ()
    image: str | None = None
    language: str | None = None
    access: str = "free"
    extractor: str = ""
    profile: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> str:
        """The paragraphs as one text, separated by an empty line."""
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True)
class PreparedArticle:
    """An article ready for storage: normalised text with what was computed from it.

    `content_hash` is the SHA-256 hex of title and body; `simhash` an unsigned 64-bit fingerprint for near-duplicates;
    `characters` and `words` count the body; `reading_seconds` is the estimated reading time.
    """

    article: Article
    content_hash: str
    simhash: int
    characters: int
    words: int
    reading_seconds: int


@dataclass(frozen=True)
class Seen:
    """What is remembered of a hub, a page that lists articles: validators and a digest of what it listed.

    `visited` is when it answered last, `rest` how long it needs not to be asked again.
    """

    etag: str | None = None
    last_modified: str | None = None
    listed: bytes | None = None
    visited: datetime | None = None
    rest: timedelta = timedelta()

    def rests(self, now: datetime, longest: timedelta) -> bool:
        """Whether it is too early to ask again."""
        return self.visited is not None and now < self.visited + min(self.rest, longest)
