"""Lets the tests of this folder import what they share, and take the time that a busy machine needs."""

import sys
from pathlib import Path

from hypothesis import settings

# tests are imported by path (importlib mode); what they share is imported by name
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("parse", deadline=None)
settings.load_profile("parse")
