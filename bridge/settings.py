"""Where this user's settings of fedxr live."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_folder() -> Path:
    """Certificates and users' keys: %APPDATA%\\fedxr, or $XDG_CONFIG_HOME/fedxr (~/.config)."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "fedxr"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "fedxr"
