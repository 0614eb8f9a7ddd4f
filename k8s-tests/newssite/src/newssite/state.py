"""What the running sites are like now: their editions, faults and outages, and every request that they saw."""

from __future__ import annotations

import json
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import ModuleType
from typing import TextIO

from newssite.edition import Edition
from newssite.page import Page
from newssite.sites import dure, gangmun, hanbit, harbor

SITES: Mapping[str, ModuleType] = {site.NAME: site for site in (hanbit, gangmun, dure, harbor)}
_FAULTS: Mapping[str, Callable[[str, int], tuple[int, float | None] | None]] = {harbor.NAME: harbor.fault}
_KEPT_PAGES = 4096


class BadControl(ValueError):
    """An order of a test that the sites do not understand; the message says what they do."""


@dataclass(frozen=True)
class Outage:
    """A site that answers with `status` until `until` (monotonic seconds), or hangs up when that is None."""

    until: float
    status: int | None


@dataclass
class State:
    """The four sites; `latency` is the seconds that harbor takes for a page, `log` gets each request as a JSON line."""

    editions: dict[str, Edition]
    latency: float
    log: TextIO | None = None
    requests: list[dict[str, object]] = field(default_factory=list)
    outages: dict[str, Outage] = field(default_factory=dict)
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _pages: OrderedDict[tuple[str, str, str], Page] = field(default_factory=OrderedDict)

    @classmethod
    def new(
        cls,
        articles: int = 200,
        seed: int = 1,
        *,
        latency: float = 0.15,
        crawl_delay: float = 0.25,
        log: TextIO | None = None,
    ) -> State:
        """Sites with `articles` articles each, which nobody has visited; `crawl_delay` (seconds) is harbor's."""
        editions = {name: site.edition(seed, articles) for name, site in SITES.items()}
        editions[harbor.NAME] = replace(editions[harbor.NAME], crawl_delay=crawl_delay)
        return cls(editions, latency, log)

    def outage(self, site: str) -> Outage | None:
        """The site's outage, when there is one now."""
        found = self.outages.get(site)
        return found if found and time.monotonic() < found.until else None

    def page(self, site: str, authority: str, path: str, query: str) -> Page:
        """The answer to one more request for a path, a fault of the site among them."""
        if site in _FAULTS:
            times = self._asked[site, path]
            self._asked[site, path] += 1
            if fault := _FAULTS[site](path, times):
                headers = {} if fault[1] is None else {"Retry-After": f"{fault[1]:.0f}"}
                return Page(b"try again later", "text/plain", fault[0], headers)
        key = (site, authority, f"{path}?{query}")
        if key not in self._pages:
            self._pages[key] = SITES[site].page(self.editions[site], authority, path, query)
            if len(self._pages) > _KEPT_PAGES:
                self._pages.popitem(last=False)
        return self._pages[key]

    def remember(self, host: str, site: str, path: str, status: int, user_agent: str) -> None:
        """Note a request: `time` is when it came (Unix seconds), `status` 0 a connection broken on purpose."""
        record = {"time": time.time(), "host": host, "site": site, "path": path, "status": status, "ua": user_agent}
        self.requests.append(record)
        if self.log:
            print(json.dumps(record), file=self.log, flush=True)

    def truth(self, site: str, authority: str) -> list[dict[str, object]]:
        """What is true of a site now, its newest article first."""
        return list(SITES[site].truth(self.editions[site], authority))

    def control(self, order: Mapping[str, object]) -> None:
        """Obey a test: {"site": NAME} with one or more of "outage": {"seconds": S, "status": 503 or null},
        "publish": N more articles, "change": the number of an article. Raises BadControl.
        """
        rest, now = dict(order), datetime.now(UTC).replace(microsecond=0)
        site = rest.pop("site", None)
        if site not in SITES:
            raise BadControl(f"'site' is {site!r}, not one of {', '.join(SITES)}")
        try:
            if "outage" in rest:
                outage = dict(rest.pop("outage"))  # type: ignore[call-overload]
                seconds, status = float(outage.pop("seconds")), outage.pop("status", None)
                self.outages[site] = Outage(time.monotonic() + seconds, None if status is None else int(status))
            if "publish" in rest:
                self.editions[site] = self.editions[site].with_more(int(rest.pop("publish")))  # type: ignore[call-overload]
            if "change" in rest:
                self.editions[site] = self.editions[site].with_change(int(rest.pop("change")), now)  # type: ignore[call-overload]
        except (KeyError, TypeError, ValueError, LookupError) as error:
            raise BadControl(f"not understood ({error!r}): {json.dumps(dict(order))}") from error
        if rest:
            raise BadControl(f"unknown keys {sorted(rest)}; there are site, outage, publish, change")
        self._pages.clear()
