"""Makes a site's articles anew from the raw pages that are kept, with the profile and the extractor of today.

Nothing is fetched. An article whose text comes out differently gets a new version and keeps the old one; a page that
was refused and can be read now becomes an article. Each worker's volume keeps the pages that this worker fetched, and
the lake, where there is one, those of all.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from newscrawl import settings as environment
from newscrawl.archive import WarcRecord, read, response_in
from newscrawl.context import find_profile, now, open_database
from newscrawl.lake import warc_path
from newscrawl.model import Response
from newscrawl.profiles import Profile
from newscrawl.settings import Settings
from newscrawl.store import visits
from newscrawl.store.visits import Kept, Visit
from newscrawl.visit import extracted

log = logging.getLogger(__name__)

TOGETHER = 100  # pages in one transaction


def reparse(
    site: str,
    *,
    since: datetime | None = None,
    settings: Settings | None = None,
    on_pages: Callable[[int], None] = lambda pages: None,
) -> dict[str, int]:
    """Reads every kept page of the site (fetched at `since` or later) and returns how many had which outcome.

    `elsewhere` are pages on another worker's volume and not in the lake, `damaged` those whose record is not whole. Can
    be stopped and run again. Raises SettingsError, UnknownSite, ProfileError, StoreUnavailable, LakeError.
    """
    settings = settings or environment.load()
    kept = _reader(settings)
    profile, database = find_profile(site, settings), open_database(settings)
    outcomes: Counter[str] = Counter()
    after = 0
    while pages := database.run(
        lambda connection, after=after: visits.kept(connection, site, after=after, count=TOGETHER, since=since)
    ):
        results = [_read(page, profile, kept) for page in pages]
        outcomes.update(
            database.run(lambda connection, results=results: visits.remake(connection, site, results, now()))
        )
        after = pages[-1].url_id
        on_pages(len(pages))
    return dict(outcomes)


def _reader(settings: Settings) -> Callable[[WarcRecord], Response]:
    """Reads from the volume, and from the lake what is not there. The function raises as `archive.read` does."""
    if settings.lake_url is None:
        return read
    # its import takes seconds
    from newscrawl.lake.filesystem import open_lake

    lake = open_lake(settings.lake_url, settings.lake_options)

    def read_anywhere(record: WarcRecord) -> Response:
        try:
            return read(record)
        except FileNotFoundError:
            member = lake.read(warc_path(record.path), record.offset, record.length)
            if member is None:
                raise
            return response_in(member, record)

    return read_anywhere


def _read(page: Kept, profile: Profile, kept: Callable[[WarcRecord], Response]) -> Visit:
    path, offset, length = page.warc
    answer = Visit(url_id=page.url_id, visited=now(), attempts=0)
    try:
        response = kept(WarcRecord(Path(path), offset, length))
    except FileNotFoundError:
        return replace(answer, outcome="elsewhere")
    except (OSError, ValueError) as error:
        log.warning("%s", error)
        return replace(answer, outcome="damaged")
    return extracted(profile, page.run_id, response, answer)
