"""How fast the crawler is, and where its time goes; judged by what was promised of it.

    python bench/crawl.py [parse] [speed] [where] [workers] [memory] [long]

Everything is real and on this machine: demo sites in a process of their own, MySQL and Redis in containers. The numbers
of one run belong together; those of two runs do not. Exit code 1, at the end, when something promised does not hold.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import pkgutil
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pymysql
import redis
import yaml
from cluster import engine, images, services
from newscrawl import settings as environment
from newscrawl.crawl import discover_site, fetch_batch
from newscrawl.fetch.transport import Answer, Transport
from newscrawl.settings import Settings
from newscrawl.store import connect
from newscrawl.store.migrate import migrate
from newscrawl.store.tables import metadata
from newssite.local import PROFILES, running
from newssite.state import SITES, State
from sqlalchemy import make_url

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bench"
REPORT = BUILD / "crawler.json"

LEAST_PARSED, LEAST_CRAWLED = 200, 150  # pages a second: a core, and a worker process with the other core's services
SPEED_ROUNDS, SPEED_PAGES, SPEED_BATCH = 3, 3000, 1000
UNLIMITED, AT_ONCE = 100_000.0, 8  # requests a second, more than any crawler reaches; requests at once, of each crawler

WORKERS = (1, 2, 4, 8)
POLITE_SITES, POLITE_PAGES, POLITE_RATE = 8, 84, 8.0
SHARE_APART = 0.1  # of wall time x N, and of two requests' distance: a limiter's turn may be taken a tenth late

MEMORY_PAGES, MEMORY_BATCH, MEMORY_WARM, MEMORY_SAMPLE = 20_000, 250, 2000, 1000
MOST_GROWTH = 0.1
WITHOUT_SELECTORS = "hanbit"  # whose pages trafilatura reads, with caches of its own
# harbor cuts these off every time, and a batch would wait until it gives them up
NOT_CUT_OFF = r"/20\d\d/\d\d/[a-z0-9-]+-\d+(?<![13579]57)$"

_processes = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Check:
    """Something promised, what was measured of it, and whether it holds."""

    promised: str
    measured: str
    holds: bool

    def __str__(self) -> str:
        return f"{'ok' if self.holds else 'MISSED':<8}{self.promised:<76}{self.measured}"


Measured = tuple[Mapping[str, Any], Sequence[Check]]


# --- the sites


@dataclass(frozen=True)
class Served:
    """Demo sites on ports of their own, in one other process: `ports` of the four sites for each copy of them."""

    ports: tuple[Mapping[str, int], ...]
    pipe: Connection

    def requests(self) -> list[list[float]]:
        """When each copy logged a request for anything, robots.txt and hubs among it (Unix seconds)."""
        self.pipe.send("requests")
        return self.pipe.recv()

    def profile(
        self,
        folder: Path,
        site: str,
        copy: int = 0,
        *,
        rate: float,
        concurrency: int,
        batch: int,
        article: str = "",
        selectors: bool = True,
    ) -> str:
        """Writes the profile of a copy's site, `article` in the place of its pattern, or without `selectors`; returns
        its name."""
        address = f"127.0.0.1:{self.ports[copy][site]}"
        profile = yaml.safe_load((PROFILES / f"{site}.yaml").read_text("utf-8").replace(f"{site}.newssite", address))
        profile["site"] = f"{site}{copy}"
        profile["politeness"] = {"requests_per_second": rate, "concurrency": concurrency}
        profile["crawl"] |= {"batch_size": batch, "max_articles": 100_000}
        if article:
            profile["urls"]["article"][0] = article
        if not selectors:
            del profile["versions"]
        (folder / f"{site}{copy}.yaml").write_text(yaml.safe_dump(profile, allow_unicode=True), "utf-8")
        return profile["site"]


def _serve(copies: int, articles: int, rendered: Sequence[str], pipe: Connection) -> None:
    with ExitStack() as stack:
        states = [State.new(articles, seed=1 + number, latency=0, crawl_delay=0) for number in range(copies)]
        served = [stack.enter_context(running(state)) for state in states]
        for one in served:
            for site in rendered:
                _ask_for_all(one.state, site, one.authority(site))
        pipe.send([dict(one.ports) for one in served])
        while pipe.recv() == "requests":
            pipe.send([sorted(request["time"] for request in state.requests) for state in states])


def _ask_for_all(state: State, site: str, authority: str) -> None:
    """Makes the site render its articles once; those that fail the first time only do not fail any more."""
    for line in state.truth(site, authority):
        path, _, query = str(line["url"]).removeprefix(f"http://{authority}").partition("?")
        state.page(site, authority, path, query)


@contextmanager
def serving(copies: int, articles: int, *, rendered: Sequence[str] = ()) -> Iterator[Served]:
    """Copies of the four sites, each with so many articles, until the block ends; `rendered` are asked for before."""
    print(f"  {copies} x {articles} pages a site are made ready", flush=True)
    ours, theirs = _processes.Pipe()
    process = _processes.Process(target=_serve, args=(copies, articles, rendered, theirs), daemon=True)
    process.start()
    try:
        yield Served(tuple(ours.recv()), ours)
        ours.send("end")
        process.join(10)
    finally:
        process.kill()


# --- the workers


@dataclass(frozen=True)
class Crawl:
    """What a crawl took from its first request to its last commit, in seconds of time and of its process' CPU."""

    pages: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Pages a second."""
        return self.pages / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU a page."""
        return 1000 * self.cpu / self.pages


