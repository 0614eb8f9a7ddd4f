"""The first tables: frontier, articles, runs.

Written out rather than taken from `tables.py`, because a migration must go on meaning what it meant when written.
MySQL commits each CREATE by itself, so that each can be run again.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE IF NOT EXISTS sites (
      site varchar(64) NOT NULL,
      PRIMARY KEY (site)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
    """,
    """
    CREATE TABLE IF NOT EXISTS hubs (
      url_hash binary(32) NOT NULL,
      site varchar(64) NOT NULL,
      url text NOT NULL,
      etag varchar(512),
      last_modified varchar(64),
      visited datetime(3) NOT NULL,
      PRIMARY KEY (url_hash)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
    """,
    """
    CREATE TABLE IF NOT EXISTS urls (
      id bigint unsigned NOT NULL AUTO_INCREMENT,
      url_hash binary(32) NOT NULL,
      site varchar(64) NOT NULL,
      url text NOT NULL,
      source text NOT NULL,
      state enum('new','claimed','done','failed','gone','refused') NOT NULL DEFAULT 'new',
      attempts smallint NOT NULL DEFAULT '0',
      claims smallint NOT NULL DEFAULT '0',
      batch_id bigint unsigned,
      claimed_by varchar(64),
      lease_until datetime(3),
      next_visit datetime(3),
      etag varchar(512),
      last_modified varchar(64),
      kind varchar(64),
      reason varchar(1000),
      article_id bigint unsigned,
      first_run_id bigint unsigned NOT NULL,
      published datetime(3),
      modified datetime(3),
      first_seen datetime(3) NOT NULL,
      last_visit datetime(3),
      PRIMARY KEY (id),
      UNIQUE KEY url (url_hash),
      KEY found_by (first_run_id),
      KEY due (site,state,next_visit),
      KEY batch (batch_id,state)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
    """,
    """
    CREATE TABLE IF NOT EXISTS batches (
      id bigint unsigned NOT NULL AUTO_INCREMENT,
      run_id bigint unsigned NOT NULL,
      size int NOT NULL,
      created datetime(3) NOT NULL,
      PRIMARY KEY (id),
      KEY run (run_id)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
    """,
    """
    CREATE TABLE IF NOT EXISTS runs (
      id bigint unsigned NOT NULL AUTO_INCREMENT,
      run_key varchar(250) NOT NULL,
      site varchar(64) NOT NULL,
      state enum('running','succeeded','failed') NOT NULL DEFAULT 'running',
      reason varchar(1000),
      started datetime(3) NOT NULL,
      alive datetime(3) NOT NULL,
      finished datetime(3),
      counts json NOT NULL,
      PRIMARY KEY (id),
      UNIQUE KEY site_key (site,run_key),
      KEY site_started (site,started)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
    """,
    """
    CREATE TABLE IF NOT EXISTS visits (
      id bigint unsigned NOT NULL AUTO_INCREMENT,
      run_id bigint unsigned NOT NULL,
      batch_id bigint unsigned NOT NULL,
      url_id bigint unsigned NOT NULL,
      outcome enum('stored','changed','unchanged','duplicate','refused','gone','failed') NOT NULL,
      kind varchar(64),
      reason varchar(1000),
      status smallint,
      bytes int,
      elapsed_ms int,
      warc_path varchar(512),
      warc_offset bigint unsigned,
      warc_length bigint unsigned,
      visited datetime(3) NOT NULL,
      PRIMARY KEY (id),
      KEY run_outcome (run_id,outcome,kind),
      KEY url_visited (url_id,visited)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
    """,
    """
    CREATE TABLE IF NOT EXISTS articles (
      id bigint unsigned NOT NULL AUTO_INCREMENT,
      url_hash binary(32) NOT NULL,
      site varchar(64) NOT NULL,
      canonical_url text NOT NULL,
      url text NOT NULL,
      version int NOT NULL DEFAULT '1',
      title text NOT NULL,
      body mediumtext NOT NULL,
      authors json NOT NULL,
      published datetime(3),
      published_offset smallint,
      modified datetime(3),
      section varchar(255),
      keywords json NOT NULL,
      image text,
      language varchar(16),
      access varchar(16) NOT NULL,
      extractor varchar(64) NOT NULL,
      profile varchar(128),
      sources json NOT NULL,
      content_hash binary(32) NOT NULL,
      simhash bigint unsigned NOT NULL,
      characters int NOT NULL,
      words int NOT NULL,
      reading_seconds int NOT NULL,
      run_id bigint unsigned,
      fetched datetime(3) NOT NULL,
      PRIMARY KEY (id),
      UNIQUE KEY canonical (url_hash),
      KEY published (published),
      KEY content (site,content_hash),
      KEY site_published (site,published)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
    """,
    """
    CREATE TABLE IF NOT EXISTS article_versions (
      article_id bigint unsigned NOT NULL,
      version int NOT NULL,
      title text NOT NULL,
      body mediumtext NOT NULL,
      authors json NOT NULL,
      published datetime(3),
      published_offset smallint,
      modified datetime(3),
      section varchar(255),
      keywords json NOT NULL,
      image text,
      language varchar(16),
      access varchar(16) NOT NULL,
      extractor varchar(64) NOT NULL,
      profile varchar(128),
      sources json NOT NULL,
      content_hash binary(32) NOT NULL,
      simhash bigint unsigned NOT NULL,
      characters int NOT NULL,
      words int NOT NULL,
      reading_seconds int NOT NULL,
      run_id bigint unsigned,
      fetched datetime(3) NOT NULL,
      replaced datetime(3) NOT NULL,
      PRIMARY KEY (article_id,version)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
    """,
)


def upgrade() -> None:
    """Creates the tables that are not there yet."""
    for table in TABLES:
        op.execute(table)
