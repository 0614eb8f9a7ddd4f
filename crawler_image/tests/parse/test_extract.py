"""A page becomes an article by its profile, by the profile's older versions, or without any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from newscrawl.extract import extract
from newscrawl.model import NotAnArticle
from pages_of_ours import ARTICLE, FETCHED, PROFILE, URL, profile, response

OLD_PAGE = ARTICLE.replace("<h1>", "<h2 class=headline>").replace("</h1>", "</h2>")
OLD_VERSION = """\
  - since: 2020-01-01
    title: ["css: h2.headline"]
    body: ["css: .text p"]
    published: ["css: time"]
"""


def read(html, made, **about):
    return extract(response(html, **about), made, fetched=FETCHED)


def test_every_field_and_where_it_came_from(tmp_path):
    made = profile(
        tmp_path,
        PROFILE
        + """\
    modified: ["css: .edited"]
    authors: ["css: .by"]
    section: ["meta: article:section", "css: nav .on"]
    keywords: ["meta: keywords"]
    image: ["css: figure img"]
""",
    )
    html = ARTICLE.replace(
        "<h1>",
        '<nav><a class=on>경제</a></nav><meta name=keywords content="항구, 시장,항구">'
        '<figure><img src="/a.jpg"></figure>'
        "<p class=by>김한빛 기자 kim@daily.example</p><p class=edited>수정 2026.11.20 오후 5:00</p><h1>",
    )
    article = read(html, made)
    assert article.title == "바다가 열린 날"
    assert article.paragraphs == (
        "첫 문단은 항구에서 시작된다. 배가 들어왔다.",
        "둘째 문단은 시장으로 간다. 사람이 많았다.",
    )
    assert article.published == datetime(2026, 11, 20, 6, 4, tzinfo=UTC)
    assert article.modified == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert article.authors == ("김한빛",)
    assert article.section == "경제"
    assert article.keywords == ("항구", "시장")
    assert article.image == "https://daily.example/a.jpg"
    assert article.language == "ko"
    assert article.profile == "daily@2026-01-01"
    assert article.extractor
    assert article.sources == {
        "title": "css: h1",
        "body": "css: .text p",
        "published": "css: time",
        "modified": "css: .edited",
        "authors": "css: .by",
        "section": "css: nav .on",
        "keywords": "meta: keywords",
        "image": "css: figure img",
    }


def test_a_redesign_leaves_old_pages_readable(tmp_path):
    made = profile(tmp_path, PROFILE + OLD_VERSION)
    assert read(ARTICLE, made).profile == "daily@2026-01-01"
    assert read(OLD_PAGE, made).profile == "daily@2020-01-01"


def test_the_version_of_the_day_comes_first(tmp_path):
    both = ARTICLE.replace("<h1>", "<h2 class=headline>옛 제목</h2><h1>").replace("2026.11.20", "2025.12.20")
    made = profile(tmp_path, PROFILE + OLD_VERSION)
    then = datetime(2025, 12, 31, 12, tzinfo=UTC)
    assert extract(response(both), made, fetched=then).title == "옛 제목"
    assert extract(response(both), made, fetched=FETCHED).title == "바다가 열린 날"


def test_a_day_begins_in_the_sites_zone(tmp_path):
    both = ARTICLE.replace("<h1>", "<h2 class=headline>옛 제목</h2><h1>").replace("2026.11.20", "2025.12.31")
    made = profile(tmp_path, PROFILE + OLD_VERSION)
    new_year = datetime(2025, 12, 31, 15, tzinfo=UTC)
    assert extract(response(both), made, fetched=new_year).title == "바다가 열린 날"
    assert extract(response(both), made, fetched=new_year - timedelta(seconds=1)).title == "옛 제목"


def test_what_one_version_drops_is_there_for_the_next(tmp_path):
    made = profile(tmp_path, PROFILE + '    drop: ["css: h2, .text"]\n' + OLD_VERSION)
    assert read(OLD_PAGE, made).profile == "daily@2020-01-01"


def test_dropped_parts_and_boilerplate_are_no_paragraphs(tmp_path):
    made = profile(tmp_path, PROFILE + "    drop: ['css: .ad']\n    boilerplate: ['^김한빛 기자']\n")
    html = ARTICLE.replace("</div>", "<p class=ad>광고</p><p>김한빛 기자 kim@daily.example</p></div>")
    assert len(read(html, made).paragraphs) == 2


def test_a_field_that_the_profile_names_is_read_by_it_alone(tmp_path):
    made = profile(tmp_path, PROFILE + "    section: ['css: .gone']\n    keywords: ['css: .gone', 'auto:']\n")
    html = ARTICLE.replace(
        "</head>", "<meta property=article:section content=경제><meta name=keywords content=항구></head>"
    )
    article = read(html, made)
    assert article.section is None
    assert article.keywords == ("항구",)


def test_body_falls_back_only_when_told(tmp_path):
    html = ARTICLE.replace('class="text"', 'class="new"').replace("문단", "문단, 곧 긴 이야기의 한 조각" * 8)
    with pytest.raises(NotAnArticle, match="no body"):
        read(html, profile(tmp_path))
    told = profile(tmp_path, PROFILE.replace('["css: .text p"]', '["css: .text p", "auto:"]'))
    assert read(html, told).sources["body"].startswith("trafilatura")


def test_an_older_version_comes_before_the_last_resort(tmp_path):
    newest = PROFILE.replace('["css: .text p"]', '["css: .new p", "auto:"]').replace("css: h1", "css: h2.headline")
    article = read(
        OLD_PAGE.replace("문단", "문단, 곧 긴 이야기의 한 조각" * 8), profile(tmp_path, newest + OLD_VERSION)
    )
    assert (article.profile, article.sources["body"]) == ("daily@2020-01-01", "css: .text p")


def test_embedded_html_is_a_body(tmp_path):
    made = profile(tmp_path, PROFILE.replace("css: .text p", "json: $data..html"))
    data = '{"html": "<p>첫 문단은 항구에서 시작된다.</p><p>둘째 문단은 끝난다.</p>"}'
    script = f'<script type="application/json">{data}</script>'
    assert read(ARTICLE.replace("</body>", f"{script}</body>"), made).paragraphs == (
        "첫 문단은 항구에서 시작된다.",
        "둘째 문단은 끝난다.",
    )


def test_linked_text_is_unescaped(tmp_path):
    made = profile(tmp_path, PROFILE.replace("css: h1", "json: $ld.Article.headline"))
    script = (
        '<script type="application/ld+json">{"@type": "Article", "headline": "A &amp; B&#39;s <b>day</b>"}</script>'
    )
    assert read(ARTICLE.replace("</head>", f"{script}</head>"), made).title == "A & B's day"


def test_no_change_when_the_date_of_change_is_that_of_publication(tmp_path):
    made = profile(tmp_path, PROFILE + "    modified: ['css: time']\n")
    article = read(ARTICLE, made)
    assert article.modified is None
    assert "modified" not in article.sources


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://daily.example/news/2?utm_source=x&id=7&page=1", "https://daily.example/news/2?id=7"),
        ("/news/3", "https://daily.example/news/3"),
        ("https://other.example/news/2", URL),
        ("https://daily.example/", URL),
        ("https://daily.example/news", URL),
        ("http://daily.example/news/2", "https://daily.example/news/2"),
        ("javascript:void(0)", URL),
        ("http://[", URL),
    ],
)
def test_canonical_link_is_believed_within_the_site(tmp_path, link, expected):
    html = ARTICLE.replace("</head>", f'<link rel="canonical" href="{link}"></head>')
    assert read(html, profile(tmp_path)).canonical_url == expected


@pytest.mark.parametrize("rel", ["Canonical", "canonical alternate"])
def test_a_canonical_link_however_it_is_written(tmp_path, rel):
    html = ARTICLE.replace("</head>", f'<link rel="{rel}" href="/news/3"></head>')
    assert read(html, profile(tmp_path)).canonical_url == "https://daily.example/news/3"


@pytest.mark.parametrize(
    ("base", "folder"),
    [
        ("/today/", "https://daily.example/today/"),
        ("https://daily.example/a/", "https://daily.example/a/"),
        ("", "https://daily.example/news/"),
        ("data:,a", "https://daily.example/news/"),
        ("http://[", "https://daily.example/news/"),
    ],
)
def test_the_base_of_a_page_completes_its_addresses(tmp_path, base, folder):
    told = '<link rel=canonical href="3?id=7"><meta property=og:image content=a.jpg>'
    head = f'<base target=_top><base href="{base}">{told}'
    article = read(ARTICLE.replace("</head>", f"{head}</head>"), profile(tmp_path))
    assert (article.canonical_url, article.image) == (f"{folder}3?id=7", f"{folder}a.jpg")


def test_a_canonical_link_to_another_host_or_page_of_the_profile(tmp_path):
    told = PROFILE.replace("[daily.example]", "[daily.example, m.daily.example]")
    made = profile(tmp_path, told.replace("{keep_params: [id]}", "{keep_params: [id], article: ['/news/[a-z]$']}"))

    def canonical(link: str) -> str:
        html = ARTICLE.replace("</head>", f'<link rel="canonical" href="{link}"></head>')
        return read(html, made, url="https://m.daily.example/news/x").canonical_url

    assert canonical("https://daily.example/news/a") == "https://daily.example/news/a"
    assert canonical("https://daily.example/news/2026") == "https://m.daily.example/news/x"
    assert canonical("https://other.example/news/a") == "https://m.daily.example/news/x"


@pytest.mark.parametrize(
    ("mark", "access"),
    [
        ("", "free"),
        ("<div class=wall></div>", "paywalled"),
        ('<script type="application/ld+json">{"isAccessibleForFree": false}</script>', "paywalled"),
        ('<script type="application/ld+json">{"isAccessibleForFree": "False"}</script>', "paywalled"),
        ('<script type="application/ld+json">{"isAccessibleForFree": true}</script>', "free"),
    ],
)
def test_access(tmp_path, mark, access):
    made = profile(tmp_path, PROFILE + "    paywall: ['css: .wall']\n    drop: ['css: .wall']\n")
    assert read(ARTICLE.replace("</body>", f"{mark}</body>"), made).access == access


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("<h1>바다가 열린 날</h1>", ""), "no title"),
        (("2026.11.20", "2027.11.20"), "future"),
        (('class="text"', 'class="other"'), "no body"),
    ],
)
def test_refusals_say_why(tmp_path, change, reason):
    with pytest.raises(NotAnArticle, match=reason) as caught:
        read(ARTICLE.replace(*change), profile(tmp_path))
    assert caught.value.url == URL


@pytest.mark.parametrize(
    "html", ["", " ", "\x00\x01", "<", "plain text", b"\xff\xfe\x00", "<html><frameset></frameset></html>"]
)
@pytest.mark.parametrize("with_profile", [True, False])
def test_no_page_at_all_is_no_article(tmp_path, html, with_profile):
    with pytest.raises(NotAnArticle):
        read(html, profile(tmp_path) if with_profile else None)


def test_an_article_without_a_date_is_one(tmp_path):
    """That it has none shows in the run's yield; refused, it would be lost for good."""
    undated = ARTICLE.replace("입력 2026.11.20 오후 3:04", "3시간 전")
    assert read(undated, profile(tmp_path)).published is None
    dated_by_the_older = PROFILE.replace("css: time", "css: .gone") + OLD_VERSION.replace("h2.headline", "h1")
    assert read(ARTICLE, profile(tmp_path, dated_by_the_older)).profile == "daily@2020-01-01"


