"""What a hub listed and under which rules, and how long it rests when that stays the same.

MySQL commits each statement by itself: what is there already is left alone, so that each can be run again.
"""

from alembic import op
from sqlalchemy import inspect

revision = "0003"
down_revision = "0002"

COLUMNS = {
    "listed": "binary(16) AFTER last_modified",
    "rules": "binary(16) AFTER listed",
    "rest_seconds": "int NOT NULL DEFAULT '0' AFTER rules",
}


def upgrade() -> None:
    """Adds what is not there yet."""
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("hubs")}
    for name, definition in COLUMNS.items():
        if name not in there:
            op.execute(f"ALTER TABLE hubs ADD COLUMN {name} {definition}")
