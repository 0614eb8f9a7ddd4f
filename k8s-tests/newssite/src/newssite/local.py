"""The sites on this machine, for tests and for `newssite local`: each on a port of 127.0.0.1 of its own.

Ports rather than names, because `hanbit.localhost` is resolved on some systems only.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from newssite.server import DOMAIN, Server
from newssite.state import SITES, State

PROFILES = Path(__file__).resolve().parents[2] / "profiles"


@dataclass(frozen=True)
class LocalSites:
    """Running sites; `ports` are those of `Server.serve`."""

    state: State
    ports: Mapping[str, int]

    def authority(self, site: str) -> str:
        """Host and port of a site."""
        return f"127.0.0.1:{self.ports[site]}"

    def url(self, site: str, path: str = "/") -> str:
        """An absolute URL of a site."""
        return f"http://{self.authority(site)}{path}"

    def truth(self, site: str) -> list[dict[str, object]]:
        """What is true of a site now."""
        return self.state.truth(site, self.authority(site))


@contextmanager
def running(state: State) -> Iterator[LocalSites]:
    """Serve the state from a thread until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="newssite", daemon=True)
    thread.start()

    def run(coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)  # type: ignore[arg-type]

    serving = Server(state).serve("127.0.0.1", 0, site_ports=True)
    try:
        ports = run(serving.__aenter__())
        yield LocalSites(state, ports)  # type: ignore[arg-type]
        run(serving.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def write_profiles(folder: Path, ports: Mapping[str, int], source: Path = PROFILES) -> list[Path]:
    """Write the cluster's profiles into `folder`, with the hosts of sites on ports of this machine.

    Raises FileNotFoundError when `source` has no profile of a site.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for site in SITES:
        text = (source / f"{site}.yaml").read_text(encoding="utf-8")
        path = folder / f"{site}.yaml"
        path.write_text(text.replace(f"{site}.{DOMAIN}", f"127.0.0.1:{ports[site]}"), encoding="utf-8")
        written.append(path)
    return written
