"""A page parsed once: its tree, its meta elements and its embedded data."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree, html

from newscrawl.extract import embedded, text
from newscrawl.extract.charset import as_utf8
from newscrawl.model import Response

_CONTROL = bytes(code for code in range(32) if chr(code) not in "\t\n\r")
# markup within a line that only shows how to read or break a word: without it a word is in one piece
_WITHIN_WORDS = ("ruby", "rb", "rt", "rp", "rtc", "wbr", "font")
# one page has one, and some have another for their logo
_MOST_HEADINGS = 20

_COUNT = etree.XPath("count(//*)")


def plain_parser(**options: Any) -> html.HTMLParser:
    """A parser of elements without comments, all of one class: lxml's own looks the class of each up in Python."""
    parser = html.HTMLParser(remove_comments=True, remove_pis=True, **options)
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=html.HtmlElement))
    return parser


class Page:
    """What selectors and rules read; `url` is the final URL."""

    def __init__(self, response: Response):
        self.url = response.url
        self._body = as_utf8(response.body, response.headers)

    @cached_property
    def tree(self) -> html.HtmlElement:
        """The parsed page; an empty page is an empty tree."""
        parser = plain_parser(encoding="utf-8", huge_tree=False)
        body = self._body.translate(None, _CONTROL).strip() or b"<html></html>"
        tree = html.document_fromstring(body, parser=parser, ensure_head_body=True)
        etree.strip_tags(tree, *_WITHIN_WORDS)
        return tree

    @cached_property
    def elements(self) -> int:
        """How many elements the parsed page had when it was first asked."""
        return int(_COUNT(self.tree))

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
    def base(self) -> str:
        """What completes the page's relative addresses: its <base>, else its URL."""
        told = next((one.get("href") for one in self.tree.iter("base") if one.get("href")), "")
        try:
            base = urljoin(self.url, told.strip())
        except ValueError:
            return self.url
        return base if base.startswith(("http://", "https://")) else self.url

    @cached_property
    def headings(self) -> list[str]:
        """The texts of the first main headings."""
        return [text.plain(one) for one in islice(self.tree.iter("h1"), _MOST_HEADINGS)]

    @cached_property
    def linked_data(self) -> list[dict[str, Any]]:
        """Every JSON-LD object of the page; of several articles first the one with the page's own address."""
        found = embedded.linked_data(self.tree)
        if sum("headline" in item for item in found) > 1:
            path = urlsplit(self.url).path.rstrip("/")
            found.sort(key=lambda item: "headline" in item and not _is_at(item, path))
        return found

    @cached_property
    def linked_by_type(self) -> dict[str, list[dict[str, Any]]]:
        """The JSON-LD objects by the name of their type, those of all types under `*`."""
        found: dict[str, list[dict[str, Any]]] = {"*": self.linked_data}
        for item in self.linked_data:
            types = item.get("@type") or ()
            for name in {types} if isinstance(types, str) else {one for one in types if isinstance(one, str)}:
                # some sites write the type as its address: http://schema.org/NewsArticle
                found.setdefault(name.rpartition("/")[2], []).append(item)
        return found

    @cached_property
    def data(self) -> list[tuple[str, Any]]:
        """The JSON in the page's other scripts, by name."""
        return embedded.page_data(self.tree)


def _is_at(item: dict[str, Any], path: str) -> bool:
    """Whether an object of linked data says that it stands at a path."""
    told = [item.get(key) for key in ("mainEntityOfPage", "url", "@id")]
    addresses = [one.get("@id") or one.get("url") if isinstance(one, dict) else one for one in told]
    return any(isinstance(one, str) and one.partition("#")[0].rstrip("/").endswith(path) for one in addresses)
