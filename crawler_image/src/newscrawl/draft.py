"""A first profile of a site, from one address of it: what can be found out by looking, for a person to finish.

The hubs come from the front page and robots.txt, the shape of article addresses and the place of the body from some
articles that the hubs list. Whoever runs it reads the result, tries it on more pages and deletes what is wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from itertools import zip_longest
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit
from zoneinfo import ZoneInfo

import yaml

from newscrawl.discover import feeds
from newscrawl.extract import extract, text, zones
from newscrawl.extract.page import Page
from newscrawl.model import Article, FetchError, NotAnArticle, Response

SAMPLES = 5
_FEED_TYPES = "rss+xml", "atom+xml"
_SITEMAP = re.compile(r"^\s*sitemap:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_NEWS = re.compile(r"news|latest|article|recent", re.IGNORECASE)
# of a sample's lines, how many an element must hold to be its body
_MOST = 0.8
# a name with a number in it is one page's, or one build's
_LASTING_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{2,40}")

# of each feed, how many addresses are looked at for one article
_TRIES = 3
_WORDS = "[^/]+"

Get = Callable[[str], Response]


@dataclass(frozen=True)
class Sample:
    """An article of the site, as it is read without a profile."""

    page: Page
    article: Article
    day: date


def draft(url: str, get: Get, *, allow_private: bool = False) -> str:
    """The YAML of a profile for the site of `url`, its front page or any page; `get` fetches, or raises FetchError.

    Raises FetchError when the page itself cannot be fetched, ValueError when no article could be found from it.
    """
    get = _once(get)
    given = get(url)
    root = urljoin(given.url, "/")
    front = _page(get, root) if urlsplit(given.url).path not in ("", "/") else Page(given)
    pages = [Page(given), *([front] if front else [])]
    hubs = _feeds(pages)
    maps = _sitemaps(get, root)
    language = _declared(pages[-1])[:2].lower() or None
    samples: list[Sample] = []
    _look(samples, get, [given.url], root, 1)
    # each feed may be a section of its own, whose addresses have a shape of their own
    listed = [_listed(get, hub) for hub in hubs]
    for urls in listed:
        _look(samples, get, urls[:_TRIES], root, 1)
    in_turn = [one for turn in zip_longest(*listed) for one in turn if one]
    _look(samples, get, [*in_turn[: 2 * SAMPLES], *_links(pages[-1])], root, SAMPLES - len(samples))
    if not samples:
        raise ValueError(f"{url}: no article was found from it: give the address of an article of the site")
    profile = _profile(root, front or pages[0], language, hubs, maps, samples)
    return _yaml(profile | ({"allow_private": True} if allow_private else {}), samples)


def site_of(host: str) -> str:
    """A name for the site of a host: www.daily.example is daily."""
    name = host.lower().partition(":")[0].removeprefix("www.").rpartition(".")[0]
    site = re.sub(r"[^a-z0-9]+", "_", name).strip("_")
    return site if site[:1].isalpha() else f"site_{site}".rstrip("_")


def shape(paths: Iterable[str]) -> list[str]:
    """Regular expressions for the paths: numbers of any length, words where the paths differ; the usual first.

    Paths that differ in one word alone, their section, have one in common.
    """
    shapes = Counter(tuple(_segment(one) for one in path.split("/")) for path in paths)
    for one, place in [(parts, place) for parts in shapes for place in range(len(parts))]:
        others = _without(one, place)
        alike = [other for other in shapes if _without(other, place) == others]
        # only where another part tells one article from the next
        if len(alike) > 1 and any(part == r"\d+" or part.startswith(_WORDS) for part in others):
            joined = (*one[:place], _WORDS, *one[place + 1 :])
            shapes[joined] += sum(shapes.pop(other) for other in alike if other != joined)
    return ["/".join(one) for one, _ in shapes.most_common(3)]


def body_selector(samples: Sequence[Sample]) -> str | None:
    """The CSS selector of the element that holds the paragraphs of every sample, or None when there is no such one."""
    named = [set(_names(sample)) for sample in samples]
    common = set.intersection(*named) if named else set()
    return min(common, key=lambda name: (name.startswith("."), len(name)), default=None)


def _without(parts: tuple[str, ...], place: int) -> tuple[str, ...]:
    return parts[:place] + parts[place + 1 :]


def _segment(part: str) -> str:
    if re.fullmatch(r"\d{4}|\d{1,2}|\d+", part):
        return r"\d+"
    if re.search(r"\d", part) or part.count("-") > 1 or "%" in part:
        ending = re.search(r"\.[a-z]{3,5}$", part)
        return _WORDS + (re.escape(ending[0]) if ending else "")
    return re.escape(part)


def _names(sample: Sample) -> list[str]:
    """Selectors of the innermost element with a lasting name that holds most of the sample's paragraphs."""
    lines = set(sample.article.paragraphs)
    holders = [element for element, line in text.blocks(sample.page.tree) if line in lines]
    weights = Counter(one for element in holders for one in (element, *element.iterancestors()))
    enough = [one for one, weight in weights.items() if weight >= _MOST * len(holders)]
    for element in sorted(enough, key=lambda one: -sum(1 for _ in one.iterancestors())):
        names = [("#", element.get("id") or ""), *((".", one) for one in (element.get("class") or "").split())]
        lasting = [mark + name for mark, name in names if _LASTING_NAME.fullmatch(name)]
        if lasting:
            return lasting
    return []


