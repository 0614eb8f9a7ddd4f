"""The lake's manifest, and indices for the articles of a day.

MySQL commits each statement by itself: what is there already is left alone, so that each can be run again.
"""

from alembic import op
from sqlalchemy import inspect

revision = "0002"
down_revision = "0001"

MANIFEST = """
    CREATE TABLE IF NOT EXISTS lake_files (
      id bigint unsigned NOT NULL AUTO_INCREMENT,
      lake varchar(255) NOT NULL,
      path varchar(255) NOT NULL,
      kind enum('articles','warc') NOT NULL,
      site varchar(64),
      day date NOT NULL,
      state enum('writing','loaded') NOT NULL,
      writer varchar(32) NOT NULL,
      records int,
      bytes bigint unsigned,
      started datetime(3) NOT NULL,
      loaded datetime(3),
      PRIMARY KEY (id),
      UNIQUE KEY file (lake,path),
      KEY day (lake,day)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""
INDICES = (
    ("articles", "site_fetched", ("site", "fetched")),
    ("article_versions", "fetched", ("fetched",)),
)


def upgrade() -> None:
    """Adds what is not there yet."""
    op.execute(MANIFEST)
    for table, name, columns in INDICES:
        if name not in {index["name"] for index in inspect(op.get_bind()).get_indexes(table)}:
            op.create_index(name, table, list(columns))
