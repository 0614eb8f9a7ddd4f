"""Articles of sites without a profile, and pages that are none."""

from __future__ import annotations

import json

import pytest
from newscrawl.extract import extract
from newscrawl.model import NotAnArticle
from pages_of_ours import ENGLISH, FETCHED, response

SENTENCES = list(ENGLISH)
HEAD = """
<meta property="og:title" content="Harbour opens again | The Daily">
<meta property="og:site_name" content="The Daily">
<meta property="article:published_time" content="2026-11-20T08:30:00+00:00">
<meta name="author" content="By Jane Doe">
"""


def whole(body: str, head: str = HEAD) -> str:
    return f"<html lang=en-GB><head>{head}</head><body>{body}</body></html>"


def read(html: str, **about: str):
    return extract(response(html, **about), None, fetched=FETCHED)


def article_of(sentences: list[str]) -> str:
    return "".join(f"<p>{one}</p>" for one in sentences)


def test_an_article_among_other_things():
    html = whole(
        "<nav><a href=/a>News</a><a href=/b>Sport</a></nav><main><h1>Harbour opens again</h1><article>"
        f"{article_of(SENTENCES[:3])}<aside><p>Sign up for our newsletter, each day in your inbox.</p></aside>"
        f"<h2>What comes next</h2>{article_of(SENTENCES[3:])}<p>Follow The Daily on Facebook.</p></article>"
        "<section class=related><h3>Related</h3><a href=/c>Storm damages sea wall</a></section></main>"
        "<footer><p>© 2026 The Daily. All rights reserved.</p></footer>"
    )
    article = read(html)
    assert article.title == "Harbour opens again"
    assert article.authors == ("Jane Doe",)
    assert article.published.isoformat() == "2026-11-20T08:30:00+00:00"
    assert article.language == "en"
    assert list(article.paragraphs) == [*SENTENCES[:3], "What comes next", *SENTENCES[3:]]
    assert article.sources["body"] == "trafilatura, reread"
    assert article.sources["title"] == "meta: og:title"


def test_a_caption_and_a_box_in_the_text_are_none_of_it():
    html = whole(
        f"<main><article><h1>Harbour opens again</h1>{article_of(SENTENCES[:2])}<figure><img src=a.jpg>"
        "<figcaption>Boats come back to the harbour on Friday morning. Photograph: The Daily</figcaption></figure>"
        f"<div class='factbox'><p>The harbour was built in 1902 and has been enlarged twice since that year.</p></div>"
        f"{article_of(SENTENCES[2:])}</article></main>"
    )
    assert list(read(html).paragraphs) == SENTENCES


FLASH = [
    "The harbour opened again on Friday.",
    "Boats came back before dawn, the port said.",
    "More is to follow on this page today.",
]
TITLE = "<h1>Harbour opens again</h1>"
TOLD = json.dumps({"@type": "NewsArticle", "headline": "Harbour opens again", "datePublished": "2026-11-20T08:30:00Z"})
NOTICE = article_of(
    [
        "We and our partners store information on your device to show you content that fits.",
        "You may change your mind at any time by following the link at the end of each page.",
        "Some of our partners do not ask for your consent and rely on their own interest in it.",
    ]
)


AROUND = "<a href=/n/{0}><h4>Storm {0}</h4></a>"
ABROAD = "<h3><a href=https://shop.test/{0}>Boat {0}</a></h3>"


def teasers(
    count: int, *, tag: str = "div", heading: str = "<h3><a href=/n/{0}>Storm {0} damages the wall</a></h3>"
) -> str:
    text = "<p>The wall was hit by storm {0} for hours, and the road behind it is closed until further notice.</p>"
    return "".join(f"<{tag} class=card>{heading.format(one)}{text.format(one)}</{tag}>" for one in range(count))


