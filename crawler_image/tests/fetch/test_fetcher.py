"""What a fetch brings home, and what it must never do on the way."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
import redis
from local_site import LocalSite, Route, answer
from newscrawl.fetch import NOT_ASKED, Fetcher, Limits, fetcher
from newscrawl.fetch.fetcher import retry_after
from newscrawl.model import FetchError
from site_profile import profile

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MakeFetcher = Callable[..., Fetcher]


def failure(fetcher: Fetcher, url: str, **told: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetcher.get(url, **({"site": profile(), "now": NOW} | told))
    return caught.value


def test_a_page(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    url = site.page("/a?b=%B0%A1", "한글".encode("cp949"), Content_Type="text/html; charset=euc-kr")
    response = new_fetcher().get(url, site=profile(), now=NOW)
    assert (response.url, response.requested_url, response.status, response.redirects) == (url, url, 200, ())
    assert response.body.decode("cp949") == "한글"
    assert response.headers["content-type"] == "text/html; charset=euc-kr"
    assert NOW <= response.fetched_at < NOW + timedelta(seconds=30)
    assert site.seen_headers[-1]["user-agent"].startswith("newscrawl-tests/1.0 (+")


def test_an_unchanged_page_costs_a_304(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    url = site.page("/a", b"", 304)
    date = "Mon, 23 Nov 2026 01:00:00 GMT"
    response = new_fetcher().get(url, site=profile(), etag='"v1"', last_modified=date, now=NOW)
    assert response.not_modified
    assert response.body == b""
    assert site.seen_headers[-1]["if-none-match"] == '"v1"'
    assert site.seen_headers[-1]["if-modified-since"] == date
    # a 304 that was not asked for is no page
    assert failure(new_fetcher(), url).kind == "http_304"


def test_redirects_are_followed_and_told(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    first, second = site.redirect("/1", "/2", 301), site.redirect("/2", site.url("/3#part"), 307)
    site.page("/3", b"there")
    response = new_fetcher().get(first, site=profile(), now=NOW)
    assert (response.body, response.url, response.redirects) == (b"there", site.url("/3"), (first, second))


def test_redirects_in_circles_or_without_end_are_given_up(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.redirect("/1", "/2")
    site.redirect("/2", "/1")
    assert failure(new_fetcher(), site.url("/1")).kind == "redirect_loop"
    for number in range(30):
        site.redirect(f"/far{number}", f"/far{number + 1}")
    error = failure(new_fetcher(limits=Limits(2.0, 2.0, 5.0, redirects=5)), site.url("/far0"))
    assert (error.kind, error.permanent) == ("too_many_redirects", True)
    assert site.count("/far6") == 0


def test_a_slow_chain_of_redirects_is_left(
    new_fetcher: MakeFetcher, site: LocalSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "LONGEST_CALL", 0.5)

    def hop(number: int) -> Route:
        def route(request: BaseHTTPRequestHandler) -> None:
            site.closing.wait(0.2)
            answer(request, 302, b"", {"Location": f"/{number + 1}"})

        return route

    site.routes |= {f"/{number}": hop(number) for number in range(8)}
    error = failure(new_fetcher(), site.url("/0"))
    assert (error.kind, error.permanent) == ("slow_redirects", False)
    assert site.count("/5") == 0


@pytest.mark.parametrize("target", ["ftp://a.example/", "javascript:alert(1)", "http://:80/", "file:///etc/passwd"])
def test_redirects_to_no_page_are_refused(new_fetcher: MakeFetcher, site: LocalSite, target: str) -> None:
    assert failure(new_fetcher(), site.redirect("/a", target)).kind == "bad_redirect"


def test_a_redirect_is_checked_against_the_robots_of_its_target(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.page("/robots.txt", b"User-agent: *\nDisallow: /private")
    site.page("/private/page")
    error = failure(new_fetcher(), site.redirect("/a", "/private/page"))
    assert (error.kind, error.permanent) == ("robots", True)
    assert site.count("/private/page") == 0


def test_a_redirect_to_a_private_address_is_refused(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    # the profile lets its own host be private, and no other
    with LocalSite("127.0.0.2") as secret:
        secret.page("/metadata")
        error = failure(new_fetcher(), site.redirect("/a", secret.url("/metadata")))
        assert (error.kind, error.permanent) == ("private_address", True)
        assert "no public address" in error.message
        assert secret.asked == []


def test_private_hosts_need_the_profile_s_word(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    error = failure(new_fetcher(allow_private=False), site.page("/a"))
    # a name server that lies for an hour must not cost the site's articles
    assert (error.kind, error.permanent) == ("private_address", False)
    assert "no public address" in error.message
    assert site.asked == []


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (404, True), (410, True), (401, False), (403, False), (408, False), (500, False)],
)
def test_other_statuses_are_errors(new_fetcher: MakeFetcher, site: LocalSite, status: int, permanent: bool) -> None:
    error = failure(new_fetcher(), site.page("/a", b"sorry", status))
    assert (error.kind, error.permanent) == (f"http_{status}", permanent)


def test_a_ban_opens_the_breaker(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.page("/robots.txt", b"", 403)
    for number in range(10):
        site.page(f"/{number}", b"go away", 403)
    kinds = [failure(new_fetcher(), site.url(f"/{number}")).kind for number in range(10)]
    assert kinds == ["http_403"] * 6 + ["breaker_open"] * 4
    assert len(site.asked) == 7


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_stops_all_workers(new_fetcher: MakeFetcher, site: LocalSite, status: int) -> None:
    url, other = site.page("/a", b"", status, Retry_After="1800"), site.page("/b")
    error = failure(new_fetcher(), url)
    assert (error.kind, error.permanent, error.retry_after) == (f"http_{status}", False, 1800)
    other_worker = failure(new_fetcher(), other)
    assert other_worker.kind == "host_paused"
    assert other_worker.kind in NOT_ASKED
    assert 1700 < other_worker.retry_after <= 1800
    assert site.count("/b") == 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 5 ", 5),
        ("Mon, 23 Nov 2026 03:01:30 GMT", 90),
        ("Mon, 23 Nov 2026 02:00:00 GMT", 0),
        ("9" * 400, 999_999_999),
        ("soon", None),
        ("Mon, 23 Nov 99999999999999999999 03:01:30 GMT", None),
        ("Mon, 23 Nov 9999 23:59:59 -1200", pytest.approx(251_578_000_000, rel=0.01)),
        ("-1", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def test_a_host_that_fails_is_left_alone(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    fetcher, url = new_fetcher(), site.page("/a", b"", 500)
    kinds = [failure(fetcher, url).kind for _ in range(8)]
    assert kinds == ["http_500"] * 6 + ["breaker_open"] * 2
    assert site.count("/a") == 6


def test_retries_are_made_when_asked_for_and_only_where_they_help(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    naps: list[float] = []
    fetcher = new_fetcher(sleep=naps.append)
    flaky = site.page("/flaky", b"", 500)
    assert failure(fetcher, flaky, retries=2).kind == "http_500"
    assert site.count("/flaky") == 3
    assert len(naps) == 2
    assert 0.5 <= naps[0] <= 1.0 <= naps[1] <= 2.0
    assert failure(fetcher, site.page("/gone", b"", 404), retries=2).kind == "http_404"
    assert site.count("/gone") == 1
    fetcher.get(site.page("/fine"), site=profile(), now=NOW, retries=2)
    assert site.count("/fine") == 1


def test_requests_keep_their_distance_over_workers(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    naps: list[float] = []
    site.page("/a")
    for _ in range(3):
        # each is a worker of its own; none really sleeps
        worker = new_fetcher(sleep=naps.append, patience=600.0)
        worker.get(site.url("/a"), site=profile(rate=0.1, concurrency=100), now=NOW)
    # robots.txt and three pages, ten seconds apart
    assert [round(nap, -1) for nap in naps] == [10, 20, 30]


def test_threads_share_the_connections(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    fetcher, url = new_fetcher(), site.page("/a", b"x" * 100_000)
    bodies: list[int] = []

    def work() -> None:
        for _ in range(10):
            bodies.append(len(fetcher.get(url, site=profile(), now=NOW).body))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert bodies == [100_000] * 40


def test_without_redis_nothing_is_asked(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    away = redis.Redis(port=1, socket_connect_timeout=1)
    error = failure(new_fetcher(client=away), site.page("/a"))
    assert (error.kind, error.permanent) == ("redis_unavailable", False)
    assert error.kind in NOT_ASKED
    assert site.asked == []


def test_a_redis_that_goes_away_while_fetching_loses_no_page(
    new_fetcher: MakeFetcher, site: LocalSite, client: redis.Redis, client_url: str
) -> None:
    fetcher = new_fetcher(client=redis.Redis.from_url(client_url, retry=None))

    def cut_off(request: BaseHTTPRequestHandler) -> None:
        # the fetcher holds its slot now: its connection to Redis breaks
        client.client_kill_filter(_type="normal", skipme=True)
        answer(request, 200, b"the page", {})

    fetcher.get(site.page("/warm"), site=profile(), now=NOW)
    site.routes["/a"] = cut_off
    assert fetcher.get(site.url("/a"), site=profile(), now=NOW).body == b"the page"
