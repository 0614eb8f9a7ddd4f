"""The crawler's own command: everything that Airflow does with it can be done, looked at and repaired by hand.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 it failed (the site, the
database, the disk, a run without yield), 2 it was asked for something wrong (usage, environment, profile).
"""

import click

from newscrawl.cli.articles import articles
from newscrawl.cli.crawl import crawl
from newscrawl.cli.db import db
from newscrawl.cli.errors import ExplainedErrors
from newscrawl.cli.extract import extract
from newscrawl.cli.frontier import frontier
from newscrawl.cli.lake import lake
from newscrawl.cli.reparse import reparse
from newscrawl.cli.runs import runs
from newscrawl.cli.sites import sites


@click.group(cls=ExplainedErrors, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="newscrawl")
def main() -> None:
    """Crawl news sites politely into MySQL, and look at what came of it.

    The environment says where: NEWSCRAWL_MYSQL_URL (mysql+pymysql://USER:PASSWORD@HOST:3306/articles),
    NEWSCRAWL_REDIS_URL (redis://:PASSWORD@HOST:6379/1), NEWSCRAWL_DATA_DIR (raw pages; ./data), NEWSCRAWL_SITES
    (directories of site profiles besides the packaged ones), NEWSCRAWL_USER_AGENT, NEWSCRAWL_LAKE_URL
    (webhdfs://HOST:9870/FOLDER, gs://BUCKET/FOLDER) and NEWSCRAWL_LAKE_OPTIONS (JSON).

    \b
    First steps:
      newscrawl db migrate        make the tables
      newscrawl sites list        see which sites there are
      newscrawl crawl SITE        crawl one
      newscrawl articles list     see its articles
    """


for command in (crawl, sites, articles, lake, extract, reparse, runs, frontier, db):
    main.add_command(command)
