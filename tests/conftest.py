"""For all tests: one torch thread, so that a busy machine does not stall them; and settings of
their own, so that no test finds, or leaves, a user's keys in the home of whoever runs them."""

from __future__ import annotations

import os
import tempfile

import torch

torch.set_num_threads(1)
_SETTINGS = tempfile.TemporaryDirectory(prefix="fedxr-tests-")
for _name in ("XDG_CONFIG_HOME", "APPDATA"):
    os.environ[_name] = _SETTINGS.name
