"""A day is in the lake once, whole, however often and however badly its load ends."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import lakes
import pytest
from newscrawl.archive import WarcWriter, response_in
from newscrawl.lake import LakeError, load, parquet, warc_path
from newscrawl.lake.filesystem import Lake, open_lake
from newscrawl.lake.load import Superseded, load_articles, ship_warcs, sites_to_load
from newscrawl.model import Response
from newscrawl.store import Database, articles, connect, lake_files
from newscrawl.store.articles import Position
from pyarrow.parquet import ParquetFile
from sqlalchemy import delete
from store_samples import NOW, prepared

DAY = date(2026, 3, 1)
NEXT = DAY + timedelta(days=1)
FOR_EVER = timedelta.max
Place = tuple[str, dict[str, Any]]


@pytest.fixture(
    params=["file", pytest.param("gs", marks=pytest.mark.slow), pytest.param("hdfs", marks=pytest.mark.hdfs)]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty folder on each file system."""
    if request.param == "file":
        return f"file://{tmp_path}/lake", {}
    if request.param == "gs":
        return f"gs://lake/{tmp_path.name}", {"endpoint_url": request.getfixturevalue("gcs_url"), "token": "anon"}
    return f"{request.getfixturevalue('hdfs_url')}/{tmp_path.name}", {}


@pytest.fixture
def lake(place: Place) -> Lake:
    return open_lake(*place)


def put(database: Database, number: int, body: str | None = None, *, site: str = "hanbit", day: date = DAY) -> None:
    fetched = datetime.combine(day, NOW.timetz()) + timedelta(milliseconds=number)
    row = articles.row_of(prepared(number, body, published=NOW), site=site, run_id=1, fetched=fetched)
    database.run(lambda connection: articles.upsert(connection, site, [row], fetched))


def test_a_day_holds_the_versions_that_were_first_fetched_on_it(database: Database, lake: Lake) -> None:
    put(database, 1, "old text")
    put(database, 2)
    put(database, 3, day=NEXT)
    put(database, 4, site="dure")
    put(database, 1, "new text", day=NEXT)
    put(database, 2, day=NEXT)  # unchanged
    assert sites_to_load(database, lake, DAY) == ["dure", "hanbit"]
    for day in (DAY, NEXT):
        for site in sites_to_load(database, lake, day):
            load_articles(database, lake, day, site)
    rows = {(row["title"], row["version"]): row for row in lakes.read(lake)}
    told = {key: (row["site"], row["date"], row["body"].split("\n")[0]) for key, row in rows.items()}
    assert told == {
        ("Title 1", 1): ("hanbit", "2026-03-01", "old text"),
        ("Title 1", 2): ("hanbit", "2026-03-02", "new text"),
        ("Title 2", 1): ("hanbit", "2026-03-01", "First paragraph of 2."),
        ("Title 3", 1): ("hanbit", "2026-03-02", "First paragraph of 3."),
        ("Title 4", 1): ("dure", "2026-03-01", "First paragraph of 4."),
    }
    (kept,) = database.run(lambda connection: list(articles.search(connection, articles.Search(site="dure"))))
    stored = dict(kept._mapping)
    sent = rows["Title 4", 1] | {"sources": dict(rows["Title 4", 1]["sources"])}
    assert {name: sent[name] for name in parquet.SCHEMA.names} == {name: stored[name] for name in parquet.SCHEMA.names}


def test_a_day_can_be_loaded_again(database: Database, lake: Lake) -> None:
    for number in range(3):
        put(database, number)
    first = load_articles(database, lake, DAY, "hanbit")
    assert load_articles(database, lake, DAY, "hanbit") == first
    assert (first.records, first.bytes) == (3, lake.size(first.path))
    put(database, 7)
    assert load_articles(database, lake, DAY, "hanbit").records == 4
    assert len(lakes.read(lake)) == 4
    (row,) = database.run(lambda connection: lake_files.of_day(connection, lake.name, DAY))
    assert (row.state, row.records, row.bytes) == ("loaded", 4, lake.size(first.path))
    # what is gone from the database goes from the lake
    database.run(lambda connection: connection.execute(delete(articles.articles)))
    assert sites_to_load(database, lake, DAY) == ["hanbit"]
    assert load_articles(database, lake, DAY, "hanbit").records == 0
    assert (lake.size(first.path), lakes.aside(lake)) == (None, [])


