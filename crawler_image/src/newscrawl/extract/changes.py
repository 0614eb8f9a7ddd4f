"""Which of the dates that a page shows its readers tell when the article was changed, and not when it was published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import Any

from lxml import etree

from newscrawl.extract import dates, fields, text

_CHANGED = re.compile(
    r"updat|modif|edited|aktualis|geändert|mise? à jour|actualiz|atualiz|aggiorn|bijgewerkt|uppdatera|[op]pdater|güncel"
    r"|обновл|수정|업데이트|更新",
    re.IGNORECASE,
)
_PUBLISHED = re.compile(
    r"publish|posted|veröffentlicht|publié|public(?:ado|ato)|gepubliceerd|publicer|опубликован|입력|등록|公開|[发發]布",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
# characters next to a date in which it says what it is one of, and behind it alone, as in "15:04 更新"
_LABEL = 40
_LABEL_BEHIND = 12
# and in an element of its own
_LABEL_APART = 25
_NO_LABELS = frozenset({"time", "h1", "h2", "h3", "h4", "h5", "h6"})
# elements from which on one is neither a label nor a date, but holds more than that
_MOST_ELEMENTS = 20
# characters of a text that tells both dates
_LONGEST = 300
# elements around a date within which its label stands, and the other dates of the article
_NEAR = 3
_PAGE = frozenset({"article", "main", "section", "body", "html"})
# of the dates that a page shows in one way, how many are looked at
MOST = 20

Shown = etree._Element | str


def without_changes(found: Sequence[Shown], others: Callable[[], Sequence[Shown]]) -> list[Shown]:
    """Of the dates found those of a change left out beside which one of the others tells an earlier moment.

    A date is an element, or the text of an attribute that knows its element.
    """
    changes = [one for one in found[:MOST] if _is_change(_element(one))]
    if not changes:
        return list(found)
    told = [(_element(one), moment) for one in others() if (moment := _moment(one))]
    known = [(element, moment) for element, moment in told if not _is_change(element)]
    passed = {id(one) for one in changes if _has_earlier(one, known)}
    return [one for one in found if id(one) not in passed]


def told_of_publication(text: str) -> Iterator[str]:
    """Where to look for a date of publication in a text: first behind its label, if that of a change comes before."""
    told = text[:_LONGEST]
    label = _PUBLISHED.search(told)
    if label and _CHANGED.search(told, 0, label.start()):
        yield told[label.start() :]
    yield text


def _has_earlier(change: Shown, known: Sequence[tuple[etree._Element, datetime]]) -> bool:
    element, changed = _element(change), _moment(change)
    return changed is not None and any(moment <= changed and _beside(element, other) for other, moment in known)


def _element(found: Shown) -> etree._Element:
    return found.getparent() if isinstance(found, str) else found  # type: ignore[attr-defined]


def _moment(found: Any) -> datetime | None:
    return next(filter(None, (dates.parse(one, UTC) for one in fields.dates(found))), None)


def _is_change(element: etree._Element) -> bool:
    """Whether a date says that it is one of a change: before it, at its beginning or right behind it."""
    shown = text.plain(element) if len(_tags(element)) < _MOST_ELEMENTS else ""
    parts = _DIGIT.split(shown)
    behind = parts[-1] if len(parts[-1]) <= _LABEL_BEHIND else ""
    return _CHANGED.search(f"{_before(element)[-_LABEL:]} {parts[0][-_LABEL:]} {behind}") is not None


def _tags(element: etree._Element) -> list[str]:
    return [one.tag for one in islice(element.iter(), _MOST_ELEMENTS)]


def _before(element: etree._Element) -> str:
    """The text right before an element, "" where that is another date or no label."""
    for _ in range(_NEAR):
        before = element.getprevious()
        while before is not None:
            if said := (before.tail or "").strip():
                return _DIGIT.split(said)[-1]
            inside = _tags(before)
            if len(inside) == _MOST_ELEMENTS or not _NO_LABELS.isdisjoint(inside):
                return ""
            if said := text.plain(before):
                return "" if len(said) > _LABEL_APART or _DIGIT.search(said) else said
            before = before.getprevious()
        element = element.getparent()
        if element is None:
            return ""
        if (said := (element.text or "").strip()) or element.tag in _PAGE:
            return _DIGIT.split(said)[-1]
    return ""


def _beside(element: etree._Element, other: etree._Element) -> bool:
    """Whether two dates stand close together; those of other articles may be anywhere else on the page."""
    around = takewhile(lambda one: one.tag not in _PAGE, islice(element.iterancestors(), _NEAR))
    *_, place = element, *around
    near = place, place.getprevious(), place.getnext()
    return other.getparent() is element.getparent() or any(one in near for one in (other, *other.iterancestors()))
