"""The sites as the tests visit them: the real server on ports that nobody else has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from newssite.local import LocalSites, running
from newssite.state import State


@pytest.fixture(scope="session")
def full() -> Iterator[LocalSites]:
    """Sites of the usual size, for tests that only read."""
    with running(State.new(200, latency=0)) as sites:
        yield sites


@pytest.fixture
def sites() -> Iterator[LocalSites]:
    """Small sites of a test's own, which it may change."""
    with running(State.new(30, latency=0)) as sites:
        yield sites
