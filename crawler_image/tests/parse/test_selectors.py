"""What each kind of selector finds on a page."""

from __future__ import annotations

import pytest
from newscrawl.extract.selectors import Selector, SelectorError
from pages_of_ours import page

PAGE = page("""
<html><head>
<meta property="article:section" content="경제"><meta name="Keywords" content="가, 나">
<meta itemprop="author" content="김">
<script type="application/ld+json">{"@type": ["NewsArticle"], "headline": "ld",
 "author": [{"name": "a"}, {"name": "b"}],
 "image": null}</script>
<script type="application/ld+json">{"@graph": [{"@type": "Person", "name": "c"}]}</script>
<script id="state" type="application/json">{"page": {"story": {"title": "s", "tags": [{"n": 1}, {"n": 2}]}}}</script>
</head><body><h1 class="t">제목 <b>굵게</b></h1><a href="/1">하나</a><a>둘</a></body></html>
""")


def found(selector: str) -> list[object]:
    return [getattr(one, "tag", one) for one in Selector.parse(selector).find(PAGE)]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("css: h1.t", ["h1"]),
        ("css: h1.t, a", ["h1", "a", "a"]),
        ("css: a::attr(href)", ["/1"]),
        ("xpath: //h1/b/text()", ["굵게"]),
        ("xpath: //a/@href", ["/1"]),
        ("xpath: string(//b)", ["굵게"]),
        ("xpath: count(//a)", []),
        ("meta: article:section", ["경제"]),
        ("meta: keywords", ["가, 나"]),
        ("meta: author", ["김"]),
        ("json: $ld.NewsArticle.headline", ["ld"]),
        ("json: $ld.NewsArticle.author.name", ["a", "b"]),
        ("json: $ld.NewsArticle.image", []),
        ("json: $ld.*.name", ["c"]),
        ("json: $ld.Article.headline", []),
        ("json: $data.page.story.title", ["s"]),
        ("json: $data..tags.n", [1, 2]),
        ("json: $data..story.*.n", [1, 2]),
        ("json: $data(state)..title", ["s"]),
        ("json: $data(other)..title", []),
        ("auto:", []),
    ],
)
def test_finds(selector, expected):
    assert found(selector) == expected


@pytest.mark.parametrize(
    "text", ["h1", "css:", "css: h1[", "xpath: //h1[", "json: x", "json: $ld.A.b[0]", "json: $data", "auto: x"]
)
def test_refuses(text):
    with pytest.raises(SelectorError):
        Selector.parse(text)


def test_equal_texts_are_equal_selectors():
    assert Selector.parse("css: h1") == Selector.parse("css: h1")
    assert Selector.parse("css: h1") != Selector.parse("css: h2")
