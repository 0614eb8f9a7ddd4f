"""Logs in as each of the three users, and checks that each may do what it must in its own database."""

import os
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql

for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "RESULTS_URL", "NEWSCRAWL_MYSQL_URL"):
    url = urlsplit(os.environ[name])
    authority = parse_qs(url.query).get("ssl_ca", [None])[0]
    connection = pymysql.connect(
        host=url.hostname,
        port=url.port or 3306,
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        database=url.path.lstrip("/"),
        ssl_ca=authority,
        connect_timeout=10,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE helm_test (n INT)")
        cursor.execute("INSERT INTO helm_test VALUES (1)")
        cursor.execute("SELECT @@version, @@character_set_database, COUNT(*) FROM helm_test")
        version, charset, rows = cursor.fetchone()
        print(f"{url.username} in {url.path}: MySQL {version}, {charset}, {rows} row written and read")
        if charset != "utf8mb4":
            raise SystemExit(f"database {url.path} has character set {charset}: it must be utf8mb4")
