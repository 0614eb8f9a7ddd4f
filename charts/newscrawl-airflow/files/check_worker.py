"""Sends a task to a queue as Airflow does and waits for its result: a queue without a worker has to get one first."""

import os
import time

from celery import Celery
from celery.exceptions import TimeoutError as NoResult

# seconds; helm itself waits for five minutes
PATIENCE = 240

queue = os.environ["QUEUE"]
app = Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"], backend=os.environ["AIRFLOW__CELERY__RESULT_BACKEND"])
started = time.monotonic()
# a task that every Celery worker has: it gives back what it got
sent = app.send_task("celery.accumulate", args=["done"], kwargs={"index": 0}, queue=queue)
try:
    answer = sent.get(timeout=PATIENCE)
except NoResult:
    raise SystemExit(
        f"no worker of queue {queue} has done a task within {PATIENCE} s: look at the pods of its StatefulSet "
        "(kubectl get pods -l app.kubernetes.io/component=worker), and where there are none at the queue scaler's log "
        "or at KEDA's ScaledObjects"
    ) from None
if answer != "done":
    raise SystemExit(f"the task's result is {answer!r}")
sent.forget()
print(f"a task of queue {queue} was done in {time.monotonic() - started:.1f} s")
