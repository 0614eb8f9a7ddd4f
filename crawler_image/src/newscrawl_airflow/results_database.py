"""The database `results`: what Celery and the workers leave behind, apart from Airflow's metadata.

Celery's result tables and the tasks' logs live there under a user of their own, so that neither a worker's account
nor a flood of logs can touch the metadata. Every component already knows the address: it is Celery's result backend.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from sqlalchemy import BINARY, Column, Engine, MetaData, String, Table, create_engine, func
from sqlalchemy.dialects.mysql import DATETIME, INTEGER, LONGBLOB
from sqlalchemy.pool import NullPool

RESULT_BACKEND = "AIRFLOW__CELERY__RESULT_BACKEND"

metadata = MetaData()

task_log = Table(
    "task_log",
    metadata,
    # a path can be longer than an index entry: its SHA-256 is the key
    Column("path_hash", BINARY(32), primary_key=True),
    Column("path", String(1000), nullable=False),
    Column("size", INTEGER(unsigned=True), nullable=False),
    Column("content", LONGBLOB, nullable=False),
    Column("written", DATETIME(fsp=3), nullable=False, server_default=func.now(3), index=True),
    mysql_charset="utf8mb4",
)


def connect(environ: Mapping[str, str] = os.environ) -> Engine:
    """An engine on the results database: each use opens one connection, in autocommit, and closes it.

    Raises RuntimeError when the result backend is not a database.
    """
    backend = environ.get(RESULT_BACKEND, "")
    if not backend.startswith("db+"):
        raise RuntimeError(f"{RESULT_BACKEND} must be a database: db+mysql+pymysql://USER:PASSWORD@HOST:3306/results")
    return create_engine(
        backend.removeprefix("db+"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        # a log is a parameter: it has no place in an error message
        hide_parameters=True,
        connect_args={"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60},
    )


def create_tables(engine: Engine) -> None:
    """Create the log table and Celery's own, so that no two workers race to do it."""
    from celery.backends.database.models import Task, TaskSet

    metadata.create_all(engine)
    for model in (Task, TaskSet):
        model.configure(schema=None, name=None)
        model.metadata.create_all(engine)
