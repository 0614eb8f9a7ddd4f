"""The paragraphs of an element: block by block, lines that <br><br> or whole sentences separate apart, inline markup
joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

# fmt: off
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main",
    "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
))
_SILENT = frozenset((
    "script", "style", "noscript", "template", "iframe", "svg", "math", "button", "select", "textarea", "object",
    "video", "audio", "canvas", "head",
))
# fmt: on
_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n\s*")
# of the characters between single breaks those in sentences, from which on each line is a paragraph
_SENTENCES = 0.8
_SENTENCE = re.compile(r".{25}[.!?。！？…][\"'”’」』)）]*$")

Block = tuple[etree._Element, str]


def paragraphs(elements: Iterable[etree._Element]) -> list[str]:
    """The non-empty paragraphs below `elements`, white space folded; two <br> are a new paragraph, one is a space
    unless nearly all that it separates is sentences.
    """
    return [line for element in elements for _, line in blocks(element)]


def plain(element: etree._Element) -> str:
    """All text of an element on one line."""
    return " ".join(paragraphs([element]))


def blocks(root: etree._Element) -> Iterator[Block]:
    """The paragraphs below `root`, each with the innermost block element that holds it."""
    pieces: list[str] = []
    holder = root
    for owner, text in _walk(root):
        if owner is not holder or text is None:
            yield from ((holder, line) for line in _lines(pieces))
            pieces, holder = [], owner
        if text is not None:
            pieces.append(text)
    yield from ((holder, line) for line in _lines(pieces))


def _lines(pieces: list[str]) -> Iterator[str]:
    if pieces:
        for part in _PARAGRAPH_BREAK.split("".join(pieces)):
            # where nearly all is sentences, single breaks stand between paragraphs, else within an address or a poem
            lines = [line for line in (" ".join(one.split()) for one in part.split("\n")) if line]
            if len(lines) > 1 and _are_sentences(lines):
                yield from lines
            elif lines:
                yield " ".join(lines)


def _are_sentences(lines: list[str]) -> bool:
    return sum(len(line) for line in lines if _SENTENCE.search(line)) >= _SENTENCES * sum(map(len, lines))


def _walk(root: etree._Element) -> Iterator[tuple[etree._Element, str | None]]:
    """Texts with the block that they stand in, in order; None where a block begins or ends."""
    # a stack of its own: hostile pages nest deeper than Python calls
    owners = [root]
    skipped = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        silent = not isinstance(tag, str) or tag in _SILENT
        if event == "start":
            if silent and element is not root:
                skipped += 1
            if skipped:
                continue
            if tag in _BLOCKS and element is not root:
                owners.append(element)
                yield element, None
            if tag == "br":
                yield owners[-1], "\n"
            if element.text:
                yield owners[-1], element.text.replace("\n", " ")
            continue
        if not skipped and tag in _BLOCKS and element is not root:
            owners.pop()
            yield owners[-1], None
        if silent and element is not root:
            skipped -= 1
        if not skipped and element is not root and element.tail:
            yield owners[-1], element.tail.replace("\n", " ")
