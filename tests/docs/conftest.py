"""The walks use what the tests of the live path and of the recorded sets have made."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in ("fedxr", "scenarios"):
    sys.path.append(str(Path(__file__).parents[1] / folder))
