"""How many pages a second one core parses: with profiles, without, and trafilatura alone, over the same pages.

Rounds of all pages are interleaved, so that a busy machine is as busy for each; the best round of each counts, and the
median is shown beside it. Exit code 1 when fewer pages than LEAST are read with their profiles.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import trafilatura
from lxml import html
from newscrawl.extract import extract
from newscrawl.model import NotAnArticle, Response
from newscrawl.preprocess import preprocess
from newscrawl.profiles import Profile
from pages import pages

ROUNDS = 7
# pages a second a core with a profile: what one worker must reach for the crawl not to wait for its parser
LEAST = 200
REPORT = Path(__file__).parents[1] / "build" / "bench" / "parse.json"


def with_profile(response: Response, profile: Profile) -> None:
    """What a crawl does to a page."""
    extract(response, profile, fetched=response.fetched_at)


def prepared(response: Response, profile: Profile) -> None:
    """And all that is computed before the article is stored."""
    preprocess(extract(response, profile, fetched=response.fetched_at), profile)


def without_profile(response: Response, profile: Profile) -> None:
    """The same for a site that nobody described."""
    try:
        extract(response, None, fetched=response.fetched_at)
    except NotAnArticle:
        return


def by_trafilatura(response: Response, profile: Profile) -> None:
    """Text and metadata, as trafilatura's users call it."""
    trafilatura.bare_extraction(response.body, url=response.url, with_metadata=True)


def by_lxml(response: Response, profile: Profile) -> None:
    """The tree alone: what no extraction can be faster than."""
    html.document_fromstring(response.body)


READERS: dict[str, Callable[[Response, Profile], None]] = {
    "with a profile": with_profile,
    "with a profile, prepared for storage": prepared,
    "without a profile": without_profile,
    "trafilatura": by_trafilatura,
    "lxml, the tree alone": by_lxml,
}


def main() -> None:
    """Print a table and write it as JSON."""
    found = pages()
    taken: dict[str, list[float]] = {name: [] for name in READERS}
    for number in range(ROUNDS):
        print(f"\rround {number + 1} of {ROUNDS}, {len(found)} pages", end="", flush=True)
        for name, read in READERS.items():
            start = time.process_time()
            for response, profile in found:
                read(response, profile)
            taken[name].append(time.process_time() - start)
    print()
    rates = {name: len(found) / min(seconds) for name, seconds in taken.items()}
    medians = {name: len(found) / statistics.median(seconds) for name, seconds in taken.items()}
    for name, rate in rates.items():
        beside = rate / rates["trafilatura"]
        print(f"{name:<40}{rate:8.0f} pages/s a core (median {medians[name]:4.0f}) {beside:8.1f} x trafilatura")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"pages": len(found), "pages_per_second_a_core": rates, "medians": medians}, indent=2))
    if rates["with a profile"] < LEAST:
        sys.exit(f"with a profile fewer than {LEAST} pages/s a core")


if __name__ == "__main__":
    main()
