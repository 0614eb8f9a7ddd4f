"""What stands around a news flash: an article of a few sentences is lost among teasers of others and notices.

Looked for only where the page's own article is that short: in a longer one a box with a linked heading may be its own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from itertools import islice
from urllib.parse import urljoin, urlsplit

from lxml import etree

from newscrawl.extract import density, text
from newscrawl.extract.noise import Noise
from newscrawl.extract.page import Page

_NOT_WORDS = re.compile(r"\W+")
_END = re.compile(r"[.!?。！？…][\"'”’」』)）]*$")
# a flash has fewer characters; with fewer bytes of UTF-8 the page has no article of its own
_FLASH = 300
_LEAST_SIZE = 100
# characters of a line that may be a sentence
_SENTENCE = 25
# bytes of the sentences outside the article, from which on they may be the article
_MUCH = 1000
_HEADINGS = ("h2", "h3", "h4", "h5", "h6")
# teasers stand together, are short, and hold their heading not far below
_TOGETHER = 3
_LONGEST = 500
_DEPTH = 5
_MOST_HEADINGS = 500


def clear(page: Page, title: str, blocks: Sequence[text.Block]) -> bool:
    """Take teasers and notices off a page whose own article is a flash; whether there were any.

    `blocks` are those of the page. What stands outside its <main>, or above its <article>, is none of the article.
    """
    heading = _heading(page, title)
    if heading is None:
        return False
    around = {heading, *heading.iterancestors()}
    own = next(
        (one for one in page.tree.iter() if one in around and (one.tag == "article" or _is_main(one))), page.tree
    )
    inside, teasers = set(own.iter()), _teasers(page, blocks, around)
    in_teasers = {inner for one in teasers for inner in one.iter()}
    above, below = _parted(blocks, heading)
    if not _is_flash([one for one in below if one[0] in inside and one[0] not in in_teasers], Noise(page.tree)):
        return False
    apart = [*above, *below] if _is_main(own) else above
    notices = [
        one
        for one in apart
        if one[0] not in inside and one[0] not in around and len(one[1]) >= _SENTENCE and _END.search(one[1])
    ]
    if sum(len(line.encode()) for _, line in notices) >= _MUCH:
        notices = []
    for element in {*teasers, *(element for element, _ in notices)}:
        element.drop_tree()
    return bool(teasers or notices)


def _heading(page: Page, title: str) -> etree._Element | None:
    """The heading that is the page's title, else its only main heading."""
    squashed = _squashed(title)
    found = list(islice(page.tree.iter("h1"), _MOST_HEADINGS))
    same = (one for one in found if _squashed(text.plain(one)) == squashed)
    return next(same, found[0] if len(found) == 1 else None)


def _is_main(element: etree._Element) -> bool:
    return element.tag == "main" or element.get("role") == "main"


def _parted(blocks: Sequence[text.Block], heading: etree._Element) -> tuple[Sequence[text.Block], Sequence[text.Block]]:
    within = set(heading.iter())
    number = next((number for number, one in enumerate(blocks) if one[0] in within), len(blocks))
    return blocks[:number], blocks[number + 1 :]


def _is_flash(blocks: Sequence[text.Block], noise: Noise) -> bool:
    links = density.Links()
    told = [one[1] for one in blocks if len(one[1]) >= _SENTENCE and one[0] not in noise and one not in links]
    return sum(map(len, told)) < _FLASH and sum(len(line.encode()) for line in told) >= _LEAST_SIZE


def _teasers(page: Page, blocks: Sequence[text.Block], around: Collection[etree._Element]) -> list[etree._Element]:
    """Short boxes of one kind, side by side, each with a heading that leads to another page of the site."""
    groups: defaultdict[tuple[object, ...], dict[etree._Element, None]] = defaultdict(dict)
    for heading in islice(page.tree.iter(*_HEADINGS), _MOST_HEADINGS):
        if _leads_on(heading, page):
            for box in islice(heading.iterancestors(), _DEPTH):
                groups[box.getparent(), box.tag, *(box.get("class") or "").split()[:1]][box] = None
    sizes = _sizes(page.tree, blocks)
    short = ([box for box in boxes if sizes[box] <= _LONGEST and box not in around] for boxes in groups.values())
    return [box for boxes in short if len(boxes) >= _TOGETHER for box in boxes]


def _leads_on(heading: etree._Element, page: Page) -> bool:
    """Whether a heading is a link to another page of the same site, whatever the host of a section is called."""
    link = next(heading.iter("a"), None)
    if link is None:
        link = next(islice(heading.iterancestors("a"), 1), None)
    try:
        target, own = urlsplit(urljoin(page.base, "" if link is None else link.get("href") or "")), urlsplit(page.url)
    except ValueError:
        return False
    same = (target.hostname or "").split(".")[-2:] == (own.hostname or "").split(".")[-2:]
    return same and (target.path, target.query) != (own.path, own.query)


def _sizes(tree: etree._Element, blocks: Sequence[text.Block]) -> Counter[etree._Element]:
    """How many characters each element shows."""
    sizes: Counter[etree._Element] = Counter()
    for element, line in blocks:
        sizes[element] += len(line)
    for element in reversed(list(tree.iter())):
        if sizes[element] and (parent := element.getparent()) is not None:
            sizes[parent] += sizes[element]
    return sizes


def _squashed(line: str) -> str:
    return _NOT_WORDS.sub("", line).casefold()
