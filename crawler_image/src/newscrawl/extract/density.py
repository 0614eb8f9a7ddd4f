"""Where a page's paragraphs stand closest together: the main text of one too large for a thorough look, and a second
opinion on any other.

One pass over the page's paragraphs, whatever the page: what trafilatura does to a page of 5 MB takes minutes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from lxml import etree

from newscrawl.extract.noise import Noise
from newscrawl.extract.text import Block

# characters from which a line counts as a sentence and not as a label or a link
_SENTENCE = 25
# of a line's characters those that count one element further out: articles are often cut into sections
_FOR_AROUND = 0.5
# of a line's characters those in links, from which on it leads elsewhere
_LINKED = 0.8


class Links:
    """Which lines lead elsewhere; each element is looked at once, however many lines it holds."""

    def __init__(self) -> None:
        self._known: dict[etree._Element, tuple[bool, frozenset[str]]] = {}

    def __contains__(self, block: Block) -> bool:
        """Whether a block is a link, or stands among hardly anything else."""
        element, line = block
        if element not in self._known:
            texts = [" ".join("".join(link.itertext()).split()) for link in element.iter("a")]
            length = len(" ".join("".join(element.itertext()).split())) if texts else 0
            self._known[element] = sum(map(len, texts)) > _LINKED * length, frozenset(texts)
        linked, texts = self._known[element]
        return linked or line in texts


def densest(blocks: Sequence[Block], noise: Noise) -> list[str]:
    """The lines of `blocks` (in the page's order) below the element with the most text in its own paragraphs."""
    weights: defaultdict[etree._Element, float] = defaultdict(float)
    links = Links()
    for element, line in blocks:
        holder = element.getparent() if element.tag == "p" else element
        if len(line) < _SENTENCE or holder is None or element in noise or (element, line) in links:
            continue
        weights[holder] += len(line)
        around = holder.getparent()
        if around is not None:
            weights[around] += _FOR_AROUND * len(line)
    best = max(weights, key=weights.__getitem__, default=None)
    if best is None:
        return []
    near = [one for one in blocks if _near(one[0], best) and one[0] not in noise]
    return [line for element, line in near if (element, line) not in links]


def holders(
    own: Collection[tuple[etree._Element, int]], elements: Sequence[etree._Element], *shares: float
) -> list[list[etree._Element]]:
    """For each share the elements with so much of the sum of all numbers at or below them, in the page's order.

    `elements` are all of the page in its order, so that two passes over them are enough, however deep they are nested.
    """
    sums: Counter[etree._Element] = Counter()
    for element, number in own:
        sums[element] += number
    total = sums.total()
    for element in reversed(elements):
        number = sums.get(element)
        if number and (parent := element.getparent()) is not None:
            sums[parent] += number
    least = min(shares) * total
    most = [(element, sums[element]) for element in elements if element in sums and sums[element] >= least > 0]
    return [[element for element, number in most if number >= share * total] for share in shares]


def sentences(blocks: Iterable[Block]) -> list[tuple[etree._Element, int]]:
    """The lengths of the lines that are sentences and no links, for `holders`."""
    links = Links()
    return [(one[0], len(one[1])) for one in blocks if len(one[1]) >= _SENTENCE and one not in links]


def _near(element: etree._Element, holder: etree._Element) -> bool:
    parent = element.getparent()
    grandparent = None if parent is None else parent.getparent()
    return holder in (element, parent, grandparent)
