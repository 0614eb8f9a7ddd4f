"""Makes a site's articles anew from the raw pages that are kept, with the profile and the extractor of today.

Nothing is fetched. An article whose text comes out differently gets a new version and keeps the old one; a page that
was refused and can be read now becomes an article. Each worker's volume keeps the pages that this worker fetched, and
the lake, where there is one, those of all.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from newscrawl import settings as environment
from newscrawl.archive import WarcRecord, read, response_in
from newscrawl.context import find_profile, now, open_database
from newscrawl.lake import LakeError, warc_path
from newscrawl.model import Response
from newscrawl.profiles import Profile
from newscrawl.settings import Settings
from newscrawl.store import visits
from newscrawl.store.visits import Kept, Visit
from newscrawl.visit import extracted

if TYPE_CHECKING:
    from newscrawl.lake.filesystem import Lake

log = logging.getLogger(__name__)

TOGETHER = 100  # pages in one transaction
LAKE_PAUSES = (1.0, 4.0, 16.0)  # seconds before a lake that failed is asked again


def reparse(
    site: str,
    *,
    since: datetime | None = None,
    after: int = 0,
    settings: Settings | None = None,
    on_pages: Callable[[int], None] = lambda pages: None,
) -> dict[str, int]:
    """Reads every kept page of the site (fetched at `since` or later) and returns how many had which outcome.

    `elsewhere` are pages on another worker's volume and not in the lake, `damaged` those whose record is not whole. Can
    be stopped and run again, from the start or `after` the id that the error names. Raises SettingsError, UnknownSite,
    ProfileError, StoreUnavailable, LakeError.
    """
    settings = settings or environment.load()
    profile, database = find_profile(site, settings), open_database(settings)
    kept = _Reader(settings)
    outcomes: Counter[str] = Counter()
    while pages := database.run(
        lambda connection, after=after: visits.kept(connection, site, after=after, count=TOGETHER, since=since)
    ):
        try:
            results = [_read(page, profile, kept) for page in pages]
        except LakeError as error:
            raise LakeError(f"{error}; to go on where it stopped: newscrawl reparse {site} --after {after}") from error
        outcomes.update(
            database.run(lambda connection, results=results: visits.remake(connection, site, results, now()))
        )
        after = pages[-1].url_id
        on_pages(len(pages))
    return dict(outcomes)


class _Reader:
    """Reads from the volume, and from the lake what is not there, or not whole."""

    def __init__(self, settings: Settings):
        self._settings = settings

    @cached_property
    def _lake(self) -> Lake | None:
        if self._settings.lake_url is None:
            return None
        # its import takes seconds, which who has all pages on the volume does not wait for
        from newscrawl.lake.filesystem import open_lake

        return open_lake(self._settings.lake_url, self._settings.lake_options)

    def __call__(self, record: WarcRecord) -> Response:
        """Raises as `archive.read` does, and LakeError."""
        try:
            return read(record)
        except (FileNotFoundError, ValueError):
            if self._lake is None or (member := self._of_lake(self._lake, record)) is None:
                raise
            return response_in(member, record)

    def _of_lake(self, lake: Lake, record: WarcRecord) -> bytes | None:
        for pause in LAKE_PAUSES:
            try:
                return lake.read(warc_path(record.path), record.offset, record.length)
            except LakeError as error:
                log.warning("%s; trying again in %g s", error, pause)
                time.sleep(pause)
        return lake.read(warc_path(record.path), record.offset, record.length)


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
