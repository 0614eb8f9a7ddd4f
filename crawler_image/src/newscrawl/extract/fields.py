"""What a selector finds, be it an element, an attribute or embedded JSON, as the value of a field."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from newscrawl.extract import text
from newscrawl.extract.embedded_text import markup_paragraphs

_TAG = re.compile(r"<[^<>]{1,200}>")
_WORDS_APART = re.compile(r"[,，、;]")


def words(value: Any) -> str:
    """One line of text; of a date's element its machine-readable attribute."""
    if isinstance(value, etree._Element):
        return value.get("datetime") or value.get("content") or text.plain(value)
    if isinstance(value, dict):
        return words(value.get("name") or value.get("url") or "")
    if isinstance(value, str):
        plain = html.unescape(value) if "&" in value else value
        return " ".join((_TAG.sub(" ", plain) if "<" in plain else plain).split())
    return "" if value is None or isinstance(value, bool | list) else str(value)


def dates(value: Any) -> Iterator[str]:
    """The texts in which a date is looked for: what machines are told, then what readers are shown."""
    told = words(value)
    yield told
    if isinstance(value, etree._Element) and (shown := text.plain(value)) != told:
        yield shown


def address(value: Any) -> str:
    """The address that an element or an object of linked data holds."""
    if isinstance(value, etree._Element):
        value = value.get("src") or value.get("href") or value.get("content")
    elif isinstance(value, dict):
        value = value.get("url") or value.get("contentUrl") or value.get("@id")
    return value.strip() if isinstance(value, str) else ""


def keywords(values: Iterable[Any]) -> tuple[str, ...]:
    """Words of lists and of comma-separated texts, each once."""
    parts = (part.strip(" #\u3000") for value in values for part in _WORDS_APART.split(words(value)))
    return tuple(dict.fromkeys(part for part in parts if part))


def paragraphs(values: Iterable[Any]) -> list[str]:
    """The paragraphs of elements, of embedded HTML and of embedded text, which pages often embed twice.

    An element within one before it is read with that one: `li, p` finds <li><p> twice.
    """
    found: list[str] = []
    seen = set()
    last: etree._Element | None = None
    for value in values:
        if isinstance(value, str):
            if value in seen:
                continue
            seen.add(value)
            found += markup_paragraphs(value)
        elif isinstance(value, etree._Element):
            # the elements come in the page's order: only the last can hold this one
            if last is not None and value.getparent() is not last.getparent() and last in value.iterancestors():
                continue
            last = value
            found += text.paragraphs([value])
    return found
