"""What the workers' Celery configuration promises."""

from __future__ import annotations

from celery import Celery
from celery.backends.database import DatabaseBackend
from newscrawl_airflow import celery_config


def test_a_worker_can_start_without_mysql():
    assert celery_config.CELERY_CONFIG["result_backend_always_retry"]
    backend = DatabaseBackend(app=Celery(set_as_current=False), url="mysql+pymysql://nobody@127.0.0.1:1/none")
    backend.ResultSession().close()
