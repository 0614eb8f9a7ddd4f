"""A site's new articles are found, each once, and nothing that was found is lost by a crash or a broken hub."""

import gzip
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from local_site import LocalSite
from newscrawl import discover as discover_package
from newscrawl.discover import discover, sitemaps
from newscrawl.discover.choice import Choice
from newscrawl.discover.dates import moment
from newscrawl.discover.hubs import LONGEST_REST, rest_after
from newscrawl.discover.sitemaps import LONGEST_REST_BELOW
from newscrawl.fetch import Fetcher, Limits
from newscrawl.model import FetchError, Link, Seen
from newscrawl.profiles import ListPage
from site_profile import profile

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # noon in Seoul


class Hubs(dict):
    """In memory what the store keeps in MySQL."""

    def get(self, url: str) -> Seen:
        return super().get(url, Seen())

    def put(self, url: str, seen: Seen) -> None:
        self[url] = seen


@pytest.fixture
def crawl(new_fetcher: Callable[..., Fetcher], site: LocalSite) -> "Crawl":
    return Crawl(new_fetcher(sleep=lambda _: None, limits=Limits(2.0, 2.0, 60.0)), site)


class Crawl:
    """Runs discovery as the store does: what was found becomes known, and the validators are kept."""

    def __init__(self, fetcher: Fetcher, site: LocalSite):
        self.fetcher, self.site = fetcher, site
        self.known: set[str] = set()
        self.hubs = Hubs()
        self.now = NOW
        self.last: datetime | None = None
        self.troubles: dict[str, str] = {}  # of the last run

    def run(self, *, store: bool = True, **places: object) -> list[Link]:
        def known(urls: Sequence[str]) -> set[str]:
            return self.known & set(urls)

        hubs = self.hubs if store else Hubs()
        self.troubles = {}
        told = {"known": known, "hub_state": hubs, "now": self.now, "last": self.last}
        told["on_trouble"] = self.troubles.__setitem__
        found = list(discover(profile(**places), self.fetcher, **told))
        if store:
            self.known |= {link.url for link in found}
        return found

    def paths(self, **places: object) -> list[str]:
        start = len(self.site.url(""))
        return [link.url[start:] for link in self.run(**places)]


def rss(*items: str, declaration: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    return f"{declaration}<rss version='2.0'><channel><title>t</title>{''.join(items)}</channel></rss>".encode()


def item(path: str, date: str = "Mon, 23 Nov 2026 11:00:00 +0900", title: str = "제목") -> str:
    return f"<item><title>{title}</title><link>{path}</link><pubDate>{date}</pubDate></item>"


def urlset(*entries: str) -> bytes:
    news = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" {news}>'
        f"{''.join(entries)}</urlset>"
    ).encode()


def entry(url: str, more: str = "") -> str:
    return f"<url><loc>{url}</loc>{more}</url>"


def index(*children: str) -> bytes:
    sitemaps = "".join(f"<sitemap>{child}</sitemap>" for child in children)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{sitemaps}</sitemapindex>'.encode()


# --- feeds


def test_a_feed(crawl: Crawl, site: LocalSite) -> None:
    feed = site.page("/rss", rss(item("/1?utm_source=rss"), item(site.url("/2"), "2026-11-23 10:30:00")))
    found = crawl.run(feeds=[feed])
    assert [link.url for link in found] == [site.url("/1"), site.url("/2")]
    assert [link.published for link in found] == [
        datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
        datetime(2026, 11, 23, 1, 30, tzinfo=UTC),  # without a zone it is the site's
    ]
    assert {(link.title, link.source, link.modified) for link in found} == {("제목", feed, None)}


