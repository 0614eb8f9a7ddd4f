"""One spelling for each page, so that the same article found in a feed, a sitemap and a shared link is one article.

The rules are those of the URL standard (by w3lib) plus what news sites need: fragments, default ports, credentials and
tracking parameters say nothing about the page, while an id in the query says everything.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from w3lib.url import canonicalize_url, safe_url_string

# parameters that campaigns, mail tools and share buttons add; names that some site uses for its content are not here
_TRACKING = re.compile(
    # a short prefix of a campaign may also be that of a table, as in pk_id: what names a row is kept
    r"(?:utm|mtm|piwik|matomo|oly|vero|hsa)_\w+|(?:pk|itm|at|wt|ga)_(?!(?:id|no|num|idx|seq)$)\w+"
    r"|(?:fb|g|d|dc|y|ys|tw|ms|tt)clk?id|gclsrc|gbraid|wbraid|li_fat_id|igshi?d?|srsltid|epik|_gl|_ga|_kx"
    r"|mc_[ce]id|mkt_tok|_hsenc|_hsmi|__hs\w+|s_cid|s_kwcid|cmpid|ocid|ncid|icid|smid|spm|xtor|ito|ref_src|ref_url"
    r"|guccounter|guce_referr?er\w*|__twitter_impression|phpsessid|jsessionid",
    re.IGNORECASE,
)
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid)=[^/?;]*", re.IGNORECASE)
_ESCAPED_AMPERSAND = re.compile(r"&(?:amp;)+")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f\u200b\u2060\ufeff]+")
MAX_URL = 2048  # characters; browsers and caches cut there, and a longer one is a trap more often than an article
_VARIANT = re.compile(r"^(?:www|m|mobile|amp)\.")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class BadUrl(ValueError):
    """A text that is not the address of a web page; the message shows it."""


def canonicalize(url: str, *, keep_params: Collection[str] | None, base: str | None = None) -> str:
    """The canonical, absolute spelling of `url`, which `base` completes when it is relative.

    Of the query only the parameters in `keep_params` remain, sorted; None keeps all but known tracking parameters.
    Canonicalising twice changes nothing. Raises BadUrl for what is no http(s) URL with a host.
    """
    text = _ESCAPED_AMPERSAND.sub("&", _INVISIBLE.sub("", url).strip())
    try:
        parts = urlsplit(canonicalize_url(urljoin(base, text) if base else text))
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise BadUrl(f"{url[:200]!r} is not an http or https URL with a host")
        path = _SESSION_IN_PATH.sub("", parts.path) or "/"
        return urlunsplit((parts.scheme, _authority(parts), path, _query(parts.query, keep_params), ""))
    except BadUrl:
        raise
    except ValueError as error:
        raise BadUrl(f"{url[:200]!r} is not a URL: {error}") from error


def resolve(url: str, base: str) -> str:
    """The absolute URL that a redirect or link on `base` leads to, ready to be requested, without its fragment.

    Raises BadUrl.
    """
    try:
        absolute = safe_url_string(urljoin(base, _INVISIBLE.sub("", url).strip()))
        parts = urlsplit(absolute)
        if parts.scheme not in _DEFAULT_PORTS:
            raise BadUrl(f"{absolute[:200]!r} is not an http or https URL")
        return urlunsplit((parts.scheme, _authority(parts), parts.path or "/", parts.query, ""))
    except BadUrl:
        raise
    except ValueError as error:
        raise BadUrl(f"{url[:200]!r} is not a URL: {error}") from error


def authority(url: str) -> str:
    """Host and port of an absolute URL without the scheme's default port: what limits and robots.txt are kept by.

    Raises BadUrl.
    """
    try:
        return _authority(urlsplit(url))
    except ValueError as error:
        raise BadUrl(f"{url[:200]!r} is not a URL: {error}") from error


def is_on(url: str, hosts: Collection[str]) -> bool:
    """Whether an absolute URL is on one of the hosts (or host:port), or on its usual other name: www., m. or amp."""
    host = urlsplit(url).hostname or ""
    if authority(url) in hosts or host in hosts:
        return True
    bare = _VARIANT.sub("", host)
    return any(_VARIANT.sub("", one) == bare for one in hosts)


def _authority(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if not host:
        raise BadUrl(f"{parts.geturl()[:200]!r} names no host")
    if not host.isascii():
        raise BadUrl(f"{parts.geturl()[:200]!r} names a host that is none: {host[:100]!r}")
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def _query(query: str, keep_params: Collection[str] | None) -> str:
    pairs = [pair for pair in query.split("&") if pair and _matters(unquote(pair.partition("=")[0]), keep_params)]
    return "&".join(pairs)


def _matters(name: str, keep_params: Collection[str] | None) -> bool:
    return not _TRACKING.fullmatch(name) if keep_params is None else name in keep_params
