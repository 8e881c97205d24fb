"""The allocation policy does what it says: steps after the first touch no fresh pages."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest
import torch

from fedxr.agent.adaptation.spare_rows import SpareRows

SCRIPT = """
import resource, torch
from fedxr.agent.allocation import keep_freed_memory
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere rows are copied")
def test_a_row_costs_memory_once_it_is_written() -> None:
    """A thousand rows of a megabyte, of which ten are written; none moves."""
    room, rows, me = SpareRows(), torch.zeros(0, 1 << 18), psutil.Process()
    before, places = me.memory_info().rss, set[int]()
    for n in range(1000):
        rows = room.add(rows)
        places.add(rows.data_ptr())
        if n % 100 == 0:
            rows[n] = 1.0
    assert len(places) == 1
    assert me.memory_info().rss - before < 100 << 20
    assert float(rows.sum()) == 10 * (1 << 18)
    assert torch.equal(SpareRows().add(rows[:2])[:2], rows[:2])
