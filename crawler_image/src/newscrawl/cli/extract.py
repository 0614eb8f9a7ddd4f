"""`newscrawl extract`: saved pages in, JSON out, for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

import click
from rich.progress import track

from newscrawl.cli.options import messages, with_profiles
from newscrawl.extract.manifest import extracted
from newscrawl.profiles import Profile, load_all


@click.command()
@click.option(
    "--manifest",
    required=True,
    type=click.File(encoding="utf-8", errors="replace"),
    help="The list; - reads standard input.",
)
@click.option("--no-profiles", is_flag=True, help="Read every page as one of a site without a profile.")
def extract(manifest: TextIO, no_profiles: bool) -> None:
    """Read saved pages, and write one JSON object a line for each.

    Each line of the list is an object with `url`, `file` (.html or .html.gz, relative to the list) and `fetched` (ISO
    8601). A page that is no article, or cannot be read, has an `error` beside its `file` and `url`, and so has a line
    that names no page.
    """
    name = str(getattr(manifest, "name", "-"))
    folder = Path() if name in ("-", "<stdin>") else Path(name).parent
    loaded = {} if no_profiles else load_all(with_profiles().sites)
    profiles = [one for one in loaded.values() if isinstance(one, Profile)]
    for broken in loaded.values():
        if not isinstance(broken, Profile):
            messages.print(f"left out: {broken}")
    for line in track(
        [line for line in manifest if line.strip()], "reading pages", console=messages, disable=not messages.is_terminal
    ):
        found = json.dumps(extracted(line, folder, profiles), ensure_ascii=False)
        click.echo(found.encode("utf-8", "replace"))
