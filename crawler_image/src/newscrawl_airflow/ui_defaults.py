"""The time zone and the view in which the Airflow UI opens for a user who has chosen none.

Airflow 2 had `[webserver] default_ui_timezone` and `dag_default_view`; Airflow 3 keeps both in the browser's local
storage and starts with the browser's zone and the grid. A newsroom wants every colleague to see the same clock, so the
API server writes the installation's defaults into the page before the UI reads them; what a user chooses later wins.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def script(timezone: str, dag_view: str) -> bytes:
    """The script element that stores the defaults, empty when there are none.

    `timezone` is an IANA name, `dag_view` is `grid` or `graph`; the keys are those that Airflow 3.3's UI reads.
    """
    defaults = {
        key: json.dumps(value) for key, value in {"timezone": timezone, "default_dag_view": dag_view}.items() if value
    }
    if not defaults:
        return b""
    entries = json.dumps(defaults).replace("<", "\\u003c")
    return (
        f"<script>for(const [k,v] of Object.entries({entries}))"
        "if(localStorage.getItem(k)===null)localStorage.setItem(k,v)</script>"
    ).encode()


class UiDefaults:
    """ASGI middleware that puts the script into each HTML page's head."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]], element: bytes):
        self.app = app
        self.element = element

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on; hold back an HTML answer until it is whole, and send it with the element in its head."""
        if scope["type"] != "http" or not self.element:
            await self.app(scope, receive, send)
            return
        held: Message = {}
        body = bytearray()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_plain_html(message["headers"]):
                held.update(message)
            elif message["type"] == "http.response.body" and held:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    page = bytes(body).replace(b"<head>", b"<head>" + self.element, 1)
                    headers = [pair for pair in held["headers"] if pair[0].lower() != b"content-length"]
                    await send({**held, "headers": [*headers, (b"content-length", str(len(page)).encode())]})
                    await send({"type": "http.response.body", "body": page})
            else:
                await send(message)

        await self.app(scope, receive, answer)


def _is_plain_html(headers: list[tuple[bytes, bytes]]) -> bool:
    named = {name.lower(): value for name, value in headers}
    return named.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in named


class UiDefaultsPlugin(AirflowPlugin):
    """Registers the middleware with the API server; the values are the chart's `ui` section."""

    name = "newscrawl_ui_defaults"
    fastapi_root_middlewares: ClassVar[list[Any]] = [
        {
            "name": "ui-defaults",
            "middleware": UiDefaults,
            "args": [],
            "kwargs": {
                "element": script(
                    os.environ.get("NEWSCRAWL_UI_TIMEZONE", ""), os.environ.get("NEWSCRAWL_UI_DAG_VIEW", "")
                )
            },
        }
    ]
