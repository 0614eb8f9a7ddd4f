"""Saved pages named in a list become JSON, the bad ones their errors."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from newscrawl.cli import main
from newscrawl.extract.manifest import ManifestError, extracted, profile_of, read_manifest
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
    for entry in read_manifest([line("a.html"), "", line("b.html.gz")], folder):
        found = json.loads(json.dumps(extracted(entry, [made])))
        assert found["file"] == str(entry.file)
        assert found["title"] == "바다가 열린 날"
        assert found["published"] == "2026-11-20T15:04:00+09:00"
        assert found["profile"] == "daily@2026-01-01"
        assert len(found["paragraphs"]) == 2


@pytest.mark.parametrize(
    ("file", "error"), [("c.html.gz", "cannot be read"), ("d.html", "no body"), ("none.html", "cannot be read")]
)
def test_a_bad_page_is_its_error(folder, file, error):
    (entry,) = read_manifest([line(file)], folder)
    found = extracted(entry, [profile(folder)])
    assert set(found) == {"file", "url", "error"}
    assert error in found["error"]


def test_a_time_without_an_offset_is_utc(folder):
    (entry,) = read_manifest([line("a.html", fetched="2026-11-23 12:00:00")], folder)
    assert entry.fetched == datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"url": "https://a/", "file": "a"}', line("a", fetched="today")])
def test_a_bad_line_is_named(folder, text):
    with pytest.raises(ManifestError, match="line 2"):
        list(read_manifest([line("a.html"), text], folder))


def test_the_profile_is_that_of_the_host(folder):
    made = profile(folder)
    assert profile_of("https://daily.example/x", [made]) is made
    assert profile_of("https://daily.example:8443/x", [made]) is made
    assert profile_of("https://other.example/x", [made]) is None


def test_the_command(folder, monkeypatch):
    profile(folder)
    (folder / "list.jsonl").write_text("\n".join(map(line, ("a.html", "none.html", "b.html.gz"))))
    monkeypatch.setenv("NEWSCRAWL_SITES", str(folder))
    run = CliRunner().invoke(main, ["extract", "--manifest", str(folder / "list.jsonl")])
    assert run.exit_code == 0
    found = [json.loads(text) for text in run.stdout.splitlines()]
    assert [one.get("title") for one in found] == ["바다가 열린 날", None, "바다가 열린 날"]
    assert [one.get("profile") for one in found] == ["daily@2026-01-01", None, "daily@2026-01-01"]
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
