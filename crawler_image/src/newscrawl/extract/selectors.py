"""The selectors of a profile: one line of text says what to read off a page.

css: h1.title              the text of each element found; `::attr(name)` at the end reads an attribute
xpath: //h1/text()         elements, attributes or texts
meta: og:title             the content of <meta property=...>, <meta name=...> or <meta itemprop=...>
json: $ld.NewsArticle.headline      embedded JSON-LD by type, then by path; lists are walked through
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cssselect import SelectorError as CssError
from lxml import etree
from lxml.cssselect import CSSSelector

from newscrawl.extract.page import Page

FIELDS = ("title", "body", "authors", "published", "modified", "section", "keywords", "image")

_ATTRIBUTE = re.compile(r"::attr\(([\w:-]+)\)$")
_EMBEDDED = re.compile(r"^\$ld\.([\w*]+)((?:\.[\w@-]+)*)$")


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
        kind, colon, expression = text.partition(":")
        makers = {"css": _css, "xpath": _xpath, "meta": _meta, "json": _json}
        if not colon or kind not in makers or not expression.strip():
            raise SelectorError(f"{text!r}: a selector starts with one of {', '.join(f'{name}:' for name in makers)}")
        return cls(text, makers[kind](expression.strip()))

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
    match = _EMBEDDED.match(expression)
    if match is None:
        raise SelectorError(f"json {expression!r}: must look like $ld.NewsArticle.headline ($ld.* for any type)")
    kind, path = match[1], match[2].split(".")[1:]
    return lambda page: [value for item in page.linked_data if _is_a(item, kind) for value in walk(item, path)]


def _is_a(item: dict[str, Any], kind: str) -> bool:
    types = item.get("@type", ())
    return kind == "*" or kind in ([types] if isinstance(types, str) else types)


def walk(value: Any, path: list[str]) -> list[Any]:
    """The values at a path of keys, through lists on the way and at its end."""
    if isinstance(value, list):
        return [found for one in value for found in walk(one, path)]
    if not path:
        return [] if value is None else [value]
    return walk(value[path[0]], path[1:]) if isinstance(value, dict) and path[0] in value else []
