"""The moment that a date on a page means.

Sites write dates with and without a zone, in ISO 8601 and in the words of their language. A date without a zone is in
the site's own; one that leaves the time of day open is midnight there; a relative one ("3 hours ago") is none. What is
no part of a date is never taken for one: it is found by its form first, and its time of day near it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, tzinfo

from dateutil import parser, tz

from newscrawl.extract.date_words import MONTHS, ZONES

# characters in which a date is looked for: an element with more of them holds more than a date
_LONGEST = 300
# characters around a day in words within which its time of day stands
_NEAR = 40
# without any separator: 20261123, 202611231504, 20261123150400, 20261123T150400Z
_COMPACT = re.compile(r"((?:19|20)\d{6})(?:T?(\d{4}(?:\d{2})?)(Z|[+-]\d{2}:?\d{2})?)?")
_EPOCH = re.compile(r"^\d{10}(\d{3})?$")
_ZONE = r"(?P<zone>Z\b|[([]?(?:\b[A-Z]{2,5}\b)?\s?(?:[+-]\d{1,2}(?::?\d{2})?(?!\d))?)"
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?+)?+)(?!\s?[AaPp]\.?[Mm]\b)(?:\s?" + _ZONE + r")?",
)
# 2026.11.23 오후 3:04, 2026년 11월 23일 15시 4분, 2026/11/23(月) 15:04:05
_EAST_ASIAN = re.compile(
    r"(?P<year>\d{4})\s*[-./年년]\s*(?P<month>\d{1,2})\s*[-./月월]\s*(?P<day>\d{1,2})\s*[日일.]?\s*(?:[(（][^)）]{1,3}[)）])?,?\s*"
    r"(?:(?P<half>오전|오후|午前|午後|上午|下午|AM|PM|am|pm)?\s*(?P<hour>\d{1,2})\s*[:時时시]\s*(?P<minute>\d{1,2})?"
    r"(?:[:分분]\s*(?P<second>\d{1,2})?)?\s*(?P<half_after>[AaPp]\.?\s?[Mm]\b\.?)?(?:\s?" + _ZONE + r")?)?"
)
_AFTERNOON = frozenset({"오후", "午後", "下午", "p", "pm"})
_TIME_OF_DAY = re.compile(
    r"\d\s*(?::\s*\d|[時时시])|\dT\d{2}|^\d{10}|\d\s*[ap]\.?m\b|\d\s?h(?:\b|\s?\d)|\buhr\b", re.IGNORECASE
)
_MONTH = r"(?P<month>[^\W\d_]{3,12})\.?"
# 23 November 2026, 23. Nov 2026, 23 de noviembre de 2026, 23rd of Nov, 2026
_DAY_FIRST = re.compile(
    r"(?<![\d.:])(?P<day>\d{1,2})(?:\.|st|nd|rd|th|er|º|ª)?[\s-]?\s*(?:de |of )?"
    + _MONTH
    + r",?[\s-]?(?:de |del )?(?P<year>\d{4})(?!\d)"
)
_MONTH_FIRST = re.compile(
    r"(?<![^\W\d_])" + _MONTH + r"\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:\s?,\s*|\s+)(?P<year>\d{4})(?!\d)"
)
_YEAR_FIRST = re.compile(r"(?<!\d)(?P<year>\d{4})[,.]?\s" + _MONTH + r"\s(?P<day>\d{1,2})(?!\d)")
# as C's ctime writes it: Mon Nov 23 15:04:00 KST 2026
_YEAR_LAST = re.compile(
    r"(?<![^\W\d_])"
    + _MONTH
    + r"\s+(?P<day>\d{1,2})\s+\d{2}:\d{2}(?::\d{2})?\s+(?:[A-Z]{1,5}\s+)?(?P<year>\d{4})(?!\d)"
)
_NUMBERS = re.compile(
    r"(?<![\d./-])(?P<first>\d{1,2})(?P<mark>[./-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})(?!\.?\d)"
)
_CLOCK = re.compile(
    r"(?P<half>오전|오후|午前|午後|上午|下午)?\s?(?<![\d:.])(?P<hour>\d{1,2})(?:(?:\s?[:h時时시]\s?"
    rf"|\.(?=\d\d\s?(?:uhr|hrs?|[ap]\.?\s?m|{'|'.join(ZONES)})\b))(?P<minute>\d{{2}})(?::(?P<second>\d{{2}}))?)?"
    r"(?!\d)\s*(?P<half_after>[ap]\.?\s?m\b\.?)?(?P<word>\s?uhr\b)?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_AFTER_CLOCK = re.compile(r",?\s?" + _ZONE)
_ADDRESS_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_IN_ADDRESS = re.compile(
    rf"[/-]((?:19|20)\d\d)[/-]([01]?\d|{'|'.join(_ADDRESS_MONTHS)})[/-]([0-3]?\d)(?=\D|$)", re.IGNORECASE
)
_IN_ADDRESS_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d\d)([01]\d)([0-3]\d)(?!\d)")
_MONTH_FIRST_CITIES = ("New_York", "Chicago", "Denver", "Los_Angeles", "Phoenix", "Detroit", "Anchorage")
_MONTH_FIRST_ZONES = frozenset(["UTC", "Etc/UTC", *(f"America/{city}" for city in _MONTH_FIRST_CITIES)])
# what systems write for no date at all
_NO_DATES = frozenset({date(1970, 1, 1), date(1969, 12, 31)})
_FIRST_YEAR = 1800


def parse(text: str, zone: tzinfo) -> datetime | None:
    """The aware moment in `text`, or None when it names none; `zone` is that of dates without one.

    11/12/2026 has the month first where `zone` is one of the United States or unknown (UTC), else the day.
    """
    text = " ".join(text[:_LONGEST].split())
    try:
        if _EPOCH.match(text):
            found = datetime.fromtimestamp(int(text[:10]), tz.UTC)
        else:
            found = _compact(text) or _iso(text) or _east_asian(text) or _worded(text, zone)
        if found is None or found.year < _FIRST_YEAR or found.date() in _NO_DATES:
            return None
        aware = found if found.tzinfo else found.replace(tzinfo=zone)
        aware.astimezone(tz.UTC)  # a moment at either end of the calendar has no UTC
        return aware
    except (ValueError, OverflowError):
        return None


def in_address(path: str, zone: tzinfo) -> datetime | None:
    """The day that a URL's path names (/2026/11/23/, /20261123..., -2026-11-23/), as its midnight in `zone`."""
    match = _IN_ADDRESS.search(path) or _IN_ADDRESS_COMPACT.search(path)
    if match is None:
        return None
    year, month, day = match.groups()
    number = int(month) if month.isdigit() else _ADDRESS_MONTHS.index(month.lower()) + 1
    try:
        return datetime(int(year), number, int(day), tzinfo=zone)
    except ValueError:
        return None


