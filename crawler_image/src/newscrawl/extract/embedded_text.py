"""Article text in the data that a page carries for machines: HTML or plain text, in one piece or a list of pieces."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator
from typing import Any

from lxml import html

from newscrawl.extract import text
from newscrawl.extract.noise import Noise
from newscrawl.extract.page import Page, plain_parser

_MARKUP = re.compile(r"<(?:p|br|div)[\s/>]", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{1,300}>")
_NOT_WORDS = re.compile(r"\W+")
# characters of embedded HTML that are read
_MOST_EMBEDDED = 1_000_000
# keys below which texts of the site stand, not of the article
_NOT_THE_STORY = re.compile(
    r"cookie|consent|privacy|gdpr|terms|footer|newsletter|legal|disclaimer|subscri|comment|related|recommend|menu|modal",
    re.IGNORECASE,
)
# where the pieces of a story that is a list hold their text, and what in such a list is none
_PIECE_KEYS = ("content", "text", "html", "value", "body", "paragraph", "children", "data")
_NOT_TEXT = re.compile(
    r"image|video|audio|gallery|advert|embed|related|newsletter|link_list|promo|\bad\b", re.IGNORECASE
)
# characters from which a piece is a sentence, and how many of them make a story
_SENTENCE = 25
_LEAST_SENTENCES = 2
# objects that are looked at, and how deep the pieces of a list may be nested
_MOST_OBJECTS = 50_000
_DEEPEST_PIECE = 6


def linked_body(page: Page) -> list[str]:
    """The paragraphs of the longest articleBody in linked data."""
    bodies = [one for item in page.linked_data for one in [item.get("articleBody")] if isinstance(one, str)]
    return markup_paragraphs(max((one for one in bodies if len(one) <= _MOST_EMBEDDED), key=len, default=""))


def story(page: Page, title: str) -> list[str]:
    """The paragraphs of the story in the JSON of the page's scripts.

    The longest one beside the title, else the longest; what the keys on the way call cookies or terms is none.
    """
    heading = _squashed(title)
    best: tuple[bool, int, list[str]] = (False, 0, [])
    for titled, lines in _stories(page, heading):
        if sum(len(line) >= _SENTENCE for line in lines) >= _LEAST_SENTENCES:
            best = max(best, (titled, sum(map(len, lines)), lines), key=lambda one: one[:2])
    return best[2]


def markup_paragraphs(markup: str) -> list[str]:
    """The paragraphs of a piece of HTML or of plain text in lines, without what is never text of an article."""
    if not _MARKUP.search(markup):
        return [line for line in map(_plain, markup.splitlines()) if line]
    tree = html.fragment_fromstring(markup, create_parent="div", parser=plain_parser())
    noise = Noise(tree)
    for element in [one for one in tree.iter() if one in noise]:
        if element.getparent() is not None:
            element.drop_tree()
    return text.paragraphs([tree])


def _stories(page: Page, heading: str) -> Iterator[tuple[bool, list[str]]]:
    """Every text that may be the story, with whether the title stands beside it."""
    waiting: list[tuple[Any, bool]] = [(value, False) for _, value in page.data]
    for _ in range(_MOST_OBJECTS):
        if not waiting:
            return
        value, titled = waiting.pop()
        if isinstance(value, list):
            yield titled, [line for one in value for line in _piece(one)]
            waiting += [(one, False) for one in value if isinstance(one, dict | list)]
            continue
        if not isinstance(value, dict):
            continue
        texts = [one for one in value.values() if isinstance(one, str)]
        # the title is the story's, or of the object that holds it
        titled = titled or (bool(heading) and any(len(one) < 500 and _squashed(one) == heading for one in texts))
        for key, one in value.items():
            if _NOT_THE_STORY.search(key):
                continue
            if isinstance(one, dict | list):
                waiting.append((one, titled))
            elif isinstance(one, str) and len(one) <= _MOST_EMBEDDED and _MARKUP.search(one):
                yield titled, markup_paragraphs(one)


def _piece(value: Any) -> list[str]:
    """The text of one piece of a story that is a list: a paragraph, or a list of runs of text that make one."""
    if isinstance(value, str) and len(value) < _SENTENCE:
        return []
    return markup_paragraphs(_run(value))


def _run(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if depth > _DEEPEST_PIECE or not isinstance(value, dict | list):
        return ""
    if isinstance(value, list):
        return "".join(_run(one, depth + 1) for one in value)
    kind = value.get("type") or value.get("nodeType") or value.get("__typename") or value.get("name")
    if isinstance(kind, str) and _NOT_TEXT.search(kind):
        return ""
    return next((text for text in (_run(value.get(key), depth + 1) for key in _PIECE_KEYS) if text.strip()), "")


def _plain(line: str) -> str:
    return " ".join(entities.unescape(_TAG.sub("", line)).split())


def _squashed(line: str) -> str:
    return _NOT_WORDS.sub("", line).casefold()
