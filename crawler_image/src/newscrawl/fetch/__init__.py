"""Polite fetching: each concern (address, transport, robots, limit, breaker) is a small module, composed by Fetcher."""

from newscrawl.fetch.fetcher import NOT_ASKED, Fetcher
from newscrawl.fetch.transport import Limits

__all__ = ["NOT_ASKED", "Fetcher", "Limits"]
