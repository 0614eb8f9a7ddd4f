"""One URL from request to article: fetch, archive, extract, preprocess. What goes wrong becomes part of the answer."""

from __future__ import annotations

import logging
from dataclasses import replace

from newscrawl.archive import WarcWriter
from newscrawl.context import Context, now
from newscrawl.disk import DiskFull, told_when_full
from newscrawl.extract import extract
from newscrawl.fetch import NOT_ASKED
from newscrawl.model import FetchError, NotAnArticle, Response
from newscrawl.preprocess import preprocess
from newscrawl.profiles import Profile
from newscrawl.store import articles
from newscrawl.store.frontier import Claimed
from newscrawl.store.visits import Visit
from newscrawl.urls import BadUrl, canonicalize, is_on

log = logging.getLogger(__name__)

# what is not worth keeping and parsing; others are looked at, as many servers name the type of a page wrongly
_NO_PAGES = ("image/", "video/", "audio/", "font/", "application/pdf", "application/zip")
_GONE = frozenset({"http_404", "http_410"})


class LimitsUnavailable(Exception):
    """Redis stayed away longer than the client waits for it: no URL can be visited, and none is to blame."""


def visit(context: Context, archive: WarcWriter, run_id: int, url: Claimed) -> Visit:
    """What came of `url`.

    Raises DiskFull, because a page that cannot be kept must not count as visited, and LimitsUnavailable.
    """
    asked, warc = now(), None
    try:
        response = context.fetcher.get(
            url.url, site=context.profile, etag=url.etag, last_modified=url.last_modified, now=asked
        )
        if response.redirects and not is_on(response.url, context.profile.hosts):
            where = f"it is at {response.url} now, which is none of the profile's hosts"
            raise FetchError(url.url, "foreign_host", where, permanent=True)
        media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media.startswith(_NO_PAGES):
            raise FetchError(url.url, "not_html", f"its Content-Type is {media}", permanent=True)
        if not response.not_modified:
            with told_when_full(context.settings.warc_dir):
                record = archive.write(response)
            warc = (str(record.path), record.offset, record.length)
    except FetchError as error:
        if error.kind == "redis_unavailable":
            raise LimitsUnavailable(f"{error.message}: check that Redis runs, then run the same again") from error
        return _failed(url, error)
    except (OSError, DiskFull):
        raise  # the volume's fault, not the page's
    except Exception as error:
        # no page may end the batch, which would be tried again with the same page in it
        log.exception("%s: the answer broke the fetcher", url.url)
        return _failed(url, FetchError(url.url, "fetch_error", f"{type(error).__name__}: {error}"))
    answer = Visit(
        url_id=url.id,
        visited=response.fetched_at,
        attempts=url.attempts + 1,
        repeats=url.repeats,
        status=response.status,
        bytes=len(response.body),
        elapsed=response.elapsed,
        warc=warc,
        arrived=_arrived(response, context.profile),
    )
    if response.not_modified:
        return replace(answer, outcome="unchanged", etag=url.etag, last_modified=url.last_modified)
    return extracted(context.profile, run_id, response, answer)


def extracted(profile: Profile, run_id: int, response: Response, answer: Visit) -> Visit:
    """`answer` with the article that the response holds, or with the reason why it holds none."""
    try:
        article = extract(response, profile, fetched=response.fetched_at)
        row = articles.row_of(
            preprocess(article, profile), site=profile.site, run_id=run_id, fetched=response.fetched_at
        )
    except NotAnArticle as error:
        # flashes are published before their text
        growing = error.reason == "no body" or error.reason.endswith("too little for an article")
        return replace(answer, outcome="refused", kind="not_an_article", reason=error.reason, growing=growing)
    except articles.Unstorable as error:
        return replace(answer, outcome="refused", kind="unstorable", reason=str(error))
    except Exception as error:
        log.exception("%s: the page broke the extraction", response.url)
        return replace(answer, outcome="refused", kind="extraction_error", reason=f"{type(error).__name__}: {error}")
    headers = response.headers
    return replace(answer, article=row, etag=headers.get("etag"), last_modified=headers.get("last-modified"))


def _arrived(response: Response, profile: Profile) -> str | None:
    if not response.redirects:
        return None
    try:
        return canonicalize(response.url, keep_params=profile.urls.keep_params)
    except BadUrl:
        return None


def _failed(url: Claimed, error: FetchError) -> Visit:
    asked = error.kind not in NOT_ASKED
    outcome = "gone" if error.kind in _GONE else "refused" if error.permanent else "failed"
    return Visit(
        url_id=url.id,
        visited=now(),
        asked=asked,
        attempts=url.attempts + asked,
        repeats=url.repeats,
        outcome=outcome,
        kind=error.kind,
        reason=error.message,
        retry_after=error.retry_after,
    )
