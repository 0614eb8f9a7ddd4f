"""The made-up news sites, read with their profiles, give exactly what is true of them."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from newscrawl.extract import extract
from newscrawl.model import NotAnArticle, Response
from newscrawl.preprocess import preprocess
from newscrawl.profiles import load_all
from newssite.local import running, write_profiles
from newssite.state import SITES, State


@pytest.fixture(scope="module")
def sites():
    with running(State.new(120, latency=0)) as local:
        yield local


@pytest.fixture(scope="module")
def profiles(sites, tmp_path_factory):
    folder = tmp_path_factory.mktemp("profiles")
    write_profiles(folder, sites.ports)
    return load_all([folder])


def fetched(url: str) -> Response | None:
    """The page, asked for again after an error that passes; None for one that stays or is cut off."""
    for _ in range(2):
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.url, url, answer.status, headers, answer.read(), 0.0, datetime.now(UTC))
        except (urllib.error.HTTPError, http.client.IncompleteRead):
            continue
    return None


def moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat() if value else None


@pytest.mark.parametrize("site", SITES)
def test_every_article_is_the_truth(sites, profiles, site):
    truth = [line for line in sites.truth(site) if line["kind"] in ("article", "duplicate", "redirect")]
    assert len(truth) > 100
    for line in truth:
        response = fetched(line["url"])
        article = preprocess(extract(response, profiles[site], fetched=response.fetched_at), profiles[site]).article
        found = {
            "canonical": article.canonical_url,
            "title": article.title,
            "paragraphs": list(article.paragraphs),
            "authors": list(article.authors),
            "published": moment(article.published),
            "modified": moment(article.modified),
            "section": article.section,
            "keywords": list(article.keywords),
        }
        assert found == {name: line[name] for name in found}


def test_broken_pages_are_refused(sites, profiles):
    broken = [line for line in sites.truth("harbor") if line["kind"] == "broken"]
    pages = [page for page in map(fetched, (line["url"] for line in broken)) if page]
    assert pages
    for page in pages:
        with pytest.raises(NotAnArticle):
            extract(page, profiles["harbor"], fetched=page.fetched_at)
