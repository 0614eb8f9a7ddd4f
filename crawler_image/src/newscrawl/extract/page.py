"""A page parsed once: its tree, its meta elements and its embedded linked data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from lxml import html

from newscrawl.extract.charset import decode
from newscrawl.model import Response

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Page:
    """What selectors and rules read; `url` is the final URL."""

    def __init__(self, response: Response):
        self.url = response.url
        self.text = decode(response.body, response.headers)

    @cached_property
    def tree(self) -> html.HtmlElement:
        """The parsed page; an empty page is an empty tree."""
        parser = html.HTMLParser(encoding="utf-8", remove_comments=True, huge_tree=False)
        body = _CONTROL.sub("", self.text).strip() or "<html></html>"
        return html.document_fromstring(body.encode("utf-8", "replace"), parser=parser, ensure_head_body=True)

    @cached_property
    def metas(self) -> dict[str, list[str]]:
        """The contents of meta elements by lower-case property, name or itemprop."""
        found: dict[str, list[str]] = {}
        for element in self.tree.iter("meta"):
            name = element.get("property") or element.get("name") or element.get("itemprop")
            content = (element.get("content") or "").strip()
            if name and content:
                found.setdefault(name.strip().lower(), []).append(content)
        return found

    @cached_property
    def linked_data(self) -> list[dict[str, Any]]:
        """Every JSON-LD object of the page, those of @graph and of lists included; broken JSON is left out."""
        scripts = self.tree.xpath('//script[@type="application/ld+json"]')
        return [item for script in scripts for item in _objects(_parsed(script.text or ""))]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _objects(one)
    elif isinstance(value, dict):
        yield value
        yield from _objects(value.get("@graph"))
