"""The dates that feeds and sitemaps write: thousands in a file, most of them ISO 8601, some of them nonsense."""

from __future__ import annotations

from datetime import datetime, tzinfo

from newscrawl.extract.dates import parse

# outside of these there is no page: "0001-01-01" is how some systems write "unknown", and "9999-12-31" "never"
_YEARS = range(1990, 2100)


def moment(text: str | None, zone: tzinfo) -> datetime | None:
    """The aware time that `text` means, in the site's `zone` when it names none; None when it means no time."""
    if not text or not text.strip():
        return None
    try:
        found: datetime | None = datetime.fromisoformat(text.strip())
    except ValueError:
        found = parse(text, zone)
    if found is None or found.year not in _YEARS:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)
