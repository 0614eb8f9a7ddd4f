"""The crawler's database: the frontier, the articles and the runs in MySQL.

`database` connects and keeps going while MySQL is away; `tables` says what is stored; `frontier`, `articles` and `runs`
are the queries, one module for each thing that is asked of them.
"""

from newscrawl.store.database import Database, StoreUnavailable, connect

__all__ = ["Database", "StoreUnavailable", "connect"]
