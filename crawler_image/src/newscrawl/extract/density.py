"""The main text of a page that is too large for a thorough look: where its paragraphs stand closest together.

One pass over the page's paragraphs, whatever the page: what trafilatura does to a page of 5 MB takes minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lxml import etree

from newscrawl.extract.noise import Noise
from newscrawl.extract.text import Block

# characters from which a line counts as a sentence and not as a label or a link
_SENTENCE = 25
# of a line's characters those that count one element further out: articles are often cut into sections
_FOR_AROUND = 0.5


def densest(blocks: Sequence[Block], noise: Noise) -> list[str]:
    """The lines of `blocks` (in the page's order) below the element with the most text in its own paragraphs."""
    weights: defaultdict[etree._Element, float] = defaultdict(float)
    for element, line in blocks:
        holder = element.getparent() if element.tag == "p" else element
        if len(line) < _SENTENCE or holder is None or element in noise:
            continue
        weights[holder] += len(line)
        around = holder.getparent()
        if around is not None:
            weights[around] += _FOR_AROUND * len(line)
    best = max(weights, key=weights.__getitem__, default=None)
    return [] if best is None else [line for element, line in blocks if element not in noise and _near(element, best)]


def _near(element: etree._Element, holder: etree._Element) -> bool:
    parent = element.getparent()
    grandparent = None if parent is None else parent.getparent()
    return holder in (element, parent, grandparent)
