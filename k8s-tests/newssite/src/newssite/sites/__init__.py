"""The four sites: what each looks like to a visitor, and what is true of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from newssite.edition import Edition
from newssite.page import Page


class Site(Protocol):
    """A site is a module: it makes its first edition, answers for a path and knows its truth; all of it is pure."""

    NAME: str

    def edition(self, seed: int, count: int) -> Edition:
        """The site with its first `count` articles."""

    def page(self, edition: Edition, authority: str, path: str, query: str) -> Page:
        """The answer for a path; absolute URLs in it have `authority` (host and port)."""

    def truth(self, edition: Edition, authority: str) -> Iterator[dict[str, object]]:
        """Every URL that the site's hubs list, as `newssite.article.truth` describes."""
