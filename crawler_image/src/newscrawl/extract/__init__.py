"""From a response to an article: by the site's profile where it speaks, else by what all news pages share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from newscrawl.model import Article, NotAnArticle, Response

if TYPE_CHECKING:
    from newscrawl.profiles import Profile, Version


def extract(response: Response, profile: Profile | None, *, fetched: datetime) -> Article:
    """The article on a page, with its profile or without one; `fetched` is aware.

    The profile's version in force when the page was fetched is tried first, then those before it, then those after it;
    only when none of them reads the page, those again that let the body be found without selectors (`auto:`). A version
    that finds no date of publication serves when no other finds one.
    `Article.sources` says for each field what found it. Raises NotAnArticle with the reason of the first.
    """
    # imported late: reading a profile needs this package's selectors, not its readers
    from newscrawl.extract.gate import oversize
    from newscrawl.extract.page import Page
    from newscrawl.extract.reading import Reading

    page = Page(response)
    if reason := oversize(page):
        raise NotAnArticle(response.url, reason)
    objections = []
    undated = None
    for version, last_resort in _attempts(profile, fetched):
        if undated and last_resort:
            break
        article, objection = Reading(page, profile, version, fetched, last_resort=last_resort).article()
        if article is not None and (article.published or profile is None):
            return article
        undated = undated or article
        objections.append(objection)
        # a reading may have dropped parts of the page
        page = Page(response)
    if undated:
        return undated
    raise NotAnArticle(response.url, objections[0])


def _attempts(profile: Profile | None, fetched: datetime) -> Sequence[tuple[Version | None, bool]]:
    """The versions to try, and whether `auto:` counts."""
    if profile is None or not profile.versions:
        return [(None, True)]
    day = fetched.astimezone(profile.timezone).date()
    versions = [version for version in profile.versions if version.since <= day]
    versions += [version for version in reversed(profile.versions) if version.since > day]
    return [(version, False) for version in versions] + [
        (version, True) for version in versions if any(one.automatic for one in version.fields.get("body", ()))
    ]
