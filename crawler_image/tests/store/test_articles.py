"""One row an article, whatever leads to it; what it said before is kept."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from newscrawl.store import Database, articles
from newscrawl.store.articles import Search, Unstorable, decide, row_of
from sqlalchemy import event
from store_samples import NOW, prepared, row

SEOUL = timezone(timedelta(hours=9))


def put(database: Database, *rows: dict) -> list[tuple[int, str]]:
    stored = database.run(lambda connection: articles.upsert(connection, "hanbit", rows, NOW))
    return [(one.article_id, one.outcome) for one in stored]


def found(database: Database, **wanted: object) -> list:
    return database.run(lambda connection: list(articles.search(connection, Search(**wanted), limit=None)))


def test_everything_comes_back_as_it_went_in(database: Database) -> None:
    published = datetime(2026, 2, 28, 8, 30, tzinfo=SEOUL)
    told = {
        "authors": ("김한빛", "O'Brien; 이"),
        "published": published,
        "modified": NOW,
        "section": "정치",
        "keywords": ("예산", "budget"),
        "image": "https://news.example/1.jpg",
        "language": "ko",
        "access": "paywalled",
        "profile": "hanbit@2024-01-01",
        "sources": {"title": "json: $ld.headline"},
        "title": "새해 예산 100% \\ _확정_ 🎉",
    }
    put(database, row(1, "가나다\n\n라마바 %s %(x)s", **told))
    (one,) = found(database)
    assert (one.title, one.body) == (told["title"], "가나다\n\n라마바 %s %(x)s")
    assert (tuple(one.authors), tuple(one.keywords), one.sources) == (
        told["authors"],
        told["keywords"],
        told["sources"],
    )
    assert (one.published, one.published_offset, one.modified) == (published, 540, NOW)
    assert (one.section, one.image, one.language, one.access) == ("정치", told["image"], "ko", "paywalled")
    assert (one.profile, one.extractor, one.simhash) == ("hanbit@2024-01-01", "test/1", 2**64 - 2)
    assert (one.version, one.run_id, one.site, one.fetched) == (1, 1, "hanbit", NOW)


def test_what_no_database_takes_is_left_out(database: Database) -> None:
    half = {"section": "a\ud83d", "authors": ("b\ud83d",), "keywords": ("c\udc00",)}
    put(
        database,
        row(1, **half, image="data:image/png;base64," + "x" * 70_000),
        row(2, image="https://a.example/\ud83d"),
    )
    first, second = sorted(found(database), key=lambda one: one.canonical_url)
    assert (first.section, first.authors, first.keywords) == ("a\ufffd", ["b\ufffd"], ["c\ufffd"])
    assert (first.image, second.image) == (None, None)
    with pytest.raises(Unstorable, match="its url has"):
        row(3, url="https://a.example/" + "x" * 2048)


def test_an_older_page_than_the_stored_one_changes_nothing(database: Database) -> None:
    ((key, _),) = put(database, row(1, "new text"))
    older = row(1, "old text") | {"fetched": NOW - timedelta(hours=1)}
    assert put(database, older) == [(key, "unchanged")]
    assert [one.body for one in found(database)] == ["new text"]
    # read from an archive, which keeps no milliseconds, it is the same page
    assert put(database, row(1, "read better") | {"fetched": NOW - timedelta(milliseconds=999)}) == [(key, "changed")]


def test_texts_larger_than_a_packet_travel_apart(database: Database) -> None:
    large = "가" * 3_999_000
    assert [outcome for _, outcome in put(database, *(row(n, f"{n} {large}") for n in range(6)))] == ["stored"] * 6


def test_rows_travel_together(database: Database) -> None:
    sent: list[str] = []

    def seen(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    before = database.run(lambda connection: int(connection.exec_driver_sql(_INSERTS).all()[0][1]))
    event.listen(database.engine, "before_cursor_execute", seen)
    try:
        outcomes = put(database, *(row(n) for n in range(450)))
    finally:
        event.remove(database.engine, "before_cursor_execute", seen)
    after = database.run(lambda connection: int(connection.exec_driver_sql(_INSERTS).all()[0][1]))
    assert {outcome for _, outcome in outcomes} == {"stored"}
    assert len({key for key, _ in outcomes}) == 450
    assert sum("INTO articles" in statement for statement in sent) == 3
    # the server counts statements: the site's lock and three of up to 200 rows, not one a row
    assert after - before <= 5


_INSERTS = "SHOW GLOBAL STATUS LIKE 'Com_insert'"


def test_a_changed_article_keeps_its_history(database: Database) -> None:
    ((key, _),) = put(database, row(1, "old text", section="a"))
    assert put(database, row(1, "old text", section="b")) == [(key, "unchanged")]
    assert put(database, row(1, "new text", run_id=2)) == [(key, "changed")]
    assert put(database, row(1, "newer text", run_id=3)) == [(key, "changed")]
    (one,) = found(database)
    past = database.run(lambda connection: articles.history(connection, key))
    assert (one.body, one.version, one.run_id) == ("newer text", 3, 3)
    assert [(was.version, was.body, was.section) for was in past] == [(1, "old text", "b"), (2, "new text", None)]


def test_the_same_text_under_another_url_is_stored_once(database: Database) -> None:
    ((first, _),) = put(database, row(1, "text", title="T"))
    assert put(database, row(2, "text", title="T"), row(3, "text", title="T")) == [(first, "duplicate")] * 2
    assert len(found(database)) == 1
    # another site's copy is another article
    other = row_of(prepared(9, "text", title="T"), site="dure", run_id=1, fetched=NOW)
    database.run(lambda connection: articles.upsert(connection, "dure", [other], NOW))
    assert len(found(database)) == 2


def test_two_urls_in_one_batch_are_one_article(database: Database) -> None:
    twin = {"canonical_url": "https://news.example/1", "url": "https://news.example/1?from=home"}
    ids = put(database, row(1, "text"), row(1, "text", **twin), row(7, "same", title="S"), row(8, "same", title="S"))
    assert [outcome for _, outcome in ids] == ["stored", "duplicate", "stored", "duplicate"]
    assert (ids[0][0], ids[2][0]) == (ids[1][0], ids[3][0])
    assert len(found(database)) == 2


def test_the_canonical_page_wins_over_its_copies() -> None:
    page, copy = row(1, "whole text"), row(1, "short", url="https://news.example/amp/1")
    assert [one.outcome for one in decide([page, copy], [])] == ["stored", "duplicate"]
    first, second = decide([copy, page], [])
    assert (first.outcome, second.outcome) == ("stored", "changed")
    assert second.row is not None
    assert (second.row["body"], second.row["version"], second.archive) == ("whole text", 1, None)


def test_search_by_site_time_and_text(database: Database) -> None:
    days = {n: NOW - timedelta(days=n) for n in range(4)}
    put(database, *(row(n, f"내용 {n} 100%", published=day) for n, day in days.items()))

    def numbers(**wanted: object) -> list[str]:
        return [one.title for one in found(database, **wanted)]

    assert numbers(site="hanbit") == ["Title 0", "Title 1", "Title 2", "Title 3"]
    assert numbers(site="other") == []
    assert numbers(since=days[2], until=days[0]) == ["Title 1", "Title 2"]
    assert numbers(text="내용 3") == ["Title 3"]
    assert numbers(text="title 2") == ["Title 2"]
    assert len(numbers(text="100%")) == 4
    assert numbers(text="1_0%") == []
    assert database.run(lambda connection: articles.count(connection, Search(text="100%"))) == 4
    one = database.run(lambda connection: articles.get(connection, "https://news.example/2"))
    assert one is not None
    assert one.title == "Title 2"
    assert database.run(lambda connection: articles.get(connection, one.id)) == one
    assert database.run(lambda connection: articles.get(connection, 10**9)) is None


@pytest.mark.parametrize(
    ("told", "words"),
    [({"title": "x" * 1001}, "its title has 1001 characters"), ({"title": "  "}, "its title has 2 characters")],
)
def test_what_cannot_be_an_article_is_refused_by_name(told: dict, words: str) -> None:
    sample = prepared(1)
    with pytest.raises(Unstorable, match=words):
        row_of(replace(sample, article=replace(sample.article, **told)), site="hanbit", run_id=1, fetched=NOW)


def test_near_duplicates_are_found_by_their_fingerprint(database: Database) -> None:
    told = {0: 0b0, 1: 0b111, 2: 0b1111, 3: 2**63 | 1}
    for number, fingerprint in told.items():
        moment = NOW + timedelta(days=number)
        one = row(number, f"text {number}", published=moment)
        put(database, {**one, "simhash": fingerprint})
    put(database, {**row(9, "text 9"), "simhash": 0b0})  # without a date it is near to nothing
    first = database.run(lambda connection: articles.get(connection, "https://news.example/0"))

    def near(distance: int, days: int) -> list[tuple[str, int]]:
        rows = database.run(lambda connection: articles.similar(connection, first, distance=distance, days=days))
        return [(one.title, one.distance) for one in rows]

    assert near(3, 3) == [("Title 3", 2), ("Title 1", 3)]
    assert near(4, 2) == [("Title 1", 3), ("Title 2", 4)]
