"""One answer of a site, and the templates that most of them are made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

_TEMPLATES = Environment(
    loader=PackageLoader("newssite"),
    autoescape=select_autoescape(("html", "xml")),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Page:
    """An HTTP answer; `cut` says after how many bytes the connection breaks, None for never."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None

    @cached_property
    def etag(self) -> str:
        """A strong validator: the same bytes, the same tag."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'


def render(template: str, **values: object) -> str:
    """The text of a template below templates/, its values escaped."""
    return _TEMPLATES.get_template(template).render(**values)


def html(text: str, charset: str = "utf-8", encoding: str | None = None, **more: object) -> Page:
    """An HTML page declared as `charset`, in the bytes of `encoding` where these are not the same."""
    return Page(text.encode(encoding or charset), f"text/html; charset={charset}", **more)  # type: ignore[arg-type]


def xml(text: str, kind: str = "application/xml") -> Page:
    """An XML document in UTF-8."""
    return Page(text.encode(), f"{kind}; charset=utf-8")


def redirect(location: str) -> Page:
    """A permanent redirect."""
    return Page(b"", "text/plain", 301, {"Location": location})


def not_found() -> Page:
    """A plain 404."""
    return Page(b"<html><body><h1>404</h1></body></html>", "text/html; charset=utf-8", 404)


def script_json(value: object) -> Markup:
    """JSON for a script element, where only `</` could do harm."""
    return Markup(json.dumps(value, ensure_ascii=False, indent=1).replace("</", "<\\/"))
