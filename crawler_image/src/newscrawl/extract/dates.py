"""The moment that a date on a page means.

Sites write dates with and without a zone, in ISO 8601 and in the words of their language. A date without a zone is in
the site's own; one that leaves the time of day open is midnight there; a relative one ("3 hours ago") is none.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from dateutil import parser, tz

# characters in which a date is looked for: an element with more of them holds more than a date
_LONGEST = 300
# without any separator: 20261123, 202611231504, 20261123150400
_COMPACT = re.compile(r"(?:19|20)\d{6}(?:\d{4}(?:\d{2})?)?")
_EPOCH = re.compile(r"^\d{10}(\d{3})?$")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE)
# 2026.11.23 오후 3:04, 2026년 11월 23일 15시 4분, 2026/11/23(月) 15:04:05
_EAST_ASIAN = re.compile(
    r"(?P<year>\d{4})\s*[-./年년]\s*(?P<month>\d{1,2})\s*[-./月월]\s*(?P<day>\d{1,2})\s*[日일.]?\s*(?:[(（][^)）]{1,3}[)）])?,?\s*"
    r"(?:(?P<half>오전|오후|午前|午後|AM|PM)?\s*(?P<hour>\d{1,2})\s*[:時시]\s*(?P<minute>\d{1,2})?(?:[:分분]\s*(?P<second>\d{1,2})?)?"
    r"\s*(?P<half_after>AM|PM)?)?",
    re.IGNORECASE,
)
_AFTERNOON = frozenset({"오후", "午後", "pm"})
_TIME_OF_DAY = re.compile(r"\d\s*[:時시]|[T ]\d{2}|^\d{10}|\d\s*[ap]\.?m\b", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_IN_ADDRESS = re.compile(rf"/((?:19|20)\d\d)[/-]([01]?\d|{'|'.join(_MONTHS)})[/-]([0-3]?\d)(?=\D|$)", re.IGNORECASE)
_IN_ADDRESS_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d\d)([01]\d)([0-3]\d)(?!\d)")
_RELATIVE = re.compile(r"\bago\b|\byesterday\b|전$|前$|어제|昨日", re.IGNORECASE)
_MONTH_NAME = re.compile("|".join(_MONTHS), re.IGNORECASE)
# the abbreviations that news sites write; dateutil knows none by itself
_ZONES = {
    "KST": tz.gettz("Asia/Seoul"),
    "JST": tz.gettz("Asia/Tokyo"),
    "GMT": tz.UTC,
    "UTC": tz.UTC,
    "BST": tz.gettz("Europe/London"),
    "EST": tz.tzoffset("EST", -5 * 3600),
    "EDT": tz.tzoffset("EDT", -4 * 3600),
    "ET": tz.gettz("America/New_York"),
    "PST": tz.tzoffset("PST", -8 * 3600),
    "PDT": tz.tzoffset("PDT", -7 * 3600),
}


def parse(text: str, zone: tzinfo) -> datetime | None:
    """The aware moment in `text`, or None when it names none; `zone` is that of dates without one."""
    text = " ".join(text[:_LONGEST].split())
    if _EPOCH.match(text):
        return datetime.fromtimestamp(int(text[:10]), tz.UTC)
    try:
        found = _compact(text) or _iso(text) or _east_asian(text) or _english(text)
        if found is None:
            return None
        aware = found if found.tzinfo else found.replace(tzinfo=zone)
        aware.astimezone(tz.UTC)  # a moment at either end of the calendar has no UTC
        return aware
    except (ValueError, OverflowError):
        return None


def in_address(path: str, zone: tzinfo) -> datetime | None:
    """The day that a URL's path names (/2026/11/23/, /20261123..., /2026/nov/23/), as its midnight in `zone`."""
    match = _IN_ADDRESS.search(path) or _IN_ADDRESS_COMPACT.search(path)
    if match is None:
        return None
    year, month, day = match.groups()
    number = int(month) if month.isdigit() else _MONTHS.index(month.lower()) + 1
    try:
        return datetime(int(year), number, int(day), tzinfo=zone)
    except ValueError:
        return None


def is_day(text: str, moment: datetime) -> bool:
    """Whether `text`, which means `moment`, names a day and no time of day."""
    return moment.hour == moment.minute == moment.second == 0 and not _TIME_OF_DAY.search(text[:_LONGEST])


def _compact(text: str) -> datetime | None:
    return parser.isoparse(f"{text[:8]}T{text[8:]}" if text[8:] else text) if _COMPACT.fullmatch(text) else None


def _iso(text: str) -> datetime | None:
    match = _ISO.search(text)
    return parser.isoparse(match[0].replace(" ", "T", 1).replace(" ", "")) if match else None


def _east_asian(text: str) -> datetime | None:
    match = _EAST_ASIAN.search(text)
    if match is None:
        return None
    hour = int(match["hour"] or 0)
    half = (match["half"] or match["half_after"] or "").lower()
    if half:
        hour = hour % 12 + (12 if half in _AFTERNOON else 0)
    return datetime(
        int(match["year"]),
        int(match["month"]),
        int(match["day"]),
        hour,
        int(match["minute"] or 0),
        int(match["second"] or 0),
    )


def _english(text: str) -> datetime | None:
    if _RELATIVE.search(text) or not _MONTH_NAME.search(text) or not re.search(r"\d{4}", text):
        return None
    midnight = datetime(1, 1, 1)
    return parser.parse(text.replace("|", " "), default=midnight, tzinfos=_ZONES, fuzzy=True)
