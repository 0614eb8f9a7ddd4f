"""Many rows in one INSERT ... ON DUPLICATE KEY UPDATE.

The driver (pymysql before 1.2) does not recognise `VALUES (...) AS new ON DUPLICATE KEY UPDATE` in executemany: it goes
row by row, after a pattern match whose time explodes with the length of the statement. SQLAlchemy's multi-row values
compile every cell of every row anew. So the statement is put together here, from the table's own names and types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table

ROWS = 200  # a statement: measured, more is not faster and holds locks longer
# a statement's characters: with four bytes each it fits MySQL's default max_allowed_packet (64 MiB) twice
CHARACTERS = 8_000_000


def upsert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], update: Mapping[str, str]
) -> None:
    """Inserts `rows`, which have the same keys; a row that is there already is changed as `update` says.

    `update` maps a column to an SQL expression over the old row (by the table's name) and the `new` one, in the order
    in which MySQL is to assign them.
    """
    if not rows:
        return
    names = list(rows[0])
    converters = [
        table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for name in names
    ]
    group = f"({', '.join(['%s'] * len(names))})"
    change = ", ".join(f"{name} = {expression}" for name, expression in update.items())
    for part in _parts(rows):
        cells = [
            row[name] if convert is None else convert(row[name])
            for row in part
            for name, convert in zip(names, converters, strict=True)
        ]
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([group] * len(part))}"
            f" AS new ON DUPLICATE KEY UPDATE {change}",
            tuple(cells),
        )


def _parts(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    start = characters = 0
    for number, row in enumerate(rows):
        size = sum(len(cell) for cell in row.values() if isinstance(cell, str))
        if number - start == ROWS or (number > start and characters + size > CHARACTERS):
            yield rows[start:number]
            start, characters = number, 0
        characters += size
    yield rows[start:]