def test_what_is_due_is_what_was_not_loaded_since_its_day_ended(database: Database, tmp_path: Path) -> None:
    lake = open_lake(f"file://{tmp_path}/lake", {})
    now = datetime.now(UTC)
    today = now.date()
    old, yesterday = today - timedelta(days=3), today - timedelta(days=1)
    for number, (site, day) in enumerate([("dure", old), ("dure", yesterday), ("hanbit", yesterday), ("dure", today)]):
        put(database, number, f"text {number}", site=site, day=day)
    assert load.due(database, lake, now) == [(old, "dure"), (yesterday, "dure"), (yesterday, "hanbit")]
    load_articles(database, lake, yesterday, "dure")
    assert load.due(database, lake, now) == [(old, "dure"), (yesterday, "hanbit")]
    # loaded while its day went on: tomorrow there may be more of it
    load_articles(database, lake, today, "dure")
    assert (today, "dure") in load.due(database, lake, now + timedelta(days=1))


def test_a_lake_that_is_named_late_gets_all_days(database: Database, tmp_path: Path) -> None:
    lake = open_lake(f"file://{tmp_path}/lake", {})
    days = [DAY + timedelta(days=number) for number in range(10)]
    for number, day in enumerate(days):
        put(database, number, day=day)
    put(database, 0, "an old text that is changed", day=days[-1])
    moment = datetime.combine(days[-1], NOW.timetz()) + timedelta(days=1)
    assert load.due(database, lake, moment) == [(day, "hanbit") for day in days]
    for day in days[5:]:
        load_articles(database, lake, day, "hanbit")
    # as after a week and more in which the loads of some days were never begun
    assert load.due(database, lake, moment + timedelta(days=30)) == [(day, "hanbit") for day in days[:5]]


