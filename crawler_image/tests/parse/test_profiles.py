"""A profile file becomes records, or an error that names file, key and line."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from newscrawl.profiles import Profile, ProfileError, line_of, load, load_all
from pages_of_ours import PROFILE, profile


def test_values_and_defaults(tmp_path):
    made = profile(tmp_path)
    assert made.site == "daily"
    assert made.timezone == ZoneInfo("Asia/Seoul")
    assert made.hosts == {"daily.example"}
    assert made.urls.keep_params == {"id"}
    assert made.crawl.queue == "default"
    assert made.crawl.paused
    assert made.politeness.requests_per_second == 1.0
    assert not made.allow_private
    assert [selector.text for selector in made.versions[0].fields["title"]] == ["css: h1"]


def test_versions_are_newest_first(tmp_path):
    made = profile(tmp_path, PROFILE + "  - since: 2026-06-01\n  - since: 2025-06-01\n")
    assert [version.since for version in made.versions] == [date(2026, 6, 1), date(2026, 1, 1), date(2025, 6, 1)]


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "word"),
    [
        ("language: ko", "langauge: ko", "langauge", 3, "unknown key"),
        ("language: ko", "language: korean", "language", 3, "ISO 639-1"),
        ("language: ko", "name: again", "name", 3, "second time"),
        ("timezone: Asia/Seoul", "timezone: Asia/Soul", "timezone", 4, "IANA"),
        ("timezone: Asia/Seoul", "timezone: ../../etc", "timezone", 4, "IANA"),
        ("timezone: Asia/Seoul\n", "", "timezone", 1, "missing"),
        ("hosts: [daily.example]", "hosts: ['https://daily.example/']", "hosts.0", 5, "does not match"),
        ("hosts: [daily.example]", "hosts: daily.example", "hosts", 5, "array"),
        ("{keep_params: [id]}", "{article: ['(']}", "urls.article.0", 6, "regular expression"),
        ("css: h1", "css: h1[", "versions.0.title.0", 9, "css"),
        ("css: h1", "xpath: //h1[", "versions.0.title.0", 9, "xpath"),
        ("css: h1", "h1", "versions.0.title.0", 9, "css:, xpath:, meta:, json:"),
        ("css: h1", "json: headline", "versions.0.title.0", 9, "$ld"),
        ("css: h1", "json: $ld.Article.a..", "versions.0.title.0", 9, "path"),
        ("2026-01-01", "2026-13-01", "versions.0.since", 8, "date"),
        ("site: daily", "site: weekly", "site", 1, "daily.yaml"),
        ("urls:", "crawl: {schedule: hourly}\nurls:", "crawl.schedule", 6, "Cron"),
        ("urls:", "crawl: {batch_size: 0}\nurls:", "crawl.batch_size", 6, "minimum"),
        ("urls:", "discover: {feeds: [feed.xml]}\nurls:", "discover.feeds.0", 6, "http"),
        (
            "urls:",
            "discover:\n  lists:\n    - {url: 'http://a/', links: 'css: a', pages: 'http://a/2'}\nurls:",
            "discover.lists.0.pages",
            8,
            "{page}",
        ),
        ("urls:", "discover:\n  lists: [{url: 'http://a/', links: 'a'}]\nurls:", "discover.lists.0.links.0", 7, "css:"),
    ],
)
def test_error_names_file_key_and_line(tmp_path, old, new, key, line, word):
    assert old in PROFILE
    with pytest.raises(ProfileError) as caught:
        profile(tmp_path, PROFILE.replace(old, new, 1))
    assert (caught.value.key, caught.value.line) == (key, line)
    assert word in caught.value.message
    assert str(caught.value).startswith(f"{tmp_path / 'daily.yaml'}:{line}: {key}: ")


@pytest.mark.parametrize(
    ("text", "line"), [("site: [daily\n", 2), ("site: daily\n\tname: x\n", 2), ("", None), ("&a [*a]", None)]
)
def test_what_is_no_profile_is_refused(tmp_path, text, line):
    with pytest.raises(ProfileError) as caught:
        profile(tmp_path, text)
    assert caught.value.line == line


def test_all_that_the_schema_finds_is_told_at_once(tmp_path):
    text = (
        PROFILE.replace("timezone:", "timzone:")
        .replace("hosts: [daily.example]\n", "")
        .replace("urls:", "crawl: {batch_size: 0, retires: 1}\nurls:")
    )
    with pytest.raises(ProfileError) as caught:
        profile(tmp_path, text)
    problems = [caught.value, *caught.value.others]
    assert [(one.line, one.key) for one in problems] == [
        (1, "hosts"),
        (4, "timzone"),
        (5, "crawl.batch_size"),
        (5, "crawl.retires"),
    ]
    assert "did you mean timezone?" in problems[1].message
    assert "did you mean retries?" in problems[3].message


def test_a_pattern_is_explained_and_not_shown(tmp_path):
    with pytest.raises(ProfileError) as caught:
        profile(tmp_path, PROFILE.replace("urls:", "crawl: {schedule: every hour}\nurls:"))
    assert "'every hour' does not fit: Cron expression" in caught.value.message
    assert "\\S" not in caught.value.message


def test_bytes_that_are_no_utf8_are_refused(tmp_path):
    path = tmp_path / "daily.yaml"
    path.write_bytes(PROFILE.replace("The Daily", "매일").encode("cp949"))
    with pytest.raises(ProfileError, match="cannot be read"):
        load(path)


def test_a_broken_profile_leaves_the_others_alone(tmp_path):
    profile(tmp_path)
    (tmp_path / "weekly.yaml").write_text("site: weekly\n")
    found = load_all([tmp_path])
    assert isinstance(found["daily"], Profile)
    assert isinstance(found["weekly"], ProfileError)


def test_a_later_folder_replaces(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, name in ((first, "The Daily"), (second, "Another")):
        folder.mkdir()
        profile(folder, PROFILE.replace("The Daily", name))
    assert load_all([first, second])["daily"].name == "Another"


def test_line_of_a_key_or_of_what_is_above_it(tmp_path):
    path = profile(tmp_path, PROFILE + "crawl:\n  retries: 1\n").file
    assert line_of(path, "crawl.retries") == 13
    assert line_of(path, "crawl.queue") == 12
    assert line_of(path, "politeness.concurrency") == 1
    assert line_of(tmp_path / "absent.yaml", "site") is None
