"""Makes the folder's helpers importable: tests are imported by path, what they share by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
