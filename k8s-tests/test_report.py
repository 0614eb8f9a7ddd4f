"""The demo's verdict: what counts as right, and what is said of everything else."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
import report
from installation import QueueReading

URL = "http://dure.newssite/read/1.html"


def line(**changes: object) -> dict:
    article = {
        "site": "dure",
        "url": URL,
        "canonical": URL,
        "kind": "article",
        "title": "제목",
        "paragraphs": ["하나.", "둘."],
        "authors": ["김하늘"],
        "published": "2026-11-20T09:35:00+00:00",
    }
    return article | changes


def row(**changes: object) -> dict:
    stored = {
        "site": "dure",
        "canonical_url": URL,
        "title": "제목",
        "body": "하나.\n\n둘.",
        "authors": '["김하늘"]',
        "published": datetime(2026, 11, 20, 9, 35),
    }
    return stored | changes


def verdict(truth: list[dict], rows: list[dict]) -> dict:
    return report.compare(truth, rows, [], {})


def test_equal_is_exact() -> None:
    result = verdict([line()], [row()])
    assert result["sites"] == {"dure": {"expected": 1, "stored": 1, "wrong": []}}
    assert report.is_exact(result)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("title", {"title": "제목 "}),
        ("paragraphs", {"body": "하나. 둘."}),
        ("authors", {"authors": "[]"}),
        ("published", {"published": datetime(2026, 11, 20, 18, 35)}),
        ("published", {"published": None}),
    ],
)
def test_a_field_that_differs_is_named_with_both_values(field: str, changes: dict) -> None:
    result = verdict([line()], [row(**changes)])
    (wrong,) = result["sites"]["dure"]["wrong"]
    assert (wrong["url"], wrong["why"], list(wrong["fields"])) == (URL, f"{field} differ", [field])
    assert wrong["fields"][field]["truth"] != wrong["fields"][field]["stored"]
    assert not report.is_exact(result)


def test_an_article_can_be_missing_or_one_too_many() -> None:
    missing = verdict([line()], [])["sites"]["dure"]
    assert (missing["expected"], missing["stored"], missing["wrong"]) == (1, 0, [{"url": URL, "why": "missing"}])
    extra = verdict([line(kind="broken")], [row()])["sites"]["dure"]
    assert (extra["expected"], extra["stored"]) == (0, 1)
    assert extra["wrong"] == [{"url": URL, "why": "not an article of the truth"}]
    unknown = verdict([line()], [row(), row(site="gone")])
    assert unknown["sites"]["gone"]["wrong"]


def test_what_only_repeats_an_article_is_not_expected_twice() -> None:
    others = [line(kind=kind, url=f"{URL}?{kind}") for kind in ("duplicate", "redirect", "disallowed")]
    result = verdict([line(), *others], [row()])
    assert result["sites"]["dure"]["expected"] == 1
    assert report.is_exact(result)


def test_nothing_is_never_exact() -> None:
    assert not report.is_exact(verdict([], []))
    assert not report.is_exact(verdict([line(kind="broken")], []))


@pytest.fixture
def scaled() -> dict:
    counts = [(0, 0), (12, 0), (12, 3), (7, 3), (1, 1), (0, 1), (0, 0)]
    samples = [
        (float(second), {"dure": QueueReading(backlog, 0, replicas), "default": QueueReading(0, 0, 0)})
        for second, (backlog, replicas) in enumerate(counts)
    ]
    return report.compare([line()], [row(published=None)], samples, {"install": 41.2, "crawl": 80})


def test_timelines_have_backlog_and_replicas_at_each_second(scaled: dict) -> None:
    assert scaled["queues"]["dure"][:3] == [[0.0, 0, 0], [1.0, 12, 0], [2.0, 12, 3]]


def test_the_terminal_shows_sites_wrong_articles_and_phases(scaled: dict) -> None:
    said = report.text(scaled, {"dure": "success"})
    (of_dure,) = [words.split() for words in said.splitlines() if words.startswith("dure")]
    assert of_dure == ["dure", "success", "1", "1", "1", "0", "->", "3", "->", "0", "12", "tasks"]
    assert f"dure: published differ: {URL}" in said
    assert "install 41 s, crawl 80 s" in said
    assert "MySQL differs from the sites" in said


def test_report_and_picture_are_written(scaled: dict, tmp_path) -> None:
    report.write(scaled, tmp_path / "demo")
    assert json.loads((tmp_path / "demo" / "report.json").read_text()) == scaled
    picture = (tmp_path / "demo" / "scaling.png").read_bytes()
    assert picture.startswith(b"\x89PNG")


def test_without_samples_the_picture_is_an_empty_frame(tmp_path) -> None:
    report.write(report.compare([line()], [row()], [], {}), tmp_path)
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("replicas", "good"),
    [([0, 1, 2, 0], True), ([0, 1, 0], False), ([1, 2, 0], False), ([0, 2, 1], False), ([], False)],
)
def test_a_queue_has_to_go_from_none_to_several_workers_and_back(replicas: list[int], good: bool) -> None:
    samples = [(float(at), {"dure": QueueReading(0, 0, count)}) for at, count in enumerate(replicas)]
    result = report.compare([line()], [row()], samples, {})
    assert report.unscaled(result) == ([] if good else ["dure"])
    assert ("Queues that did not go" in report.text(result, {})) is not good
