import socket
import sys
from pathlib import Path

import pytest

# the folder's helpers by name (tests themselves are imported by path)
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def unused_port():
    """A port of the loopback address on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
