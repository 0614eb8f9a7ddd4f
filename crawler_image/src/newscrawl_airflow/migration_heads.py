"""Writes which migrations the metadata database must have, while the image is built.

The pods that wait for the migration then compare two strings instead of importing Airflow (3 s of CPU in each of them).
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import click

# Alembic's version table -> the package whose folder `migrations` holds the scripts
MIGRATIONS = {"alembic_version": "airflow", "alembic_version_fab": "airflow.providers.fab"}
HEADS_FILE = Path(__file__).with_name("migration_heads.json")


def expected_heads() -> dict[str, list[str]]:
    """The newest revisions of each version table, from the installed packages."""
    from alembic.script import ScriptDirectory

    return {
        table: sorted(ScriptDirectory(str(files(package) / "migrations")).get_heads())
        for table, package in MIGRATIONS.items()
    }


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=HEADS_FILE)
def main(file: Path) -> None:
    """Write the expected revisions to FILE (default: beside this module)."""
    file.write_text(json.dumps(expected_heads(), indent=1) + "\n")


if __name__ == "__main__":
    main()
