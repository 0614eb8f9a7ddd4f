"""The main text of a page of which no profile speaks.

trafilatura finds where the text is; what it leaves out of it (short lines, the lead, the end of a long page) is then
read from the page itself: the paragraphs in the same place that look like those it found. Where the page's densest
part holds what it found and much more, that part is the text. Pages that browsers render from embedded JSON are read
from there, and pages too large for trafilatura by their density alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile
from typing import Any

from lxml import etree

from newscrawl.extract import boilerplate, density, embedded_text, teasers, text
from newscrawl.extract.noise import Noise, holds_comments
from newscrawl.extract.page import Page

_NOT_WORDS = re.compile(r"\W+")
# of the characters that trafilatura found, those below the element that is read
_COVERED = 0.9
# of a text's characters those that must stand in another for it to be the same
_SAME = 0.8
# of the characters of a page's sentences those in an element that is its article, whatever it is called, and that is
# laid out by what is otherwise none of it
_MOST = 0.7
# another reading is distrusted when it is so much longer than what is known to be the article
_LONGER = 1.5
# and when less of what trafilatura found is left once captions, boxes and the like are out
_TRUSTED = 0.3
# characters, without spaces, of a line that shows what the article's paragraphs look like
_TELLING = 20
# below so many characters the page itself holds no article, and its embedded data may
_LEAST_VISIBLE = 200
# below so many it may be the beginning of one that scripts complete
_LEAST_COMPLETE = 1000
# embedded text is the whole of which the page shows a part when it is so much longer
_WHOLE = 2
# characters of a line by which texts are compared
_COMPARED = 30
# trafilatura's cost grows faster than the page: above so many paragraphs or elements, or characters of text, a page is
# read by its density alone; most news pages have up to 700, 2,500 and 25,000
_MOST_BLOCKS = 4_000
_MOST_ELEMENTS = 25_000
_MOST_CHARACTERS = 150_000
# what lays out a page and is otherwise never text
_LAYOUT = frozenset({"form", "fieldset", "table", "tbody", "tr", "td", "aside", "ins", "figure"})
# how an article's lead, which stands before its text, is called; and between how many characters it has
_LEAD = re.compile(
    r"(?:^|[-_\s])(?:leads?|lede|stand-?first|sub-?(?:title|head(?:ing|line)?)|deck?|summary|excerpt|intro(?:duction)?|teaser|"
    r"vorspann|chap[oô]|ingress|preamble|sapo|abstract|description|bajada|entradilla|copete|sumario|manchet|spot)(?:$|[-_\s\d])",
    re.IGNORECASE,
)
# and what is called so and is another's: of a picture, a writer, a site, or made by a machine
_NOT_LEAD = re.compile(
    r"im(?:g|age)|photo|pict|caption|video|media|author|writer|user|site|[-_]ai|ai[-_]", re.IGNORECASE
)
_LEAST_LEAD = 15
# of a lead's characters those that trafilatura must have found where nothing calls it a lead
_MADE_OF = 0.6
_LONGEST_LEAD = 800
# paragraphs before the text among which it is looked for
_LEAD_NEAR = 20
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
# lines at either end of an article among which bylines stand
_CREDITS = 4
# and at the end among which the writers are described
_BIOGRAPHIES = 3
# characters from which a line is said once: layouts for other devices hold an article twice
_REPEATED = 60

_Line = tuple[etree._Element, str, str]


def main_text(page: Page, title: str, names: Sequence[str] = ()) -> tuple[list[str], str]:
    """The paragraphs without title, bylines of `names` and boilerplate, and how they were found; ([], "") for none.

    Changes the page: forms and tables that lay it out become plain divisions, teasers around a flash go.
    """
    blocks = list(text.blocks(page.tree))
    if not _is_large(page, blocks) and teasers.clear(page, title, blocks):
        blocks = list(text.blocks(page.tree))
    elements = list(page.tree.iter())
    (around,) = density.holders(density.sentences(blocks), elements, _MOST)
    noise = Noise(page.tree, {one for one in around if not holds_comments(one)})
    dense = density.densest(blocks, noise)
    large = _is_large(page, blocks)
    if large:
        found, source = dense, "density"
    else:
        for element in around:
            if element.tag in _LAYOUT:
                element.tag = "div"
        found, source = _trafilatura(page), "trafilatura"
        if _size(dense) > _LONGER * _size(found) and _share(found, dense) >= _SAME:
            found, source = dense, "density"
    linked = embedded_text.linked_body(page)
    if _size(found) < _LEAST_VISIBLE:
        found, source = _elsewhere(page, title, blocks, found, dense, linked)
    elif whole := _whole(page, title, found, linked):
        found, source = whole, "embedded JSON"
    if source in ("trafilatura", "density") and not large:
        lead = _lead(page, blocks, title, found, noise)
        if reread := _reread(elements, _below_title(blocks, title, found), found, linked):
            found, source = reread, f"{source}, reread"
        found = [*_unsaid(lead, found), *found]
    heading = _squashed(title)
    lines = [line for line in _once(boilerplate.without(found)) if _squashed(line) != heading]
    lines = [
        line
        for number, line in enumerate(lines)
        if not (
            (not _CREDITS <= number < len(lines) - _CREDITS and boilerplate.is_credit(line, names))
            or (number >= len(lines) - _BIOGRAPHIES and boilerplate.is_biography(line, names))
        )
    ]
    return lines, source if lines else ""


def _is_large(page: Page, blocks: Sequence[text.Block]) -> bool:
    characters = _size(line for _, line in blocks)
    return len(blocks) > _MOST_BLOCKS or page.elements > _MOST_ELEMENTS or characters > _MOST_CHARACTERS


def _trafilatura(page: Page, *, precise: bool = True) -> list[str]:
    # imported late: it costs a second and 60 MB that reading profiles (a DAG file does) has no need of
    import trafilatura

    found: Any = trafilatura.extract(
        page.tree,
        url=page.url,
        include_comments=False,
        include_tables=not precise,
        favor_precision=precise,
        favor_recall=not precise,
        deduplicate=False,
    )
    return [line.lstrip("- ").strip() for line in (found or "").splitlines() if line.strip("- ")]


def _elsewhere(
    page: Page, title: str, blocks: Sequence[text.Block], found: list[str], dense: list[str], linked: list[str]
) -> tuple[list[str], str]:
    """Where trafilatura found little: the first other way that finds enough, else the one that finds most.

    What the page embeds comes before what it shows, unless that is much more.
    """
    embedded = max(linked, embedded_text.story(page, title), key=_size)
    tried = [(found, "trafilatura"), (dense, "density"), (embedded, "embedded JSON")]
    shown = _size(dense) if _size(dense) > _WHOLE * _size(embedded) else 0
    if max(shown, _size(embedded)) >= _LEAST_VISIBLE:
        return (dense, "density") if shown else (embedded, "embedded JSON")
    if _size(dense) >= _LEAST_VISIBLE:
        return dense, "density"
    tried.append((_unlinked(_trafilatura(page, precise=False), blocks), "trafilatura, tables"))
    return max(tried, key=lambda one: _size(one[0]))


def _unlinked(lines: Sequence[str], blocks: Sequence[text.Block]) -> list[str]:
    links = density.Links()
    leading = {_squashed(one[1]) for one in blocks if one in links}
    return [line for line in lines if _squashed(line) not in leading]


def _whole(page: Page, title: str, found: Sequence[str], linked: list[str]) -> list[str]:
    """The embedded text of which the page shows only the beginning, or nothing."""
    for lines in (linked, embedded_text.story(page, title) if _size(found) < _LEAST_COMPLETE else []):
        if _size(lines) > _WHOLE * _size(found) and _share(found, lines) >= _SAME:
            return lines
    return []


def _reread(
    elements: Sequence[etree._Element],
    page_blocks: Sequence[text.Block],
    lines: Sequence[str],
    certain: Sequence[str],
) -> list[str]:
    """The paragraphs around those lines that are of their kind; nothing when the page does not bear it out.

    What stands in `certain`, too, is the article's.
    """
    said = {_squashed(line) for line in lines}
    everywhere = "".join(map(_squashed, [*lines, *certain]))
    blocks = [(element, line, _squashed(line)) for element, line in page_blocks]
    # a short line is one of those or none: a menu's "News" is in every text
    anchors = [
        (element, len(squashed))
        for element, _, squashed in blocks
        if len(squashed) > 1 and (squashed in said or (len(squashed) > _TELLING and squashed in everywhere))
    ]
    chain, most = density.holders(anchors, elements, _COVERED, _MOST)
    if not chain:
        return []
    noise = Noise(chain[-1], set(most))
    inside = [one for one in blocks if one[0] not in noise]
    found = {element for element, _ in anchors}
    kinds = {_kind(element) for element, length in anchors if length > _TELLING}
    places = {place for element, length in anchors if length > _TELLING for place in _places(element)}
    links = density.Links()
    first = _beginning(inside, found, kinds, links)
    kept = [
        (line, element in found or not places.isdisjoint(_places(element)), element.tag in _HEADINGS)
        for element, line, squashed in inside[first:]
        if squashed and (element in found or (_kind(element) in kinds and (element, line) not in links))
    ]
    # a heading without text below it is that of links to other articles; what only looks alike may be any box
    while kept and (kept[-1][2] or not kept[-1][1]):
        kept.pop()
    length, known = _size(one[0] for one in kept), _size(one[0] for one in kept if one[1])
    if length > _LONGER * known or known < _TRUSTED * _size(lines):
        return []
    below = "".join(squashed for _, _, squashed in inside)
    before = takewhile(lambda line: _squashed(line) not in below, lines)
    there = "".join(squashed for _, _, squashed in blocks)
    return [*(line for line in before if _squashed(line) in there), *(one[0] for one in kept)]


def _places(element: etree._Element) -> tuple[object, object]:
    """Where an element stands: its parent, and for paragraphs that each have a division theirs with what it is like."""
    parent = element.getparent()
    return parent, None if parent is None else (parent.getparent(), parent.tag, parent.get("class"))


def _below_title(blocks: Sequence[text.Block], title: str, found: Sequence[str]) -> Sequence[text.Block]:
    """The blocks below the title, when nearly all that was found is there or in another article further down.

    What stands above the title is none of the text, nor is the next article of a page that goes on with others.
    """
    heading, known = _squashed(title), {_squashed(line) for line in found}
    sizes = [len(line) if _squashed(line) in known else 0 for _, line in blocks]
    below = 0
    for number in range(len(blocks) - 1, -1, -1):
        if heading and _squashed(blocks[number][1]) == heading and below >= _SAME * sum(sizes):
            return blocks[number : _next_article(blocks, number)]
        below += sizes[number]
    return blocks


def _next_article(blocks: Sequence[text.Block], number: int) -> int | None:
    """Where, after the title at `number`, the title of another article stands in an <article> of its own."""
    own = next(blocks[number][0].iterancestors("article"), None)
    if own is None:
        return None
    for other in range(number + 1, len(blocks)):
        element = blocks[other][0]
        if element.tag == "h1" and next(element.iterancestors("article"), own) is not own:
            return other
    return None


def _beginning(
    inside: Sequence[_Line], found: Collection[etree._Element], kinds: Collection[object], links: density.Links
) -> int:
    """Where the text begins: at the first line that is known, or at those of its kind right before it."""
    first = next((number for number, one in enumerate(inside) if one[0] in found), len(inside))
    while 0 < first < len(inside):
        element, line, squashed = inside[first - 1]
        same = _kind(element) in kinds and element.getparent() is inside[first][0].getparent()
        if not squashed or not same or (element, line) in links:
            break
        first -= 1
    return first


def _lead(page: Page, blocks: Sequence[text.Block], title: str, found: Sequence[str], noise: Noise) -> list[str]:
    """The lines between the title and the text that are called a lead, or that the page describes itself with."""
    heading, opening = _squashed(title), {_squashed(line) for line in found}
    first = next(
        (number for number, one in enumerate(blocks) if len(one[1]) > _TELLING and _squashed(one[1]) in opening), 0
    )
    told = [*page.metas.get("og:description", ()), *page.metas.get("description", ())]
    descriptions = [_squashed(one)[:_COMPARED] for one in told if len(one) >= _LEAST_LEAD]
    links = density.Links()
    lines: list[tuple[str, bool]] = []
    for element, line in reversed(blocks[max(0, first - _LEAD_NEAR) : first]):
        squashed = _squashed(line)
        if element.tag == "h1" or squashed == heading:
            return [line for line, _ in reversed(lines)]
        if not _LEAST_LEAD <= len(line) <= _LONGEST_LEAD or element in noise or (element, line) in links:
            continue
        certain = squashed[:_COMPARED] in descriptions or _made_of(squashed, opening)
        if certain or _is_lead(element):
            lines.append((line, certain))
    return [line for line, certain in reversed(lines) if certain]


def _is_lead(element: etree._Element) -> bool:
    parent = element.getparent()
    named = [
        one.get(name) or "" for one in (element, parent) if one is not None for name in ("class", "id", "itemprop")
    ]
    return any(_LEAD.search(_HUMP.sub("-", one)) and not _NOT_LEAD.search(one) for one in named)


def _made_of(squashed: str, known: Iterable[str]) -> bool:
    """Whether most of a text is known: lines that breaks separate, of which trafilatura lost one."""
    parts = {one for one in known if len(one) >= _LEAST_LEAD // 2 and one in squashed}
    return _size(parts) > _MADE_OF * len(squashed)


def _unsaid(lead: Sequence[str], found: Sequence[str]) -> list[str]:
    everywhere = "".join(map(_squashed, found))
    return [line for line in lead if _squashed(line) not in everywhere]


def _once(lines: Sequence[str]) -> list[str]:
    """The lines, long ones the first time only."""
    seen, kept = set(), []
    for line in lines:
        if len(line) <= _REPEATED or line not in seen:
            kept.append(line)
        seen.add(line)
    return kept


def _kind(element: etree._Element) -> tuple[str | None, ...]:
    parent = element.getparent()
    return (element.tag, element.get("class"), None if parent is None else parent.tag)


def _size(lines: Iterable[str]) -> int:
    return sum(map(len, lines))


def _share(lines: Sequence[str], other: Sequence[str]) -> float:
    """Of the characters of `lines` those in lines whose beginning stands in `other`."""
    everywhere = "".join(map(_squashed, other))
    return _size(line for line in lines if _squashed(line)[:_COMPARED] in everywhere) / max(1, _size(lines))


def _squashed(line: str) -> str:
    return _NOT_WORDS.sub("", line).casefold()
