"""The queries that the documentation shows read an index."""

import re
from datetime import timedelta
from pathlib import Path

from newscrawl.store import Database, articles, frontier, runs
from newscrawl.store.tables import metadata, visits
from sqlalchemy import Connection, text
from store_samples import NOW, links, prepared

DOCUMENTS = [Path(__file__).parents[3] / name for name in ("README.md", "docs/crawling.md")]
SITES = ("hanbit", *(f"site{number}" for number in range(20)))


def fill(connection: Connection) -> None:
    """A few rows a site: of one site alone an index would save nothing."""
    for number, site in enumerate(SITES):
        run_ids = [runs.start(connection, site, str(day), NOW - timedelta(days=day)) for day in range(3)]
        numbers = range(10 * number, 10 * number + 10)
        frontier.add_links(connection, site, links(*numbers), run_ids[0], NOW)
        for body in ("what it said first", "what it says now"):
            told = [prepared(one, f"{body} {one}", published=NOW - timedelta(hours=one)) for one in numbers]
            rows = [articles.row_of(one, site=site, run_id=run_ids[0], fetched=NOW) for one in told]
            articles.upsert(connection, site, rows, NOW)
        exchange = {"batch_id": 1, "outcome": "failed", "visited": NOW}
        connection.execute(
            visits.insert(), [exchange | {"run_id": run_ids[0], "url_id": one} for one in numbers for _ in range(3)]
        )
    # what the optimizer knows of the tables is else as old as the tables
    for table in metadata.tables:
        connection.execute(text(f"ANALYZE TABLE {table}"))


def test_the_documented_queries_read_an_index(database: Database) -> None:
    shown = "".join(document.read_text("utf-8") for document in DOCUMENTS)
    queries = re.findall(r"^    (SELECT .*?);$", shown, re.MULTILINE | re.DOTALL)
    assert len(queries) == shown.count("    SELECT ") > 10
    with database.engine.begin() as connection:
        fill(connection)
    with database.engine.connect() as connection:
        plans = {
            one: connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {one}").mappings().one() for one in queries
        }
    # "index" is all of an index, from its beginning to its end
    read = {query: plan["key"] for query, plan in plans.items() if plan["type"] not in ("ALL", "index")}
    assert [query for query in queries if not read.get(query)] == []