def test_a_run_loads_no_more_than_airflow_maps(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MAX_DUE", 3)
    for number in range(5):
        put(database, number, day=DAY + timedelta(days=number))
    lake = open_lake(f"file://{tmp_path}/lake", {})
    assert [day for day, _ in load.due(database, lake, datetime.now(UTC))] == [DAY + timedelta(n) for n in range(3)]


def test_killed_between_any_two_steps_a_day_is_whole_and_loaded_by_the_next_try(
    database: Database, lake: Lake, place: Place, mysql_url: str
) -> None:
    def work() -> None:
        load_articles(connect(mysql_url, patience=5), open_lake(*place), DAY, "hanbit")

    put(database, 0)
    work()
    step, kills = 1, 0
    while lakes.killed_at(step, work):
        kills += 1
        before = len(lakes.read(lake))
        assert before in (step, step - 1), "as it was or as it was to be"
        work()
        rows = lakes.read(lake)
        assert sorted(row["title"] for row in rows) == sorted(f"Title {n}" for n in range(step))
        assert lakes.aside(lake) == []
        states = database.run(lambda connection: lake_files.of_day(connection, lake.name, DAY))
        assert [one.state for one in states] == ["loaded"]
        put(database, step)
        step += 1
    assert kills > 12


def test_of_two_loads_at_once_the_later_counts(database: Database, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(database, 1)
    size = Lake.aside_size

    def overtaken(self: Lake, path: str, writer: str) -> int | None:
        monkeypatch.setattr(Lake, "aside_size", size)
        put(database, 2)
        assert load_articles(database, lake, DAY, "hanbit").records == 2
        return size(self, path, writer)

    monkeypatch.setattr(Lake, "aside_size", overtaken)
    with pytest.raises(Superseded, match="began later"):
        load_articles(database, lake, DAY, "hanbit")
    assert len(lakes.read(lake)) == 2


def test_pages_hold_each_version_once_while_articles_change(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(articles, "ROWS", 3)
    for number in range(8):
        put(database, number, f"text {number}")
    seen: list[tuple[str, int]] = []
    for page in load._pages(database, "hanbit", DAY):
        seen += [(row["title"], row["version"]) for row in page]
        # one that was seen and one that was not get a new text, on another day
        put(database, len(seen) - 1, f"changed after {len(seen)}", day=NEXT)
        put(database, 7, f"changed after {len(seen)}", day=NEXT)
    assert seen == [(f"Title {number}", 1) for number in range(8)]


def test_versions_of_one_moment_have_an_order(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(articles, "ROWS", 2)
    rows = [articles.row_of(prepared(n, "a"), site="hanbit", run_id=1, fetched=NOW) for n in range(3)]
    rows = [{**row, "content_hash": bytes([n]) * 32} for n, row in enumerate(rows)]
    for text in (b"a", b"b"):
        told = [{**row, "content_hash": text + row["content_hash"][1:]} for row in rows]
        database.run(lambda connection, told=told: articles.upsert(connection, "hanbit", told, NOW))
    seen = [(row["id"], row["version"]) for page in load._pages(database, "hanbit", DAY) for row in page]
    assert seen == sorted(set(seen))
    assert [version for _, version in seen] == [1, 2] * 3
    first = Position(NOW, *seen[0])
    start, end = NOW - timedelta(1), NOW + timedelta(1)
    rest = database.run(lambda connection: articles.fetched_between(connection, "hanbit", start, end, first))
    assert [(row.id, row.version) for row in rest] == seen[1:3]


def test_row_groups_are_bounded(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(articles, "ROWS", 5)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 10)
    for number in range(23):
        put(database, number)
    lake = open_lake(f"file://{tmp_path}/lake", {})
    loaded = load_articles(database, lake, DAY, "hanbit")
    written = ParquetFile(tmp_path / "lake" / loaded.path).metadata
    assert [written.row_group(n).num_rows for n in range(written.num_row_groups)] == [10, 10, 3]
    column = written.row_group(0).column(written.schema.names.index("extractor"))
    assert column.compression == "ZSTD"
    assert column.has_dictionary_page


def response(number: int, day: date) -> Response:
    url = f"https://news.example/{number}"
    fetched = datetime.combine(day, NOW.timetz())
    return Response(url, url, 200, {"content-type": "text/html"}, b"<p>x</p>" * 100, 0.1, fetched)


def test_warcs_are_copied_once_and_deleted_only_when_they_are_there(
    database: Database, lake: Lake, place: Place, tmp_path: Path, mysql_url: str
) -> None:
    today = datetime.now(UTC).date()
    with WarcWriter(tmp_path / "warc") as writer:
        old = writer.write(response(1, DAY)).path
    with WarcWriter(tmp_path / "warc") as writer:
        new = writer.write(response(2, today)).path

        def ship(*, all_days: bool = False, keep: timedelta = FOR_EVER) -> list[str]:
            database, lake = connect(mysql_url, patience=5), open_lake(*place)
            return [one.path for one in ship_warcs(database, lake, tmp_path / "warc", all_days=all_days, keep=keep)]

        step = 1
        while lakes.killed_at(step, ship):
            step += 1
        assert step > 12
        ship()
        path = f"warc/date={DAY}/{old.name}"
        assert lake.files.cat(f"{lake.root}/{path}") == old.read_bytes()
        assert lakes.aside(lake) == []
        # held by its writer
        assert ship(all_days=True) == []
    assert ship() == []
    assert ship(all_days=True) == [f"warc/date={today}/{new.name}"]
    lake.remove(path)
    assert ship(keep=timedelta(0)) == []
    assert old.exists()
    assert not new.exists()


def test_a_response_is_read_from_the_lake_when_its_file_is_gone(database: Database, lake: Lake, tmp_path: Path) -> None:
    with WarcWriter(tmp_path / "warc") as writer:
        records = [writer.write(response(number, DAY)) for number in range(3)]
    list(ship_warcs(database, lake, tmp_path / "warc", all_days=False, keep=FOR_EVER))
    for number, record in enumerate(records):
        member = lake.read(warc_path(record.path), record.offset, record.length)
        kept = {"content-type": "text/html", "content-length": "800"}
        assert response_in(member, record) == replace(response(number, DAY), elapsed=0.0, headers=kept)
    assert lake.read(warc_path(tmp_path / "newscrawl-20260301-none-0.warc.gz"), 0, 10) is None


def test_a_lake_that_does_not_answer_is_named(database: Database) -> None:
    put(database, 1)
    lake = open_lake("webhdfs://127.0.0.1:9/lake", {})
    with pytest.raises(LakeError, match=r"webhdfs://127\.0\.0\.1:9/lake .*NEWSCRAWL_LAKE_URL"):
        load_articles(database, lake, DAY, "hanbit")
    (row,) = database.run(lambda connection: lake_files.of_day(connection, lake.name, DAY))
    assert row.state == "writing"


@pytest.mark.parametrize(
    ("url", "name", "user"),
    [
        ("hdfs://name:8020/news", "webhdfs://name:9870/news", None),
        ("webhdfs://crawler@name:14000/news/", "webhdfs://name:14000/news", "crawler"),
    ],
)
def test_hdfs_is_asked_over_http(url: str, name: str, user: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    lake = open_lake(url, {})
    assert (lake.name, lake.root, lake.files.user) == (name, "/news", user or "somebody")
    assert open_lake(url, {"token": "delegated"}).files.user is None


def test_who_does_not_use_the_lake_does_not_import_it() -> None:
    modules = "newscrawl.cli.lake, newscrawl.cli.articles, newscrawl.crawl, newscrawl.batch"
    heavy = "{'pyarrow', 'gcsfs', 'grpc', 'pandas'}"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
