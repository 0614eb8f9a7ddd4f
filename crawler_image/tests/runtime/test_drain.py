"""The drain against a real worker and a real Redis: what runs ends, what comes stays, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from celery_worker import QUEUE, Worker, until
from newscrawl_airflow.drain import BLIND, Look, is_drained
from newscrawl_airflow.process_table import pool_processes, task_processes
from newscrawl_airflow.worker_state import WorkerState

needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="the drain reads Linux's /proc")


def drain(worker: Worker, grace: float = 60) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "newscrawl_airflow.drain", "--grace", str(grace)]
    return subprocess.Popen(command, env=worker.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def consumes(worker: Worker) -> bool:
    return QUEUE in (worker.folder / "worker.json").read_text()


@pytest.mark.slow
@needs_proc
def test_running_task_ends_and_a_new_one_stays_queued(worker, broker, publish, tmp_path):
    publish("running", str(tmp_path / "go"))
    until(worker.running)
    process = drain(worker)
    until(lambda: not consumes(worker))
    publish("late")
    # long enough for a drain that does not wait to return, and for a worker that consumes to take the message
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    (tmp_path / "go").touch()
    assert process.wait(30) == 0, process.stdout.read()
    assert worker.stop() == 0
    assert worker.done() == ["running"]
    assert broker.llen(QUEUE) == 1
    assert broker.hlen(f"unacked:{QUEUE}") == 0


@pytest.mark.slow
@needs_proc
def test_messages_that_arrive_while_it_drains_are_done_once_or_stay(worker, broker, publish):
    names = [str(number) for number in range(60)]
    for name in names[:20]:
        publish(name)
    process = drain(worker)
    for name in names[20:]:
        publish(name)
    assert process.wait(60) == 0
    assert worker.stop() == 0
    done = worker.done()
    assert len(done) == len(set(done))
    assert len(done) + broker.llen(QUEUE) == len(names)
    assert broker.hlen(f"unacked:{QUEUE}") == 0


@pytest.mark.slow
@needs_proc
def test_worker_that_lost_redis_for_a_moment_still_drains(worker, broker, publish, tmp_path):
    publish("running", str(tmp_path / "go"))
    until(worker.running)
    broker.client_kill_filter(_type="normal", skipme=True)
    until(lambda: worker.connections() == 2)
    process = drain(worker)
    until(lambda: not consumes(worker), seconds=20)
    publish("late")
    (tmp_path / "go").touch()
    assert process.wait(60) == 0, process.stdout.read()
    assert worker.stop() == 0
    assert "late" not in worker.done()


@pytest.mark.slow
@needs_proc
def test_while_redis_is_away_the_drain_waits_for_what_runs(worker, broker, publish, tmp_path):
    """For longer than a silence without a task is believed; the task's end is told when Redis is back."""
    publish("running", str(tmp_path / "go"))
    until(lambda: task_processes(worker.process.pid) == 1)
    until(lambda: broker.hlen(f"unacked:{QUEUE}") == 1)
    longer = BLIND + 5
    broker.client_pause(int(1000 * (longer + 5)))
    process = drain(worker)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(longer)
    (tmp_path / "go").touch()
    until(lambda: worker.done() == ["running"], seconds=4)
    assert process.wait(60) == 0, process.stdout.read()
    assert worker.stop() == 0
    assert worker.done() == ["running"]
    assert (broker.llen(QUEUE), broker.hlen(f"unacked:{QUEUE}")) == (0, 0)


@pytest.mark.slow
@needs_proc
def test_where_no_result_can_be_stored_it_ends_once_nothing_runs(begin, broker, publish, tmp_path, monkeypatch):
    """As when the whole release is removed: Celery alone would try until the kubelet kills it."""
    monkeypatch.setenv("NEWSCRAWL_TEST_BACKEND", f"db+sqlite:///{tmp_path}/away/results.db")
    worker = begin("worker")
    publish("running", str(tmp_path / "go"))
    until(worker.running)
    worker.process.terminate()
    until(lambda: "Warm shutdown" in (worker.folder / "worker.log").read_text())
    with pytest.raises(subprocess.TimeoutExpired):
        worker.process.wait(5)
    processes = pool_processes(worker.process.pid)
    (tmp_path / "go").touch()
    assert worker.process.wait(20) == 1
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))
    assert worker.done() == ["running"]
    # another worker hears of it, and Airflow refuses to start it twice
    assert broker.hlen(f"unacked:{QUEUE}") == 1