def _once(get: Get) -> Get:
    """Asks for each address once, and not again for one that a redirect led to."""
    known: dict[str, Response] = {}

    def look(url: str) -> Response:
        if url not in known:
            response = get(url)
            known[url] = known[response.url] = response
        return known[url]

    return look


def _page(get: Get, url: str) -> Page | None:
    try:
        return Page(get(url))
    except FetchError:
        return None


def _feeds(pages: Iterable[Page]) -> list[str]:
    links = [
        urljoin(page.base, link.get("href"))
        for page in pages
        for link in page.tree.iter("link")
        if "alternate" in (link.get("rel") or "") and link.get("href")
        if any(kind in (link.get("type") or "") for kind in _FEED_TYPES)
    ]
    return list(dict.fromkeys(links))[:10]


def _sitemaps(get: Get, root: str) -> list[str]:
    try:
        told = get(urljoin(root, "/robots.txt")).body.decode("utf-8", "replace")
    except FetchError:
        return []
    found = list(dict.fromkeys(_SITEMAP.findall(told)))
    return [one for one in found if _NEWS.search(one)][:5] or found[:3]


def _listed(get: Get, hub: str) -> list[str]:
    try:
        return [link.url for link in feeds.links(get(hub), UTC)][: 2 * SAMPLES]
    except FetchError:
        return []


def _links(page: Page) -> list[str]:
    """The longest link texts of a page are its headlines."""
    links = [
        (len(" ".join(one.itertext()).strip()), urljoin(page.base, one.get("href") or ""))
        for one in page.tree.iter("a")
    ]
    return [url for length, url in sorted(links, key=lambda one: -one[0]) if length > 15][: 2 * SAMPLES]


def _look(samples: list[Sample], get: Get, urls: Iterable[str], root: str, count: int) -> None:
    """Adds up to `count` samples from the URLs to those that there are."""
    for url in dict.fromkeys(urls):
        if count <= 0:
            return
        if urlsplit(url).netloc != urlsplit(root).netloc:
            continue
        try:
            response = get(url)
            if any(response.url == one.page.url for one in samples):
                continue
            article = extract(response, None, fetched=response.fetched_at)
        except (FetchError, NotAnArticle):
            continue
        samples.append(Sample(Page(response), article, response.fetched_at.date()))
        count -= 1


def _yaml(profile: Mapping[str, Any], samples: Sequence[Sample]) -> str:
    told = "".join(f"#   {one.article.title} [{one.page.url}]\n" for one in samples)
    head = f"# drafted from {len(samples)} articles:\n{told}"
    head += "# to check: timezone (of dates without one), discover, urls.article, body\n"
    return head + yaml.safe_dump(dict(profile), allow_unicode=True, sort_keys=False, width=110)


def _declared(page: Page) -> str:
    return page.tree.getroottree().getroot().get("lang") or ""


def _zone(host: str, front: Page) -> str:
    """The zone in which the site's dates without one are read as long as nobody describes it."""
    zone = zones.zone_of(host, [_declared(front), *front.metas.get("og:locale", ())])
    return zone.key if isinstance(zone, ZoneInfo) else "Etc/UTC"


def _profile(
    root: str, front: Page, language: str | None, hubs: list[str], maps: list[str], samples: Sequence[Sample]
) -> dict[str, Any]:
    host = urlsplit(root).netloc
    name = next(iter(front.metas.get("og:site_name", ())), host)
    paths = [urlsplit(one.page.url).path for one in samples]
    queries = [parse_qsl(urlsplit(one.page.url).query) for one in samples]
    params = {key for query in queries for key, value in query if value.isdigit()}
    selector = body_selector(samples)
    version = {"since": str(min(one.day for one in samples))} | (
        {"body": [f"css: {selector} > :is(p, h2, h3, h4, ul, ol, blockquote)", f"css: {selector}", "auto:"]}
        if selector
        else {}
    )
    return {
        "site": site_of(host),
        "name": name,
        **({"language": language} if language else {}),
        "timezone": _zone(host, front),
        "hosts": [host],
        "crawl": {"queue": "default", "lookback_days": 3, "paused": True},
        "politeness": {"requests_per_second": 0.5, "concurrency": 1},
        "discover": {kind: found for kind, found in (("feeds", hubs), ("sitemaps", maps)) if found},
        "urls": {"article": shape(paths), "keep_params": sorted(params)},
        "versions": [version],
    }
