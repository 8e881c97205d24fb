"""For all tests: one torch thread, so that a busy machine does not stall them; and settings of
their own, so that no test finds, or leaves, a user's keys in the home of whoever runs them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest
import torch

from fedxr.agent.tasks import TASKS

torch.set_num_threads(1)
_SETTINGS = tempfile.TemporaryDirectory(prefix="fedxr-tests-")
for _name in ("XDG_CONFIG_HOME", "APPDATA"):
    os.environ[_name] = _SETTINGS.name


@pytest.fixture(autouse=True)
def _tasks_as_they_were() -> Iterator[None]:
    """A folder of one's own that a test reads adds its task; the next test does not know it."""
    before = TASKS.snapshot()
    yield
    TASKS.restore(before)
