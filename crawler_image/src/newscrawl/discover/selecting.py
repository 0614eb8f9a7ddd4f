"""Reads links off a list page."""

from __future__ import annotations

import re

from lxml import etree, html

from newscrawl.model import Response

_ATTRIBUTE = re.compile(r"::attr\(([\w-]+)\)$")
_CHARSET = re.compile(r"charset=[\"']?([\w-]+)", re.IGNORECASE)


def parse_html(response: Response) -> html.HtmlElement:
    """The page's tree; an empty page is an empty tree."""
    declared = _CHARSET.search(response.headers.get("content-type", ""))
    parser = html.HTMLParser(encoding=declared[1] if declared else None)
    return html.document_fromstring(response.body or b"<html></html>", parser=parser, ensure_head_body=True)


def select(tree: etree._Element, selector: str) -> list[str]:
    """The addresses that `selector` ("css: ...", "xpath: ...") finds, in the page's order."""
    kind, _, expression = selector.partition(":")
    expression = expression.strip()
    if kind == "xpath":
        found = tree.xpath(expression)
    else:
        attribute = _ATTRIBUTE.search(expression)
        found = tree.cssselect(_ATTRIBUTE.sub("", expression))
        if attribute:
            return [one.get(attribute[1]) for one in found if one.get(attribute[1])]
    return [
        one if isinstance(one, str) else one.get("href") for one in found if isinstance(one, str) or one.get("href")
    ]
