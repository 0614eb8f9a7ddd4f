"""Connections, variables and pools follow the values; what people made stays."""

from __future__ import annotations

import json

import pytest
from newscrawl_airflow import declared_objects


@pytest.fixture
def synchronize(airflow_database, tmp_path, monkeypatch):
    from newscrawl_airflow.managed_objects import synchronize

    monkeypatch.setattr(declared_objects.load, "__defaults__", (tmp_path,))

    def run(release: str = "news", **kinds: object) -> None:
        for kind in declared_objects.KEYS:
            (tmp_path / f"{kind}.json").write_text(json.dumps(kinds.get(kind, {})))
        synchronize({"RELEASE_NAME": release, "PASSWORD": "hunter2"})

    yield run
    run()


@pytest.fixture
def session(airflow_database):
    from airflow.utils.session import create_session

    with create_session() as session:
        yield session


def find(session, model, **key):
    session.expire_all()
    session.commit()
    return session.query(model).filter_by(**key).one_or_none()


def test_connection_comes_changes_and_goes(synchronize, session):
    from airflow.models import Connection

    item = {
        "conn_type": "mysql",
        "host": "db",
        "port": 3306,
        "passwordEnv": "PASSWORD",
        "extra": {"charset": "utf8mb4"},
    }
    synchronize(connections={"lake": item})
    made = find(session, Connection, conn_id="lake")
    assert (made.host, made.port, made.password) == ("db", 3306, "hunter2")
    assert made.extra_dejson == {"charset": "utf8mb4"}
    assert made.description == "managed by helm release news"
    synchronize(connections={"lake": {"conn_type": "http", "host": "web", "description": "the lake"}})
    changed = find(session, Connection, conn_id="lake")
    assert (changed.conn_type, changed.host, changed.port, changed.password) == ("http", "web", None, None)
    assert not changed.extra
    assert changed.description == "the lake (managed by helm release news)"
    synchronize()
    assert find(session, Connection, conn_id="lake") is None


def test_connection_as_uri(synchronize, session):
    from airflow.models import Connection

    synchronize(connections={"lake": {"uri": "mysql://me:p%40ss@db:3307/articles"}})
    made = find(session, Connection, conn_id="lake")
    assert (made.conn_type, made.login, made.password, made.port) == ("mysql", "me", "p@ss", 3307)


def test_variables_are_text_or_json(synchronize, session):
    from airflow.models import Variable

    synchronize(variables={"text": {"value": "한국"}, "list": {"value": ["a", 1]}, "secret": {"valueEnv": "PASSWORD"}})
    assert find(session, Variable, key="text").val == "한국"
    assert json.loads(find(session, Variable, key="list").val) == ["a", 1]
    assert find(session, Variable, key="secret").val == "hunter2"


def test_what_people_and_other_releases_made_stays(synchronize, session):
    from airflow.models import Pool, Variable

    session.add(Variable(key="mine", val="1", description="made by hand"))
    session.commit()
    synchronize(release="other", pools={"theirs": {"slots": 3}})
    synchronize(pools={"default_pool": {"slots": 7}})
    synchronize()
    assert find(session, Variable, key="mine").val == "1"
    assert find(session, Pool, pool="theirs").slots == 3
    # Airflow cannot run without it
    assert find(session, Pool, pool="default_pool").slots == 7
    synchronize(release="other")
    assert find(session, Pool, pool="theirs") is None


def test_refused_values_change_nothing(synchronize, session):
    from airflow.models import Pool

    synchronize(pools={"queue": {"slots": 4}})
    with pytest.raises(ValueError, match="slots"):
        synchronize(pools={"queue": {"slots": 5}, "other": {"slots": "five"}})
    assert find(session, Pool, pool="queue").slots == 4
