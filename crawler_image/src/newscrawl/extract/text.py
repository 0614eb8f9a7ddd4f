"""The paragraphs of an element: block by block, lines that <br><br> separates apart, inline markup joined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_SILENT = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "iframe",
        "svg",
        "button",
        "select",
        "textarea",
        "object",
        "video",
        "audio",
        "canvas",
    ]
)
_BREAK = "\n"
_SPACE = re.compile(r"[^\S\n]+")
_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n\s*")


def paragraphs(elements: Iterable[etree._Element]) -> list[str]:
    """The non-empty paragraphs below `elements`, white space folded; one <br> is a space, two are a new paragraph."""
    texts: list[str] = []
    for element in elements:
        for block in _blocks(element):
            for part in _PARAGRAPH_BREAK.split(block):
                line = " ".join(part.split())
                if line:
                    texts.append(line)
    return texts


def plain(element: etree._Element) -> str:
    """All text of an element on one line."""
    return " ".join(" ".join(paragraphs([element])).split())


def _blocks(element: etree._Element) -> Iterator[str]:
    """The texts between block boundaries, with line breaks where <br> stands."""
    pieces: list[str] = []
    for kind, text in _walk(element):
        if kind == "block":
            if pieces:
                yield "".join(pieces)
                pieces = []
        else:
            pieces.append(text)
    if pieces:
        yield "".join(pieces)


def _walk(element: etree._Element) -> Iterator[tuple[str, str]]:
    if not isinstance(element.tag, str) or element.tag in _SILENT:
        return
    if element.tag == "br":
        yield "text", _BREAK
        return
    block = element.tag in _BLOCKS
    if block:
        yield "block", ""
    if element.text:
        yield "text", _flat(element.text)
    for child in element:
        yield from _walk(child)
        if child.tail:
            yield "text", _flat(child.tail)
    if block:
        yield "block", ""


def _flat(text: str) -> str:
    """A text node's own line breaks are mere white space."""
    return _SPACE.sub(" ", text.replace("\n", " "))
