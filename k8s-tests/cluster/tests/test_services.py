"""The servers of the unit tests."""

import os
import subprocess
import sys

from cluster import services, versions
from cluster.steps import run


def test_only_servers_whose_tests_have_ended_are_removed(docker):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        owners = [os.getpid(), other.pid]
        other.communicate(b"\n")
    words = ("docker", "create", "--label")
    mine, orphan = (
        run(*words, f"{services.OWNER_LABEL}={owner}", versions.REDIS_IMAGE, environment=docker).strip()
        for owner in owners
    )
    try:
        services._remove_orphans(docker)
        present = run("docker", "ps", "-aq", "--no-trunc", environment=docker).split()
        assert mine in present
        assert orphan not in present
    finally:
        run("docker", "rm", "-f", mine, orphan, environment=docker)


def test_a_process_of_another_user_is_alive():
    """PID 1 is root's, whom another user may not signal."""
    assert services._alive(1)
