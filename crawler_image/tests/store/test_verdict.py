"""A run that yields nothing must show why that is right."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from newscrawl.store.runs import Failure, Tally
from newscrawl.verdict import Yield, drift, judge

LAYOUT = Failure("refused", "not_an_article", 9, "no body", "https://news.example/1")
DOWN = Failure("failed", "connect", 3, "refused", "https://news.example/2")


def tally(unvisited: int = 0, failures: tuple[Failure, ...] = (), **outcomes: int) -> Tally:
    return Tally(outcomes, sum(outcomes.values()), unvisited, 0, None, failures)


@pytest.mark.parametrize(
    ("found", "ever_found", "counted"),
    [
        (9, True, tally(stored=9)),
        (0, True, tally()),  # an unchanged feed
        (3, True, tally()),  # all known
        (3, True, tally(unchanged=1, failed=2, refused=20)),
        (3, True, tally(duplicate=3)),
        (3, True, tally(refused=4)),  # too few to say anything
        (3, True, tally(gone=3)),
    ],
)
def test_success(found: int, ever_found: bool, counted: Tally) -> None:
    assert judge("daily", {"found": found}, ever_found, counted) is None


@pytest.mark.parametrize(
    ("found", "ever_found", "counted", "words"),
    [
        (None, True, tally(), "discovery did not end"),
        (0, False, tally(), "found no link at all"),
        (9, True, tally(stored=5, unvisited=4), "4 URLs were not visited"),
        (
            9,
            True,
            tally(refused=9, failures=(DOWN, LAYOUT)),
            "none of 9 pages was an article: not_an_article (9): no body",
        ),
        (
            3,
            True,
            tally(failed=3, failures=(DOWN,)),
            "none of 3 URLs could be fetched: connect (3): refused [https://n",
        ),
    ],
)
def test_failure(found: int | None, ever_found: bool, counted: Tally, words: str) -> None:
    assert words in (judge("daily", {"found": found}, ever_found, counted) or "")


@pytest.mark.parametrize("found", [0, 8])
def test_links_of_another_site_are_told(found: int) -> None:
    counts = {"found": found, "elsewhere": {"weekly": 8}}
    said = judge("daily", counts, False, tally()) or ""
    assert said.startswith("8 links belong to site weekly")
    assert "UPDATE urls SET site = 'daily' WHERE site = 'weekly'" in said
    assert len(said) < 1000
    # some of a site's links may be another's
    assert judge("daily", counts, True, tally(stored=2)) is None


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def run(hours_ago: float, articles: int, *, refused: int = 0, **filled: int) -> Yield:
    return Yield(NOON - timedelta(hours=hours_ago), articles, filled, refused)


PAST = [run(hours, 10, authors=9, image=3, refused=1) for hours in range(1, 9)]


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (run(0, 10, authors=9, image=3), PAST),
        (run(0, 10, authors=6, image=3), PAST),
        (run(0, 10, authors=9, image=0), PAST),  # a field that most articles lack
        (run(0, 2, authors=0), PAST),  # two articles without authors come by
        (run(0, 0), PAST),  # nothing new in this hour
        (run(0, 10, authors=0), PAST[:1]),  # a site that is new
        (run(0, 10), [run(hours, 10, authors=0) for hours in range(1, 9)]),  # long gone
        (run(0, 10, authors=9, image=3, refused=4), PAST),
        (run(0, 0), [run(24 * 7 * weeks, 3) for weeks in range(1, 8)]),  # a weekly
        (run(-200, 0), PAST[:4]),  # too few runs to know its habits
    ],
)
def test_a_run_like_those_before(now: Yield, before: list[Yield]) -> None:
    assert drift(now, before) is None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (run(0, 10, authors=0, image=3), "authors went empty: 0 of 10 articles have it, before 90% had"),
        (run(0, 40, authors=5, image=12), "authors went empty: 5 of 40 articles"),
        (run(0, 2, authors=2, image=1, refused=8), "8 of 10 new pages were no articles, before 9%"),
        (run(-30, 0), "no new article for 31 hours, before never for more than 1"),
    ],
)
def test_what_changed(now: Yield, words: str) -> None:
    assert words in (drift(now, PAST) or "")


@pytest.mark.parametrize("days", [15, 60])
def test_a_silence_is_one_however_long_it_lasts(days: int) -> None:
    assert f"no new article for {24 * days + 1} hours" in (drift(run(-24 * days, 0), PAST) or "")


def test_what_else_a_site_was_like_is_forgotten() -> None:
    # what no article has had for weeks is no field of the site any more, nor are its articles too short
    now = with_characters(run(-24 * 15, 40, authors=0), 100)
    assert drift(now, [with_characters(one, 2000) for one in PAST]) is None


DAYS = [run(24 * day + hour, 10, authors=10) for day in range(13) for hour in range(1, 24, 2)]


def with_characters(of: Yield, each: int) -> Yield:
    return replace(of, characters=each * of.articles)


@pytest.mark.parametrize(
    ("hours_ago", "quiet", "words"),
    [
        (0, 0, None),
        (-24, 1, "12 new articles in a day, before 120"),
        (-24, 2, "24 new articles in a day, before 120"),
        (-24, 3, None),
    ],
)
def test_a_day_with_few_articles(hours_ago: float, quiet: int, words: str | None) -> None:
    day = [run(hours_ago + hour, quiet, authors=quiet) for hour in range(1, 24, 2)]
    told = drift(run(hours_ago, 0), day + DAYS if hours_ago else DAYS)
    assert (told or "").startswith(words) if words else told is None


def test_a_site_whose_days_differ_is_left_alone() -> None:
    weekends = [replace(one, articles=0) if (one.started.weekday() > 4) else one for one in DAYS]
    assert drift(run(-24, 0), [run(-24 + hour, 0) for hour in range(1, 24)] + weekends) is None


def test_articles_that_become_short() -> None:
    past = [with_characters(one, 2000) for one in DAYS]
    assert drift(with_characters(run(-24, 30, authors=30), 900), past) is None
    told = drift(with_characters(run(-24, 30, authors=30), 300), past)
    assert "articles have 300 characters on average, before 2000" in (told or "")
    # runs of before this was counted say nothing
    assert "characters" not in (drift(with_characters(run(-24, 30, authors=30), 300), DAYS) or "")


def test_a_hub_that_fails_for_a_day_is_told() -> None:
    hub = {"https://news.example/rss": "http_404"}
    dead = [replace(one, hubs=hub) for one in DAYS[:13]]
    assert "https://news.example/rss: http_404 for 24 hours" in (drift(replace(DAYS[0], hubs=hub), dead) or "")
    recovered = [replace(dead[3], hubs={}), *dead[:3], *dead[4:]]
    assert drift(replace(DAYS[0], hubs=hub), recovered) is None


def test_the_order_of_the_past_does_not_matter() -> None:
    now = run(-30, 0)
    assert drift(now, PAST) == drift(now, PAST[::-1])