@pytest.mark.parametrize("image", ["http://[domain]/a.jpg", "data:image/png;base64,AAAA", "/a" * 2000])
def test_an_image_that_has_no_address(tmp_path, image):
    html = ARTICLE.replace("<head>", f'<head><meta property="og:image" content="{image}">')
    assert read(html, profile(tmp_path)).image is None
    other = html.replace("</head>", '<meta name="twitter:image" content="/b.jpg"></head>')
    assert read(other, profile(tmp_path)).image == "https://daily.example/b.jpg"


def test_a_korean_page_in_cp949(tmp_path):
    html = ARTICLE.replace("<head>", '<head><meta charset="euc-kr">').encode("cp949")
    assert read(html, profile(tmp_path), content_type="text/html; charset=EUC-KR").title == "바다가 열린 날"


def test_headings_alone_are_no_body(tmp_path):
    made = profile(tmp_path, PROFILE.replace('body: ["css: .text p"]', 'body: ["css: .text > h2", "css: .text p"]'))
    html = ARTICLE.replace('<div class="text">', '<div class="text"><h2>항구</h2>')
    assert read(html, made).sources["body"] == "css: .text p"


LONG = "<p>항구는 석 주 동안 이어진 방파제 공사를 마치고 금요일에 다시 문을 열었다고 당국이 밝혔다. ({})</p>"


