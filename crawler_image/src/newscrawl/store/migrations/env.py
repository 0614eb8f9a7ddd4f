"""Where alembic enters: the connection is the caller's, which holds the lock (see `store/migrate.py`)."""

from alembic import context
from newscrawl.store.migrate import VERSION_TABLE
from newscrawl.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
