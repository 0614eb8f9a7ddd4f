"""The command `newssite`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from newssite import local
from newssite.server import Server
from newssite.state import SITES, State


def _state_options(command: Callable) -> Callable:
    options = (
        click.option("--articles", default=200, type=click.IntRange(min=0), help="Articles of each site."),
        click.option("--seed", default=1, help="Another seed makes other articles."),
        click.option(
            "--latency", default=0.15, type=click.FloatRange(min=0), help="Seconds that harbor takes for a page."
        ),
        click.option("--crawl-delay", default=0.25, type=click.FloatRange(min=0), help="Seconds that harbor asks for."),
        click.option(
            "--log-file", "log", type=click.File("a"), help="Append each request as a JSON line; - is the terminal."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def main() -> None:
    """Four made-up news sites that know the truth about every article they serve.

    hanbit (Korean, feeds and JSON-LD), gangmun (Korean, CP949, sitemaps), dure (Korean, list pages), harbor (English,
    slow and hostile). For tests each has /_truth, /_requests (DELETE forgets them) and /_control.
    """


@main.command()
@click.option("--host", default="0.0.0.0", help="Address to listen at.")
@click.option("--port", default=8000, help="Port; 0 takes a free one.")
@_state_options
def serve(host: str, port: int, **sites: Any) -> None:
    """Serve all sites at one port; the Host header picks one (hanbit.anything)."""
    asyncio.run(_until_stopped(State.new(**sites), host, port))


@main.command("local")
@click.option("--profiles", required=True, type=click.Path(path_type=Path), help="Folder for the sites' profiles.")
@_state_options
def serve_local(profiles: Path, **sites: Any) -> None:
    """Serve each site at a free port of this machine, and write the profiles to crawl them with.

    Then, for example: NEWSCRAWL_SITES=FOLDER newscrawl crawl hanbit
    """
    asyncio.run(_until_stopped(State.new(**sites), "127.0.0.1", 0, profiles))


async def _until_stopped(state: State, host: str, port: int, profiles: Path | None = None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Server(state).serve(host, port, site_ports=profiles is not None) as ports:
        if profiles is not None:
            try:
                local.write_profiles(profiles, ports)
            except OSError as error:
                raise click.ClickException(f"the profiles could not be written: {error}") from error
        for site in SITES:
            at = f"127.0.0.1:{ports[site]}" if site in ports else f"{site}.* at {host}:{ports['']}"
            click.echo(f"{site}: {state.editions[site].count} articles, http://{at}/")
        click.echo("serving; Ctrl-C ends it")
        await stop.wait()
