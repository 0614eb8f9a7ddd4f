"""A run that yields nothing must show why that is right."""

import pytest
from newscrawl.store.runs import Failure, Tally
from newscrawl.verdict import judge

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
    assert judge(found, ever_found, counted) is None


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
    assert words in (judge(found, ever_found, counted) or "")
