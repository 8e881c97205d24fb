"""Rerun exports. The library is large and no part of the test extra: most runs skip the first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from recording_rig import record

from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.recording.rerun import write_rerun


async def test_every_channel_is_in_the_file(tmp_path: Path) -> None:
    pytest.importorskip("rerun")
    recording = Recording(await record(tmp_path / "r.mcap", users=("ann",), ticks=6))
    out = tmp_path / "r.rrd"
    assert write_rerun(recording, out) == []
    data = out.read_bytes()
    assert data[:3] == b"RRF"
    assert out.stat().st_mode & 0o777 == 0o600
    for channel in next(recording.events()).session.hello.channels:
        assert f"/ann/{channel.name}".encode() in data


async def test_without_rerun_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    recording = Recording(await record(tmp_path / "r.mcap", users=("ann",), ticks=1))
    with pytest.raises(BridgeError, match=r"pip install .*\[rerun\]"):
        write_rerun(recording, tmp_path / "r.rrd")