def is_day(text: str, moment: datetime) -> bool:
    """Whether `text`, which means `moment`, names a day and no time of day."""
    return moment.hour == moment.minute == moment.second == 0 and not _TIME_OF_DAY.search(text[:_LONGEST])


def _compact(text: str) -> datetime | None:
    match = _COMPACT.fullmatch(text)
    if match is None:
        return None
    return parser.isoparse(f"{match[1]}T{match[2]}{match[3] or ''}" if match[2] else match[1])


def _iso(text: str) -> datetime | None:
    match = _ISO.search(text)
    return parser.isoparse(f"{match[1]}T{match[2]}").replace(tzinfo=_zone(match["zone"])) if match else None


def _east_asian(text: str) -> datetime | None:
    match = _EAST_ASIAN.search(text)
    if match is None:
        return None
    midnight = datetime(int(match["year"]), int(match["month"]), int(match["day"]))
    if match["hour"] is None:
        return _with_clock(text, match, midnight)
    return midnight.replace(
        hour=_hour(int(match["hour"]), match["half"] or match["half_after"]),
        minute=int(match["minute"] or 0),
        second=int(match["second"] or 0),
        tzinfo=_zone(match["zone"]),
    )


def _worded(text: str, zone: tzinfo) -> datetime | None:
    """A day in words or in numbers with the year last, and the time of day that stands near it."""
    for pattern in (_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST, _YEAR_LAST):
        for match in pattern.finditer(text):
            month = MONTHS.get(match["month"].casefold())
            if month:
                return _with_clock(text, match, datetime(int(match["year"]), month, int(match["day"])))
    match = _NUMBERS.search(text)
    if match is None:
        return None
    first, second = int(match["first"]), int(match["second"])
    swapped = second > 12 or (match["mark"] == "/" and first <= 12 and _month_first(zone))
    day, month = (second, first) if swapped else (first, second)
    return _with_clock(text, match, datetime(int(match["year"]), month, day))


def _with_clock(text: str, day: re.Match[str], midnight: datetime) -> datetime:
    """The day at the time that stands next to it, before it or behind it."""
    before, after = text[max(0, day.start() - _NEAR) : day.start()], text[day.end() : day.end() + _NEAR]
    if ":" in day[0]:
        before, after = "", day[0]
    else:
        after = _YEAR.split(after, maxsplit=1)[0]  # what stands behind another day is that one's
    clocks = [(clock.start(), clock, zone) for clock, zone in _clocks(after)]
    clocks += [(len(before) - (zone or clock).end(), clock, zone) for clock, zone in _clocks(before)]
    if not clocks:
        return midnight
    _, clock, zone = min(clocks, key=lambda one: one[0])
    return midnight.replace(
        hour=_hour(int(clock["hour"]), clock["half"] or clock["half_after"]),
        minute=int(clock["minute"] or 0),
        second=int(clock["second"] or 0),
        tzinfo=_zone(zone["zone"] if zone else None),
    )


def _clocks(text: str) -> Iterator[tuple[re.Match[str], re.Match[str] | None]]:
    """The times of day in a text, each with its zone: a number alone is none."""
    for clock in _CLOCK.finditer(text):
        if clock["minute"] or clock["half"] or clock["half_after"] or clock["word"]:
            yield clock, _AFTER_CLOCK.match(text, clock.end())


def _hour(hour: int, half: str | None) -> int:
    if not half:
        return hour
    return hour % 12 + (12 if half.lower().strip(". ")[:2].replace(".", "") in _AFTERNOON else 0)


def _zone(text: str | None) -> tzinfo | None:
    """The zone of +09:00, +0900, +09, KST, GMT+0900 or Z; None for what is none."""
    name, sign, offset = re.fullmatch(r"[\W_]*([A-Za-z]*)\s?(?:([+-])([\d:]+))?", text or "").groups()  # type: ignore[union-attr]
    if offset:
        digits = offset.replace(":", "")
        hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
        seconds = hours * 3600 + minutes * 60
        return tz.tzoffset(None, seconds if sign == "+" else -seconds) if seconds else tz.UTC
    return ZONES.get(name.upper())


def _month_first(zone: tzinfo) -> bool:
    # a zone without a name is no place, and pages of which only the language is known are mostly American
    return getattr(zone, "key", "UTC") in _MONTH_FIRST_ZONES
