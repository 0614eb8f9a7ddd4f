"""Pages of the profiled sites as they were built at other times than the recorded ones, with texts of ours."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from newscrawl.extract import extract
from newscrawl.profiles import load
from pages_of_ours import FETCHED, response

LINES = [
    f"The harbour opened again on day {number} after three weeks of work on its pier, the port authority said."
    for number in range(6)
]
PARAGRAPHS = "".join(f"<p>{line}</p>" for line in LINES)
LINKED = json.dumps(
    {"@type": "NewsArticle", "headline": "Harbour opens again", "datePublished": "2026-11-20T08:30:00+00:00"}
)
AROUND = (
    "<nav><a href=/a>News</a></nav>",
    "<aside><h3>Most read</h3><p>Another story of the same day that has nothing to do with it, read it.</p></aside>"
    "<footer><p>All rights reserved by the publisher of this newspaper, whatever its name may be.</p></footer>",
)
LAYOUTS = {
    "apnews": [
        "<div class=Article data-key=article>{}</div>",
        "<div data-key=article>{}<h2>___</h2><p>Jane Roe helped.</p></div>",
    ],
    "bbc": [
        "<main><div data-component=text-block>{}</div></main>",
        "<div class=story-body__inner>{}</div>",
        "<article><div data-component=text-block><div>{}</div></div></article>",
    ],
    "cnbc": ["<div data-module=ArticleBody><div class=group>{}</div></div>"],
    "guardian": [
        "<div class=content__article-body>{}</div>",
        "<div id=maincontent><div class=article-body-viewer-selector>{}</div></div>",
    ],
    "hankookilbo": ["<div itemprop=articleBody>{editor}</div>"],
    "independent": ["<div class=body-content>{}</div>", "<div id=main>{}</div>"],
    "maeil_business": [
        "<div class=news_cnt_detail_wrap>{breaks}<figure><figcaption>A boat</figcaption></figure></div>",
        "<div class=news_cnt_detail_wrap>{}</div>",
    ],
    "mainichi": ["<div id=articledetail-body>{}</div>"],
    "metro": ["<div class=article-body>{}</div>", "<div class=article-body><div class=page>{}</div></div>"],
    "nikkei": ["<main><article><section data-track-article-content>{}</section></article></main>"],
    "reuters": [
        "<div class=article-body__wrapper__1x>{testids}</div>",
        "<div class=ArticleBodyWrapper>{}</div>",
        "<div class=StandardArticleBody_body>{}</div>",
    ],
    "voa": ["<div id=article-content><div>{}</div></div>"],
}
HEAD = f'<head><script type="application/ld+json">{LINKED}</script></head>'
OPENS = "<span>, opens new tab</span>"


def whole(body: str) -> str:
    return f"<html>{HEAD}<body>{AROUND[0]}<h1>Harbour opens again</h1>{body}{AROUND[1]}</body></html>"


@pytest.mark.parametrize(("site", "layout"), [(site, one) for site, many in LAYOUTS.items() for one in many])
def test_other_layouts(site, layout):
    made = load(Path(str(files("newscrawl") / "sites" / f"{site}.yaml")))
    body = layout.replace("{}", PARAGRAPHS)
    body = body.replace("{editor}", "".join(f"<p class=editor-p>{line}</p>" for line in LINES))
    body = body.replace("{breaks}", "<br><br>".join(LINES))
    body = body.replace(
        "{testids}", "".join(f"<div data-testid=paragraph-{n}>{one}{OPENS}</div>" for n, one in enumerate(LINES))
    )
    url = f"https://{sorted(made.hosts)[0]}/2026/11/20/harbour"
    html = whole(body)
    article = extract(response(html, url=url), made, fetched=FETCHED)
    assert list(article.paragraphs) == LINES
    assert article.title == "Harbour opens again"
    assert article.published.isoformat() == "2026-11-20T08:30:00+00:00"
    assert "trafilatura" not in article.sources["body"]


@pytest.mark.parametrize(
    ("site", "layout"),
    [
        ("apnews", "<div class=RichTextStoryBody>{}</div>"),
        ("independent", "<div id=main>{}</div>"),
        ("guardian", "<div id=maincontent><div class=article-body-viewer-selector>{}</div></div>"),
        ("reuters", "<div class=article-body__content__x>{}</div>"),
        ("techcrunch", "<div class=entry-content>{}</div>"),
        ("voa", "<div id=article-content><div class=wsw>{}</div></div>"),
        ("metro", "<div class=article-body>{}</div>"),
        ("cnbc", "<div class=ArticleBody-articleBody><div class=group>{}</div></div>"),
    ],
)
def test_lists_are_text_and_lists_of_links_are_none(site, layout):
    made = load(Path(str(files("newscrawl") / "sites" / f"{site}.yaml")))
    lists = f"<ul><li>{LINES[4]}</li></ul><ul><li><a href=/x>{LINES[5]}</a></li></ul>"
    body = layout.replace("{}", "".join(f"<p>{line}</p>" for line in LINES[:4]) + lists)
    article = extract(response(whole(body), url=f"https://{sorted(made.hosts)[0]}/a/1"), made, fetched=FETCHED)
    assert list(article.paragraphs) == LINES[:5]


@pytest.mark.parametrize(
    ("site", "mark", "free"),
    [
        ("asahi", "<meta name=cXenseParse:ash-articletype content={}>", "free"),
        ("sankei", "<meta name=cXenseParse:skd-articletype content={}>", "free"),
        ("mainichi", "<meta name=cXenseParse:mai-fee-charging content={}>", "''"),
        ("nikkei", "<div data-optimizely-selector={}></div>", "none"),
    ],
)
def test_marks_of_a_paywall(site, mark, free):
    made = load(Path(str(files("newscrawl") / "sites" / f"{site}.yaml")))
    paid = "main-paywall" if site == "nikkei" else "paid"

    def access(value: str) -> str:
        html = whole(f"{mark.format(value)}<div class=new-story>{PARAGRAPHS}</div>")
        return extract(response(html, url=f"https://{sorted(made.hosts)[0]}/a/1"), made, fetched=FETCHED).access

    assert (access(paid), access(free)) == ("paywalled", "free")


@pytest.mark.parametrize(
    "path", sorted(Path(str(files("newscrawl") / "sites")).glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_site_that_was_rebuilt_is_read_as_any_other(path):
    """No selector of the profile finds anything: every field has the generic way to fall back to."""
    made = load(path)
    url = f"https://{sorted(made.hosts)[0]}/2026/11/20/harbour"
    html = whole(f"<div class=new-story>{PARAGRAPHS}</div>")
    article = extract(response(html, url=url), made, fetched=FETCHED)
    assert list(article.paragraphs) == LINES
    assert (article.title, article.published.isoformat()) == ("Harbour opens again", "2026-11-20T08:30:00+00:00")
    assert article.profile.startswith(made.site)
