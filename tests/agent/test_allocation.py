"""The allocation policy does what it says: steps after the first touch no fresh pages."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, torch
from agent.allocation import keep_freed_memory
torch.set_num_threads(1)
if not keep_freed_memory():
    raise SystemExit("no glibc")
def step():
    made = [torch.empty(2 << 20).fill_(1.0) for _ in range(3)]  # 8 MB each
for _ in range(20):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults() -> int:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    if "no glibc" in done.stderr:
        pytest.skip("glibc is needed")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_freed_memory_is_kept() -> None:
    pages = 20 * 3 * (8 << 20) // 4096
    assert _faults() < 0.01 * pages
