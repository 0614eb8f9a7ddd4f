"""The selectors of a profile: one line of text says what to read off a page.

css: h1.title              the text of each element found; `::attr(name)` at the end reads an attribute
xpath: //h1/text()         elements, attributes or texts
meta: og:title             the content of <meta property=...>, <meta name=...> or <meta itemprop=...>
json: $ld.NewsArticle.headline      embedded JSON-LD by type (* is any), then by path; lists are walked through
json: $data..lead, $data..body      JSON in other scripts: `..` finds a key anywhere below, $data(NAME) reads one script
auto:                      what is read without a profile, as the last resort of a field
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cssselect import SelectorError as CssError
from lxml import etree
from lxml.cssselect import CSSSelector

from newscrawl.extract.embedded import Path, parse_path, walk
from newscrawl.extract.page import Page

FIELDS = ("title", "body", "authors", "published", "modified", "section", "keywords", "image")

_ATTRIBUTE = re.compile(r"::attr\(([\w:-]+)\)$")
_LINKED = re.compile(r"^\$ld\.([\w*]+)(.*)$")
_DATA = re.compile(r"^\$data(?:\(([^()]+)\))?(.+)$")
AUTO = "auto:"


class SelectorError(ValueError):
    """A selector that cannot be read; the message says why."""


@dataclass(frozen=True)
class Selector:
    """A selector, compiled; equal texts are equal selectors."""

    text: str
    _find: Callable[[Page], list[Any]] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Compile a selector. Raises SelectorError."""
        if text.strip() == AUTO:
            return cls(AUTO, lambda page: [])
        kind, colon, expression = text.partition(":")
        makers = {"css": _css, "xpath": _xpath, "meta": _meta, "json": _json}
        if not colon or kind not in makers or not expression.strip():
            known = ", ".join(f"{name}:" for name in makers)
            raise SelectorError(f"{text!r}: a selector starts with one of {known}, or is {AUTO}")
        return cls(text, makers[kind](expression.strip()))

    @property
    def automatic(self) -> bool:
        """Whether it stands for what is read without a profile."""
        return self.text == AUTO

    def find(self, page: Page) -> list[Any]:
        """What it finds, in the page's order: elements, texts, or values of embedded JSON."""
        return self._find(page)


def _css(expression: str) -> Callable[[Page], list[Any]]:
    attribute = _ATTRIBUTE.search(expression)
    try:
        find = CSSSelector(_ATTRIBUTE.sub("", expression), translator="html")
    except CssError as error:
        raise SelectorError(f"css {expression!r}: {error}") from error
    if attribute is None:
        return lambda page: find(page.tree)
    name = attribute[1]
    return lambda page: [one.get(name) for one in find(page.tree) if one.get(name)]


def _xpath(expression: str) -> Callable[[Page], list[Any]]:
    try:
        find = etree.XPath(expression)
    except etree.XPathError as error:
        raise SelectorError(f"xpath {expression!r}: {error}") from error

    def found(page: Page) -> list[Any]:
        answer = find(page.tree)
        return answer if isinstance(answer, list) else [answer] if isinstance(answer, str) and answer else []

    return found


def _meta(name: str) -> Callable[[Page], list[Any]]:
    return lambda page: list(page.metas.get(name.lower(), ()))


def _json(expression: str) -> Callable[[Page], list[Any]]:
    """Paths with commas between them find what each finds, in this order."""
    finders = [_json_path(one.strip()) for one in expression.split(",")]
    return lambda page: [value for find in finders for value in find(page)]


def _json_path(expression: str) -> Callable[[Page], list[Any]]:
    if linked := _LINKED.match(expression):
        kind, path = linked[1], _path(expression, linked[2])
        return lambda page: [value for item in page.linked_by_type.get(kind, ()) for value in walk(item, path)]
    if data := _DATA.match(expression):
        name, path = data[1], _path(expression, data[2])
        return lambda page: [value for one, item in page.data if name in (None, one) for value in walk(item, path)]
    raise SelectorError(f"json {expression!r}: must look like $ld.NewsArticle.headline or $data..article.title")


def _path(expression: str, text: str) -> Path:
    path = parse_path(text)
    if path is None:
        raise SelectorError(f"json {expression!r}: {text!r} is no path such as .author.name or ..title")
    return path
