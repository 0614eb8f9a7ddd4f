"""What tests can ask of the sites, and what the sites remember of their visitors."""

from __future__ import annotations

import time

import pytest
import requests
from newssite.local import LocalSites, running
from newssite.state import State


def order(sites: LocalSites, **what: object) -> requests.Response:
    return requests.post(f"http://127.0.0.1:{sites.ports['']}/_control", json=what, timeout=10)


def test_every_request_is_remembered_with_its_time(sites: LocalSites) -> None:
    before = time.time()
    requests.get(sites.url("dure", "/list?page=2"), headers={"User-Agent": "reader/1"}, timeout=10)
    requests.get(sites.url("dure", "/nowhere"), timeout=10)
    requests.get(sites.url("hanbit"), timeout=10)
    seen = requests.get(sites.url("dure", "/_requests"), timeout=10).json()
    assert [(one["path"], one["status"], one["host"]) for one in seen] == [
        ("/list?page=2", 200, sites.authority("dure")),
        ("/nowhere", 404, sites.authority("dure")),
    ]
    assert seen[0]["ua"] == "reader/1"
    assert before <= seen[0]["time"] <= seen[1]["time"] <= time.time()
    requests.delete(sites.url("dure", "/_requests"), timeout=10)
    assert requests.get(sites.url("hanbit", "/_requests"), timeout=10).json() == []


def test_requests_are_appended_to_a_file(tmp_path) -> None:
    with (tmp_path / "log").open("w") as log, running(State.new(1, log=log)) as sites:
        requests.get(sites.url("hanbit"), timeout=10)
    assert '"path": "/"' in (tmp_path / "log").read_text()


def test_an_outage_answers_with_its_status_and_ends(sites: LocalSites) -> None:
    assert order(sites, site="dure", outage={"seconds": 60, "status": 503}).ok
    assert requests.get(sites.url("dure", "/list"), timeout=10).status_code == 503
    assert requests.get(sites.url("hanbit"), timeout=10).status_code == 200
    assert order(sites, site="dure", outage={"seconds": 0}).ok
    assert requests.get(sites.url("dure", "/list"), timeout=10).status_code == 200


def test_an_unreachable_site_answers_nothing(sites: LocalSites) -> None:
    assert order(sites, site="dure", outage={"seconds": 60}).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(sites.url("dure", "/list"), timeout=10)
    assert sites.state.requests[-1]["status"] == 0


def test_more_articles_come_out_and_the_old_ones_stay(sites: LocalSites) -> None:
    before = sites.truth("gangmun")
    assert order(sites, site="gangmun", publish=3).json()["gangmun"] == 33
    after = sites.truth("gangmun")
    assert after[3:] == before
    assert min(line["published"] for line in after[:3]) > before[0]["published"]
    assert requests.get(after[0]["url"], timeout=10).status_code == 200


def test_a_changed_article_has_more_text_another_date_and_another_etag(sites: LocalSites) -> None:
    old = sites.truth("hanbit")[0]
    first = requests.get(old["url"], timeout=10)
    validator = {"If-None-Match": first.headers["ETag"]}
    assert requests.get(old["url"], headers=validator, timeout=10).status_code == 304
    assert order(sites, site="hanbit", change=30).ok
    new = sites.truth("hanbit")[0]
    assert new["paragraphs"][:-1] == old["paragraphs"]
    assert (old["modified"], new["published"]) == (None, old["published"])
    assert new["modified"] > new["published"]
    page = requests.get(old["url"], headers=validator, timeout=10)
    assert page.status_code == 200
    assert new["paragraphs"][-1] in page.content.decode()


@pytest.mark.parametrize(
    "what",
    [
        {"site": "nobody"},
        {"publish": 1},
        {"site": "dure", "change": 31},
        {"site": "dure", "outage": {"status": 503}},
        {"site": "dure", "publish": "many"},
        {"site": "dure", "colour": "red"},
    ],
)
def test_what_is_not_understood_is_refused(sites: LocalSites, what: dict) -> None:
    answer = order(sites, **what)
    assert answer.status_code == 400
    assert "site" in answer.json()["error"] or "understood" in answer.json()["error"]
    assert sites.state.editions["dure"].count == 30


def test_an_unknown_host_is_told_the_names_of_the_sites(sites: LocalSites) -> None:
    answer = requests.get(f"http://127.0.0.1:{sites.ports['']}/", timeout=10)
    assert answer.status_code == 404
    assert "hanbit" in answer.text
    by_name = requests.get(f"http://127.0.0.1:{sites.ports['']}/", headers={"Host": "gangmun.example:81"}, timeout=10)
    assert by_name.status_code == 200
