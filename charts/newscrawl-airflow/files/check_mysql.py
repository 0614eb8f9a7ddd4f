"""Logs in as each of the three users, and checks that each may do what it must in its own database."""

import os

from newscrawl_airflow import metadata_database
from sqlalchemy import create_engine, make_url

# as the probes and those who wait for the migration; what follows is how Airflow, the workers and the crawler connect
metadata_database.connect(os.environ[metadata_database.URL_VARIABLE]).close()
for name in (metadata_database.URL_VARIABLE, "RESULTS_URL", "NEWSCRAWL_MYSQL_URL"):
    url = make_url(os.environ[name])
    with create_engine(url, connect_args={"connect_timeout": 10}).connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE helm_test (n INT)")
        connection.exec_driver_sql("INSERT INTO helm_test VALUES (1)")
        found = connection.exec_driver_sql("SELECT @@version, @@character_set_database, COUNT(*) FROM helm_test")
        version, charset, rows = found.one()
    print(f"{url.username} in {url.database}: MySQL {version}, {charset}, {rows} row written and read")
    if charset != "utf8mb4":
        raise SystemExit(f"database {url.database} has character set {charset}: it must be utf8mb4")
