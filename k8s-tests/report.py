"""What the demo proved: the truth of the sites against MySQL's rows, and each queue's backlog and workers over time.

Pure functions over what the demo collected, so that the verdict can be tested without a cluster; `write` is the edge.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installation import QueueReading
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

QUERY = "SELECT site, canonical_url, title, body, authors, published FROM articles"

_BACKLOG, _REPLICAS, _QUIET = "#9ec5e8", "#b3472d", "#5a6470"


def compare(
    truth: Iterable[Mapping[str, Any]],
    rows: Iterable[Mapping[str, Any]],
    samples: Sequence[tuple[float, Mapping[str, QueueReading]]],
    phases: Mapping[str, float],
) -> dict[str, Any]:
    """The whole result of a demo, ready to be JSON.

    `truth` are the sites' truth lines, `rows` those of QUERY, `samples` (seconds, reading of each queue), `phases`
    seconds by name. An article is right when title, paragraphs, authors and published time (UTC) are all equal; each
    wrong one is listed by URL with the fields that differ, one that is missing or too many as such.
    """
    expected: dict[str, dict[str, Mapping[str, Any]]] = {}
    for line in truth:
        of_site = expected.setdefault(line["site"], {})
        if line["kind"] == "article":
            of_site[line["canonical"]] = line
    stored: dict[str, dict[str, Mapping[str, Any]]] = {site: {} for site in expected}
    for row in rows:
        stored.setdefault(row["site"], {})[row["canonical_url"]] = row
    return {
        "sites": {site: _site(expected.get(site, {}), stored[site]) for site in stored},
        "queues": _timelines(samples),
        "phases": dict(phases),
    }


def _site(expected: Mapping[str, Mapping[str, Any]], stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    wrong = [{"url": url, "why": "missing"} for url in expected.keys() - stored.keys()]
    wrong += [{"url": url, "why": "not an article of the truth"} for url in stored.keys() - expected.keys()]
    for url in expected.keys() & stored.keys():
        wanted, have = _wanted(expected[url]), _have(stored[url])
        differing = [name for name in wanted if wanted[name] != have[name]]
        if differing:
            pairs = {name: {"truth": wanted[name], "stored": have[name]} for name in differing}
            wrong.append({"url": url, "why": f"{', '.join(differing)} differ", "fields": pairs})
    return {"expected": len(expected), "stored": len(stored), "wrong": sorted(wrong, key=lambda one: one["url"])}


def _wanted(line: Mapping[str, Any]) -> dict[str, Any]:
    published = datetime.fromisoformat(line["published"]).astimezone(UTC)
    return {
        "title": line["title"],
        "paragraphs": list(line["paragraphs"]),
        "authors": list(line["authors"]),
        "published": published.isoformat(),
    }


def _have(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row in the words of the truth; MySQL gives JSON as text and UTC as naive times."""
    published = row["published"]
    authors = row["authors"]
    return {
        "title": row["title"],
        "paragraphs": row["body"].split("\n\n"),
        "authors": json.loads(authors) if isinstance(authors, str | bytes) else list(authors),
        "published": published.replace(tzinfo=UTC).isoformat() if published else None,
    }


def _timelines(samples: Sequence[tuple[float, Mapping[str, QueueReading]]]) -> dict[str, list[list[float]]]:
    timelines: dict[str, list[list[float]]] = {}
    for seconds, readings in samples:
        for queue, reading in readings.items():
            timelines.setdefault(queue, []).append([round(seconds, 1), reading.backlog, reading.replicas])
    return timelines


def is_exact(result: Mapping[str, Any]) -> bool:
    """Whether MySQL holds exactly the truth of every site, and there was something to hold."""
    sites = result["sites"].values()
    return bool(sites) and all(one["expected"] and not one["wrong"] for one in sites)