def crawl(site: str, settings: Settings) -> Crawl:
    """Discovers a site and fetches all of it, in this process."""
    began, cpu = time.perf_counter(), time.process_time()
    found = discover_site(site, run_key="bench", settings=settings)
    outcomes: Counter[str] = Counter()
    for batch in found.batches:
        outcomes.update(fetch_batch(found.run_id, batch, settings=settings).outcomes)
    return Crawl(outcomes["stored"], time.perf_counter() - began, time.process_time() - cpu)


@contextmanager
def started(count: int) -> Iterator[Executor]:
    """So many worker processes, which have imported everything."""
    with ProcessPoolExecutor(count, _processes) as pool:
        list(pool.map(time.sleep, [0.5] * count))  # long enough for each process to get one
        yield pool


def finished(what: str, futures: Sequence[Future[T]]) -> list[T]:
    """Their results; says every two seconds how many there are."""
    began = time.perf_counter()
    while pending := [one for one in futures if not one.done()]:
        wait(pending, 2)
        ended = sum(one.done() for one in futures)
        print(f"\r  {what}: {ended} of {len(futures)} done, {time.perf_counter() - began:.0f} s ", end="", flush=True)
    print("\r\033[K", end="", flush=True)
    return [one.result() for one in futures]


# --- what is measured


def parse(settings: Settings) -> Measured:
    """Pages parsed on one core, with profiles and without, beside trafilatura."""
    subprocess.run([sys.executable, str(ROOT / "bench" / "parse.py")], check=False)
    told = json.loads((BUILD / "parse.json").read_text())
    rate = told["pages_per_second_a_core"]["with a profile"]
    promised = f"pages parsed with a profile: at least {LEAST_PARSED} a second a core"
    return told, [Check(promised, f"{rate:.0f}", rate >= LEAST_PARSED)]


def speed(settings: Settings) -> Measured:
    """One worker process and scrapy in turn on a site without limits, each from its feeds to its last commit."""
    ours: list[Crawl] = []
    theirs: list[Crawl] = []
    with serving(1, SPEED_PAGES, rendered=["hanbit"]) as sites:
        site = sites.profile(settings.sites[-1], "hanbit", rate=UNLIMITED, concurrency=AT_ONCE, batch=SPEED_BATCH)
        for number in range(1, SPEED_ROUNDS + 1):
            _empty(settings)
            with started(1) as pool:
                ours += finished(f"round {number}, newscrawl", [pool.submit(crawl, site, settings)])
                theirs += finished(
                    f"round {number}, scrapy",
                    [pool.submit(scrapy, f"http://127.0.0.1:{sites.ports[0]['hanbit']}", settings)],
                )
            for name, one in (("newscrawl", ours[-1]), ("scrapy", theirs[-1])):
                print(
                    f"  round {number}: {name:<10}{one.pages} pages, {one.rate:.0f}/s, {one.cpu_ms:.2f} ms CPU a page"
                )
    rates = {name: statistics.median(one.rate for one in all) for name, all in (("ours", ours), ("scrapy", theirs))}
    cpu = {name: statistics.median(one.cpu_ms for one in all) for name, all in (("ours", ours), ("scrapy", theirs))}
    ratio = statistics.median(mine.rate / its.rate for mine, its in zip(ours, theirs, strict=True))
    told = {
        "pages_per_second": rates,
        "cpu_ms_a_page": cpu,
        "ratio_to_scrapy": ratio,
        "rounds": {"ours": [asdict(one) for one in ours], "scrapy": [asdict(one) for one in theirs]},
    }
    promised = f"pages fetched, parsed and stored: at least {LEAST_CRAWLED} a second a worker"
    measured = f"{rates['ours']:.0f} ({ratio:.2f} x scrapy's {rates['scrapy']:.0f})"
    complete = {one.pages for one in ours + theirs}
    return told, [
        Check(promised, measured, rates["ours"] >= LEAST_CRAWLED),
        Check("both crawlers store every page", f"{min(complete)} of {SPEED_PAGES}", complete == {SPEED_PAGES}),
    ]


