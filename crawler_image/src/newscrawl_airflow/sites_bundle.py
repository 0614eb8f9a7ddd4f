"""A DAG bundle that lists the DAG file of a site once for each site profile.

Airflow keeps import errors by file: one file that made the DAGs of all sites would take all of them down with one
broken profile. So each profile gets a DAG file of its own, a link `crawl_<site>.py` to the one factory: Airflow then
shows a broken profile as the import error of that file alone, and a profile that appears in the folder of the
ConfigMap becomes a DAG at the next refresh.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow import settings as airflow_settings
from airflow.dag_processing.bundles.base import BaseDagBundle
from newscrawl import settings

from newscrawl_airflow.site_files import PREFIX, dag_files

FACTORY = "crawl_site.py"


class SitesBundle(BaseDagBundle):
    """Links in a folder of its own to `crawl_site.py` of the DAG folder, one for each profile that exists now."""

    supports_versioning = False

    def __init__(self, *, dags: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._factory = Path(dags or airflow_settings.DAGS_FOLDER) / FACTORY

    @property
    def path(self) -> Path:
        """The folder of the links."""
        return self.base_dir

    def get_current_version(self) -> None:
        """Links have no versions: tasks run the DAG of now."""
        return

    def initialize(self) -> None:
        """Make the links: a worker does it before each task, the DAG processor at its start."""
        self.refresh()
        super().initialize()

    def refresh(self) -> None:
        """Bring the links in step with the profiles; safe to run in several processes at once."""
        self.path.mkdir(parents=True, exist_ok=True)
        wanted = dag_files(settings.load())
        for link in self.path.iterdir():
            if link.name not in wanted and link.name.startswith(PREFIX):
                link.unlink(missing_ok=True)
        for name in wanted:
            link = self.path / name
            if not link.is_symlink() or link.readlink() != self._factory:
                new = self.path / f".{name}.{os.getpid()}"
                new.symlink_to(self._factory)
                new.replace(link)
