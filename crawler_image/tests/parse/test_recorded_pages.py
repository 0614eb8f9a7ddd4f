"""Recorded pages of real publishers, which lie beside the repository or nowhere: their texts are not ours to ship."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from newscrawl.extract import extract
from newscrawl.model import Article, Response
from newscrawl.profiles import Profile, load_all

PAGES = Path(__file__).parents[3].parent / "shared" / "pages"
pytestmark = pytest.mark.skipif(not PAGES.is_dir(), reason="no recorded pages beside the repository")

EXPECTED = json.loads((PAGES / "expected.json").read_text("utf-8")) if PAGES.is_dir() else {}
# words, and single characters of scripts that do not separate them
_TOKEN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u4e00-\u9fff]+")


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    loaded = load_all([Path(str(files("newscrawl") / "sites"))])
    assert [one for one in loaded.values() if not isinstance(one, Profile)] == []
    return {host: one for one in loaded.values() for host in one.hosts}


def read(name: str, profile: Profile | None) -> Article:
    expected = EXPECTED[name]
    body = gzip.decompress((PAGES / f"{name}.html.gz").read_bytes())
    fetched = datetime.fromisoformat(expected["crawled"]).replace(tzinfo=UTC)
    url = expected["url"]
    return extract(Response(url, url, 200, {}, body, 0.0, fetched), profile, fetched=fetched)


def f1(found: str, expected: str) -> float:
    one, other = Counter(_TOKEN.findall(found)), Counter(_TOKEN.findall(expected))
    return 2 * (one & other).total() / (one.total() + other.total())


def body_f1(article: Article, name: str) -> float:
    return f1(" ".join(article.paragraphs), " ".join(EXPECTED[name]["paragraphs"]))


def check_title_and_date(article: Article, name: str, zone: ZoneInfo) -> None:
    expected = datetime.fromisoformat(EXPECTED[name]["published"])
    aware = expected if expected.tzinfo else expected.replace(tzinfo=zone)
    assert article.title.split() == EXPECTED[name]["title"].split()
    assert article.published is not None
    assert abs((article.published - aware).total_seconds()) < 60


@pytest.mark.parametrize("name", EXPECTED)
def test_with_a_profile(profiles, name):
    profile = profiles[urlsplit(EXPECTED[name]["url"]).netloc]
    article = read(name, profile)
    check_title_and_date(article, name, profile.timezone)
    assert body_f1(article, name) >= 0.98
    assert article.profile.startswith(profile.site)
    assert "trafilatura" not in article.sources["body"]


# the page that scripts render has its date in data that only its profile knows
@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"HankookIlbo_2026_01_29"}))
def test_title_and_date_without_a_profile(name):
    check_title_and_date(read(name, None), name, ZoneInfo("UTC"))


def test_bodies_without_a_profile():
    scores = {name: body_f1(read(name, None), name) for name in EXPECTED}
    assert sum(scores.values()) / len(scores) >= 0.95, scores
