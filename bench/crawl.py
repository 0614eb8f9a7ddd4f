"""How fast the crawler is: one worker beside scrapy, workers on polite sites, a worker's memory over many pages.

    python bench/crawl.py [speed] [workers] [memory]

Everything is real and on this machine: demo sites in a process of their own, MySQL and Redis in containers. The numbers
of one run belong together; those of two runs do not.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import pymysql
import redis
import yaml
from cluster import engine, images, services
from newscrawl import settings as environment
from newscrawl.crawl import Discovery, discover_site, fetch_batch
from newscrawl.settings import Settings
from newscrawl.store import connect
from newscrawl.store.migrate import migrate
from newscrawl.store.tables import metadata
from newssite.local import PROFILES, running
from newssite.state import State
from sqlalchemy import make_url

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bench"
SPEED_PAGES, SPEED_BATCH = 3000, 1000
POLITE_SITES, POLITE_PAGES, POLITE_RATE = 8, 40, 8.0
MEMORY_PAGES, MEMORY_BATCH = 20_000, 500
UNLIMITED = 1000.0  # requests a second, more than any of them reaches

_workers = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Sites:
    """Copies of the demo site Hanbit, each on a port of its own, served by one other process."""

    ports: tuple[int, ...]
    pipe: Connection

    def requests(self) -> list[list[float]]:
        """When each site was asked for an article (Unix seconds), since the last call."""
        self.pipe.send("requests")
        return self.pipe.recv()

    def profiles(self, folder: Path, *, rate: float, concurrency: int, batch: int) -> list[str]:
        """Writes a profile for each site; returns their names."""
        names = []
        for number, port in enumerate(self.ports):
            text = (PROFILES / "hanbit.yaml").read_text("utf-8").replace("hanbit.newssite", f"127.0.0.1:{port}")
            profile = yaml.safe_load(text)
            profile["versions"][0]["since"] = "2020-01-01"
            profile["site"] = f"hanbit{number}"
            profile["politeness"] = {"requests_per_second": rate, "concurrency": concurrency}
            profile["crawl"] |= {"batch_size": batch, "max_articles": 100_000}
            (folder / f"hanbit{number}.yaml").write_text(yaml.safe_dump(profile, allow_unicode=True), "utf-8")
            names.append(profile["site"])
        return names


def _serve(count: int, articles: int, pipe: Connection) -> None:
    with ExitStack() as stack:
        states = [State.new(articles, seed=1 + number, latency=0) for number in range(count)]
        sites = [stack.enter_context(running(state)) for state in states]
        pipe.send([one.ports["hanbit"] for one in sites])
        while pipe.recv() == "requests":
            pipe.send([[r["time"] for r in state.requests if "/news/" in str(r["path"])] for state in states])
            for state in states:
                state.requests.clear()


@contextmanager
def serving(count: int, articles: int) -> Iterator[Sites]:
    """The sites, each with so many articles, until the block ends."""
    ours, theirs = _workers.Pipe()
    process = _workers.Process(target=_serve, args=(count, articles, theirs), daemon=True)
    process.start()
    try:
        yield Sites(tuple(ours.recv()), ours)
        ours.send("end")
        process.join(10)
    finally:
        process.kill()


def _fetch(run_id: int, batches: tuple[int, ...], settings: Settings) -> tuple[float, Counter[str]]:
    """In a worker: CPU seconds and outcomes of the batches."""
    before = time.process_time()
    outcomes: Counter[str] = Counter()
    for batch in batches:
        outcomes.update(fetch_batch(run_id, batch, settings=settings).outcomes)
    return time.process_time() - before, outcomes


def speed(settings: Settings) -> dict[str, object]:
    """One worker process without limits beside scrapy, each from the feeds to the rows."""
    with serving(1, SPEED_PAGES) as sites:
        (site,) = sites.profiles(settings.sites[-1], rate=UNLIMITED, concurrency=8, batch=SPEED_BATCH)
        warm = f"http://127.0.0.1:{sites.ports[0]}"
        theirs = _scrapy(warm, settings)  # the first to come also makes the server render its pages
        theirs = _scrapy(warm, settings)
        with ProcessPoolExecutor(1, _workers) as pool:
            pool.submit(time.sleep, 0).result()
            start = time.perf_counter()
            found = discover_site(site, run_key="speed", settings=settings)
            discovered = time.perf_counter()
            cpu, outcomes = pool.submit(_fetch, found.run_id, found.batches, settings).result()
            ended = time.perf_counter()
    return {
        "pages": outcomes["stored"],
        "pages_per_second": outcomes["stored"] / (ended - start),
        "pages_per_second_fetching": outcomes["stored"] / (ended - discovered),
        "cpu_ms_a_page": 1000 * cpu / max(1, outcomes["stored"]),
        "discovery_seconds": discovered - start,
        "scrapy": theirs,
    }


def _scrapy(site: str, settings: Settings) -> dict[str, float]:
    url = make_url(settings.require_mysql())
    login = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "database": url.database,
    }
    told = os.environ | {"BENCH_SITE": site, "BENCH_MYSQL": json.dumps(login)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [str(BUILD / "venv" / "bin" / "scrapy"), "runspider", str(ROOT / "bench" / "scrapy_spider.py")]
    subprocess.run(command, env=told, check=True)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pymysql.connect(**login) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM scrapy_articles")
        (pages,) = cursor.fetchone() or (0,)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"pages": pages, "pages_per_second": pages / seconds, "cpu_ms_a_page": 1000 * cpu / max(1, pages)}


def workers(settings: Settings) -> list[dict[str, float]]:
    """Eight sites with the same limit, crawled by 1, 2, 4 and 8 processes."""
    rows = []
    for count in (1, 2, 4, 8):
        _empty(settings)
        with serving(POLITE_SITES, POLITE_PAGES) as sites:
            names = sites.profiles(settings.sites[-1], rate=POLITE_RATE, concurrency=1, batch=POLITE_PAGES)
            found = [discover_site(name, run_key="polite", settings=settings) for name in names]
            with ProcessPoolExecutor(count, _workers) as pool:
                list(pool.map(time.sleep, [0.5] * count))  # every worker is there
                sites.requests()
                start = time.perf_counter()
                stored = sum(pool.map(_stored, found, [settings] * len(found)))
                seconds = time.perf_counter() - start
            fastest = max(_rate(times) for times in sites.requests())
        rows.append({"workers": count, "pages": stored, "seconds": seconds, "fastest_site_per_second": fastest})
        print(
            f"  {count} workers: {stored} pages in {seconds:.1f} s, at most {fastest:.2f} requests/s a site", flush=True
        )
    return rows


def _stored(found: Discovery, settings: Settings) -> int:
    return _fetch(found.run_id, found.batches, settings)[1]["stored"]


def _rate(times: list[float]) -> float:
    """The most requests a second over any ten in a row."""
    spans = [later - earlier for earlier, later in zip(times, times[10:], strict=False)]
    return 10 / min(spans) if spans else 0.0


def memory(settings: Settings) -> dict[str, object]:
    """The resident memory of one worker process after each batch."""
    _empty(settings)
    with serving(1, MEMORY_PAGES) as sites:
        (site,) = sites.profiles(settings.sites[-1], rate=UNLIMITED, concurrency=8, batch=MEMORY_BATCH)
        found = discover_site(site, run_key="memory", settings=settings)
        sizes = []
        with ProcessPoolExecutor(1, _workers) as pool:
            for number, batch in enumerate(found.batches, 1):
                sizes.append(pool.submit(_resident_after, found.run_id, batch, settings).result())
                print(f"\r  {number * MEMORY_BATCH} pages: {sizes[-1]:.0f} MiB", end="", flush=True)
        print()
    settled = sizes[len(sizes) // 10]
    return {"mib_after_each_batch": sizes, "growth_after_a_tenth": sizes[-1] / settled - 1}


def _resident_after(run_id: int, batch: int, settings: Settings) -> float:
    fetch_batch(run_id, batch, settings=settings)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def _empty(settings: Settings) -> None:
    redis.Redis.from_url(settings.require_redis()).flushdb()
    with connect(settings.require_mysql(), patience=5).engine.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())


@contextmanager
def _settings() -> Iterator[Settings]:
    docker = engine.environment()
    images.ensure_service_images(docker, images.registry_reachable(docker)[0])
    with (
        services.mysql_server(docker) as mysql,
        services.redis_server(docker) as store,
        tempfile.TemporaryDirectory() as at,
    ):
        url = make_url(mysql)
        with pymysql.connect(host=url.host, port=url.port, user=url.username, password=url.password) as connection:
            connection.cursor().execute("CREATE DATABASE bench")
        folder = Path(at)
        (folder / "sites").mkdir()
        settings = replace(
            environment.load({}),
            mysql_url=f"{mysql}/bench",
            redis_url=store,
            data_dir=folder / "data",
            sites=(folder / "sites",),
        )
        migrate(connect(settings.require_mysql(), patience=5))
        yield settings


PARTS = {"speed": speed, "workers": workers, "memory": memory}


def main() -> None:
    """Measure what is named, or everything; print it and write it as JSON."""
    named = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in named if name not in PARTS]:
        sys.exit(f"no measurement {unknown[0]!r}: there are {', '.join(PARTS)}")
    BUILD.mkdir(parents=True, exist_ok=True)
    told = {}
    with _settings() as settings:
        for name in named:
            print(f"{name}: {PARTS[name].__doc__}", flush=True)
            told[name] = PARTS[name](settings)
            print(json.dumps(told[name], indent=2), flush=True)
            (BUILD / "crawl.json").write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
