"""Task logs in MySQL, so that they stay readable after their worker was scaled away.

Airflow reads a task's log from the machine that ran it, which a queue at zero replicas no longer has, and its own
Redis handler writes nothing under Airflow 3. Airflow loads this module by `[logging] logging_config_class` in every
component: workers upload, the API server reads. The worker's copy is deleted once it is stored, so that a log file on a
worker's volume always means: not stored yet (log_shipper stores those).
"""

from __future__ import annotations

import copy
import hashlib
import logging
import os
import zlib
from pathlib import Path
from typing import Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.configuration import conf

LOGGING_CONFIG = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
DEFAULT_REMOTE_CONN_ID = None

# bytes of one log that are kept, from its start and its end; compressed it stays far below MySQL's packet of 64 MiB
KEPT_HEAD, KEPT_TAIL = 1 << 20, 31 << 20

log = logging.getLogger(__name__)


def read_capped(path: Path) -> bytes:
    """The file's content; of one above 32 MiB the first MiB and the last 31, with a line between that says so."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= KEPT_HEAD + KEPT_TAIL:
            return file.read()
        head = file.read(KEPT_HEAD)
        file.seek(size - KEPT_TAIL)
        tail = file.read(KEPT_TAIL)
    cut = size - KEPT_HEAD - KEPT_TAIL
    head = head[: head.rfind(b"\n") + 1]
    return head + f"[{cut} bytes of this log were not stored: it is longer than 32 MiB]\n".encode() + tail


class MysqlTaskLog:
    """Airflow's interface for remote logs, on the table `task_log` of the results database."""

    # Airflow asks each remote log for structlog processors; none is needed
    processors: tuple[Any, ...] = ()

    def __init__(self, folder: Path | None = None):
        self.folder = folder

    def base_folder(self) -> Path:
        """Where this process's tasks write their logs."""
        return self.folder or Path(conf.get_mandatory_value("logging", "base_log_folder"))

    def upload(self, path: os.PathLike[str] | str, ti: Any = None) -> None:
        """Store a finished try's log and delete the local file; a failure leaves the file for log_shipper."""
        local = self.base_folder() / path
        if local.is_file():
            self.store(local)
            self.forget(local)

    def forget(self, local: Path) -> None:
        """Delete the file and the folders that it leaves empty."""
        local.unlink(missing_ok=True)
        for folder in list(local.relative_to(self.base_folder()).parents)[:-1]:
            try:
                (self.base_folder() / folder).rmdir()
            except OSError:
                # not empty, or another task of the run is just writing here
                return

    def store(self, local: Path) -> None:
        """Store the file as it is now under its path below the base folder; a longer stored version wins."""
        from sqlalchemy import func
        from sqlalchemy.dialects.mysql import insert

        from newscrawl_airflow.results_database import connect, task_log

        relative = local.relative_to(self.base_folder()).as_posix()
        size, content = local.stat().st_size, zlib.compress(read_capped(local))
        row = insert(task_log).values(path_hash=_key(relative), path=relative[:1000], size=size, content=content)
        # MySQL assigns from left to right: `size` comes last, as the others compare with the stored one
        longer = row.inserted.size >= task_log.c.size
        statement = row.on_duplicate_key_update(
            [
                ("content", func.if_(longer, row.inserted.content, task_log.c.content)),
                ("written", func.if_(longer, func.now(3), task_log.c.written)),
                ("size", func.greatest(row.inserted.size, task_log.c.size)),
            ]
        )
        with connect().connect() as connection:
            connection.execute(statement)

    def read(self, relative_path: str, ti: Any = None) -> tuple[list[str], list[str] | None]:
        """The sources looked at and the log's text, None when there is none (or the database does not answer)."""
        from sqlalchemy import select
        from sqlalchemy.exc import SQLAlchemyError

        from newscrawl_airflow.results_database import connect, task_log

        query = select(task_log.c.content).where(task_log.c.path_hash == _key(relative_path))
        try:
            with connect().connect() as connection:
                content = connection.scalar(query)
        except SQLAlchemyError as error:
            log.warning("task log %s could not be read: %s", relative_path, error)
            return [f"the results database does not answer ({type(error).__name__}): try again"], None
        if content is None:
            return [], None
        return [f"MySQL, results.task_log: {relative_path}"], [zlib.decompress(content).decode(errors="replace")]


def _key(relative_path: str) -> bytes:
    return hashlib.sha256(relative_path.encode()).digest()


REMOTE_TASK_LOG = MysqlTaskLog()
