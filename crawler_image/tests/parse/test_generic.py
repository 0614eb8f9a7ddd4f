"""What is read of a page without a profile: titles, dates and authors as sites of many kinds write them."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from newscrawl.extract import extract
from newscrawl.model import NotAnArticle
from pages_of_ours import FETCHED, response

LINE = "The harbour opened again on Friday after three weeks of work on its northern pier, the port authority said."
TEXT = f"<article><h1>Harbour opens again</h1>{''.join(f'<p>{LINE} ({number})</p>' for number in range(6))}</article>"
TITLE = '<meta property="og:title" content="Harbour opens again">'
MOMENT = "2026-11-20T08:30:00+00:00"
STORY = json.dumps({"@type": "NewsArticle", "headline": "Harbour opens again", "datePublished": MOMENT})


def read(head: str = "", body: str = TEXT, *, language: str = "en", url: str = "https://www.thedaily.example/a/1"):
    html = f"<html lang={language}><head>{head}</head><body>{body}</body></html>"
    return extract(response(html, url=url), None, fetched=FETCHED)


def linked(**about: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(about)}</script>'


@pytest.mark.parametrize(
    ("title", "head"),
    [
        ("Harbour opens again | The Daily", ""),
        ("Harbour opens again - The Daily", '<meta property="og:site_name" content="The Daily">'),
        ("Harbour opens again – The Daily-News", '<meta property="og:site_name" content="The Daily-News">'),
        ("Harbour opens again | Port | The Daily", '<meta property="article:section" content="Port">'),
        ("Harbour opens again : Daily Post", linked(publisher={"@type": "Organization", "name": "Daily Post"})),
        ("Harbour opens again < 사회 < 기사본문 - The Daily", '<meta property="article:section" content="사회">'),
        ("Harbour opens again | thedaily.example", ""),
        ("Harbour opens again - Daily Times", linked(**{"@type": "WebSite", "name": "Daily Times"})),
        ("Harbour opens again：The Daily", ""),
    ],
)
def test_the_name_of_the_site_is_no_part_of_the_title(title, head):
    assert read(f'<meta property="og:title" content="{title}">{head}').title == "Harbour opens again"


@pytest.mark.parametrize(
    "title",
    [
        "Harbour opens again | and closes",
        "The Daily Post",
        "Q&A: who pays for the harbour",
        "Ten-year-old harbour - a report",
    ],
)
def test_a_part_that_is_no_name_stays(title):
    assert read(f'<meta property="og:title" content="{title.replace("&", "&amp;")}">').title == title


HEADLINE = "Harbour reopens after the storm"


@pytest.mark.parametrize(
    "title",
    [
        f"{HEADLINE} | The Harbour Gazette",
        f"{HEADLINE} | World | The Harbour Gazette",
        f"{HEADLINE} - Gazette News",
        HEADLINE.upper() + " – The Harbour Gazette",
    ],
)
def test_what_follows_the_pages_heading_is_no_part_of_the_title(title):
    body = TEXT.replace("Harbour opens again", HEADLINE)
    head = f'<meta property="og:title" content="{title}">'
    assert read(head, f"<h1>The Harbour Gazette</h1>{body}").title.casefold() == HEADLINE.casefold()
    assert read(head).title == title


@pytest.mark.parametrize(
    ("title", "heading"),
    [
        ("Live: the harbour reopens after the storm", "Live"),
        ("Storm over the harbour: boats are back", "Storm over the harbour"),
        ("Opinion | The harbour is not a market", "Opinion"),
    ],
)
def test_a_heading_that_is_only_a_part_takes_nothing_from_the_title(title, heading):
    assert read(f'<meta property="og:title" content="{title}">', f"<h1>{heading}</h1>{TEXT}").title == title


def test_a_heading_with_a_separator_is_the_whole_title():
    title = f"{HEADLINE} - and its market"
    assert (
        read(f'<meta property="og:title" content="{title}">', f"<h1>{HEADLINE}</h1><h1>{title}</h1>{TEXT}").title
        == title
    )


def test_many_headings_and_separators_take_no_time():
    start = time.process_time()
    headline = {"@type": "NewsArticle", "headline": "Port opens…", "datePublished": MOMENT}
    read(linked(**headline), TEXT + f"<h1>{'port | ' * 20}</h1>" * 2000)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "head",
    [
        linked(**{"@type": "NewsArticle", "headline": "Harbour opens again", "datePublished": MOMENT}),
        linked(**{"@type": ["Thing", "NewsArticle"], "headline": "Harbour opens again", "datePublished": MOMENT}),
        linked(
            **{"@type": "http://schema.org/NewsArticle", "headline": "Harbour opens again", "datePublished": MOMENT}
        ),
        linked(
            **{
                "@graph": [
                    {"@type": "WebSite"},
                    {"@type": "Article", "headline": "Harbour opens again", "datePublished": MOMENT},
                ]
            }
        ),
        linked(
            **{
                "@type": "WebPage",
                "mainEntity": {"@type": "NewsArticle", "headline": "Harbour opens again", "datePublished": MOMENT},
            }
        ),
        f'<script type="application/ld+json">[{STORY[:-1]},}}]</script>',
        f'<script type="application/ld+json">//<![CDATA[\n{STORY};\n//]]></script>',
        f"""<script type="application/ld+json">{STORY[:-1]}, "description": "the town\\'s port"}}</script>""",
        f'<script type="application/ld+json">{STORY.replace(chr(34), "&quot;")}</script>',
        f'{TITLE}<meta name="parsely-pub-date" content="{MOMENT}">',
        f'{TITLE}<meta name="DC.date.issued" content="{MOMENT}">',
        f'{TITLE}<meta itemprop="datePublished" content="{MOMENT}">',
    ],
)
def test_wherever_a_page_tells_machines(head):
    article = read(head)
    assert (article.title, article.published.isoformat()) == ("Harbour opens again", MOMENT)


@pytest.mark.parametrize(
    ("shown", "language", "moment"),
    [
        ("<time>20 November 2026 08:30 GMT</time>", "en", MOMENT),
        ("<time datetime='2026-11-20T08:30Z'>today</time>", "en", MOMENT),
        ("<span class=article-date>Nov. 20, 2026, 3:30 a.m. EST</span>", "en", MOMENT),
        ("<span class=date>입력 2026.11.20 17:30</span>", "ko", MOMENT),
        ("<p class=info_datetime>승인 2026년 11월 20일 오후 5시 30분</p>", "ko", MOMENT),
        ("<div class=posted><em>2026/11/20 17:30</em></div>", "ja", MOMENT),
        ("<span class=publish>2026年11月20日 17時30分</span>", "ja", MOMENT),
    ],
)
def test_a_date_that_only_readers_are_shown(shown, language, moment):
    published = read(TITLE, shown + TEXT, language=language).published
    assert published.astimezone(UTC).isoformat() == moment


def test_a_day_gets_its_time_from_where_it_is_told():
    day = linked(**{"@type": "NewsArticle", "headline": "Harbour opens again", "datePublished": "2026-11-20"})
    assert read(day + f'<meta property="article:published_time" content="{MOMENT}">').published.isoformat() == MOMENT
    other = day + '<meta property="article:published_time" content="2026-11-22T08:30:00+00:00">'
    assert read(other).published == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("day", ["November 20, 2026", "20 Nov 2026", "2026년 11월 20일", "2026. 11. 20."])
def test_a_day_in_words_gets_its_time_from_where_it_is_told(day):
    head = linked(**{"@type": "NewsArticle", "headline": "Harbour opens again", "datePublished": day})
    assert read(head + f'<meta property="article:published_time" content="{MOMENT}">').published.isoformat() == MOMENT
    assert read(head, f"<time datetime={MOMENT}>today</time>{TEXT}").published.isoformat() == MOMENT


@pytest.mark.parametrize(
    "shown",
    [
        "<time datetime=2026-11-20>20 Nov 2026 08:30</time>",
        "<time datetime=2026-11-20>08:30 GMT, 20 November 2026</time>",
        "<span itemprop=datePublished content=2026-11-20>November 20, 2026, 8:30 a.m.</span>",
        "<time datetime=today>20 Nov 2026 08:30</time>",
    ],
)
def test_what_readers_are_shown_tells_the_time_that_machines_are_not(shown):
    assert read(TITLE, shown + TEXT).published.isoformat() == MOMENT


def test_another_day_that_readers_are_shown_tells_no_time():
    shown = "<time datetime=2026-11-20>21 Nov 2026 08:30</time>"
    assert read(TITLE, shown + TEXT).published == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("path", ["/2026/11/20/harbour", "/news/20261120-harbour.html", "/world/2026/nov/20/harbour"])
def test_the_day_in_the_address_is_the_last_resort(path):
    article = read(TITLE, url=f"https://www.thedaily.example{path}")
    assert (article.published, article.sources["published"]) == (datetime(2026, 11, 20, tzinfo=UTC), "url")


@pytest.mark.parametrize("path", ["/a/20271120", "/a/2026112012345678", "/2026/13/45/harbour", "/a/1"])
def test_what_in_an_address_is_no_day(path):
    assert read(TITLE, url=f"https://www.thedaily.example{path}").published is None


def test_a_list_of_articles_is_no_article_for_showing_dates():
    head = '<meta property="og:type" content="website"><title>Harbour news</title>'
    with pytest.raises(NotAnArticle, match="og:type"):
        read(head, f"<span class=date>2026.11.20 17:30</span>{TEXT}")


@pytest.mark.parametrize("shown", ["<span class=date>2026.11.20 17:30</span>", ""])
def test_an_article_that_is_called_a_website(shown):
    head = f'<meta property="og:type" content="website">{TITLE}'
    body = shown + TEXT.replace("</article>", "".join(f"<p>{LINE} ({number})</p>" for number in range(6, 12)))
    assert read(head, body, url="https://www.thedaily.example/port/harbour-opens-again").title == "Harbour opens again"


@pytest.mark.parametrize(
    "other",
    [
        "<header><time datetime=2026-11-23T12:00Z>now</time></header>",
        "<nav><span class=date>2026-11-23 12:00</span></nav>",
        "<span class=current-date>2026-11-23 12:00</span>",
        "<aside><div><time datetime=2026-11-22T12:00Z>a teaser</time></div></aside>",
        "<p class=update-time>2026-11-23 12:00</p>",
    ],
)
def test_a_date_that_is_not_the_articles(other):
    assert read(TITLE, f"{other}<time>20 November 2026 08:30 GMT</time>{TEXT}").published.isoformat() == MOMENT
    assert read(TITLE, f"{other}{TEXT}").published is None


def test_embedded_dates_are_the_articles_or_everyones():
    def data(**value: object) -> str:
        return f'<script type="application/json">{json.dumps(value)}</script>'

    teasers = [{"title": f"Teaser {day}", "publishedAt": f"2026-11-0{day}T08:30:00Z"} for day in range(1, 5)]
    own = {"title": "Harbour opens again", "publishedAt": MOMENT}
    assert read(TITLE, TEXT + data(teasers=teasers)).published is None
    assert read(TITLE, TEXT + data(teasers=teasers, article=own)).published.isoformat() == MOMENT
    assert read(TITLE, TEXT + data(article={"publishedAt": MOMENT})).published.isoformat() == MOMENT


@pytest.mark.parametrize(
    ("host", "language", "moment"),
    [
        ("www.daily.de", "en", "2026-11-20T09:30:00+01:00"),
        ("www.daily.co.uk", "en", "2026-11-20T09:30:00+00:00"),
        ("www.daily.com", "en-GB", "2026-11-20T09:30:00+00:00"),
        ("www.daily.com", "en-US", "2026-11-20T09:30:00+00:00"),
        ("www.daily.com", "de", "2026-11-20T09:30:00+01:00"),
        ("www.daily.com", "ko-KR", "2026-11-20T09:30:00+09:00"),
        ("www.daily.co", "es-MX", "2026-11-20T09:30:00-05:00"),
        ("www.daily.co.kr", "en", "2026-11-20T09:30:00+09:00"),
        ("www.daily.jp:8080", "", "2026-11-20T09:30:00+09:00"),
        ("www.daily.info", "xx", "2026-11-20T09:30:00+00:00"),
    ],
)
def test_a_date_without_a_zone_is_that_of_the_country(host, language, moment):
    head = f'{TITLE}<meta property="article:published_time" content="2026-11-20T09:30:00">'
    assert read(head, language=language, url=f"https://{host}/a/1").published.isoformat() == moment


def test_of_several_linked_articles_the_pages_own():
    others = [
        {
            "@type": "NewsArticle",
            "headline": f"Other {day}",
            "datePublished": f"2026-11-0{day}",
            "url": f"https://x/a/{day}9",
        }
        for day in (2, 3)
    ]
    own = json.loads(STORY) | {"mainEntityOfPage": {"@id": "https://www.thedaily.example/a/1/"}}
    head = f'<script type="application/ld+json">{json.dumps([*others, own])}</script>'
    assert (read(head).title, read(head).published.isoformat()) == ("Harbour opens again", MOMENT)


def test_a_short_piece_of_news():
    flash = f"<article><h1>Harbour opens again</h1><p>{LINE}</p></article>"
    assert len(read(linked(**json.loads(STORY)), flash).paragraphs) == 1
    with pytest.raises(NotAnArticle, match="too little"):
        read(TITLE, flash)


CARDS = "".join(
    f"<div class=card><h3><a href=/a/{n}>Another harbour {n}</a></h3>"
    f"<p><span class=author>Other Writer {name}</span></p></div>"
    for n, name in enumerate(("One", "Two", "Three"))
)
COMMENTS = "".join(
    f"<li><a rel=author class=author href=/u/{n}>Reader {name}</a><p>Late again, as each year.</p></li>"
    for n, name in enumerate(("One", "Two"))
)


@pytest.mark.parametrize(
    ("byline", "names"),
    [
        ("<p class=byline>By Jane Doe | Published 20 Nov 2026</p>", ("Jane Doe",)),
        ("<p class=byline>By <a class=author>Jane Doe</a> <span>Chief of the harbour desk</span></p>", ("Jane Doe",)),
        ("<p>By <a rel=author>Jane Doe</a> and <a rel=author>John Roe</a></p>", ("Jane Doe", "John Roe")),
        ("<ul><li class=author>Jane Doe</li><li class=author>John Roe</li></ul>", ("Jane Doe", "John Roe")),
        (
            "<ul><li><b class=author>Jane Doe</b></li><li><b class=author>John Roe</b></li></ul>",
            ("Jane Doe", "John Roe"),
        ),
        ("", ()),
    ],
)
@pytest.mark.parametrize("cards_first", [True, False])
def test_the_authors_of_other_articles_and_of_comments_are_not_the_articles(byline, names, cards_first):
    text = TEXT.replace("</h1>", f"</h1>{byline}")
    cards = f"<section>{CARDS}</section>"
    page = (cards + text if cards_first else text + cards) + f"<section id=comments><ol>{COMMENTS}</ol></section>"
    page = f"<body class=author>{page}</body>"
    assert (
        read(f"{TITLE}<link rel=author href=/jane>", f"<nav><a rel=author>Menu Entry</a></nav>{page}").authors == names
    )


def test_an_author_below_the_text():
    assert read(TITLE, TEXT.replace("</article>", "<p class=author>Jane Doe</p></article>") + CARDS).authors == (
        "Jane Doe",
    )


def test_a_headline_that_was_cut():
    whole = (
        "Harbour opens again after three weeks of work on its northern pier, which a storm in October had damaged badly"
    )
    shown = f'<meta property="og:title" content="{whole} | thedaily.example">'
    for headline in (whole[:80] + "…", whole[:80] + " ...", whole[:104]):
        head = linked(**{"@type": "NewsArticle", "headline": headline, "datePublished": MOMENT})
        assert read(head + shown).title == whole
        assert read(head + shown.replace("Harbour", "Port")).title == headline
    short = linked(**{"@type": "NewsArticle", "headline": "Harbour opens", "datePublished": MOMENT})
    assert read(short + shown).title == "Harbour opens"


def test_the_logo_is_no_title():
    page = read("<title>Harbour opens again - The Daily</title>", f"<h1>The Daily</h1>{TEXT}")
    assert page.title == "Harbour opens again"


@pytest.mark.parametrize(
    "shown",
    [
        "Last updated <time datetime=2026-11-21T16:00Z>a day later</time> "
        f"First published <time datetime={MOMENT}>today</time>",
        f"<time datetime={MOMENT}>today</time>, updated <time datetime=2026-11-21T16:00Z>a day later</time>",
        "<ul><li><b>Aktualisiert</b> <time datetime=2026-11-21T16:00Z>morgen</time></li>"
        f"<li><b>Stand</b> <time datetime={MOMENT}>heute</time></li></ul>",
        "<div><span class=date>수정 2026-11-21 16:00 +0000</span>"
        "<span class=date>입력 2026-11-20 08:30 +0000</span></div>",
        "<p><span class=date>2026年11月21日 16:00 UTC 更新</span>"
        "<span class=date>2026年11月20日 08:30 UTC 公開</span></p>",
        "<div class=posted>Updated 5:00 AM EST, Sat November 21, 2026</div>"
        "<div class=posted>Published 3:30 AM EST, Fri November 20, 2026</div>",
        "<p class=date>Updated 21 November 2026 16:00 GMT | First published 20 November 2026 08:30 GMT</p>",
        "<p class=date>수정 2026.11.21 16:00 +0000 입력 2026.11.20 08:30 +0000</p>",
        "<p class=date>Updated 20 November 2026 08:30 GMT, published in print, too</p>",
        "<p>Updated <time datetime=2026-11-21T16:00Z>a day later</time></p>"
        "<p class=posted>Published 20 November 2026 08:30 GMT</p>",
    ],
)
def test_of_dates_beside_each_other_that_of_a_change_is_not_that_of_publication(shown):
    assert read(TITLE, shown + TEXT).published.astimezone(UTC).isoformat() == MOMENT


def test_the_time_of_a_change_serves_where_no_other_is_told_beside_it():
    changed = "<div class=head><p>Updated <time datetime=2026-11-20T08:30Z>now</time></p></div>"
    teaser = "<div class=teaser><h3>Another</h3><time datetime=2026-11-18T08:30Z>two days ago</time></div>"
    assert read(TITLE, changed + TEXT + teaser).published.isoformat() == MOMENT
    planned = "<p>Updated <time datetime=2026-11-20T08:30Z>now</time>, opens <time datetime=2026-11-22>soon</time></p>"
    assert read(TITLE, planned + TEXT).published.isoformat() == MOMENT


def test_the_time_of_a_change_is_not_that_of_publication():
    times = f"<time class=updated datetime=2026-11-21T10:00Z>edited</time><time datetime={MOMENT}>today</time>"
    assert read(TITLE, times + TEXT).published.isoformat() == MOMENT