def scrapy(site: str, settings: Settings) -> Crawl:
    """The same with scrapy, in a process of its own that takes its time itself."""
    url = make_url(settings.require_mysql())
    login = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "database": url.database,
    }
    told = os.environ | {"BENCH_SITE": site, "BENCH_MYSQL": json.dumps(login), "BENCH_AT_ONCE": str(AT_ONCE)}
    command = [
        str(BUILD / "venv" / "bin" / "scrapy"),
        "runspider",
        "-L",
        "ERROR",
        str(ROOT / "bench" / "scrapy_spider.py"),
    ]
    taken = json.loads(subprocess.run(command, env=told, check=True, stdout=subprocess.PIPE, text=True).stdout)
    with pymysql.connect(**login) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM scrapy_articles")
        (pages,) = cursor.fetchone() or (0,)
    return Crawl(pages, taken["seconds"], taken["cpu"])


# what a part's time is: that in its functions, without that in other functions of this list
PARTS_OF_A_CRAWL: Mapping[str, Sequence[str]] = {
    "discovery": ["newscrawl.crawl:_store_links"],
    "network": ["newscrawl.fetch.transport:Transport.get"],
    "limiter (Redis)": ["newscrawl.fetch.limiter:Limiter.acquire", "newscrawl.fetch.limiter:Limiter.release"],
    "robots": ["newscrawl.fetch.robots:Robots.check"],
    "parse": ["newscrawl.visit:extract"],
    "preprocess": ["newscrawl.visit:preprocess"],
    "WARC": ["newscrawl.archive:WarcWriter.write"],
    "MySQL: frontier": [
        "newscrawl.store.frontier:add_links",
        "newscrawl.store.frontier:cut_batches",
        "newscrawl.store.frontier:claim",
        "newscrawl.store.frontier:next_free",
        "newscrawl.store.visits:record",
    ],
    "MySQL: articles": ["newscrawl.store.articles:row_of", "newscrawl.store.articles:upsert"],
    "MySQL: transactions": ["newscrawl.store.database:Database.run"],
}


