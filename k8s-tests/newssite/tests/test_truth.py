"""The truth is what a careful reader of the pages finds, with the site's own markup and nothing of its code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import requests
from lxml import html
from newssite.local import LocalSites

SEOUL = ZoneInfo("Asia/Seoul")


def text_of(tree: html.HtmlElement, selector: str) -> list[str]:
    return [" ".join(one.text_content().split()) for one in tree.cssselect(selector)]


def by_breaks(body: html.HtmlElement) -> list[str]:
    """The pieces between <br>s of the text that stands directly in an element."""
    pieces = [body.text or ""]
    for child in body:
        pieces.append("\n" if child.tag == "br" else "")
        pieces.append(child.tail or "")
    lines = [" ".join(line.split()) for line in re.split(r"\n\s*\n", "".join(pieces).replace("\r", ""))]
    return [line for line in lines if line]


def hanbit(page: bytes) -> tuple:
    tree = html.document_fromstring(page.decode("utf-8"))
    data = json.loads(tree.cssselect('script[type="application/ld+json"]')[0].text)
    authors = [name.removesuffix(" 기자") for name in text_of(tree, ".byline .reporter")]
    assert [one["name"] for one in data["author"]] == authors
    (headline,) = text_of(tree, "h1")
    assert data["headline"] == headline
    return headline, text_of(tree, ".article-body > p"), authors, datetime.fromisoformat(data["datePublished"])


def gangmun(page: bytes) -> tuple:
    tree = html.document_fromstring(page.decode("cp949"))
    (byline,), (shown,) = text_of(tree, "li.name"), text_of(tree, "li.input")
    authors = [one.removesuffix(" 기자") for one in byline.removeprefix("기자명 ").split(" · ")]
    published = datetime.strptime(shown, "입력 %Y.%m.%d %H:%M").replace(tzinfo=SEOUL)
    paragraphs = [text for text in text_of(tree, "#article-view-content-div > p") if text]
    assert re.fullmatch(rf"{authors[0]} 기자 [a-z0-9]+@gangmun\.example", paragraphs.pop())
    return text_of(tree, "h3.heading")[0], paragraphs, authors, published


def dure(page: bytes) -> tuple:
    tree = html.document_fromstring(page.decode("utf-8"))
    (shown,), (writers,) = text_of(tree, ".date"), text_of(tree, ".writer")
    day, half, clock = re.fullmatch(r"입력 (\S+) (오전|오후) (\S+)", shown).groups()
    published = datetime.strptime(f"{day} {clock} {'AM' if half == '오전' else 'PM'}", "%Y.%m.%d. %I:%M %p")
    lines = by_breaks(tree.cssselect(".view_body")[0])
    assert lines.pop() == "<저작권자 ⓒ 두레신문, 무단 전재 및 재배포 금지>"
    assert lines.pop().endswith("@dure.example")
    authors = [one.removesuffix(" 기자") for one in writers.split(", ")]
    return text_of(tree, "h2.view_title")[0], lines, authors, published.replace(tzinfo=SEOUL)


def harbor(page: bytes) -> tuple:
    tree = html.document_fromstring(page.decode("utf-8"))
    published = tree.xpath("string(//meta[@property='article:published_time']/@content)")
    paragraphs = [one for one in text_of(tree, ".story-body > p") if not one.startswith("Reach ")]
    return text_of(tree, "h1")[0], paragraphs, text_of(tree, ".byline a"), datetime.fromisoformat(published)


READERS = {"hanbit": hanbit, "gangmun": gangmun, "dure": dure, "harbor": harbor}


def read(url: str) -> bytes:
    """The page, asked for again when it fails on purpose."""
    answer = requests.get(url, timeout=10)
    return answer.content if answer.status_code == 200 else requests.get(url, timeout=10).content


@pytest.mark.parametrize("site", READERS)
def test_every_page_says_what_the_truth_says(full: LocalSites, site: str) -> None:
    reader: Callable[[bytes], tuple] = READERS[site]
    articles = [line for line in full.truth(site) if line["kind"] == "article"]
    assert len(articles) >= 196
    for line in articles:
        title, paragraphs, authors, published = reader(read(line["url"]))
        assert title == line["title"]
        assert paragraphs == line["paragraphs"]
        assert authors == line["authors"]
        assert published == datetime.fromisoformat(line["published"])


@pytest.mark.parametrize("site", READERS)
def test_articles_read_like_news(full: LocalSites, site: str) -> None:
    articles = [line for line in full.truth(site) if line["kind"] == "article"]
    bodies = {tuple(line["paragraphs"]) for line in articles}
    assert len(bodies) == len(articles), "two articles have the same text"
    for line in articles:
        assert 4 <= len(line["paragraphs"]) <= 7
        assert sum(map(len, line["paragraphs"])) > 200
        assert not re.search(r"[{}]|\.\.(?!\.)|  ", "".join(line["paragraphs"]))
    assert len({line["published"] for line in articles}) == len(articles)
    assert any(len(line["authors"]) == 2 for line in articles)


def test_served_truth_is_a_json_line_for_each_url(full: LocalSites) -> None:
    of_one = requests.get(full.url("dure", "/_truth"), timeout=10).text
    assert [json.loads(line) for line in of_one.splitlines()] == full.truth("dure")
    anywhere = f"http://127.0.0.1:{full.ports['']}/_truth"
    of_all = [json.loads(line) for line in requests.get(anywhere, timeout=10).text.splitlines()]
    assert {line["site"] for line in of_all} == set(READERS)
    assert all(line["url"].startswith(f"http://{line['site']}.newssite/") for line in of_all)
    of_harbor = requests.get(anywhere, params={"site": "harbor"}, timeout=10).text
    assert [line for line in of_all if line["site"] == "harbor"] == [
        json.loads(line) for line in of_harbor.splitlines()
    ]
