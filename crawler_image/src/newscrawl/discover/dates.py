"""The dates that feeds and sitemaps write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from dateutil import parser

# abbreviations that news feeds use and that no standard makes certain
_ZONES = {
    name: timezone(timedelta(hours=hours), name)
    for name, hours in {
        "KST": 9, "JST": 9, "GMT": 0, "UT": 0, "UTC": 0, "BST": 1, "CET": 1, "CEST": 2,
        "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    }.items()
}  # fmt: skip


def moment(text: str | None, zone: tzinfo) -> datetime | None:
    """The aware time that `text` means, in the site's `zone` when it names none; None when it means no time."""
    if not text or not text.strip():
        return None
    text = text.strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            found = parser.parse(text, tzinfos=_ZONES)
        except (ValueError, OverflowError):
            return None
    found = found if found.tzinfo else found.replace(tzinfo=zone)
    try:
        found.astimezone(UTC)
    except OverflowError:
        return None
    return found