class Timers:
    """Seconds of CPU and of waiting in each part, over all threads, each part without those that it calls."""

    def __init__(self) -> None:
        self.cpu: Counter[str] = Counter()
        self.waited: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._inner = threading.local()

    def install(self) -> None:
        """In the place of every function of the list, for the rest of this process."""
        for part, names in PARTS_OF_A_CRAWL.items():
            for name in names:
                module, _, path = name.partition(":")
                owner, _, attribute = path.rpartition(".")
                place = pkgutil.resolve_name(f"{module}:{owner}")
                setattr(place, attribute, self._timed(part, getattr(place, attribute)))

    def _timed(self, part: str, function: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> T:
            outer = getattr(self._inner, "taken", None)
            self._inner.taken = inner = [0.0, 0.0]
            began, cpu_began = time.perf_counter(), time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                cpu, seconds = time.thread_time() - cpu_began, time.perf_counter() - began
                with self._lock:
                    self.cpu[part] += cpu - inner[0]
                    self.waited[part] += seconds - cpu - (inner[1] - inner[0])
                if outer is not None:
                    outer[0] += cpu
                    outer[1] += seconds
                self._inner.taken = outer

        return timed


def timed_crawl(site: str, settings: Settings) -> tuple[Crawl, Counter[str], Counter[str]]:
    """A crawl with the CPU and the waiting of its parts, in a process that is used for nothing else."""
    timers = Timers()
    timers.install()
    return crawl(site, settings), timers.cpu, timers.waited


def where(settings: Settings) -> Measured:
    """Where the time of a worker goes: a crawl like that of `speed`, slowed down by the clocks around its parts."""
    _empty(settings)
    with serving(1, SPEED_PAGES, rendered=["hanbit"]) as sites, started(1) as pool:
        site = sites.profile(settings.sites[-1], "hanbit", rate=UNLIMITED, concurrency=AT_ONCE, batch=SPEED_BATCH)
        ((taken, cpu, waited),) = finished("a crawl with clocks", [pool.submit(timed_crawl, site, settings)])
    ms = 1000 / taken.pages
    rows = {part: {"cpu": ms * cpu[part], "waiting": ms * waited[part]} for part in PARTS_OF_A_CRAWL}
    rows["rest"] = {"cpu": taken.cpu_ms - sum(row["cpu"] for row in rows.values()), "waiting": 0.0}
    print(f"  ms a page (waiting of {AT_ONCE} threads, also for the interpreter) {'CPU':>10}{'waiting':>10}")
    for part, row in rows.items():
        print(f"  {part:<67}{row['cpu']:10.2f}{row['waiting']:10.2f}")
    print(f"  {'all, and the page itself':<67}{taken.cpu_ms:10.2f}{1000 / taken.rate:10.2f}")
    return {"ms_a_page": rows, "cpu_ms_a_page": taken.cpu_ms, "wall_ms_a_page": 1000 / taken.rate}, []


def workers(settings: Settings) -> Measured:
    """Eight sites with the same limit, each discovered and fetched by one of 1, 2, 4 and 8 worker processes.

    With as many workers as sites the limit itself is what takes the time: the requests of a site, one an interval.
    """
    rows: list[dict[str, float]] = []
    for count in WORKERS:
        _empty(settings)
        with serving(POLITE_SITES, POLITE_PAGES, rendered=["hanbit"]) as sites, started(count) as pool:
            names = [
                sites.profile(settings.sites[-1], "hanbit", copy, rate=POLITE_RATE, concurrency=1, batch=POLITE_PAGES)
                for copy in range(POLITE_SITES)
            ]
            began = time.perf_counter()
            crawls = finished(f"{count} workers", [pool.submit(polite_crawl, name, settings) for name in names])
            seconds = time.perf_counter() - began
            asked = [
                [Request(min(sent, logged), logged) for sent, logged in zip(times, log, strict=True)]
                for (_, times), log in zip(crawls, sites.requests(), strict=True)
            ]
        row = {
            "workers": count,
            "pages": sum(one.pages for one, _ in crawls),
            "seconds": seconds,
            # what the limit alone takes: the first request of a host comes at once
            "floor_seconds": max(len(requests) - 1 for requests in asked) / POLITE_RATE * (POLITE_SITES / count),
            "smallest_gap_seconds": min(closest(requests, 1) for requests in asked),
            "smallest_second": min(closest(requests, round(POLITE_RATE)) for requests in asked),
            "most_in_a_second": max(most_within(requests, 1.0) for requests in asked),
        }
        rows.append(row)
        print(
            f"  {count} workers: {row['pages']} pages in {seconds:.1f} s, {row['floor_seconds']:.1f} s by the limit "
            f"alone; a site's requests at least {1000 * row['smallest_gap_seconds']:.0f} ms apart, "
            f"{row['most_in_a_second']} in a second at most",
            flush=True,
        )
    alone = rows[0]["seconds"]
    checks = [
        Check(
            f"time of {row['workers']} workers x {row['workers']} / time of one: at most {1 + SHARE_APART:.2f}",
            f"{row['seconds'] * row['workers'] / alone:.3f}",
            row["seconds"] * row["workers"] / alone <= 1 + SHARE_APART,
        )
        for row in rows[1:]
    ]
    gap, second = (min(row[name] for row in rows) for name in ("smallest_gap_seconds", "smallest_second"))
    most = max(row["most_in_a_second"] for row in rows)
    checks += [
        Check(
            f"two requests to a host are {1000 / POLITE_RATE:.0f} ms apart, less {SHARE_APART:.0%} of lateness",
            f"{1000 * gap:.0f} ms",
            gap >= (1 - SHARE_APART) / POLITE_RATE,
        ),
        Check(
            f"a host gets {POLITE_RATE:.0f} requests a second in any second, less the same lateness",
            f"{POLITE_RATE:.0f} in {second:.3f} s",
            second >= 1 - SHARE_APART / POLITE_RATE,
        ),
        # from the logs alone: who logs one of them late counts one more
        Check(
            f"a site logs {POLITE_RATE:.0f} requests in any second, and one that it was late to log",
            f"{most:.0f}",
            most <= POLITE_RATE + 1,
        ),
    ]
    return {"rate": POLITE_RATE, "rows": rows}, checks


@dataclass(frozen=True)
class Request:
    """When a request had left its worker, and when its site logged it (Unix seconds): a busy machine logs late."""

    sent: float
    logged: float


def polite_crawl(site: str, settings: Settings) -> tuple[Crawl, list[float]]:
    """A crawl, and when each of its requests had left (Unix seconds)."""
    sent: list[float] = []
    get = Transport.get

    def noted(transport: Transport, *arguments: Any, **named: Any) -> Answer:
        answer = get(transport, *arguments, **named)
        sent.append(time.time() - time.monotonic() + (transport.sent or 0.0))
        return answer

    with patch.object(Transport, "get", noted):
        return crawl(site, settings), sorted(sent)


def closest(requests: Sequence[Request], further: int) -> float:
    """The shortest time from a request to the one that comes `further` after it."""
    return min(later.logged - earlier.sent for earlier, later in zip(requests, requests[further:], strict=False))


def most_within(requests: Sequence[Request], seconds: float) -> int:
    """The most requests that were logged in any span of time."""
    return max(sum(first.logged <= one.logged < first.logged + seconds for one in requests) for first in requests)


def memory(settings: Settings) -> Measured:
    """The resident memory of one worker process over many pages of four templates, one of them without selectors."""
    _empty(settings)
    with serving(1, MEMORY_PAGES // len(SITES), rendered=["harbor"]) as sites, started(1) as pool:
        queues = []
        for site in SITES:
            name = sites.profile(
                settings.sites[-1],
                site,
                rate=UNLIMITED,
                concurrency=AT_ONCE,
                batch=MEMORY_BATCH,
                article=NOT_CUT_OFF if site == "harbor" else "",
                selectors=site != WITHOUT_SELECTORS,
            )
            (found,) = finished(
                f"{site} is discovered", [pool.submit(discover_site, name, run_key="bench", settings=settings)]
            )
            queues.append([(found.run_id, batch) for batch in found.batches])
        # a batch of each site in turn, so that all samples are of the same mixture
        batches = [batch for together in zip(*queues, strict=False) for batch in together]
        samples: list[tuple[int, float]] = []
        pages, began = 0, time.perf_counter()
        for run_id, batch in batches:
            visited, mib = pool.submit(_resident_after, run_id, batch, settings).result()
            pages += visited
            seconds = time.perf_counter() - began
            print(f"\r  {pages} pages: {mib:.0f} MiB, {pages / seconds:.0f}/s ", end="", flush=True)
            if pages >= MEMORY_WARM + MEMORY_SAMPLE * len(samples):
                samples.append((pages, mib))
    print()
    first = samples[0][1]
    growth = max(mib for _, mib in samples) / first - 1
    told = {"pages": pages, "seconds": seconds, "mib_after_pages": samples, "most_growth": growth}
    promised = f"memory over {pages} pages: at most {MOST_GROWTH:.0%} above that after {MEMORY_WARM}"
    measured = f"{growth:+.1%} of {first:.0f} MiB ({pages / seconds:.0f} pages/s)"
    return told, [Check(promised, measured, growth <= MOST_GROWTH)]


def _resident_after(run_id: int, batch: int, settings: Settings) -> tuple[int, float]:
    visited = sum(fetch_batch(run_id, batch, settings=settings).outcomes.values())
    return visited, int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def long(settings: Settings) -> Measured:
    """The tests that take minutes."""
    began = time.perf_counter()
    status = subprocess.run([sys.executable, "-m", "pytest", "-m", "long"], cwd=ROOT, check=False).returncode
    seconds = time.perf_counter() - began
    return {"status": status, "seconds": seconds}, [Check("the long tests pass", f"{seconds:.0f} s", status == 0)]


# --- the rest


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


PARTS: Mapping[str, Callable[[Settings], Measured]] = {
    part.__name__: part for part in (parse, speed, where, workers, memory, long)
}


def main() -> None:
    """Measure what is named, or everything; write it as JSON after each part, and judge it at the end."""
    named = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in named if name not in PARTS]:
        sys.exit(f"no measurement {unknown[0]!r}: there are {', '.join(PARTS)}")
    BUILD.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {}
    checks: list[Check] = []
    with _settings() as settings:
        for name in named:
            print(
                f"{name}: {(PARTS[name].__doc__ or name).splitlines()[0]} Load now: {os.getloadavg()[0]:.1f}.",
                flush=True,
            )
            numbers, judged = PARTS[name](settings)
            told[name] = {"load": os.getloadavg()[0], **numbers, "checks": [asdict(one) for one in judged]}
            checks += judged
            REPORT.write_text(json.dumps(told, indent=2))
    print(f"\nin {REPORT.relative_to(ROOT)}:", *checks, sep="\n")
    sys.exit(not all(one.holds for one in checks))


if __name__ == "__main__":
    main()