def unscaled(result: Mapping[str, Any]) -> list[str]:
    """The sites whose queue did not go from no worker to several and back to none."""
    found = []
    for site in result["sites"]:
        replicas = [row[2] for row in result["queues"].get(site, [])] or [0]
        if replicas[0] or replicas[-1] or max(replicas) < 2:
            found.append(site)
    return found


def text(result: Mapping[str, Any], states: Mapping[str, str]) -> str:
    """The report for the terminal; `states` are the ends of the DAG runs by site."""
    lines = ["", f"{'site':<10}{'run':<10}{'expected':>9}{'stored':>8}{'wrong':>7}   {'workers':<12}largest backlog"]
    for site, one in result["sites"].items():
        timeline = result["queues"].get(site, [])
        workers = f"0 -> {max((row[2] for row in timeline), default=0)} -> {timeline[-1][2] if timeline else 0}"
        backlog = max((row[1] for row in timeline), default=0)
        counts = f"{one['expected']:>9}{one['stored']:>8}{len(one['wrong']):>7}"
        lines.append(f"{site:<10}{states.get(site, '-'):<10}{counts}   {workers:<12}{backlog} tasks")
    for site, one in result["sites"].items():
        lines += [f"  {site}: {wrong['why']}: {wrong['url']}" for wrong in one["wrong"][:5]]
        if len(one["wrong"]) > 5:
            lines.append(f"  {site}: and {len(one['wrong']) - 5} more, see report.json")
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in result["phases"].items())
    verdict = "MySQL holds exactly what the sites published." if is_exact(result) else "MySQL differs from the sites."
    if away := unscaled(result):
        verdict += f" Queues that did not go from 0 to several workers and back: {', '.join(away)}."
    return "\n".join([*lines, "", f"Phases: {spent}", verdict, ""])


def write(result: Mapping[str, Any], folder: Path) -> None:
    """Write report.json and scaling.png into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    draw(result["queues"], folder / "scaling.png")


def draw(timelines: Mapping[str, Sequence[Sequence[float]]], path: Path) -> None:
    """One panel for each queue that had work: its backlog as an area, its workers as steps, over the same seconds."""
    busy = {queue: rows for queue, rows in timelines.items() if any(row[1] or row[2] for row in rows)} or timelines
    count = max(len(busy), 1)
    figure = Figure(figsize=(9, 0.6 + 1.45 * count), layout="constrained")
    grid = figure.subplots(count, 1, sharex=True, squeeze=False)
    panels = [row[0] for row in grid]
    most_workers = max((row[2] for rows in busy.values() for row in rows), default=0)
    for panel, (queue, rows) in zip(panels, busy.items(), strict=False):
        _panel(panel, queue, rows, most_workers)
    panels[-1].set_xlabel("seconds since the crawl began", color=_QUIET)
    figure.savefig(path, dpi=140)


def _panel(panel: Axes, queue: str, rows: Sequence[Sequence[float]], most_workers: float) -> None:
    seconds, backlog, replicas = (list(column) for column in zip(*rows, strict=True))
    workers = panel.twinx()
    panel.fill_between(seconds, backlog, step="post", color=_BACKLOG, linewidth=0)
    workers.step(seconds, replicas, where="post", color=_REPLICAS, linewidth=1.8)
    panel.set_title(queue, loc="left", fontsize=10, fontweight="bold")
    panel.set_ylabel("tasks", color="#4a86bd")
    workers.set_ylabel("workers", color=_REPLICAS)
    panel.set_ylim(0, max(*backlog, 1) * 1.15)
    workers.set_ylim(0, max(most_workers, 1) * 1.15)
    panel.set_xlim(min(seconds), max(*seconds, min(seconds) + 1))
    for axes in (panel, workers):
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
        axes.tick_params(labelsize=8, colors=_QUIET, length=0)
        axes.spines[["top", "left", "right"]].set_visible(False)
    panel.grid(axis="x", color="#e3e6e9", linewidth=0.6)
    panel.set_axisbelow(True)
