"""The parts of a page that are never an article's text: navigation, captions, boxes, advertisements, comments."""

from __future__ import annotations

import re

from lxml import etree

_TAGS = frozenset({"nav", "aside", "footer", "form", "figure", "figcaption", "menu"})
_NAMES = re.compile(
    r"(?:^|[-_\s])(?:caption|related|newsletter|promo|advert|ads?|share|social|sns|comments?|reply|byline|copyright|toast|popup|"
    r"tooltip|breadcrumbs?|recommend\w*|ranking|tags?|factbox\w*|infobox|outbrain|taboola|signup|subscribe|embed)(?:$|[-_\s\d])",
    re.IGNORECASE,
)
# characters of class and id in which a name is looked for
_LONGEST_NAME = 500


class Noise:
    """What of the elements below `root` is noise; each is looked at once, however many others it holds."""

    def __init__(self, root: etree._Element):
        self._known = {root: False}

    def __contains__(self, element: etree._Element) -> bool:
        """Whether an element is noise or in it; elements that are not below the root are."""
        unknown = []
        one: etree._Element | None = element
        while one is not None and one not in self._known:
            unknown.append(one)
            one = one.getparent()
        noise = one is None or self._known[one]
        for one in reversed(unknown):
            noise = noise or _is_noise(one)
            self._known[one] = noise
        return noise


def _is_noise(element: etree._Element) -> bool:
    named = f"{(element.get('class') or '')[:_LONGEST_NAME]} {(element.get('id') or '')[:_LONGEST_NAME]}"
    return element.tag in _TAGS or _NAMES.search(named) is not None
