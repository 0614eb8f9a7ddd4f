"""The command `queue-scaler`: reads its flags and environment, and runs the loop beside watch, lease and wake-ups."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

from queue_scaler.backlog import Backlog
from queue_scaler.config import ConfigError, load
from queue_scaler.kube import ApiUnavailable, Events, StatefulSets, connect
from queue_scaler.lease import Leadership
from queue_scaler.loop import Loop, end
from queue_scaler.status import Metrics, Status, serve
from queue_scaler.wakeup import Wakeup

log = logging.getLogger("queue_scaler")

ENVIRONMENT = """
environment:
  REDIS_URL      Celery's broker, redis://:password@host:6379/0 (required)
  POD_NAMESPACE  namespace of the StatefulSets (default: that of the pod or of the kubeconfig)
  POD_NAME       this scaler's name in the lease (default: the host name)
  POD_UID        its pod's uid, by which `kubectl describe` finds the events (default: none)
"""


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    flags = argparse.ArgumentParser(
        prog="queue-scaler",
        description="Scale the worker StatefulSet of each Celery queue on queued and running tasks in Redis.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the queues, YAML; reloaded on change"
    )
    flags.add_argument(
        "--once",
        action="store_true",
        help="decide once, print a line per queue and end; takes no lease, never scales to zero (needs a cooldown)",
    )
    flags.add_argument("--dry-run", action="store_true", help="decide and log, but change nothing; takes no lease")
    flags.add_argument("--port", type=int, default=8080, help="port of /metrics, /healthz and /readyz (default: 8080)")
    flags.add_argument("--log-level", choices=("debug", "info", "warning"), default="info", help="default: info")
    return flags


def main() -> None:
    """Entry point; exits 2 when flags, environment or configuration cannot be used, 1 when --once is blind."""
    flags = parser().parse_args()
    logging.basicConfig(
        level=flags.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout
    )
    # a line per request would drown the decisions
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    url = os.environ.get("REDIS_URL")
    if not url:
        sys.exit("error: REDIS_URL is not set: give the URL of Celery's broker")
    try:
        sys.exit(asyncio.run(_run(flags, url)))
    except (ConfigError, ApiUnavailable) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


async def _run(flags: argparse.Namespace, url: str) -> int:
    status, metrics = Status(), Metrics()
    client = connect(os.environ.get("POD_NAMESPACE"))
    backlog = Backlog(url)
    me = os.environ.get("POD_NAME") or socket.gethostname()
    leadership = Leadership(client, load(flags.config).lease_name, me, status.lead)
    loop = Loop(
        flags.config,
        backlog,
        lambda changed: StatefulSets(client, changed, lambda known: (status.saw if known else status.lost)("api")),
        status=status,
        metrics=metrics,
        leads=(lambda now: True) if flags.once or flags.dry_run else leadership.leads,
        warn=Events(client, me, os.environ.get("POD_UID")).warn,
        dry_run=flags.dry_run,
    )
    try:
        if flags.once:
            return await _once(loop)
        # what was imported stays: a collection that looks through it takes as long as the poll that it interrupts
        gc.freeze()
        port = serve(status, metrics, flags.port)
        log.info("queues %s; status on port %s", ", ".join(loop.config.queues) or "none", port)
        await _forever(loop, None if flags.dry_run else leadership, Wakeup(backlog, loop.wake))
        return 0
    finally:
        await backlog.close()
        await client.close()


async def _once(loop: Loop) -> int:
    await loop.sets.refresh()
    choices = await loop.poll(time.monotonic())
    for choice in choices:
        print(choice.line())
    return 0 if len(choices) == len(loop.config.queues) and all(choice.reading for choice in choices) else 1


async def _forever(loop: Loop, leadership: Leadership | None, wakeup: Wakeup) -> None:
    """Run until SIGTERM or SIGINT; then the lease is handed back."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    jobs = [
        loop.sets.follow(),
        wakeup.run(),
        loop.run(wakeup.listen_to),
        loop.look_for_orphans(),
        stop.wait(),
    ]
    if leadership:
        jobs.append(leadership.hold(loop.wake))
    tasks = [asyncio.create_task(job) for job in jobs]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    await end(pending)
    for task in done:
        task.result()


if __name__ == "__main__":
    main()
