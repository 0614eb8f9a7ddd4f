"""Airflow's Celery configuration for this project's workers: `[celery] celery_config_options` names CELERY_CONFIG.

Every process that uses Celery imports this module; what it hangs on workers starts in their main process only.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
from celery.signals import worker_ready

from newscrawl_airflow import worker_hooks

__all__ = ["CELERY_CONFIG", "worker_hooks"]

CELERY_CONFIG: dict[str, Any] = {**DEFAULT_CELERY_CONFIG}


@worker_ready.connect
def _on_ready(**_: Any) -> None:
    from newscrawl_airflow import log_shipper

    log_shipper.start()
