"""A recording in the MCAP reader that Foxglove is built on, against Foxglove's own schemas."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from recording_rig import record

FOLDER = Path(__file__).parents[1] / "webxr"
NODE = shutil.which("node")


@pytest.mark.slow
@pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules" / "@mcap" / "core").exists(),
    reason="needs Node and Foxglove's reader: npm ci --prefix tests/webxr",
)
async def test_foxgloves_reader_takes_every_message(tmp_path: Path) -> None:
    path = await record(tmp_path / "r.mcap", ticks=6)
    command = [str(NODE), str(FOLDER / "mcap.mjs"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert read["wrong"] == []
    assert read["known"] > 30  # it had Foxglove's schemas to check against
    shown = {name for name in read["counts"] if name.startswith("foxglove.")}
    assert shown == {
        f"foxglove.{kind}"
        for kind in (
            *("CompressedImage", "RawImage", "RawAudio"),
            *("PointCloud", "PoseInFrame", "PosesInFrame"),
        )
    }
    assert read["counts"]["fedxr.Frame"] == 2 * 6  # two headsets, six ticks
