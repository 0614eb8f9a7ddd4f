"""From a response to an article: by the site's profile where it speaks, by what all news pages share where it does not.

The versions of a profile are tried from the one in force on the page's day to the older ones, so that a page in an old
layout still parses after a redesign. `Article.sources` says for each field which selector found it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from lxml import etree

from newscrawl.extract import authors, dates, gate, generic, text
from newscrawl.extract.page import Page
from newscrawl.extract.selectors import Selector
from newscrawl.model import Article, NotAnArticle, Response
from newscrawl.urls import BadUrl, canonicalize

if TYPE_CHECKING:
    from newscrawl.profiles import Profile, Version

EXTRACTOR = "newscrawl 0.1"

Value = TypeVar("Value")


def extract(response: Response, profile: Profile | None, *, fetched: datetime) -> Article:
    """The article on a page, with its profile or without one. `fetched` is aware.

    Raises NotAnArticle with the reason.
    """
    page = Page(response)
    objections = []
    for version in _versions(profile, fetched):
        if objections:  # the attempt before may have dropped elements
            page = Page(response)
        article, objection = _Reading(page, profile, version, fetched).article()
        if article is not None:
            return article
        objections.append(objection)
    raise NotAnArticle(response.url, objections[0])


def _versions(profile: Profile | None, fetched: datetime) -> Sequence[Version | None]:
    """The versions of the profile to try: those in force on the day, newest first, then none at all without any."""
    if profile is None or not profile.versions:
        return [None]
    in_force = [version for version in profile.versions if version.since <= fetched.astimezone(profile.timezone).date()]
    return in_force or list(profile.versions[-1:])


class _Reading:
    """One reading of a page by one version of a profile, or by none."""

    def __init__(self, page: Page, profile: Profile | None, version: Version | None, fetched: datetime):
        self._page = page
        self._profile = profile
        self._version = version
        self._fetched = fetched
        self._zone: tzinfo = profile.timezone if profile else UTC
        self._sources: dict[str, str] = {}
        # what is dropped is dropped once the paywall marks have been looked for
        self._paywalled = any(selector.find(page) for selector in (version.paywall if version else ()))
        for selector in version.drop if version else ():
            for element in selector.find(page):
                if isinstance(element, etree._Element) and element.getparent() is not None:
                    element.drop_tree()

    def article(self) -> tuple[Article | None, str]:
        """The article, or None with what speaks against it."""
        title = self._first("title", _text, self._title)
        paragraphs, profiled = self._body()
        published = self._first("published", _text, lambda value: dates.parse(value, self._zone))
        objection = gate.objection(
            self._page, title or "", paragraphs, published, profiled=profiled, fetched=self._fetched
        )
        if objection is not None:
            return None, objection
        profile, version = self._profile, self._version
        return (
            Article(
                url=self._page.url,
                canonical_url=self._canonical(),
                title=title or "",
                paragraphs=tuple(paragraphs),
                authors=self._first("authors", None, lambda values: authors.names(values), whole=True) or (),
                published=published,
                modified=self._modified(published),
                section=self._first("section", _text, str.strip),
                keywords=self._first("keywords", None, _keywords, whole=True) or (),
                image=self._first("image", _address, lambda value: urljoin(self._page.url, value)),
                language=(profile.language if profile else None) or self._declared_language(),
                access="paywalled" if self._paywalled or self._declared_paywall() else "free",
                extractor=EXTRACTOR,
                profile=f"{profile.site}@{version.since.isoformat()}" if profile and version else None,
                sources=self._sources,
            ),
            "",
        )

    def _selectors(self, name: str) -> Iterator[Selector]:
        own = self._version.fields.get(name, ()) if self._version else ()
        yield from own
        # a profile that names a field speaks for it alone
        if not own:
            yield from generic.SELECTORS[name]

    def _first(
        self,
        name: str,
        read: Callable[[Any], str] | None,
        make: Callable[[Any], Value | None],
        *,
        whole: bool = False,
    ) -> Value | None:
        """What `make` makes of the first selector's findings that it can use, of all of them together with `whole`."""
        for selector in self._selectors(name):
            found = selector.find(self._page)
            values: Iterable[Any] = [[_node_text(one) for one in found]] if whole else map(read or _text, found)
            for value in values:
                made = make(value) if value else None
                if made:
                    self._sources[name] = selector.text
                    return made
        return None

    def _modified(self, published: datetime | None) -> datetime | None:
        """When the article was changed; many sites repeat the date of publication, which says that it was not."""
        modified = self._first("modified", _text, lambda value: dates.parse(value, self._zone))
        if modified and published and modified <= published:
            del self._sources["modified"]
            return None
        return modified

    def _title(self, value: str) -> str:
        return generic.without_site_name(value, self._page).strip()

    def _body(self) -> tuple[list[str], bool]:
        own = self._version.fields.get("body", ()) if self._version else ()
        boilerplate = self._version.boilerplate if self._version else ()
        for selector in own:
            found = selector.find(self._page)
            elements = [one for one in found if isinstance(one, etree._Element)]
            texts = text.paragraphs(elements) + [
                line for one in found if isinstance(one, str) for line in filter(None, map(str.strip, one.splitlines()))
            ]
            kept = [line for line in texts if not any(pattern.search(line) for pattern in boilerplate)]
            if kept:
                self._sources["body"] = selector.text
                return kept, True
        if own:
            return [], True
        self._sources["body"] = "trafilatura"
        return generic.body(self._page), False

    def _canonical(self) -> str:
        """The page's own canonical link when it stays on the page's host, else the final URL; canonical both."""
        keep = self._profile.urls.keep_params if self._profile else None
        links = self._page.tree.xpath('//link[@rel="canonical"]/@href') + self._page.metas.get("og:url", [])
        for link in links:
            try:
                address = canonicalize(link, keep_params=keep, base=self._page.url)
            except BadUrl:
                continue
            if urlsplit(address).netloc == urlsplit(self._page.url).netloc and urlsplit(address).path not in ("", "/"):
                return address
        return canonicalize(self._page.url, keep_params=keep)

    def _declared_language(self) -> str | None:
        declared = self._page.tree.getroottree().getroot().get("lang") or ""
        return declared[:2].lower() or None

    def _declared_paywall(self) -> bool:
        flags = [item.get("isAccessibleForFree") for item in self._page.linked_data]
        return any(flag is False or str(flag).lower() == "false" for flag in flags if flag is not None)


def _node_text(value: Any) -> Any:
    return text.plain(value) if isinstance(value, etree._Element) else value


def _text(value: Any) -> str:
    """A found value as text: an element's own date attribute before its words."""
    if isinstance(value, etree._Element):
        return value.get("datetime") or value.get("content") or text.plain(value)
    if isinstance(value, dict):
        return str(value.get("name") or value.get("url") or "")
    return str(value).strip()


def _address(value: Any) -> str:
    if isinstance(value, etree._Element):
        return value.get("src") or value.get("href") or value.get("content") or ""
    return str(value.get("url") or "") if isinstance(value, dict) else str(value).strip()


def _keywords(values: Sequence[Any]) -> tuple[str, ...]:
    parts = (part.strip(" #") for value in values for part in str(value).split(","))
    return tuple(dict.fromkeys(part for part in parts if part))
