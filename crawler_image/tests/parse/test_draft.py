"""A profile drafted from a site's own pages reads them."""

from __future__ import annotations

from collections import Counter

import pytest
from newscrawl.draft import draft, shape, site_of
from newscrawl.extract import extract
from newscrawl.model import FetchError, Response
from newscrawl.profiles import load
from pages_of_ours import FETCHED, response

ROOT = "https://www.daily.example"
LINE = "The harbour opened again on day {0} after three weeks of work on its pier, the port authority said on Friday."


def article(number: int) -> str:
    lines = "".join(f"<p>{LINE.format(f'{number}-{line}')}</p>" for line in range(5))
    return (
        f'<html lang=ko><head><meta property="og:title" content="Harbour story {number}">'
        f'<meta property="article:published_time" content="2026-11-20T08:{number:02}:00+09:00"></head>'
        f"<body><div class=menu><a href=/>Home</a></div><div id=wrap-{number}><h1>Harbour story {number}</h1>"
        f'<div class="story-text v{number}">{lines}</div></div></body></html>'
    )


FEED = "".join(
    f"<item><title>Harbour story {n}</title><link>{ROOT}/news/articleView.html?idxno=10{n}</link></item>"
    for n in range(9)
)
PAGES = {
    f"{ROOT}/": '<html lang=ko><head><meta property="og:site_name" content="The Daily">'
    '<link rel=alternate type="application/rss+xml" href="/rss.xml"></head><body>Front</body></html>',
    f"{ROOT}/rss.xml": f"<rss version='2.0'><channel>{FEED}</channel></rss>",
    f"{ROOT}/robots.txt": f"User-agent: *\nSitemap: {ROOT}/sitemap-old.xml\nSitemap: {ROOT}/sitemap-news.xml\n",
    **{f"{ROOT}/news/articleView.html?idxno=10{n}": article(n) for n in range(9)},
}


def get(url: str) -> Response:
    if url not in PAGES:
        raise FetchError(url, "http_404", "not found", permanent=True)
    return response(PAGES[url], url)


@pytest.mark.parametrize("url", [f"{ROOT}/", f"{ROOT}/news/articleView.html?idxno=103"])
def test_a_draft_reads_the_site(tmp_path, url):
    path = tmp_path / "daily.yaml"
    path.write_text(draft(url, get), "utf-8")
    made = load(path)
    assert (made.name, made.language, str(made.timezone)) == ("The Daily", "ko", "Asia/Seoul")
    assert (made.discover.feeds, made.discover.sitemaps) == ((f"{ROOT}/rss.xml",), (f"{ROOT}/sitemap-news.xml",))
    assert made.urls.keep_params == {"idxno"}
    read = extract(get(f"{ROOT}/news/articleView.html?idxno=108"), made, fetched=FETCHED)
    assert read.sources["body"] == "css: .story-text > :is(p, h2, h3, h4, ul, ol, blockquote)"
    assert list(read.paragraphs) == [LINE.format(f"8-{line}") for line in range(5)]
    assert read.profile == "daily@2026-11-23"


@pytest.mark.parametrize(
    ("root", "declared", "zone"),
    [
        ("https://www.daily.example", "<html lang=ja>", "Asia/Tokyo"),
        ("https://www.daily.example", "<html lang=de-AT>", "Europe/Vienna"),
        ("https://www.daily.example", '<html lang=en><meta property="og:locale" content="en_GB">', "Europe/London"),
        ("https://www.daily.example", "<html lang=en-US>", "Etc/UTC"),
        ("https://www.daily.example", "<html>", "Etc/UTC"),
        ("https://www.daily.fr", "<html lang=en>", "Europe/Paris"),
    ],
)
def test_a_draft_has_the_zone_in_which_the_site_is_read_without_a_profile(tmp_path, root, declared, zone):
    page = article(3).replace("<html lang=ko>", declared).replace("+09:00", "")

    def look(url):
        if url not in (f"{root}/", f"{root}/a/3"):
            raise FetchError(url, "http_404", "not found", permanent=True)
        return response(page if url.endswith("3") else f"{declared}<body>Front</body></html>", url)

    path = tmp_path / "daily.yaml"
    path.write_text(draft(f"{root}/a/3", look), "utf-8")
    made = load(path)
    assert str(made.timezone) == zone
    without = extract(look(f"{root}/a/3"), None, fetched=FETCHED)
    assert extract(look(f"{root}/a/3"), made, fetched=FETCHED).published == without.published


def test_each_section_is_looked_at_and_no_page_twice(tmp_path):
    sections = "economy", "society", "culture", "science", "sports"
    feeds = "".join(f'<link rel=alternate type="application/rss+xml" href="/{one}.xml">' for one in sections)
    pages = {f"{ROOT}/": f"<html lang=ko><head>{feeds}</head><body>Front</body></html>"}
    for place, section in enumerate(sections):
        urls = [f"{ROOT}/news/{section}/{10 * place + n}" for n in range(9)]
        items = "".join(f"<item><title>Story</title><link>{url}</link></item>" for url in urls)
        pages[f"{ROOT}/{section}.xml"] = f"<rss version='2.0'><channel>{items}</channel></rss>"
        pages |= {url: article(10 * place + n) for n, url in enumerate(urls)}
    asked = Counter()

    def look(url):
        asked[url] += 1
        if url not in pages:
            raise FetchError(url, "http_404", "not found", permanent=True)
        return response(pages[url], url)

    path = tmp_path / "daily.yaml"
    path.write_text(draft(f"{ROOT}/", look), "utf-8")
    assert [one.pattern for one in load(path).urls.article] == [r"/news/[^/]+/\d+"]
    assert {url.split("/")[-2] for url in asked if "/news/" in url} == set(sections)
    assert set(asked.values()) == {1}
    assert len(asked) < 15


def test_a_page_that_leads_nowhere_is_an_error():
    with pytest.raises(ValueError, match="no article was found"):
        draft("https://other.example/", lambda url: response("<p>Under construction</p>", url))
    with pytest.raises(FetchError):
        draft(f"{ROOT}/none", get)


@pytest.mark.parametrize(
    ("paths", "patterns"),
    [
        (["/news/politics/11333783", "/news/politics/11333784"], [r"/news/politics/\d+"]),
        (["/2026/11/20/harbour-opens-again-123/"], [r"/\d+/\d+/\d+/[^/]+/"]),
        (["/news/politics/1", "/news/sports/2", "/news/sports/3", "/video/4"], [r"/news/[^/]+/\d+", r"/video/\d+"]),
        (["/about/us", "/about/them"], ["/about/us", "/about/them"]),
        (["/a/b-c-d.html", "/a/x1.html"], [r"/a/[^/]+\.html"]),
    ],
)
def test_the_shape_of_addresses(paths, patterns):
    assert shape(paths) == patterns


@pytest.mark.parametrize(
    ("host", "site"),
    [("www.daily.example", "daily"), ("news.the-daily.co.uk", "news_the_daily_co"), ("127.0.0.1:80", "site_127_0_0")],
)
def test_the_name_of_a_site(host, site):
    assert site_of(host) == site
