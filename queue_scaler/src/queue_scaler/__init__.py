"""Scales the worker StatefulSet of each Celery queue on what waits and what runs in Redis."""
