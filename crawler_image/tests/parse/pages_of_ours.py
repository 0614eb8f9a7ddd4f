"""Pages that the tests make: a response of an HTML text, and a profile of a YAML text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from newscrawl.extract.page import Page
from newscrawl.model import Response
from newscrawl.profiles import Profile, load

FETCHED = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
URL = "https://daily.example/news/1"

PROFILE = """\
site: daily
name: The Daily
language: ko
timezone: Asia/Seoul
hosts: [daily.example]
urls: {keep_params: [id]}
versions:
  - since: 2026-01-01
    title: ["css: h1"]
    body: ["css: .text p"]
    published: ["css: time"]
"""

ARTICLE = """\
<html lang="ko"><head><title>제목 - The Daily</title></head><body>
<h1>바다가 열린 날</h1><time>입력 2026.11.20 오후 3:04</time>
<div class="text"><p>첫 문단은 항구에서 시작된다. 배가 들어왔다.</p>
<p>둘째 문단은 시장으로 간다. 사람이 많았다.</p></div>
</body></html>
"""

ENGLISH = (
    "The harbour opened again on Friday after three weeks of work on the northern pier, the port authority said.",
    "Fishing boats that had been moored in the next town came back before dawn, and the market was full by seven.",
    "“We have waited for this day,” said a trader who has sold mackerel at the same stall for more than thirty years.",
    "The work had begun after a storm damaged the sea wall in October, when waves of five metres reached the road.",
    "Engineers will look at the southern pier next, and expect that the repairs there take until late in the spring.",
    "Until then, ferries to the islands leave from the old quay, and their timetable changes with the tide each day.",
)


def response(html: str | bytes, url: str = URL, **headers: str) -> Response:
    """A page as it was fetched; text is sent as UTF-8."""
    body = html.encode() if isinstance(html, str) else html
    sent = {"content-type": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(url, url, 200, sent, body, 0.1, FETCHED)


def page(html: str) -> Page:
    """A parsed page."""
    return Page(response(html))


def profile(folder: Path, text: str = PROFILE) -> Profile:
    """The profile of a YAML text."""
    path = folder / "daily.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)
