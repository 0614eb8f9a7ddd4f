"""What is old leaves the results database, what is young stays."""

from datetime import UTC, datetime, timedelta

from newscrawl_airflow.cleanup import CHUNK, delete_old
from newscrawl_airflow.results_database import task_log


def test_only_old_logs_are_deleted(results):
    before = datetime(2026, 11, 1, tzinfo=UTC)
    ages = [before - timedelta(seconds=1)] * (CHUNK + 5) + [before, before + timedelta(days=1)]
    rows = [
        {"path_hash": n.to_bytes(32, "big"), "path": str(n), "size": 1, "content": b"x", "written": written}
        for n, written in enumerate(ages)
    ]
    with results.connect() as connection:
        connection.execute(task_log.insert(), [{**row, "written": row["written"].replace(tzinfo=None)} for row in rows])
        assert delete_old(results, before)["task_log"] == CHUNK + 5
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM task_log").scalar() == 2
