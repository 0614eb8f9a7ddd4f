"""Saved pages named in a list become JSON, the bad ones their errors."""

from __future__ import annotations

import gzip
import json
import unicodedata
from dataclasses import replace

import pytest
from click.testing import CliRunner
from newscrawl.cli import main
from newscrawl.extract.manifest import extracted, profile_of
from pages_of_ours import ARTICLE, URL, profile

FETCHED = "2026-11-23T21:00:00+09:00"


def line(file: str, **about: str) -> str:
    return json.dumps({"url": URL, "file": file, "fetched": FETCHED} | about)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.html").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "b.html.gz").write_bytes(gzip.compress(ARTICLE.encode()))
    (tmp_path / "c.html.gz").write_bytes(gzip.compress(ARTICLE.encode())[:40])
    (tmp_path / "d.html").write_text("<h1>바다</h1>", encoding="utf-8")
    return tmp_path


def test_plain_and_compressed_pages(folder):
    made = profile(folder)
    for file in ("a.html", "b.html.gz", str(folder / "a.html")):
        found = json.loads(json.dumps(extracted(line(file), folder, [made])))
        assert (found["file"], found["url"]) == (file, URL)
        assert found["title"] == "바다가 열린 날"
        assert found["published"] == "2026-11-20T15:04:00+09:00"
        assert found["profile"] == "daily@2026-01-01"
        assert len(found["paragraphs"]) == 2


def test_a_file_where_the_process_runs(folder, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(folder)
    found = extracted(line("a.html"), tmp_path_factory.mktemp("lists"), [profile(folder)])
    assert (found["file"], found["title"]) == ("a.html", "바다가 열린 날")


@pytest.mark.parametrize(
    ("file", "error"), [("c.html.gz", "cannot be read"), ("d.html", "no body"), ("none.html", "cannot be read")]
)
def test_a_bad_page_is_its_error(folder, file, error):
    found = extracted(line(file), folder, [profile(folder)])
    assert (set(found), found["file"], found["url"]) == ({"file", "url", "error"}, file, URL)
    assert error in found["error"]


@pytest.mark.parametrize("url", ["", "daily.example/1", "http://[", "http://a:b/", "\ud83d"])
def test_a_bad_address_is_its_error(folder, url):
    assert set(extracted(line("a.html", url=url), folder, [])) == {"file", "url", "error"}


def test_a_time_without_an_offset_is_utc(folder):
    # two days ahead of what was fetched is the future
    page = (folder / "a.html").read_text("utf-8").replace("2026.11.20 오후 3:04", "2026.11.26 오전 5:00")
    (folder / "e.html").write_text(page, "utf-8")
    made = [profile(folder)]
    assert "title" in extracted(line("e.html", fetched="2026-11-23 20:00:00"), folder, made)
    assert "error" in extracted(line("e.html", fetched="2026-11-23 20:00:00+09:00"), folder, made)


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("{", (None, None)),
        ("[" * 100_000, (None, None)),
        ("[]", (None, None)),
        ("3", (None, None)),
        ('{"url": "https://a/", "file": "a"}', ("a", "https://a/")),
        ('{"url": "https://a/", "file": 7, "fetched": "2026-11-23"}', (7, "https://a/")),
        (line("a.html", fetched="today"), ("a.html", URL)),
    ],
)
def test_a_bad_line_is_its_error(folder, text, about):
    found = extracted(text, folder, [])
    assert (found["file"], found["url"]) == about
    assert "url, file and fetched" in found["error"]


def test_texts_are_as_they_are_stored(folder):
    """Composed characters, no invisible ones, nothing that UTF-8 cannot hold, no button."""
    decomposed = unicodedata.normalize("NFD", "바다가 열린 날")
    data = '{"@type": "NewsArticle", "author": {"name": "김한빛 \\ud83d"}, "keywords": ["항구\\udc00"]}'
    html = ARTICLE.replace("바다가 열린 날", decomposed).replace("</p>", "</p><p>기사 URL이 복사되었습니다.</p>", 1)
    (folder / "e.html").write_text(
        html.replace("</head>", f'<script type="application/ld+json">{data}</script></head>'), "utf-8"
    )
    found = extracted(line("e.html"), folder, [profile(folder)])
    assert (found["title"], len(found["paragraphs"])) == ("바다가 열린 날", 2)
    assert (found["authors"], found["keywords"]) == (["김한빛"], ["항구"])


def test_the_profile_is_that_of_the_host(folder):
    made = profile(folder)
    assert profile_of("https://daily.example/x", [made]) is made
    assert profile_of("https://daily.example:8443/x", [made]) is made
    assert profile_of("https://www.daily.example/x", [made]) is made
    assert profile_of("https://m.daily.example/x", [made]) is made
    assert profile_of("https://other.example/x", [made]) is None
    mobile = replace(made, hosts=frozenset({"m.daily.example"}))
    assert profile_of("https://m.daily.example/x", [made, mobile]) is mobile
    assert profile_of("https://www.daily.example/x", [mobile]) is mobile


def test_the_command(folder, monkeypatch):
    profile(folder)
    (folder / "list.jsonl").write_text("\n".join(map(line, ("a.html", "none.html", "b.html.gz"))))
    monkeypatch.setenv("NEWSCRAWL_SITES", str(folder))
    run = CliRunner().invoke(main, ["extract", "--manifest", str(folder / "list.jsonl")])
    assert run.exit_code == 0
    found = [json.loads(text) for text in run.stdout.splitlines()]
    assert [one.get("title") for one in found] == ["바다가 열린 날", None, "바다가 열린 날"]
    assert [one.get("profile") for one in found] == ["daily@2026-01-01", None, "daily@2026-01-01"]
    mixed = "\n".join((line("none\ud83d.html"), "no line", "", line("a.html")))
    rest = CliRunner().invoke(
        main, ["extract", "--manifest", "-"], input=mixed.replace('"a.html"', json.dumps(str(folder / "a.html")))
    )
    assert rest.exit_code == 0
    lines = [json.loads(text) for text in rest.stdout.splitlines()]
    assert [set(one) >= {"file", "url", "error"} for one in lines] == [True, True, False]
    assert "cannot be read" in lines[0]["error"]
    bare = CliRunner().invoke(main, ["extract", "--no-profiles", "--manifest", "-"], input=line(str(folder / "a.html")))
    assert "too little" in json.loads(bare.stdout)["error"]


def test_the_command_tries_a_saved_page(folder, monkeypatch):
    profile(folder)
    monkeypatch.setenv("NEWSCRAWL_SITES", str(folder))
    run = CliRunner().invoke(main, ["sites", "try", str(folder / "a.html"), "--url", URL])
    assert run.exit_code == 0
    assert "바다가 열린 날" in run.stdout
    assert "css: h1" in run.stdout
    assert CliRunner().invoke(main, ["sites", "try", str(folder / "a.html")]).exit_code == 2


def test_the_command_tries_a_compressed_page_of_a_site_without_a_profile(folder, monkeypatch):
    monkeypatch.setenv("NEWSCRAWL_SITES", str(folder))
    html = ARTICLE.replace("문단", "문단, 곧 긴 이야기의 한 조각" * 8)
    (folder / "e.html.gz").write_bytes(gzip.compress(html.encode()))
    run = CliRunner().invoke(main, ["sites", "try", str(folder / "e.html.gz"), "--url", "https://other.example/1"])
    assert run.exit_code == 0
    assert "바다가 열린 날" in run.stdout
    assert "trafilatura" in run.stdout
