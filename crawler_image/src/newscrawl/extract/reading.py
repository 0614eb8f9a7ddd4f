"""One reading of a page, by one version of a profile or by what all news pages share.

A field that the profile names is read by the profile's selectors alone, so that a change of the site's layout shows as
an empty field and not as something similar; `auto:` at the end of its list says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from lxml import etree

from newscrawl.extract import authors, changes, dates, fields, gate, generic, main_text, zones
from newscrawl.extract.page import Page
from newscrawl.extract.selectors import Selector
from newscrawl.model import Article
from newscrawl.urls import BadUrl, canonicalize

if TYPE_CHECKING:
    from newscrawl.profiles import Profile, Version

EXTRACTOR = "newscrawl 0.1"

Value = TypeVar("Value")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
# bytes of UTF-8 of a body from which on no other way to read it is tried, and below which even the generic way is; a
# news flash has as few, so that it must find much more, and the same
_ENOUGH = 500
_LITTLE = 300
_MUCH_MORE = 3
# characters; browsers and databases take no longer ones
_LONGEST_ADDRESS = 2048
# of what a selector finds, how much is tried as a date
_MOST_DATES = 20


class Reading:
    """Reads `page`, which it may change; `fetched` is aware. Without `last_resort` an `auto:` finds no body."""

    def __init__(
        self, page: Page, profile: Profile | None, version: Version | None, fetched: datetime, *, last_resort: bool
    ):
        self._page = page
        self._profile = profile
        self._version = version
        self._fetched = fetched
        self._last_resort = last_resort
        self._zone: tzinfo = profile.timezone if profile else self._declared_zone()
        self._sources: dict[str, str] = {}

    def article(self) -> tuple[Article | None, str]:
        """The article, or None with what speaks against it."""
        # what the profile drops may hold the marks of a paywall and the title
        access = self._access()
        title = self._title()
        names = self._all("authors", authors.names)
        self._drop()
        paragraphs, profiled = self._body(title, names)
        published = self._published()
        objection = gate.objection(
            self._page,
            title,
            paragraphs,
            published,
            profiled=profiled,
            told=self._sources.get("published") not in generic.SHOWN_DATES,
            fetched=self._fetched,
        )
        if objection is not None:
            return None, objection
        profile, version = self._profile, self._version
        return (
            Article(
                url=self._page.url,
                canonical_url=self._canonical(),
                title=title,
                paragraphs=tuple(paragraphs),
                authors=generic.without_publisher(names, self._page),
                published=published,
                modified=self._modified(published),
                section=self._first("section", fields.words, str),
                keywords=self._all("keywords", fields.keywords),
                image=self._first("image", fields.address, self._image),
                language=(profile.language if profile else None) or self._declared_language(),
                access=access,
                extractor=EXTRACTOR,
                profile=f"{profile.site}@{version.since.isoformat()}" if profile and version else None,
                sources=self._sources,
            ),
            "",
        )

    def _title(self) -> str:
        title = self._first("title", fields.words, lambda value: generic.title_of(value, self._page)) or ""
        if self._sources.get("title", "").startswith("json: $ld") and (whole := generic.whole_title(title, self._page)):
            title, self._sources["title"] = whole
        return title

    def _own(self, name: str) -> Sequence[Selector]:
        return self._version.fields.get(name, ()) if self._version else ()

    def _selectors(self, name: str) -> Iterator[Selector]:
        own = self._own(name)
        for selector in own:
            yield from generic.SELECTORS[name] if selector.automatic else (selector,)
        if not own:
            yield from generic.SELECTORS[name]

    def _first(self, name: str, read: Callable[[Any], str], make: Callable[[str], Value | None]) -> Value | None:
        """What `make` makes of the first text that it can use."""
        for selector in self._selectors(name):
            for found in selector.find(self._page):
                text = read(found)
                made = make(text) if text else None
                if made:
                    self._sources[name] = selector.text
                    return made
        return None

    def _all(self, name: str, make: Callable[[list[Any]], tuple[str, ...]]) -> tuple[str, ...]:
        """What `make` makes of all that the first selector with a usable find has found."""
        for selector in self._selectors(name):
            values = [
                fields.words(one) if isinstance(one, etree._Element) else one for one in selector.find(self._page)
            ]
            made = make(values)
            if made:
                self._sources[name] = selector.text
                return made
        return ()

    def _date(self, name: str) -> datetime | None:
        """The first date; when that is only a day, the time of day comes from the first that gives one for this day."""
        day: datetime | None = None
        for selector in self._selectors(name):
            texts = chain.from_iterable(map(fields.dates, selector.find(self._page)[:_MOST_DATES]))
            for text in chain.from_iterable(map(changes.told_of_publication, texts)) if name == "published" else texts:
                moment = dates.parse(text, self._zone) if text else None
                if moment is None or (day and moment.astimezone(day.tzinfo).date() != day.date()):
                    continue
                if not dates.is_day(text, moment):
                    self._sources[name] = selector.text
                    return moment
                if day is None:
                    day, self._sources[name] = moment, selector.text
        return day

    def _published(self) -> datetime | None:
        published = self._date("published")
        if published is not None:
            return published
        day = dates.in_address(urlsplit(self._page.url).path, self._zone)
        if day is None or day > self._fetched + gate.AHEAD:
            return None
        self._sources["published"] = "url"
        return day

    def _modified(self, published: datetime | None) -> datetime | None:
        """When the article was changed; many sites repeat the date of publication, which says that it was not."""
        modified = self._date("modified")
        if modified and published and modified <= published:
            del self._sources["modified"]
            return None
        return modified

    def _access(self) -> str:
        marked = any(selector.find(self._page) for selector in (self._version.paywall if self._version else ()))
        flags = [item.get("isAccessibleForFree") for item in self._page.linked_data]
        if not any(flag is not None for flag in flags):
            told = [item.get("hasPart") for item in self._page.linked_data]
            parts = chain.from_iterable(one if isinstance(one, list) else [one] for one in told)
            flags = [part.get("isAccessibleForFree") for part in parts if isinstance(part, dict)]
        locked = "locked" in self._page.metas.get("article:content_tier", ())
        return "paywalled" if marked or locked or any(str(flag).lower() == "false" for flag in flags) else "free"

    def _drop(self) -> None:
        for selector in self._version.drop if self._version else ():
            for element in selector.find(self._page):
                if isinstance(element, etree._Element) and element.getparent() is not None:
                    element.drop_tree()

    def _body(self, title: str, names: Sequence[str]) -> tuple[list[str], bool]:
        """The paragraphs, and whether the profile's own selectors found them.

        The first selector that finds any counts; but of little text a later one may know much more, as half a change of
        layout leaves an article's lead where it was.
        """
        own = self._own("body")
        best: list[str] = []
        for selector in own:
            found = [] if selector.automatic else selector.find(self._page)
            kept = [] if _headings_alone(found) else self._without_boilerplate(fields.paragraphs(found))
            if kept and (not best or _completes(kept, best)):
                best, self._sources["body"] = kept, selector.text
            if _bytes(best) >= _ENOUGH:
                return best, True
        automatic = any(selector.automatic for selector in own)
        if own and not (automatic and (self._last_resort or 0 < _bytes(best) < _LITTLE)):
            return best, True
        lines, source = main_text.main_text(self._page, title, names)
        lines = self._without_boilerplate(lines)
        if best and not _completes(lines, best):
            return best, True
        self._sources["body"] = source
        return lines, False

    def _without_boilerplate(self, lines: Sequence[str]) -> list[str]:
        patterns = self._version.boilerplate if self._version else ()
        return [line for line in lines if not any(pattern.search(line) for pattern in patterns)]

    def _image(self, address: str) -> str | None:
        try:
            absolute = urljoin(self._page.base, address)
        except ValueError:
            return None
        # what is embedded (data:) or longer than any address is no address
        usable = absolute.startswith(("http://", "https://")) and len(absolute) <= _LONGEST_ADDRESS
        return absolute if usable else None

    def _canonical(self) -> str:
        """The page's own canonical link when it leads to an article of the site, else the final URL; canonical both."""
        keep = self._profile.urls.keep_params if self._profile else None
        told = [one for one in self._page.tree.iter("link") if "canonical" in (one.get("rel") or "").lower().split()]
        links = [one.get("href") for one in told]
        for link in filter(None, links + self._page.metas.get("og:url", [])):
            try:
                address = canonicalize(link, keep_params=keep, base=self._page.base)
            except BadUrl:
                continue
            if self._is_canonical(address):
                secure = urlsplit(self._page.url).scheme == "https"
                return "https://" + address.removeprefix("http://") if secure and address[:5] == "http:" else address
        return canonicalize(self._page.url, keep_params=keep)

    def _is_canonical(self, address: str) -> bool:
        """Whether a link can be the article's own: a usual mistake is that of the section, or of the front page."""
        link, page = urlsplit(address), urlsplit(self._page.url)
        if link.path in ("", "/"):
            return False
        hosts = {page.netloc, *(self._profile.hosts if self._profile else ())}
        if link.netloc not in hosts and link.hostname not in hosts:
            return False
        patterns = self._profile.urls.article if self._profile else ()
        if patterns:
            return any(one.search(address) for one in patterns)
        return gate.names_an_article(link) or not gate.names_an_article(page)

    def _declared_zone(self) -> tzinfo:
        locales = [self._page.tree.getroottree().getroot().get("lang") or "", *self._page.metas.get("og:locale", ())]
        return zones.zone_of(urlsplit(self._page.url).netloc, locales)

    def _declared_language(self) -> str | None:
        declared = self._page.tree.getroottree().getroot().get("lang") or ""
        return declared[:2].lower() or None


def _headings_alone(found: Sequence[Any]) -> bool:
    """Whether a selector found an article's headings and none of its paragraphs: the layout is another one."""
    return all(isinstance(one, etree._Element) and one.tag in _HEADINGS for one in found)


def _bytes(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) for line in lines)


def _completes(lines: Sequence[str], part: Sequence[str]) -> bool:
    """Whether `lines` are much more than `part`, and hold it."""
    return _bytes(lines) > _MUCH_MORE * _bytes(part) and set(part) <= set(lines)
