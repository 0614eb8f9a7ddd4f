"""One page, one URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newscrawl.urls import BadUrl, authority, canonicalize, is_on, resolve


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTP://News.Example.COM:80/a/../b/./c#top", "http://news.example.com/b/c"),
        ("https://news.example.com:443", "https://news.example.com/"),
        ("https://news.example.com:8443/x", "https://news.example.com:8443/x"),
        ("https://user:secret@news.example.com/x", "https://news.example.com/x"),
        ("http://news.example.com./x", "http://news.example.com/x"),
        ("  https://news.example.com/x\n", "https://news.example.com/x"),
        ("https://news.example.com/x?b=2&a=1&a=0", "https://news.example.com/x?a=0&a=1&b=2"),
        ("https://news.example.com/x?utm_source=rss&id=7&fbclid=abc&at_medium=RSS", "https://news.example.com/x?id=7"),
        # an article's id on some sites, not a campaign's
        ("https://news.example.com/x?gid=1&yid=2&fbid=3&cmp=4", "https://news.example.com/x?cmp=4&fbid=3&gid=1&yid=2"),
        *(
            (f"https://a.example/x?{name}=1&{family}_campaign=rss", f"https://a.example/x?{name}=1")
            for family in ("at", "ga", "itm", "pk", "wt")
            for name in (f"{family}_id", f"{family}_no", f"{family}_idx", f"{family}_seq")
        ),
        (
            "https://a.example/x?gclid=1&dclid=1&yclid=1&ysclid=1&twclid=1&ttclid=1&msclkid=1&fbclid=1",
            "https://a.example/x",
        ),
        ("https://news.example.com/x?id=7&amp;page=2", "https://news.example.com/x?id=7&page=2"),
        ("https://news.example.com/x;jsessionid=0A1B?id=7", "https://news.example.com/x?id=7"),
        ("https://news.example.com/x?", "https://news.example.com/x"),
        ("http://한국.kr/기사?번호=1", "http://xn--3e0b707e.kr/%EA%B8%B0%EC%82%AC?%EB%B2%88%ED%98%B8=1"),
        ("http://news.example.com/%7euser/%ea%b0%80?q=%b0%a1", "http://news.example.com/~user/%EA%B0%80?q=%B0%A1"),
        ("http://[2001:DB8::0:1]:80/", "http://[2001:db8::1]/"),
    ],
)
def test_spellings_of_a_page(url: str, canonical: str) -> None:
    assert canonicalize(url, keep_params=None) == canonical


def test_the_profile_says_which_parameters_name_the_article() -> None:
    url = "http://news.example.com/articleView.html?section=3&idxno=1204&utm_source=x"
    assert canonicalize(url, keep_params={"idxno"}) == "http://news.example.com/articleView.html?idxno=1204"
    assert canonicalize(url, keep_params=()) == "http://news.example.com/articleView.html"
    # even a name that others use for tracking
    assert canonicalize("http://a.example/?spm=1", keep_params={"spm"}) == "http://a.example/?spm=1"


def test_relative_links_are_completed() -> None:
    assert canonicalize("../7?id=1", keep_params=None, base="http://a.example/x/y/z") == "http://a.example/x/7?id=1"
    assert canonicalize("//b.example/7", keep_params=None, base="https://a.example/") == "https://b.example/7"
    assert resolve("/걷기#x", "http://a.example/y") == "http://a.example/%EA%B1%B7%EA%B8%B0"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mailto:a@example.com",
        "javascript:void(0)",
        "http://",
        "/only/a/path",
        "http://a:99999/",
        "http://[::1/",
        "http://b\u00fccher.example../",
    ],
)
def test_what_is_no_page_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        canonicalize(url, keep_params=None)


def test_authority_leaves_the_default_port_out() -> None:
    assert authority("https://A.example:443/x") == "a.example"
    assert authority("http://a.example:443/x") == "a.example:443"
    assert authority("http://[::1]:8080/") == "[::1]:8080"


def test_a_host_has_usual_other_names() -> None:
    hosts = {"www.news.example", "127.0.0.1:8080"}
    for url in (
        "https://www.news.example/",
        "http://news.example:8000/",
        "https://m.news.example/",
        "http://127.0.0.1:8080/",
    ):
        assert is_on(url, hosts), url
    for url in ("https://sport.news.example/", "http://127.0.0.1:81/", "https://news.example.org/"):
        assert not is_on(url, hosts), url


_TEXT = st.text(alphabet=st.sampled_from("abcZ09/.?&=#%:;@!~ +-_[]\\'\"<>가é\x00\t\u200b"), max_size=40)


@given(
    scheme=st.sampled_from(["http://", "HTTPS://", "", "//", "ftp://"]),
    host=st.sampled_from(
        ["News.Example", "a.example:80", "u:p@a.example:443", "bücher.example", "[::1]:80", "1.2.3.4."]
    ),
    rest=_TEXT,
    keep=st.sampled_from([None, (), ("a", "id")]),
    base=st.sampled_from([None, "http://base.example/x/y?z=1"]),
)
def test_canonicalising_twice_changes_nothing(
    scheme: str, host: str, rest: str, keep: tuple[str, ...] | None, base: str | None
) -> None:
    try:
        once = canonicalize(scheme + host + rest, keep_params=keep, base=base)
    except BadUrl:
        return
    assert canonicalize(once, keep_params=keep) == once
    assert once.isascii()
    assert once.startswith(("http://", "https://"))
    assert "#" not in once


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        once = canonicalize(text, keep_params=None, base="http://base.example/")
    except BadUrl:
        return
    assert canonicalize(once, keep_params=None) == once