def test_an_element_within_another_that_is_found_is_read_once(tmp_path):
    made = profile(tmp_path, PROFILE.replace("css: .text p", "css: .text :is(p, li)"))
    html = ARTICLE.replace("</div>", "<ul><li><p>셋째 문단은 목록에 있다.</p></li><li>넷째</li></ul></div>")
    assert read(html, made).paragraphs[2:] == ("셋째 문단은 목록에 있다.", "넷째")


def test_a_later_selector_that_finds_the_same_and_much_more(tmp_path):
    made = profile(tmp_path, PROFILE.replace('["css: .text p"]', '["css: .lead", "css: .other p", "css: .text p"]'))
    html = ARTICLE.replace("<p>첫", "<p class=lead>첫").replace(
        "</div>", "".join(map(LONG.format, range(9))) + "</div>"
    )
    article = read(html, made)
    assert (len(article.paragraphs), article.sources["body"]) == (11, "css: .text p")
    other = html.replace('class="text"', 'class="other-text"')
    assert len(read(other, made).paragraphs) == 1


def test_a_lead_that_half_a_layout_leaves_is_completed(tmp_path):
    made = profile(tmp_path, PROFILE.replace('["css: .text p"]', '["css: .lead", "auto:"]'))
    html = ARTICLE.replace("<p>첫", "<p class=lead>첫").replace(
        "</div>", "".join(map(LONG.format, range(9))) + "</div>"
    )
    article = read(html, made)
    assert len(article.paragraphs) == 11
    assert article.sources["body"].startswith("trafilatura")
    assert len(read(ARTICLE.replace("<p>첫", "<p class=lead>첫"), made).paragraphs) == 1


@pytest.mark.parametrize(
    ("mark", "access"),
    [
        ('<script type="application/ld+json">{"hasPart": {"isAccessibleForFree": "False"}}</script>', "paywalled"),
        (
            '<script type="application/ld+json">{"hasPart": [{"isAccessibleForFree": true}, '
            '{"isAccessibleForFree": false}]}</script>',
            "paywalled",
        ),
        ('<script type="application/ld+json">{"hasPart": [{"isAccessibleForFree": true}, "a"]}</script>', "free"),
        ('<meta property="article:content_tier" content="locked">', "paywalled"),
        ('<meta property="article:content_tier" content="free">', "free"),
    ],
)
def test_access_of_a_part(tmp_path, mark, access):
    assert read(ARTICLE.replace("</head>", f"{mark}</head>"), profile(tmp_path)).access == access
