"""The crawler's own command: everything that Airflow does with it can be done, looked at and repaired by hand.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 it failed (the site, the
database, the disk, a run without yield), 2 it was asked for something wrong (usage, environment, profile).
"""

from __future__ import annotations

from importlib import import_module

import click

from newscrawl.cli.errors import ExplainedErrors

# each is imported when it is asked for: together they take seconds, which nobody who reads the help is to wait for
_COMMANDS = {
    "articles": "Read, search and export the articles.",
    "crawl": "Crawl SITE: discover its links, fetch what is new, store the articles, report.",
    "db": "Make and check the tables in MySQL.",
    "extract": "Read saved pages, and write one JSON object a line for each.",
    "frontier": "See every URL ever found, by state, and retry what failed.",
    "lake": "Load the lake at NEWSCRAWL_LAKE_URL, and see what is in it.",
    "reparse": "Read the kept pages of SITE again, with today's profile.",
    "runs": "List the last runs, or show the run RUN_ID with its failures.",
    "sites": "List, check and try site profiles.",
}


class _Commands(ExplainedErrors):
    """The commands by name, each the one of its name in a module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, without an import."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        return getattr(import_module(f"newscrawl.cli.{cmd_name}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of the commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="newscrawl")
def main() -> None:
    """Crawl news sites politely into MySQL, and look at what came of it.

    The environment says where: NEWSCRAWL_MYSQL_URL (mysql+pymysql://USER:PASSWORD@HOST:3306/articles),
    NEWSCRAWL_REDIS_URL (redis://:PASSWORD@HOST:6379/1), NEWSCRAWL_DATA_DIR (raw pages; ./data), NEWSCRAWL_SITES
    (directories of site profiles besides the packaged ones), NEWSCRAWL_USER_AGENT, NEWSCRAWL_LAKE_URL
    (webhdfs://HOST:9870/FOLDER, gs://BUCKET/FOLDER), NEWSCRAWL_LAKE_OPTIONS (JSON) and NEWSCRAWL_MYSQL_PATIENCE
    (seconds that a MySQL which is away is waited for; 150, and 5 by commands that only look).

    \b
    First steps:
      newscrawl db migrate        make the tables
      newscrawl sites list        see which sites there are
      newscrawl crawl SITE        crawl one
      newscrawl articles list     see its articles
    """
