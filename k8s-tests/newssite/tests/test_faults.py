"""What is wrong with harbor is wrong on purpose: how often, when, and how it shows."""

from __future__ import annotations

import pytest
import requests
from lxml import html
from newssite.local import LocalSites, running
from newssite.state import State
from protego import Protego


def lines(sites: LocalSites, kind: str) -> list[dict]:
    return [line for line in sites.truth("harbor") if line["kind"] == kind]


def test_one_in_a_hundred_fails_once_and_some_ask_to_wait() -> None:
    with running(State.new(200, latency=0)) as sites:
        urls = [line["canonical"] for line in lines(sites, "article")]
        first = [requests.get(url, timeout=10) for url in urls]
        second = [requests.get(url, timeout=10) for url in urls]
    assert [answer.status_code for answer in first].count(500) == 2
    waiting = [answer for answer in first if answer.status_code == 429]
    assert len(waiting) == 3
    assert all(answer.headers["Retry-After"] == "1" for answer in waiting)
    assert {answer.status_code for answer in second} == {200}


def test_robots_forbids_what_the_truth_calls_disallowed(full: LocalSites) -> None:
    robots = Protego.parse(requests.get(full.url("harbor", "/robots.txt"), timeout=10).text)
    assert robots.crawl_delay("newscrawl") == 0.25
    disallowed = lines(full, "disallowed")
    assert disallowed
    assert not any(robots.can_fetch(line["url"], "newscrawl") for line in disallowed)
    assert all(robots.can_fetch(line["url"], "newscrawl") for line in lines(full, "article"))


def test_moved_articles_redirect_and_second_urls_name_the_first(full: LocalSites) -> None:
    for line in lines(full, "redirect"):
        answer = requests.get(line["url"], timeout=10)
        assert [hop.status_code for hop in answer.history] == [301]
        assert answer.url == line["canonical"]
    duplicates = lines(full, "duplicate")
    assert duplicates
    for line in duplicates:
        tree = html.document_fromstring(requests.get(line["url"], timeout=10).content)
        assert tree.xpath("string(//link[@rel='canonical']/@href)") == line["canonical"] != line["url"]


def test_each_kind_of_broken_page(full: LocalSites) -> None:
    broken = {line["note"]: line["url"] for line in lines(full, "broken")}
    assert broken.keys() == {"not an article", "no body", "404", "cut off"}
    assert requests.get(broken["404"], timeout=10).status_code == 404
    assert b"<article" not in requests.get(broken["not an article"], timeout=10).content
    empty = html.document_fromstring(requests.get(broken["no body"], timeout=10).content)
    assert empty.cssselect("h1")
    assert [one.get("class") for one in empty.cssselect(".story-body > p")] == ["contact"]
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(broken["cut off"], timeout=10)
    assert full.state.requests[-1]["status"] == 0


def test_harbor_takes_its_time_and_the_others_do_not() -> None:
    with running(State.new(5, latency=0.2)) as sites:
        slow, fast = (requests.get(sites.url(site), timeout=10).elapsed.total_seconds() for site in ("harbor", "dure"))
    assert slow >= 0.2 > fast