def test_an_atom_feed(crawl: Crawl, site: LocalSite) -> None:
    atom = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title><entry><title>a</title><link href='/1'/>"
        "<published>2026-11-23T01:00:00Z</published><updated>2026-11-23T02:00:00Z</updated></entry></feed>"
    )
    (link,) = crawl.run(feeds=[site.page("/atom", atom.encode())])
    assert (link.published, link.modified) == (
        datetime(2026, 11, 23, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize("where", ["declaration", "header"])
def test_a_feed_called_euc_kr_is_cp949(crawl: Crawl, site: LocalSite, where: str) -> None:
    title = "똠방각하 펲시콜라"  # letters that EUC-KR itself does not have
    declaration = '<?xml version="1.0" encoding="euc-kr"?>' if where == "declaration" else ""
    body = rss(item("/1", title=title), declaration=declaration).decode().encode("cp949")
    header = "text/xml" if where == "declaration" else "text/xml; charset=EUC-KR"
    (link,) = crawl.run(feeds=[site.page("/rss", body, Content_Type=header)])
    assert link.title == title


def test_only_the_site_s_articles_are_chosen(crawl: Crawl, site: LocalSite) -> None:
    links = ["/news/1", "/news/2?page=2", "/about", "http://elsewhere.example/news/3", "mailto:x@y.example", ""]
    feed = site.page("/rss", rss(*map(item, links)))
    assert crawl.paths(feeds=[feed], article=[r"/news/\d+"], exclude=[r"page="]) == ["/news/1"]


def test_what_is_older_than_the_lookback_is_left_alone(crawl: Crawl, site: LocalSite) -> None:
    dates = ["2026-11-16", "2026-11-15 23:59:59", "2026-11-23", ""]
    feed = site.page("/rss", rss(*(item(f"/{number}", date) for number, date in enumerate(dates))))
    assert crawl.paths(feeds=[feed], lookback_days=7) == ["/0", "/2", "/3"]


@pytest.mark.parametrize("kind", ["feeds", "sitemaps", "lists"])
def test_the_lookback_is_that_before_a_hub_s_last_visit(crawl: Crawl, site: LocalSite, kind: str) -> None:
    def publish(*days: int) -> None:
        paths = [f"/2026/11/{day:02}/a" for day in days]
        links = "".join(f"<a class=a href='{path}'>a</a>" for path in paths)
        body = {"feeds": rss(*(item(path, "") for path in paths)), "lists": links.encode()}
        site.page("/hub", body.get(kind) or urlset(*(entry(site.url(path)) for path in paths)))

    place = ListPage(site.url("/hub"), "css: a.a") if kind == "lists" else site.url("/hub")
    publish(19, 20)
    assert crawl.paths(**{kind: [place]}, lookback_days=3) == ["/2026/11/20/a"]
    # paused, or failing while others did not
    crawl.now += timedelta(days=6)
    publish(19, 20, 22, 25)
    assert sorted(crawl.paths(**{kind: [place]}, lookback_days=3)) == ["/2026/11/22/a", "/2026/11/25/a"]
    crawl.now += timedelta(days=1)
    publish(22, 24, 26)
    assert crawl.paths(**{kind: [place]}, lookback_days=3) == ["/2026/11/26/a"]


def test_hubs_that_are_read_anew_reach_back_to_the_last_run(crawl: Crawl, site: LocalSite) -> None:
    for day in (18, 19):
        site.page(f"/{day}.xml", urlset(entry(site.url(f"/2026/11/{day}/a"))))
    children = (f"<loc>{site.url(f'/{day}.xml')}</loc><lastmod>2026-11-{day}</lastmod>" for day in (18, 19))
    top = site.page("/index.xml", index(*children))
    crawl.last = NOW - timedelta(days=1)
    assert crawl.paths(sitemaps=[top], lookback_days=3) == ["/2026/11/19/a"]
    assert site.count("/18.xml") == 0


def test_an_undated_archive_is_left_alone_by_the_days_in_its_addresses(crawl: Crawl, site: LocalSite) -> None:
    paths = ["/2026/11/15/a", "/2026/11/16/b", "/2019/nov/23/c", "/20191123", "/d"]
    found = crawl.run(sitemaps=[site.page("/s.xml", urlset(*(entry(site.url(path)) for path in paths)))])
    start = len(site.url(""))
    assert [link.url[start:] for link in found] == ["/2026/11/16/b", "/20191123", "/d"]
    assert [link.published and link.published.day for link in found] == [16, None, None]


def test_the_second_run_costs_a_304(crawl: Crawl, site: LocalSite) -> None:
    feed = site.page("/rss", rss(item("/1")), ETag='"v1"')
    assert crawl.paths(feeds=[feed]) == ["/1"]
    site.page("/rss", b"", 304)
    assert crawl.paths(feeds=[feed]) == []
    assert site.seen_headers[-1]["if-none-match"] == '"v1"'


def test_links_that_were_not_taken_are_found_again(crawl: Crawl, site: LocalSite) -> None:
    feed = site.page("/rss", rss(item("/1"), item("/2")), ETag='"v1"')
    links = discover(profile(feeds=[feed]), crawl.fetcher, known=lambda _: set(), hub_state=crawl.hubs, now=NOW)
    next(links)
    links.close()  # the crawl died after the first link
    assert crawl.hubs == {}
    assert crawl.paths(feeds=[feed]) == ["/1", "/2"]


def test_known_articles_come_back_only_with_a_date_of_change(crawl: Crawl, site: LocalSite) -> None:
    pages = [entry(site.url("/1")), entry(site.url("/2"), "<lastmod>2026-11-22T10:00:00Z</lastmod>")]
    sitemap = site.page("/sitemap.xml", urlset(*pages))
    assert crawl.paths(sitemaps=[sitemap]) == ["/1", "/2"]
    assert crawl.paths(sitemaps=[sitemap]) == ["/2"]


@pytest.mark.parametrize("kind", ["now", "one time"])
def test_a_hub_that_stamps_all_its_links_with_one_time_dates_no_change(
    crawl: Crawl, site: LocalSite, kind: str
) -> None:
    def stamped() -> bytes:
        dates = [crawl.now if kind == "one time" else crawl.now - timedelta(seconds=n) for n in range(30)]
        return urlset(
            *(entry(site.url(f"/{n}"), f"<lastmod>{one.isoformat()}</lastmod>") for n, one in enumerate(dates))
        )

    sitemap = site.page("/sitemap.xml", stamped())
    assert len(crawl.paths(sitemaps=[sitemap])) == 30
    for _ in range(3):
        crawl.now += timedelta(minutes=30)
        site.page("/sitemap.xml", stamped())
        assert crawl.paths(sitemaps=[sitemap]) == []
    # with the same links it is a hub without news
    assert crawl.hubs.get(sitemap).rest > timedelta()


def test_http_links_of_an_https_hub_are_https_on_its_own_host() -> None:
    links = [Link(f"http://a.example/{n}", "") for n in (1, 2)] + [Link("http://b.example/3", "")]
    chosen = Choice(profile("a.example", "b.example"), Hubs(), NOW).of(links, "https://www.a.example/rss")
    assert [link.url for link in chosen] == ["http://a.example/1", "http://a.example/2", "http://b.example/3"]
    chosen = Choice(profile("a.example", "b.example"), Hubs(), NOW).of(links, "https://a.example/rss")
    assert [link.url for link in chosen] == ["https://a.example/1", "https://a.example/2", "http://b.example/3"]


def test_a_broken_hub_does_not_harm_the_others(crawl: Crawl, site: LocalSite) -> None:
    good, bad = site.page("/rss", rss(item("/1"))), site.page("/bad", b"", 404)
    for broken in (bad, site.page("/html", b"<html><body>moved</body></html>")):
        crawl.known.clear()
        crawl.hubs.clear()
        assert crawl.paths(feeds=[broken, good]) == ["/1"]
        assert broken not in crawl.hubs


def test_no_hub_at_all_is_an_error(crawl: Crawl, site: LocalSite) -> None:
    with pytest.raises(FetchError) as caught:
        crawl.run(feeds=[site.url("/missing")], sitemaps=[site.url("/none")])
    assert (caught.value.url, caught.value.kind) == (site.url("/missing"), "http_404")


# --- how often a hub is asked


def asked_in_a_day(crawl: Crawl, path: str, **places: object) -> list[datetime]:
    """When `path` was asked for by runs that are ten minutes apart, for a day."""
    moments = []
    for _ in range(144):
        before = crawl.site.count(path)
        crawl.run(**places)
        moments += [crawl.now] * (crawl.site.count(path) - before)
        crawl.now += timedelta(minutes=10)
    return moments


@pytest.mark.parametrize("status", [200, 304])
def test_a_hub_without_news_rests_ever_longer_within_an_hour(crawl: Crawl, site: LocalSite, status: int) -> None:
    feed = site.page("/rss", rss(item("/1")), ETag='"v1"')
    crawl.run(feeds=[feed])
    if status == 304:
        site.page("/rss", b"", 304)
    asked = asked_in_a_day(crawl, "/rss", feeds=[feed])
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(minutes=10), LONGEST_REST)


def test_news_wake_a_hub(crawl: Crawl, site: LocalSite) -> None:
    feed = site.page("/rss", rss(item("/1")))
    asked_in_a_day(crawl, "/rss", feeds=[feed])
    crawl.now += LONGEST_REST
    for number in range(2, 8):
        site.page("/rss", rss(*(item(f"/{one}") for one in range(number, 0, -1))))
        assert crawl.paths(feeds=[feed]) in ([f"/{number}"], [])
        crawl.now += timedelta(minutes=10)
    # in every run again
    site.page("/rss", rss(item("/9")))
    assert crawl.paths(feeds=[feed]) == ["/9"]


@pytest.mark.parametrize("minutes", [0, 5, 60, 6000])
def test_rest_grows_and_falls(minutes: int) -> None:
    rest = timedelta(minutes=minutes)
    assert rest_after(rest, changed=True) <= rest <= rest_after(rest, changed=False)
    assert rest_after(rest, changed=False) >= timedelta(minutes=1)


def test_an_archive_below_an_index_rests_for_days_but_not_when_its_index_dates_a_change(
    crawl: Crawl, site: LocalSite
) -> None:
    archive = site.page("/archive.xml", urlset(entry(site.url("/1"))))
    top = site.page("/index.xml", index(f"<loc>{archive}</loc>"))
    assert len(asked_in_a_day(crawl, "/archive.xml", sitemaps=[top])) < 24
    before = crawl.hubs.get(archive)
    assert before.rests(crawl.now, LONGEST_REST_BELOW)
    site.page("/index.xml", index(f"<loc>{archive}</loc><lastmod>{crawl.now.isoformat()}</lastmod>"))
    site.page("/archive.xml", urlset(entry(site.url("/1")), entry(site.url("/2"))))
    assert crawl.paths(sitemaps=[top]) == ["/2"]


def test_a_list_without_news_rests_and_an_unfinished_one_does_not(crawl: Crawl, site: LocalSite) -> None:
    place = [list_page(site, next="css: a[rel=next]")]
    pages_of(site, range(9, 0, -1))
    assert len(asked_in_a_day(crawl, "/list?page=1", lists=place)) < 40
    site.page("/list?page=2", b"", 500)
    pages_with_news = site.routes["/list?page=1"]
    crawl.now += LONGEST_REST
    crawl.known.clear()
    crawl.run(lists=place)
    site.routes["/list?page=1"] = pages_with_news
    before = site.count("/list?page=1")
    crawl.run(lists=place)
    assert site.count("/list?page=1") == before + 1


# --- sitemaps


def test_a_news_sitemap(crawl: Crawl, site: LocalSite) -> None:
    more = (
        "<lastmod>2026-11-23</lastmod><news:news><news:publication><news:name>n</news:name></news:publication>"
        "<news:publication_date>2026-11-22T09:00:00+09:00</news:publication_date>"
        "<news:title> 제목 </news:title></news:news>"
    )
    (link,) = crawl.run(sitemaps=[site.page("/s.xml", urlset(entry(site.url("/1?a=1&amp;b=2"), more)))])
    assert link.url == site.url("/1?a=1&b=2")
    assert link.title == "제목"
    assert link.published == datetime(2026, 11, 22, 0, tzinfo=UTC)
    assert link.modified == datetime(2026, 11, 22, 15, tzinfo=UTC)


def test_an_index_leads_to_its_changed_sitemaps_newest_first(crawl: Crawl, site: LocalSite) -> None:
    for name in ("old", "new", "undated", "zipped"):
        site.page(f"/{name}.xml", urlset(entry(site.url(f"/{name}"))))
    site.page("/zipped.xml.gz", gzip.compress(urlset(entry(site.url("/zipped")))))
    children = [
        f"<loc>{site.url('/undated.xml')}</loc>",
        f"<loc>{site.url('/old.xml')}</loc><lastmod>2026-01-01</lastmod>",
        f"<loc>{site.url('/zipped.xml.gz')}</loc><lastmod>2026-11-22</lastmod>",
        f"<loc>{site.url('/new.xml')}</loc><lastmod>2026-11-23</lastmod>",
        f"<loc>{site.url('/gone.xml')}</loc><lastmod>2026-11-23</lastmod>",
    ]
    assert crawl.paths(sitemaps=[site.page("/index.xml", index(*children))]) == ["/new", "/zipped", "/undated"]
    assert site.count("/old.xml") == 0


def test_an_unchanged_index_does_not_hide_a_changed_sitemap(crawl: Crawl, site: LocalSite) -> None:
    site.page("/child.xml", urlset(entry(site.url("/1"))), ETag='"1"')
    top = site.page("/index.xml", index(f"<loc>{site.url('/child.xml')}</loc>"), ETag='"i"')
    assert crawl.paths(sitemaps=[top]) == ["/1"]
    site.page("/child.xml", urlset(entry(site.url("/1")), entry(site.url("/2"))), ETag='"2"')
    assert crawl.paths(sitemaps=[top]) == ["/2"]


def test_an_index_of_which_no_sitemap_can_be_read_has_failed(crawl: Crawl, site: LocalSite) -> None:
    top = site.page("/index.xml", index(*(f"<loc>{site.page(f'/{n}.xml', b'', 403)}</loc>" for n in (1, 2))))
    with pytest.raises(FetchError) as caught:
        crawl.run(sitemaps=[top])
    assert (caught.value.url, caught.value.kind) == (site.url("/1.xml"), "http_403")
    feed = site.page("/rss", rss(item("/1")))
    assert crawl.paths(feeds=[feed], sitemaps=[top]) == ["/1"]
    assert crawl.troubles == {top: "http_403"}


def test_a_sitemap_that_was_read_once_and_fails_is_told(crawl: Crawl, site: LocalSite) -> None:
    names = ("news", "sport", "never")
    for name in names[:2]:
        site.page(f"/{name}.xml", urlset(entry(site.url(f"/{name}"))))
    top = site.page("/index.xml", index(*(f"<loc>{site.url(f'/{name}.xml')}</loc>" for name in names)))
    assert crawl.paths(sitemaps=[top]) == ["/news", "/sport"]
    # many an index lists files that nobody has
    assert crawl.troubles == {}
    site.page("/news.xml", b"", 404)
    crawl.now += LONGEST_REST_BELOW
    assert crawl.paths(sitemaps=[top]) == []
    assert crawl.troubles == {site.url("/news.xml"): "http_404"}


def test_what_is_cut_off_is_told(crawl: Crawl, site: LocalSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_URLS", 3)
    monkeypatch.setattr(sitemaps, "MAX_FILES", 3)
    for name, count in (("full", 3), ("over", 4), ("third", 1)):
        site.page(f"/{name}.xml", urlset(*(entry(site.url(f"/{name}{number}")) for number in range(count))))
    children = [f"<loc>{site.url(f'/{name}.xml')}</loc>" for name in ("full", "over", "third")]
    top = site.page("/index.xml", index(*children))
    for found in (6, 0, 0):
        assert len(crawl.run(sitemaps=[top])) == found
        assert crawl.troubles == {top: "too_many_links", site.url("/over.xml"): "too_many_links"}
        crawl.now += timedelta(minutes=10)


def test_indexes_end(crawl: Crawl, site: LocalSite) -> None:
    for number in range(10):
        more = [f"<loc>{site.url(f'/i{number + 1}.xml')}</loc>", f"<loc>{site.url('/i0.xml')}</loc>"]
        site.page(f"/i{number}.xml", index(*more))
    assert crawl.paths(sitemaps=[site.url("/i0.xml")]) == []
    assert site.count("/i0.xml") == 1
    assert "/i5.xml" not in site.asked


def test_a_list_of_urls_is_a_sitemap(crawl: Crawl, site: LocalSite) -> None:
    text = "\ufeff" + site.url("/1") + "\n" + site.url("/2") + "\n"
    assert crawl.paths(sitemaps=[site.page("/sitemap.txt", text.encode())]) == ["/1", "/2"]


def memory_of(url: str, code: str) -> tuple[int, str]:
    """The megabytes that a process of its own grows by when it reads the answer of `url`, and what it prints."""
    program = f"""
import resource, urllib.request
from datetime import UTC, datetime
from newscrawl.discover import feeds, sitemaps
from newscrawl.model import FetchError, Response
body = urllib.request.urlopen("{url}").read()
response = Response("{url}", "{url}", 200, {{}}, body, 0.1, datetime.now(UTC))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(sum(1 for _ in {code}(response, UTC)))
except FetchError as error:
    print(error.kind)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    outcome, megabytes = said.stdout.split()
    return int(megabytes), outcome


@pytest.mark.parametrize(
    ("code", "body", "outcome"),
    [
        ("sitemaps.entries", urlset(*["<url><loc>http://a.example/1</loc></url>"] * 1_000_000), "50000"),
        ("sitemaps.entries", urlset(*["<x/>"] * 12_000_000), "too_large"),
        ("sitemaps.entries", urlset("<url>" + "<x/>" * 12_000_000 + "</url>"), "too_large"),
        ("feeds.links", rss(*["<item/>"] * 1_000_000), "too_large"),
        ("feeds.links", rss("<x/>" * 2_000_000), "too_large"),
        ("feeds.links", rss("<item/>" * 500_000).decode().encode("utf-16"), "too_large"),
    ],
    ids=["a million URLs", "elements", "elements in an entry", "items", "elements in a feed", "UTF-16"],
)
def test_an_endless_hub_costs_little_memory(site: LocalSite, code: str, body: bytes, outcome: str) -> None:
    packed = code.startswith("sitemaps")
    megabytes, told = memory_of(site.page("/hub", gzip.compress(body, 1) if packed else body), code)
    assert told == outcome
    assert megabytes < 150  # the unpacked file, twice


def test_a_sitemap_of_a_million_urls_does_not_harm_the_others(crawl: Crawl, site: LocalSite) -> None:
    many = b"".join(b"<url><loc>%s/%d</loc></url>" % (site.url("").encode(), n) for n in range(1_000_000))
    large = site.page("/large.xml.gz", gzip.compress(urlset(many.decode()), 1))
    good = site.page("/good.xml", urlset(entry(site.url("/good"))))
    found = crawl.paths(sitemaps=[large, good])
    assert (len(found), found[-1]) == (50_001, "/good")


def test_a_run_has_a_limit_of_links_and_the_next_goes_on(
    crawl: Crawl, site: LocalSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discover_package, "MAX_LINKS", 5)
    hubs = [
        site.page(f"/{name}.xml", urlset(*(entry(site.url(f"/{name}{n}")) for n in range(3))), ETag='"1"')
        for name in "abc"
    ]
    assert crawl.paths(sitemaps=hubs) == ["/a0", "/a1", "/a2", "/b0", "/b1"]
    assert site.count("/c.xml") == 0
    assert crawl.paths(sitemaps=hubs) == ["/b2", "/c0", "/c1", "/c2"]


def test_images_and_videos_say_nothing_of_the_page(crawl: Crawl, site: LocalSite) -> None:
    image = "<i:image xmlns:i='http://i'><i:loc>/picture</i:loc><i:title>picture</i:title></i:image>"
    video = "<v:video xmlns:v='http://v'><v:publication_date>2001-01-01</v:publication_date></v:video>"
    more = f"<url>{image}{video}<loc>{site.url('/1')}</loc></url>"
    (link,) = crawl.run(sitemaps=[site.page("/s.xml", urlset(more))])
    assert (link.url, link.title, link.published) == (site.url("/1"), None, None)


@pytest.mark.parametrize("kind", ["feeds", "sitemaps"])
def test_entity_bombs_do_not_go_off(crawl: Crawl, site: LocalSite, kind: str) -> None:
    lines = ["<!ENTITY a0 'ha'>"] + [f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)]
    attack = f"<!DOCTYPE x [{''.join(lines)}<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"
    bodies = {
        "feeds": f"<?xml version='1.0'?>{attack}{rss(item('/1', title='&a11;&f;'), declaration='').decode()}",
        "sitemaps": f"<?xml version='1.0'?>{attack}{urlset(entry(site.url('/&a11;&f;'))).decode().partition('?>')[2]}",
    }
    good = site.page("/rss", rss(item("/good")))
    bomb = site.page("/bomb", bodies[kind].encode())
    tracemalloc.start()
    places = {"feeds": [bomb, good]} if kind == "feeds" else {"feeds": [good], "sitemaps": [bomb]}
    found = crawl.run(**places)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
    assert site.url("/good") in [link.url for link in found]
    assert all("root:" not in f"{link.url}{link.title}" and len(link.url) < 1000 for link in found)


def test_broken_xml_gives_what_can_be_read(crawl: Crawl, site: LocalSite) -> None:
    body = urlset(entry(site.url("/1")), "<url><loc>" + site.url("/2?a=1&b=2") + "</url>", entry(site.url("/3")))
    assert "/1" in crawl.paths(sitemaps=[site.page("/s.xml", body[:-20])])


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><body>not here</body></html>", b"hello", gzip.compress(b"<x/>")[:-5]],
    ids=["empty", "page", "text", "cut gzip"],
)
def test_what_is_no_sitemap_is_an_error(crawl: Crawl, site: LocalSite, body: bytes) -> None:
    with pytest.raises(FetchError) as caught:
        crawl.run(sitemaps=[site.page("/s.xml", body)])
    assert caught.value.kind in ("not_a_sitemap", "truncated")


# --- list pages


def pages_of(site: LocalSite, articles: Sequence[int], *, size: int = 3) -> int:
    """Serves /list?page=N with links to the articles, and a next link; returns the number of pages."""
    parts = [articles[start : start + size] for start in range(0, len(articles), size)]
    for path in [path for path in site.routes if path.startswith("/list")]:
        del site.routes[path]
    for number, part in enumerate(parts, start=1):
        links = "".join(f"<li><a class=a href='article?id={one}'>{one}</a></li>" for one in part)
        more = f"<a rel=next href='/list?page={number + 1}'>more</a>" if number < len(parts) else ""
        body = f"<html><body><a href=/about>about</a><ul>{links}</ul>{more}</body></html>".encode()
        site.page(f"/list?page={number}", body)
    return len(parts)


def list_page(site: LocalSite, **told: object) -> ListPage:
    return ListPage(site.url("/list?page=1"), "css: a.a", **told)


@pytest.mark.parametrize("way", ["next", "pages"])
def test_lists_are_walked_to_their_end(crawl: Crawl, site: LocalSite, way: str) -> None:
    pages_of(site, range(10, 0, -1))
    told = {"next": "css: a[rel=next]"} if way == "next" else {"pages": site.url("/list?page={page}")}
    found = crawl.paths(lists=[list_page(site, **told)])
    # of the oldest page first
    assert found == [f"/article?id={one}" for one in (1, 4, 3, 2, 7, 6, 5, 10, 9, 8)]


def test_the_base_of_a_list_completes_its_links(crawl: Crawl, site: LocalSite) -> None:
    head = f"<base href='{site.url('/news/')}'>".encode()
    site.page("/list?page=1", head + b"<a class=a href=2>2</a><a class=a href=/3>3</a><a rel=next href=more>more</a>")
    site.page("/news/more", b"<a class=a href=1>1</a>")
    assert crawl.paths(lists=[list_page(site, next="css: a[rel=next]")]) == ["/news/1", "/news/2", "/3"]


def test_the_next_run_stops_at_what_is_known(crawl: Crawl, site: LocalSite) -> None:
    place = [list_page(site, next="xpath: //a[@rel='next']/@href")]
    pages_of(site, range(30, 0, -1))
    assert len(crawl.paths(lists=place)) == 30
    pages_of(site, range(32, 0, -1))
    site.asked.clear()
    assert sorted(crawl.paths(lists=place)) == ["/article?id=31", "/article?id=32"]
    assert site.asked == ["/list?page=1", "/list?page=2"]


def test_a_crash_half_way_loses_nothing(crawl: Crawl, site: LocalSite) -> None:
    place = [list_page(site, next="css: a[rel=next]")]
    pages_of(site, range(12, 0, -1))
    links = discover(profile(lists=place), crawl.fetcher, known=lambda _: set(), hub_state=crawl.hubs, now=NOW)
    crawl.known |= {next(links).url for _ in range(5)}
    links.close()
    crawl.paths(lists=place)
    assert crawl.known == {site.url(f"/article?id={one}") for one in range(1, 13)}


def test_a_page_that_fails_loses_nothing(crawl: Crawl, site: LocalSite) -> None:
    place = [list_page(site, next="css: a[rel=next]")]
    pages_of(site, range(12, 0, -1))
    whole = site.routes["/list?page=3"]
    site.page("/list?page=3", b"", 500)
    assert sorted(crawl.paths(lists=place)) == sorted(f"/article?id={one}" for one in range(12, 6, -1))
    site.routes["/list?page=3"] = whole
    # the first two pages are known now, and yet it goes on to the third
    assert sorted(crawl.paths(lists=place)) == sorted(f"/article?id={one}" for one in range(6, 0, -1))
    site.asked.clear()
    assert crawl.paths(lists=place) == []
    assert site.asked == ["/list?page=1"]


def test_lists_that_never_end_do(crawl: Crawl, site: LocalSite) -> None:
    pages_of(site, range(3, 0, -1))
    site.routes["/list"] = site.routes["/list?page=1"]  # every further page is the first again
    found = crawl.paths(lists=[list_page(site, pages=site.url("/list?page={page}"), max_pages=1000)])
    assert len(found) == 3
    assert len([path for path in site.asked if path.startswith("/list")]) == 2
    pages_of(site, range(100, 0, -1))
    crawl.known.clear()
    assert len(crawl.paths(lists=[list_page(site, next="css: a[rel=next]", max_pages=4)])) == 12


# --- dates


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-23T12:00:00+09:00", "2026-11-23T03:00:00"),
        ("2026-11-23T03:00:00Z", "2026-11-23T03:00:00"),
        ("2026-11-23 12:00:00", "2026-11-23T03:00:00"),
        ("2026-11-23", "2026-11-22T15:00:00"),
        ("Mon, 23 Nov 2026 12:00:00 KST", "2026-11-23T03:00:00"),
        ("Mon, 23 Nov 2026 03:00:00 GMT", "2026-11-23T03:00:00"),
        ("Sun, 22 Nov 2026 22:00:00 EST", "2026-11-23T03:00:00"),
    ],
)
def test_dates_are_aware(text: str, utc: str) -> None:
    assert moment(text, profile().timezone).astimezone(UTC).isoformat() == utc + "+00:00"


@pytest.mark.parametrize(
    "text", [None, "", "  ", "yesterday", "2026-13-45", "0001-01-01", "9999-12-31T23:59:59-12:00", "9" * 500]
)
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert moment(text, profile().timezone) is None
