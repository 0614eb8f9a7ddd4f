"""What the values declare: secrets come from the environment, and whatever is wrong is refused by file and key."""

from __future__ import annotations

import json

import pytest
from newscrawl_airflow.declared_objects import load


@pytest.fixture
def declare(tmp_path):
    def write(kind: str, content: object) -> None:
        (tmp_path / f"{kind}.json").write_text(json.dumps(content))

    write.folder = tmp_path
    return write


def test_nothing_declared(tmp_path):
    declared = load({}, tmp_path)
    assert (declared.connections, declared.variables, declared.pools) == ({}, {}, {})


def test_secrets_come_from_the_environment_and_are_not_shown(declare):
    declare("connections", {"lake": {"conn_type": "hdfs", "passwordEnv": "LAKE", "extraEnv": "EXTRA", "port": None}})
    declare("variables", {"token": {"valueEnv": "LAKE", "description": "of the lake"}, "list": {"value": [1, 2]}})
    declared = load({"LAKE": "hunter2", "EXTRA": "{}"}, declare.folder)
    assert declared.connections["lake"] == {"conn_type": "hdfs", "password": "hunter2", "extra": "{}"}
    assert declared.variables["token"] == {"value": "hunter2", "description": "of the lake"}
    assert "hunter2" not in repr(declared)


@pytest.mark.parametrize(
    ("kind", "item", "message"),
    [
        ("connections", {"conn_type": "mysql", "hots": "db"}, r"connections.json: x.hots: unknown key"),
        ("connections", {"conn_type": "mysql", "port": "3306"}, r"connections.json: x.port: must be int"),
        ("connections", {"host": "db"}, r"connections.json: x: conn_type or uri is missing"),
        ("connections", {"uri": "mysql://db", "host": "db"}, r"connections.json: x.uri: .* not both"),
        ("connections", {"conn_type": "a", "passwordEnv": "NONE"}, r"x.passwordEnv: .* no environment variable NONE"),
        ("connections", {"conn_type": "a", "password": "p", "passwordEnv": "THERE"}, r"x.passwordEnv: .* given twice"),
        ("variables", {"description": "empty"}, r"variables.json: x: value is missing"),
        ("variables", "text", r"variables.json: x: must be a map"),
        ("pools", {"slots": True}, r"pools.json: x.slots: must be int"),
    ],
)
def test_wrong_values_are_refused_by_name(declare, kind, item, message):
    declare(kind, {"x": item})
    with pytest.raises(ValueError, match=message):
        load({"THERE": "hunter2"}, declare.folder)


def test_file_that_is_not_json(declare):
    (declare.folder / "pools.json").write_text("{")
    with pytest.raises(ValueError, match=r"pools.json: not JSON"):
        load({}, declare.folder)
