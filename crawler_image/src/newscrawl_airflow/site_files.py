"""Which site profiles are to have a DAG, and the names of the DAG files.

Without Airflow, which takes a second to import: probes ask here, too.
"""

from __future__ import annotations

from pathlib import Path

from newscrawl import settings

PREFIX = "crawl_"


def profile_files(environment: settings.Settings) -> dict[str, Path]:
    """The profile file of each site that is to have a DAG, by the file's name.

    Of the packaged ones those that `publishers` names, also where the package has none of that name: its DAG then says
    so. Of two files with the same name the later directory's is used.
    """
    packaged = {path.stem: path for path in environment.packaged_sites.glob("*.yaml")}
    if environment.publishers is not None:
        packaged = {site: environment.packaged_sites / f"{site}.yaml" for site in environment.publishers}
    given = {path.stem: path for directory in environment.sites[1:] for path in sorted(directory.glob("*.yaml"))}
    return packaged | given


def dag_files(environment: settings.Settings) -> set[str]:
    """The names of the DAG files, one for each of `profile_files`."""
    return {f"{PREFIX}{site}.py" for site in profile_files(environment)}
