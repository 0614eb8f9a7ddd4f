"""Logs in to the broker and to the crawler's database, and checks that Redis would not drop a task when it is full."""

import os

import kombu
import redis

# as Celery connects; what follows is how the scaler, the executor and the crawler do
with kombu.Connection(os.environ["AIRFLOW__CELERY__BROKER_URL"], connect_timeout=10) as broker:
    broker.default_channel.client.ping()
for name in ("AIRFLOW__CELERY__BROKER_URL", "NEWSCRAWL_REDIS_URL"):
    client = redis.Redis.from_url(os.environ[name], socket_timeout=10)
    client.set("helm-test", "1", ex=60)
    memory = client.info("memory")
    print(f"{name}: answers, {memory['used_memory_human']} used, {memory['maxmemory_policy']}")
    if memory["maxmemory_policy"] != "noeviction":
        raise SystemExit("maxmemory-policy must be noeviction, or a full Redis loses tasks")