@pytest.mark.parametrize(
    "body",
    [
        f"<article>{TITLE}{article_of(FLASH)}</article><section class=latest>{teasers(14)}</section>",
        f"<article>{TITLE}{article_of(FLASH)}</article><section class=latest>{teasers(3)}</section>",
        f"<main>{TITLE}<div>{article_of(FLASH)}</div><ul>{teasers(6, tag='li')}</ul></main>",
        f"<main><article>{TITLE}{article_of(FLASH)}</article></main>{teasers(6, tag='article')}",
        f"<div>{TITLE}</div><div>{article_of(FLASH)}</div><div>{teasers(6, heading=AROUND)}</div>",
        f"<div class=message>{NOTICE}</div><main>{TITLE}{article_of(FLASH)}</main>",
        f"<main>{TITLE}{article_of(FLASH)}</main><div class=message>{NOTICE}</div>",
        f"<div class=message>{NOTICE}</div><article>{TITLE}{article_of(FLASH)}</article>",
    ],
)
def test_a_flash_among_teasers_and_notices(body):
    html = whole(body, f'<script type="application/ld+json">{TOLD}</script>')
    assert list(read(html).paragraphs) == FLASH


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (f"<main>{TITLE}{article_of(FLASH)}</main><div>{article_of(SENTENCES * 2)}</div>", SENTENCES),
        (f"<article>{TITLE}{article_of(FLASH)}</article><div>{article_of(SENTENCES)}</div>", SENTENCES),
        (
            f"<main>{TITLE}{article_of(FLASH)}{teasers(4, heading=ABROAD)}</main>",
            [f"The wall was hit by storm {one} for hours" for one in range(4)],
        ),
        (f"<main>{TITLE}{article_of(SENTENCES)}{teasers(4)}</main>", SENTENCES),
    ],
)
def test_what_may_be_the_article_stays(body, lines):
    read_lines = read(whole(body)).body
    assert [line for line in lines if line not in read_lines] == []


def test_text_in_ruby_markup_stays_in_one_piece():
    boats = "港は金曜日に再び開かれ、<ruby>漁船<rp>（</rp><rt>ぎょせん</rt><rp>）</rp></ruby>が夜明け前に戻ってきた。"
    rest = (
        "市場は七時にはいっぱいになったという。次の工事は春に終わる見通しだと港の管理者は話した。",
        "島へ渡る船は当分のあいだ古い桟橋から出て、時刻表は潮の満ち引きに合わせて毎日変わるという。",
    )
    html = whole(f"<main><article><h1>港が開く</h1>{article_of([boats + rest[0], rest[1] + rest[0]])}</article></main>")
    assert "漁船（ぎょせん）が夜明け前" in read(html).body


def test_a_page_that_scripts_render():
    story = {"props": {"article": {"html": article_of(SENTENCES), "teaser": "<p>Short</p>"}}}
    html = whole(f'<div id=app></div><script id="__NEXT_DATA__" type="application/json">{json.dumps(story)}</script>')
    article = read(html)
    assert list(article.paragraphs) == SENTENCES
    assert article.sources["body"] == "embedded JSON"


def test_linked_data_comes_before_other_meta_elements():
    linked = {
        "@type": "NewsArticle",
        "headline": "The linked headline",
        "datePublished": "2026-11-20T17:45:00+09:00",
        "author": [{"@type": "Person", "name": "John Roe"}],
    }
    html = whole(
        f"<main>{article_of(SENTENCES)}</main>",
        f'{HEAD}<script type="application/ld+json">{json.dumps(linked)}</script>',
    )
    article = read(html)
    assert (article.title, article.authors) == ("The linked headline", ("John Roe",))
    assert article.published.isoformat() == "2026-11-20T17:45:00+09:00"


def test_the_publisher_is_an_author_only_when_there_is_no_other():
    both = HEAD + '<meta name="author" content="The Daily">'
    assert read(whole(article_of(SENTENCES), both)).authors == ("Jane Doe",)
    alone = HEAD.replace("By Jane Doe", "The Daily")
    assert read(whole(article_of(SENTENCES), alone)).authors == ("The Daily",)


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        (whole("<h1>Subscribe</h1><p>Only subscribers may read on.</p>"), "body of|no body"),
        (whole("<ul>" + "".join(f"<li><a href=/{n}>Headline {n}</a></li>" for n in range(60)) + "</ul>"), "body"),
        (whole(article_of(SENTENCES), "<meta property=og:type content=website><title>About us</title>"), "og:type"),
        (whole(article_of(SENTENCES), HEAD.replace("2026", "2027")), "future"),
    ],
)
def test_what_is_no_article(html, reason):
    with pytest.raises(NotAnArticle, match=reason):
        read(html)


def test_the_front_page_is_no_article():
    with pytest.raises(NotAnArticle, match="front page"):
        read(whole(article_of(SENTENCES)), url="https://daily.example/")
