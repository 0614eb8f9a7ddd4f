"""The main text of a page of which no profile speaks.

trafilatura finds where the text is; what it leaves out of it (short lines, the end of a long page) is then read from
the page itself: the paragraphs in the same place that look like those it found. Pages that browsers render from
embedded JSON are read from there, and pages too large for trafilatura in one pass over their paragraphs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any

from lxml import etree, html

from newscrawl.extract import boilerplate, text
from newscrawl.extract.density import densest
from newscrawl.extract.noise import Noise
from newscrawl.extract.page import Page

_MARKUP = re.compile(r"<(?:p|br|div)[\s/>]", re.IGNORECASE)
_NOT_WORDS = re.compile(r"\W+")
# of the characters that trafilatura found, those below the element that is read
_COVERED = 0.9
# the reading of the page is distrusted when it is so much longer than what trafilatura found
_LONGER = 1.5
# and when less of what trafilatura found is left once captions, boxes and the like are out
_TRUSTED = 0.3
# characters, without spaces, of a line that shows what the article's paragraphs look like
_TELLING = 20
# a line of which links make up more leads elsewhere
_LINKED = 0.8
# below so many characters the page itself holds no article, and its embedded data may
_LEAST_VISIBLE = 200
# trafilatura's cost grows faster than the page: above so many elements, or characters of text, a page is read by its
# density alone; most news pages have up to 2,500 and 25,000
_MOST_ELEMENTS = 8_000
_MOST_CHARACTERS = 150_000
# characters of embedded HTML that are read
_MOST_EMBEDDED = 1_000_000


def main_text(page: Page, title: str) -> tuple[list[str], str]:
    """The paragraphs without title and boilerplate, and how they were found; ([], "") when there are none."""
    blocks = list(text.blocks(page.tree))
    if page.elements > _MOST_ELEMENTS or sum(len(line) for _, line in blocks) > _MOST_CHARACTERS:
        found, source = densest(blocks, Noise(page.tree)), "density"
    else:
        found, source = _lines(page), "trafilatura"
    if sum(map(len, found)) < _LEAST_VISIBLE:
        embedded = _embedded(page)
        if sum(map(len, embedded)) > sum(map(len, found)):
            found, source = embedded, "embedded JSON"
    elif source == "trafilatura" and (reread := _reread(blocks, found)):
        found, source = reread, "trafilatura, reread"
    heading = _squashed(title)
    lines = [line for line in boilerplate.without(found) if _squashed(line) != heading]
    return lines, source if lines else ""


def _lines(page: Page) -> list[str]:
    # imported late: it costs a second and 60 MB that reading profiles (a DAG file does) has no need of
    import trafilatura

    found: Any = trafilatura.extract(
        page.tree, url=page.url, include_comments=False, include_tables=False, favor_precision=True, deduplicate=False
    )
    return [line.lstrip("- ").strip() for line in (found or "").splitlines() if line.strip("- ")]


def _reread(page_blocks: Sequence[text.Block], lines: Sequence[str]) -> list[str]:
    """The paragraphs around those lines that are of their kind; nothing when the page does not bear it out."""
    everywhere = "".join(map(_squashed, lines))
    blocks = [(element, line, _squashed(line)) for element, line in page_blocks]
    anchors = [(element, squashed) for element, _, squashed in blocks if len(squashed) > 1 and squashed in everywhere]
    root = _root(anchors)
    if root is None:
        return []
    noise = Noise(root)
    inside = [one for one in blocks if one[0] not in noise]
    found = {element for element, _ in anchors}
    kinds = {_kind(element) for element, squashed in anchors if len(squashed) > _TELLING}
    first = next((number for number, one in enumerate(inside) if one[0] in found), len(inside))
    kept = [
        (line, element in found)
        for element, line, squashed in inside[first:]
        if squashed and (element in found or (_kind(element) in kinds and not _is_link(element, line)))
    ]
    length, before = sum(len(line) for line, _ in kept), sum(len(line) for line, known in kept if known)
    if length > _LONGER * before or before < _TRUSTED * sum(map(len, lines)):
        return []
    below = "".join(squashed for _, _, squashed in inside)
    lead = takewhile(lambda line: _squashed(line) not in below, lines)
    return [*lead, *(line for line, _ in kept)]


def _root(anchors: Iterable[tuple[etree._Element, str]]) -> etree._Element | None:
    """The innermost element that holds most of the anchors' characters."""
    weights: Counter[etree._Element] = Counter()
    total = 0
    for element, squashed in anchors:
        total += len(squashed)
        for holder in (element, *element.iterancestors()):
            weights[holder] += len(squashed)
    enough = [element for element, weight in weights.items() if total and weight >= _COVERED * total]
    return max(enough, key=lambda element: sum(1 for _ in element.iterancestors()), default=None)


def _kind(element: etree._Element) -> tuple[str | None, ...]:
    parent = element.getparent()
    return (element.tag, element.get("class"), None if parent is None else parent.tag)


def _is_link(element: etree._Element, line: str) -> bool:
    return sum(len("".join(link.itertext()).strip()) for link in element.iter("a")) > _LINKED * len(line)


def _embedded(page: Page) -> list[str]:
    """The paragraphs of the longest HTML text in the page's embedded JSON, or of a JSON-LD articleBody."""
    texts = [one for item in page.linked_data for one in [item.get("articleBody")] if isinstance(one, str)]
    texts += [one for _, value in page.data for one in _strings(value) if _MARKUP.search(one)]
    longest = max((one for one in texts if len(one) <= _MOST_EMBEDDED), key=len, default="")
    return markup_paragraphs(longest)


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict | list):
            waiting.extend(one.values() if isinstance(one, dict) else one)


def markup_paragraphs(markup: str) -> list[str]:
    """The paragraphs of a piece of HTML or of plain text in lines, without what is never text of an article."""
    if not _MARKUP.search(markup):
        return [line for line in map(str.strip, markup.splitlines()) if line]
    parser = html.HTMLParser(remove_comments=True, remove_pis=True)
    tree = html.fragment_fromstring(markup, create_parent="div", parser=parser)
    noise = Noise(tree)
    for element in [one for one in tree.iter() if one in noise]:
        if element.getparent() is not None:
            element.drop_tree()
    return text.paragraphs([tree])


def _squashed(line: str) -> str:
    return _NOT_WORDS.sub("", line).casefold()
