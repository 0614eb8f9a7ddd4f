"""python -m cluster: see --help."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys

import cluster
from cluster import engine, images
from cluster.steps import StepFailed, run


def main() -> int:
    """Run one command; a failure is one message on standard error and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m cluster", description="A kind cluster for newscrawl-airflow.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="create the cluster, or keep it when it is sound")
    down = commands.add_parser("down", help="delete the cluster")
    down.add_argument("--engine", action="store_true", help="also stop the docker engine that `up` started")
    commands.add_parser("images", help="`up`, with this checkout's images built and loaded; prints their tags as JSON")
    commands.add_parser("services", help="make sure of the MySQL and Redis images alone (for the unit tests)")
    commands.add_parser("env", help="print the exports that kubectl, helm and docker need in a shell")
    commands.add_parser("status", help="show the cluster's nodes and pods")
    options = parser.parse_args()
    try:
        if options.command == "up":
            cluster.up()
        elif options.command == "down":
            cluster.down(stop_engine=options.engine)
        elif options.command == "images":
            print(json.dumps(cluster.up_with_images()[1]))
        elif options.command == "services":
            docker = engine.environment()
            images.ensure_service_images(docker, images.registry_reachable(docker)[0])
        elif options.command == "env":
            changed = {key: value for key, value in cluster.environment().items() if os.environ.get(key) != value}
            print("\n".join(f"export {key}={shlex.quote(value)}" for key, value in sorted(changed.items())))
        else:
            print(run("kubectl", "get", "nodes,pods", "-A", "-o", "wide", environment=cluster.environment()), end="")
    except StepFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
