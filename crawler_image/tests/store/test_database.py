"""A crawl outlives deadlocks and an absent MySQL, and says so when it does not."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cuttable import Proxy
from newscrawl.store import Database, StoreUnavailable, articles, connect
from newscrawl.store.articles import Search
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ProgrammingError
from store_samples import NOW, row


@pytest.fixture
def proxy(mysql_url: str) -> Iterator[Proxy]:
    url = make_url(mysql_url)
    with Proxy(url.host or "", url.port or 3306) as one:
        yield one


def through(proxy: Proxy, mysql_url: str, patience: float) -> Database:
    url = make_url(mysql_url).set(host="127.0.0.1", port=proxy.port)
    return connect(url.render_as_string(hide_password=False), patience=patience)


def test_a_deadlock_is_tried_again(database: Database) -> None:
    put = [row(1), row(2)]
    database.run(lambda connection: articles.upsert(connection, "hanbit", put, NOW))
    meet = threading.Barrier(2, timeout=10)
    tries: list[str] = []

    def cross(name: str, first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            tries.append(name)
            update = text("UPDATE articles SET section = :name WHERE canonical_url = :url")
            connection.execute(update, {"name": name, "url": f"https://news.example/{first}"})
            if tries.count(name) == 1:
                meet.wait()  # both hold their first row
            connection.execute(update, {"name": name, "url": f"https://news.example/{second}"})

        database.run(work)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(cross, "a", "1", "2"), pool.submit(cross, "b", "2", "1")]:
            done.result()
    assert sorted(set(tries)) == ["a", "b"]
    assert len(tries) > 2
    rows = database.run(lambda connection: list(articles.search(connection, Search())))
    assert len({one.section for one in rows}) == 1


def test_a_lost_server_is_waited_for(database: Database, proxy: Proxy, mysql_url: str) -> None:
    away = through(proxy, mysql_url, patience=30)
    calls: list[int] = []

    def work(connection: Connection) -> None:
        calls.append(1)
        articles.upsert(connection, "hanbit", [row(len(calls))], NOW)
        if len(calls) == 1:
            proxy.cut()  # the server goes away before the commit
            threading.Timer(0.6, proxy.mend).start()

    away.run(work)
    assert len(calls) == 2
    rows = database.run(lambda connection: list(articles.search(connection, Search())))
    assert [one.title for one in rows] == ["Title 2"]
    away.engine.dispose()


def test_a_server_that_stays_away_fails_with_one_clear_message(
    proxy: Proxy, mysql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.cut()
    away = through(proxy, mysql_url, patience=1)
    with pytest.raises(StoreUnavailable, match=r"^MySQL 127\.0\.0\.1:\d+/\w+ was away for \d s .*nothing is lost"):
        away.run(lambda connection: connection.execute(text("SELECT 1")))
    said = [one for one in caplog.messages if "trying again" in one]
    assert ["NEWSCRAWL_MYSQL_PATIENCE" in one for one in said] == [True] + [False] * (len(said) - 1)


def test_other_errors_are_not_tried_again(database: Database) -> None:
    calls: list[int] = []

    def work(connection: Connection) -> None:
        calls.append(1)
        connection.execute(text("SELECT nonsense FROM nowhere"))

    with pytest.raises(ProgrammingError):
        database.run(work)
    assert calls == [1]


def test_a_port_that_nobody_listens_on() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nowhere = connect(f"mysql+pymysql://u:hidden@127.0.0.1:{port}/articles", patience=0.1)
    with pytest.raises(StoreUnavailable) as said:
        nowhere.run(lambda connection: connection.execute(text("SELECT 1")))
    assert "hidden" not in str(said.value)
