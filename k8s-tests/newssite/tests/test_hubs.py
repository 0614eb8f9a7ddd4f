"""Feeds, sitemaps and lists are valid, and together list exactly the URLs of the truth."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from urllib.parse import urljoin

import feedparser
import pytest
import requests
import yaml
from lxml import etree, html
from newssite.local import PROFILES, LocalSites, write_profiles

NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "n": "http://www.google.com/schemas/sitemap-news/0.9"}


def get(url: str) -> requests.Response:
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return answer


def locations(body: bytes, path: str = "//s:url/s:loc/text()") -> list[str]:
    return etree.fromstring(body).xpath(path, namespaces=NAMES)


def test_the_section_feeds_of_hanbit_have_every_article(full: LocalSites) -> None:
    front = html.document_fromstring(get(full.url("hanbit")).content)
    feeds = [urljoin(full.url("hanbit"), href) for href in front.xpath("//link[@rel='alternate']/@href")]
    entries = {}
    for url in feeds:
        parsed = feedparser.parse(get(url).content)
        assert not parsed.bozo, parsed.get("bozo_exception")
        entries |= {entry.link: entry for entry in parsed.entries}
    truth = {line["url"]: line for line in full.truth("hanbit")}
    assert entries.keys() == truth.keys()
    for url, entry in entries.items():
        assert entry.title == truth[url]["title"]
        assert datetime(*entry.published_parsed[:6], tzinfo=UTC) == datetime.fromisoformat(truth[url]["published"])


def test_the_sitemaps_of_gangmun_have_every_article_with_tracking_parameters(full: LocalSites) -> None:
    children = locations(get(full.url("gangmun", "/sitemap.xml")).content, "//s:sitemap/s:loc/text()")
    bodies = {url: get(url).content for url in children}
    packed = {url: gzip.decompress(body) for url, body in bodies.items() if url.endswith(".gz")}
    listed = {url for body in packed.values() for url in locations(body) if "idxno" in url}
    assert listed == {line["url"] for line in full.truth("gangmun")}
    assert all("utm_" in url for url in listed)
    (news,) = [etree.fromstring(body) for url, body in bodies.items() if url.endswith("/news.xml")]
    titles = news.xpath("//n:title/text()", namespaces=NAMES)
    assert titles == [line["title"] for line in full.truth("gangmun")][:50]
    dates = news.xpath("//n:publication_date/text()", namespaces=NAMES)
    assert all(datetime.fromisoformat(date).tzinfo is None for date in dates)


def test_the_lists_of_dure_lead_from_the_newest_to_the_oldest_article(full: LocalSites) -> None:
    url, found = full.url("dure", "/list"), []
    while url:
        tree = html.document_fromstring(get(url).content)
        found += [urljoin(url, href) for href in tree.xpath("//a[@class='subject']/@href")]
        following = tree.xpath("//a[@class='next']/@href")
        url = urljoin(url, following[0]) if following else None
    assert found == [line["url"] for line in full.truth("dure")]
    assert requests.get(full.url("dure", "/list?page=11"), timeout=10).status_code == 404


def test_the_sitemap_of_harbor_has_every_article_and_every_trap(full: LocalSites) -> None:
    listed = locations(get(full.url("harbor", "/sitemap.xml")).content)
    truth = full.truth("harbor")
    assert sorted(listed) == sorted({line["url"] for line in truth})
    assert {line["kind"] for line in truth} == {"article", "broken", "duplicate", "disallowed", "redirect"}


@pytest.mark.parametrize("site", ["hanbit", "gangmun", "dure", "harbor"])
def test_profiles_for_this_machine_name_the_ports_of_the_sites(full: LocalSites, tmp_path, site: str) -> None:
    write_profiles(tmp_path, full.ports)
    here, cluster = (yaml.safe_load((folder / f"{site}.yaml").read_text()) for folder in (tmp_path, PROFILES))
    assert cluster["hosts"] == [f"{site}.newssite"]
    assert here["hosts"] == [full.authority(site)]
    assert here["crawl"] == cluster["crawl"]
    hubs = [*here["discover"].get("feeds", []), *here["discover"].get("sitemaps", [])]
    hubs += [page["url"] for page in here["discover"].get("lists", [])]
    assert hubs
    assert all(get(url).content for url in hubs)
