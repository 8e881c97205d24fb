"""A killed server leaves states that load (benchmarks/kills.py does it twenty times)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kills import kill_once, load_all


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.3, 2.1])
def test_states_survive_a_kill(tmp_path: Path, wait: float) -> None:
    kill_once(tmp_path, wait)
    states, _ = load_all(tmp_path)  # raises for a state that is gone or broken
    assert states
