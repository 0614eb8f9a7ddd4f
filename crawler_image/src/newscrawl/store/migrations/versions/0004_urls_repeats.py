"""How often in a row a URL was visited for nothing: unchanged, refused or gone.

MySQL commits each statement by itself: what is there already is left alone, so that it can be run again.
"""

from alembic import op
from sqlalchemy import inspect

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the column, unless it is there."""
    if "repeats" not in {column["name"] for column in inspect(op.get_bind()).get_columns("urls")}:
        op.execute("ALTER TABLE urls ADD COLUMN repeats smallint NOT NULL DEFAULT '0' AFTER attempts")
