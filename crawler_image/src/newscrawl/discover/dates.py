"""The dates that feeds and sitemaps write: thousands in a file, most of them ISO 8601, some of them nonsense."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from newscrawl.extract.dates import parse
from newscrawl.model import Link

# outside of these there is no page: "0001-01-01" is how some systems write "unknown", and "9999-12-31" "never"
_YEARS = range(1990, 2100)
# a hub stamps its links with the time of its own making when so many of so many have one time, or the present one
_STAMPED, _ENOUGH = 0.8, 20
_PRESENT = timedelta(minutes=10)


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


def without_stamps(links: Sequence[Link], now: datetime) -> Sequence[Link]:
    """The links of a hub, without dates of change that say nothing: all known pages would be visited in every run."""
    dates = [link.modified for link in links if link.modified is not None]
    if len(dates) < _ENOUGH:
        return links
    present = sum(abs(date - now) <= _PRESENT for date in dates)
    if max(present, Counter(dates).most_common(1)[0][1]) <= _STAMPED * len(dates):
        return links
    return [replace(link, modified=None) for link in links]
