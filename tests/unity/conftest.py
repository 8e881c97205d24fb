"""A stand-in player for each test that wants one."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def stand_in(tmp_path: Path):
    from unity_rig import StandIn

    return StandIn(tmp_path)
