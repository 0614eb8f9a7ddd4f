"""One line instead of a stack trace for what can be expected to go wrong, with what to do about it."""

from __future__ import annotations

from typing import Any

import click

# MySQL's words name user and host, never the password
_ADVICE = {
    1044: "this user may not use the database: GRANT ALL ON it, or name another in NEWSCRAWL_MYSQL_URL",
    1045: "MySQL refuses this user or password: check NEWSCRAWL_MYSQL_URL (special characters must be %-encoded)",
    1049: "there is no such database: create it, or name another in NEWSCRAWL_MYSQL_URL",
    1054: "the tables are older than this program: run `newscrawl db migrate`",
    1146: "the tables are missing: run `newscrawl db migrate`",
}


class ExplainedErrors(click.Group):
    """A group of commands whose expected errors end with a message and the right exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the chosen command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            explained = _explained(error)
            if explained is None:
                raise
            raise explained from error


def _explained(error: Exception) -> click.ClickException | None:
    """What an expected error says, None for others."""
    # imported now: the help and a right command do without
    from sqlalchemy.exc import DBAPIError

    from newscrawl.context import RedisUnavailable, UnknownSite
    from newscrawl.crawl import SiteUnreachable
    from newscrawl.disk import DiskFull
    from newscrawl.lake import LakeError
    from newscrawl.profiles import ProfileError
    from newscrawl.settings import SettingsError
    from newscrawl.store import StoreUnavailable
    from newscrawl.store.database import error_code
    from newscrawl.store.migrate import MigrationBusy
    from newscrawl.store.runs import UnknownRun
    from newscrawl.visit import LimitsUnavailable

    if isinstance(error, SettingsError | UnknownSite | ProfileError):
        return _exit(error, 2)
    failed = StoreUnavailable, RedisUnavailable, LimitsUnavailable, SiteUnreachable, DiskFull, LakeError, MigrationBusy
    if isinstance(error, (*failed, UnknownRun)):
        return _exit(error, 1)
    if isinstance(error, DBAPIError) and (code := error_code(error)) in _ADVICE:
        return _exit(f"{_ADVICE[code]} ({error.orig.args[1]})", 1)
    return None


def _exit(message: object, code: int) -> click.ClickException:
    error = click.ClickException(str(message))
    error.exit_code = code
    return error