@pytest.mark.slow
@needs_proc
def test_idle_worker_is_drained_at_once_and_its_probe_passes(worker):
    process = drain(worker)
    assert process.wait(30) == 0
    assert "drained in" in process.stdout.read()
    assert not consumes(worker)
    probe = [sys.executable, "-m", "newscrawl_airflow.alive", "worker"]
    assert subprocess.run(probe, env=worker.environ, check=False).returncode == 0


@pytest.mark.slow
@needs_proc
def test_grace_is_a_bound(worker, publish, tmp_path):
    publish("long", str(tmp_path / "go"))
    until(worker.running)
    process = drain(worker, grace=3)
    assert process.wait(30) == 1
    assert "the grace of 3 s is over" in process.stdout.read()
    assert "drain: the grace of 3 s is over" in (worker.folder / "worker.log").read_text()


@pytest.mark.slow
@needs_proc
def test_tasks_are_counted_without_redis(worker, publish, tmp_path):
    assert task_processes(worker.process.pid) == 0
    publish("one", str(tmp_path / "go"))
    publish("two", str(tmp_path / "go"))
    until(lambda: task_processes(worker.process.pid) >= 2)
    (tmp_path / "go").touch()
    until(lambda: task_processes(worker.process.pid) == 0)


def drain_unready(tmp_path, monkeypatch, output) -> str:
    monkeypatch.setenv("NEWSCRAWL_WORKER_STATE", str(tmp_path / "none.json"))
    monkeypatch.setenv("NEWSCRAWL_CONTAINER_OUTPUT", str(output))
    command = [sys.executable, "-m", "newscrawl_airflow.drain", "--grace", "5"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_worker_that_was_not_ready_has_nothing_to_drain(tmp_path, monkeypatch):
    assert "nothing to drain" in drain_unready(tmp_path, monkeypatch, "/dev/null")


@needs_proc
def test_what_the_drain_says_is_in_the_log_of_the_worker(tmp_path, monkeypatch):
    """Of PID 1 of a container; here of a program whose output is a pipe as a container's is."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        drain_unready(tmp_path, monkeypatch, f"/proc/{worker.pid}/fd/1")
        said, _ = worker.communicate("", timeout=30)
    assert said == "drain: the worker was not ready yet: nothing to drain\n"


def test_an_output_that_cannot_be_written_stops_no_drain(tmp_path, monkeypatch):
    assert "nothing to drain" in drain_unready(tmp_path, monkeypatch, tmp_path / "missing")


def look(at: float, written: float, *, tasks: int = 0, queues: tuple[str, ...] = (), processes: int = 0) -> Look:
    return Look(at, WorkerState(1, frozenset(queues), tasks, written), processes)


def test_one_empty_state_proves_nothing():
    assert not is_drained([look(0, 0), look(0.5, 0), look(1, 0), look(2, 0)])


def test_two_empty_states_more_than_a_second_apart_prove_it():
    assert is_drained([look(0, 0), look(1, 1), look(1.5, 1.1)])


@pytest.mark.parametrize("between", [{"tasks": 1}, {"queues": (QUEUE,)}, {"processes": 1}])
def test_anything_between_two_empty_states_starts_anew(between):
    assert not is_drained([look(0, 0), look(1, 1, **between), look(2, 2)])


def test_silence_with_a_running_process_is_not_idle():
    looks = [look(at, 0, tasks=1, processes=1) for at in range(0, 600, 10)]
    assert not is_drained(looks)


def test_silence_without_a_process_is_believed_after_a_while():
    silent = [look(at, 0, tasks=1) for at in range(int(BLIND) + 1)]
    assert not is_drained(silent[:-1])
    assert is_drained(silent)
