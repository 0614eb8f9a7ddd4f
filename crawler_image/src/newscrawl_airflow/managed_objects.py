"""Keeps Airflow's connections, variables and pools in step with the values, and leaves alone what people made.

An object of the values wins over one of the same name that was made by hand, and then carries the mark; an object with
this release's mark that the values no longer have is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click
from airflow.models import Connection, Pool, Variable
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.orm import Session

from newscrawl_airflow import declared_objects
from newscrawl_airflow.declared_objects import Item

# Airflow itself makes this one and refuses to lose it
KEPT = {"default_pool"}


@dataclass(frozen=True)
class Kind:
    """How one kind of object is named and written."""

    name: str
    model: Any
    key: str
    write: Callable[[Any, Item], None]


def _write_connection(connection: Connection, item: Item) -> None:
    new = Connection(conn_id=connection.conn_id, **{key: item[key] for key in item if key != "description"})
    # the setters of password and extra ignore None, but what left the values must leave the connection
    for part in ("conn_type", "host", "schema", "login", "port", "_password", "_extra"):
        setattr(connection, part, getattr(new, part))
    connection.is_encrypted = bool(new.is_encrypted)
    connection.is_extra_encrypted = bool(new.is_extra_encrypted)


def _write_variable(variable: Variable, item: Item) -> None:
    value = item["value"]
    variable.set_val(value if isinstance(value, str) else json.dumps(value))


def _write_pool(pool: Pool, item: Item) -> None:
    pool.slots = item["slots"]
    pool.include_deferred = item.get("include_deferred", False)


KINDS = (
    Kind("connections", Connection, "conn_id", _write_connection),
    Kind("variables", Variable, "key", _write_variable),
    Kind("pools", Pool, "pool", _write_pool),
)


def obsolete(existing: Mapping[str, str | None], declared: Iterable[str], mark: str) -> set[str]:
    """Names to delete: those with the mark in their description (`existing`: name -> description), less `declared`."""
    marked = {
        name for name, description in existing.items() if description and description.removesuffix(")").endswith(mark)
    }
    return marked - set(declared) - KEPT


def synchronize(environ: Mapping[str, str]) -> None:
    """Write what the values declare and delete what they no longer do, in one transaction; raises ValueError."""
    declared = declared_objects.load(environ)
    mark = f"managed by helm release {environ['RELEASE_NAME']}"
    with create_session() as session:
        for kind in KINDS:
            _synchronize(session, kind, getattr(declared, kind.name), mark)


def _synchronize(session: Session, kind: Kind, items: Mapping[str, Item], mark: str) -> None:
    existing = {getattr(one, kind.key): one for one in session.scalars(select(kind.model))}
    gone = obsolete({name: one.description for name, one in existing.items()}, items, mark)
    for name in sorted(gone):
        session.delete(existing[name])
    for name, item in items.items():
        one = existing.get(name)
        if one is None:
            one = kind.model(**{kind.key: name})
            session.add(one)
        kind.write(one, item)
        text = item.get("description", "")
        one.description = f"{text} ({mark})" if text else mark
    deleted = f", deleted: {', '.join(sorted(gone))}" if gone else ""
    click.echo(f"{kind.name}: {len(items)} in step{deleted}")
