"""The parts of a page that are never an article's text: navigation, captions, boxes, advertisements, comments.

Only what a part is called tells, so names are read with care: a publishing system's classes name an article's subjects
(`category-politics`, `tag-comments`) and its features (`has-comments`, `ads-enabled`) as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from lxml import etree

_TAGS = frozenset({"nav", "aside", "footer", "figure", "figcaption", "menu", "dialog"})
_NAMES = re.compile(
    r"(?:^|[-_\s])(?:captions?|related|newsletters?|promos?|adverts?|advertisements?|ads?|share|sharing|social|sns|comments?|"
    r"reply|byline|copyright|toast|popup|modal|tooltip|breadcrumbs?|recommend\w*|ranking|tags?|factbox\w*|infobox|outbrain|"
    r"taboola|signup|subscribe|embed|cookies?|consent|gdpr|sponsored|recirc\w*|trending|"
    r"(?:most|also|further|more)[-_](?:read|viewed|popular|stories|news|articles|from|on)|read[-_](?:more|also|next)|"
    r"author[-_]?(?:bio|box|info|card|profile))(?:$|[-_\s\d])",
    re.IGNORECASE,
)
# words of a class that name subjects, features and states of what they stand on
_ABOUT = re.compile(
    r"(?<!\S)(?:(?:tag(?!-(?:list|links?|cloud|box|wrap))|category|has|no|not|is|with|without)[-_]\S*"
    r"|\S*[-_](?:has|no|with|without|is)[-_]\S*|\S*[-_](?:enabled|disabled|open|closed|visible))(?!\S)",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"comment|reply|replies|disqus", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ENTRIES = ("input", "textarea", "select", "button")
# characters of class and id in which a name is looked for
_LONGEST_NAME = 500


class Noise:
    """What of the elements below `root` is noise; each is looked at once, however many others it holds.

    Those in `kept` are not, whatever they are called: what holds most of a page's text is its article.
    """

    def __init__(self, root: etree._Element, kept: Collection[etree._Element] = ()):
        self._known = {root: False}
        self._kept = kept

    def __contains__(self, element: etree._Element) -> bool:
        """Whether an element is noise or in it; elements that are not below the root are."""
        unknown = []
        one: etree._Element | None = element
        while one is not None and one not in self._known:
            unknown.append(one)
            one = one.getparent()
        noise = one is None or self._known[one]
        for one in reversed(unknown):
            noise = noise or (one not in self._kept and _is_noise(one))
            self._known[one] = noise
        return noise


def holds_comments(element: etree._Element) -> bool:
    """Whether an element is called a place for readers' comments."""
    return _COMMENTS.search(_ABOUT.sub("", _named(element))) is not None


def _is_noise(element: etree._Element) -> bool:
    if element.tag in _TAGS or element.get("aria-modal") == "true":
        return True
    if element.tag == "form" and next(element.iter(*_ENTRIES), None) is not None:
        return True
    if element.tag == "body" or element.get("role") == "main" or element.get("itemprop") == "articleBody":
        return False
    # most elements have no such name: the words that are none are looked for only then
    named = _named(element)
    return _called(named) and _called(_ABOUT.sub("", named))


def _named(element: etree._Element) -> str:
    return f"{(element.get('class') or '')[:_LONGEST_NAME]} {(element.get('id') or '')[:_LONGEST_NAME]}"


def _called(named: str) -> bool:
    return _NAMES.search(_HUMP.sub("-", named)) is not None
