"""Airflow's Celery configuration for this project's workers: `[celery] celery_config_options` names CELERY_CONFIG.

Every process that uses Celery imports this module; what it hangs on workers happens in them only.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
from celery.backends.database.session import SessionManager
from celery.signals import worker_init, worker_ready, worker_shutdown

from newscrawl_airflow import dropped_messages, worker_hooks

__all__ = ["CELERY_CONFIG", "dropped_messages", "worker_hooks"]

CELERY_CONFIG: dict[str, Any] = {
    **DEFAULT_CELERY_CONFIG,
    # a task's end is told when MySQL is back: without it Airflow holds a failed task for queued
    "result_backend_always_retry": True,
}

# the bootstrap Job made the tables: a worker that looks for them cannot start without MySQL, and takes a second longer
SessionManager.prepare_models = lambda self, engine: None

# What each task would otherwise import in a process of its own: half a second of CPU, for each task anew
PRELOADED = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.dag_processing.dagbag",
    "newscrawl.crawl",
    "newscrawl_airflow.sites_bundle",
    "newscrawl_airflow.results_database",
)


@worker_init.connect
def _preload(**_: Any) -> None:
    for module in PRELOADED:
        import_module(module)
    # what is frozen stays shared with the pool's processes
    gc.freeze()


@worker_ready.connect
def _ship(**_: Any) -> None:
    from newscrawl_airflow import log_shipper, warc_shipper

    log_shipper.start()
    warc_shipper.start()


@worker_shutdown.connect
def _ship_the_rest(**_: Any) -> None:
    from newscrawl_airflow import warc_shipper

    warc_shipper.stop()
