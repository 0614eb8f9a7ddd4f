"""A site's robots.txt is obeyed, asked for once, and read as RFC 9309 says when something is wrong with it."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from certificates import authority_and_server
from local_site import LocalSite
from newscrawl.fetch import Fetcher, Limits
from newscrawl.fetch.robots import LONGEST_DELAY, Robots
from newscrawl.fetch.transport import Answer
from newscrawl.model import FetchError
from newscrawl.profiles import Profile
from site_profile import profile

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MakeFetcher = Callable[..., Fetcher]


def outcome(fetcher: Fetcher, url: str, site: Profile | None = None) -> str:
    try:
        return str(fetcher.get(url, site=site or profile(), now=NOW).status)
    except FetchError as error:
        return error.kind


def test_rules_are_obeyed_and_shared(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.page(
        "/robots.txt", b"User-agent: newscrawl-tests\nDisallow: /no\nAllow: /no/yes\n\nUser-agent: *\nDisallow: /"
    )
    for path in ("/a", "/no/page", "/no/yes"):
        site.page(path)
    first, second = new_fetcher(), new_fetcher()
    outcomes = [outcome(one, site.url(path)) for one in (first, second) for path in ("/a", "/no/page", "/no/yes")]
    assert outcomes == ["200", "robots", "200"] * 2
    assert site.count("/robots.txt") == 1
    assert site.count("/no/page") == 0


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_missing_file_allows_all(new_fetcher: MakeFetcher, site: LocalSite, status: int) -> None:
    site.page("/robots.txt", b"User-agent: *\nDisallow: /", status)
    assert outcome(new_fetcher(), site.page("/a")) == "200"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_allows_nothing_for_now(new_fetcher: MakeFetcher, site: LocalSite, status: int) -> None:
    site.page("/robots.txt", b"", status)
    with pytest.raises(FetchError) as caught:
        new_fetcher().get(site.page("/a"), site=profile(), now=NOW)
    assert (caught.value.kind, caught.value.permanent) == ("robots_unreachable", False)
    assert f"http_{status}" in caught.value.message
    assert site.count("/a") == 0


def test_no_answer_allows_nothing_for_now(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.raw("/robots.txt", lambda connection: site.closing.wait() and None)
    assert outcome(new_fetcher(limits=Limits(1.0, 0.2, 5.0)), site.page("/a")) == "robots_unreachable"


def test_a_huge_file_is_read_up_to_the_limit(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    rules = b"User-agent: *\nDisallow: /no\n" + b"# more\n" * 100_000 + b"Disallow: /a\n"
    site.page("/robots.txt", rules)
    site.page("/a")
    assert [outcome(new_fetcher(), site.url(path)) for path in ("/a", "/no")] == ["200", "robots"]


def test_redirects_are_followed_five_times(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.redirect("/robots.txt", "/r1")
    site.redirect("/r1", "/r2")
    site.page("/r2", b"User-agent: *\nDisallow: /a")
    assert outcome(new_fetcher(), site.page("/a")) == "robots"


def test_a_file_that_leads_in_circles_is_none(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.redirect("/robots.txt", "/robots.txt")
    assert outcome(new_fetcher(), site.page("/a")) == "200"
    assert site.count("/robots.txt") == 6


@pytest.mark.parametrize(
    "body", [b"<html>no such page</html>", b"\xff\xfe\x00bad", b"\xef\xbb\xbfUser-agent: x\n", b""]
)
def test_what_is_no_rules_allows_all(new_fetcher: MakeFetcher, site: LocalSite, body: bytes) -> None:
    site.page("/robots.txt", body)
    assert outcome(new_fetcher(), site.page("/a")) == "200"


def test_crawl_delay_wins_when_it_is_slower(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.page("/robots.txt", b"User-agent: *\nCrawl-delay: 30")
    site.page("/a")
    naps: list[float] = []
    fetcher = new_fetcher(sleep=naps.append, patience=600.0)
    for _ in range(3):
        fetcher.get(site.url("/a"), site=profile(rate=1.0, concurrency=100), now=NOW)
    # robots.txt was a request, too
    assert [round(nap / 30, 1) for nap in naps] == [1.0, 2.0, 3.0]


def test_a_crawl_delay_of_days_is_cut(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    site.page("/robots.txt", b"User-agent: *\nCrawl-delay: 1e300")
    naps: list[float] = []
    fetcher = new_fetcher(sleep=naps.append)
    for _ in range(2):
        assert outcome(fetcher, site.page("/a")) == "200"
    assert [round(nap / LONGEST_DELAY, 1) for nap in naps] == [1.0, 2.0]
    # and nobody waits for longer than ten minutes
    assert outcome(fetcher, site.page("/a")) == "rate_limited"


def test_a_slow_robots_txt_keeps_only_its_own_site_waiting(new_fetcher: MakeFetcher, site: LocalSite) -> None:
    fetcher = new_fetcher(limits=Limits(2.0, 30.0, 30.0))
    hosts = profile("127.0.0.1", "127.0.0.2", "127.0.0.3")
    with LocalSite("127.0.0.2") as slow, LocalSite("127.0.0.3") as other:
        slow.raw("/robots.txt", lambda connection: slow.closing.wait() and None)
        site.redirect("/1", slow.url("/1"))
        other.page("/2")
        waiting = threading.Thread(target=outcome, args=(fetcher, site.url("/1"), hosts))
        waiting.start()
        while "/robots.txt" not in slow.asked:
            time.sleep(0.001)
        assert outcome(fetcher, other.url("/2"), hosts) == "200"
        assert waiting.is_alive()
    waiting.join()


def test_what_ails_the_host_itself_keeps_its_name(new_fetcher: MakeFetcher, tmp_path: Path) -> None:
    _, context = authority_and_server(tmp_path, "localhost")
    with LocalSite("localhost", lambda sock: context.wrap_socket(sock, server_side=True)) as server:
        fetcher = new_fetcher()
        hosts = profile("localhost")
        assert [outcome(fetcher, server.url("/a", "https"), hosts) for _ in range(2)] == ["tls", "tls"]
    assert outcome(fetcher, "http://no-such-host.invalid/") == "dns"


def test_rules_of_the_last_day_outlive_a_failing_server(client: redis.Redis) -> None:
    clock, answers = [1000.0], iter([(200, b"User-agent: *\nDisallow: /no"), (500, b""), (500, b""), (200, b"")])
    robots = Robots(client, "newscrawl/1", frozenset(), clock=lambda: clock[0])

    def ask(url: str, size: int) -> Answer:
        status, body = next(answers)
        return Answer(url, status, {}, body, 0.0)

    def allowed() -> str:
        try:
            robots.check("http://a.example/no", ask)
        except FetchError as error:
            return error.kind
        return "allowed"

    assert allowed() == "robots"
    clock[0] += 4000  # the rules are an hour old, the server answers 500: they still hold
    assert allowed() == "robots"
    clock[0] += 86400  # they are a day old
    assert allowed() == "robots_unreachable"
    assert allowed() == "robots_unreachable"  # and the server is not asked each time
    clock[0] += 61
    assert allowed() == "allowed"
