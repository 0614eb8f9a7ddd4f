"""What is not an article, and why: a page that passes here is stored and counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from newscrawl.extract.page import Page

# a notice of a few words is shorter, the shortest news flash of a profile's own selectors is longer
LEAST_CHARACTERS = 25
LEAST_CHARACTERS_GENERIC = 200
_AHEAD = timedelta(days=2)
_NOT_ARTICLES = frozenset({"website", "profile", "video.other", "product", "music.song"})


def objection(
    page: Page, title: str, paragraphs: Sequence[str], published: datetime | None, *, profiled: bool, fetched: datetime
) -> str | None:
    """Why the page is no article, or None. `profiled` says that the body came from the profile's own selectors."""
    if not title:
        return "no title"
    if not paragraphs:
        return "no body"
    characters = sum(map(len, paragraphs))
    least = LEAST_CHARACTERS if profiled else LEAST_CHARACTERS_GENERIC
    if characters < least:
        return f"a body of {characters} characters (at least {least})"
    if published is None and profiled:
        return "no date of publication"
    if published is not None and published > fetched + _AHEAD:
        return f"published in the future ({published.isoformat()})"
    kind = next(iter(page.metas.get("og:type", ())), "").lower()
    if not profiled and published is None and kind in _NOT_ARTICLES:
        return f"og:type is {kind} and there is no date"
    return None
