"""`fedxr record`, `replay` and `export` as typed: what they say, and what they exit with."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path

import pytest
from bridge_rig import until
from recording_rig import Rig, record
from rich.console import Console

from bridge.protocol import BridgeError
from fedxr.record import Export, Replay, recording_command


@pytest.mark.parametrize("loop", [False, True])
def test_ctrl_c_of_a_replay_is_no_damage(tmp_path: Path, loop: bool) -> None:
    path = asyncio.run(record(tmp_path / "r.mcap", users=("ann",), ticks=90))
    url, here = [""], threading.Event()

    async def served() -> None:
        async with Rig(tmp_path) as rig:
            url[0] = rig.server.url
            here.set()
            await until(lambda: len(rig.app.frames) > 5)
            os.kill(os.getpid(), signal.SIGINT)
            await rig.all_left()

    server = threading.Thread(target=asyncio.run, args=(served(),))
    server.start()
    assert here.wait(60)
    console = Console(record=True, width=200)
    with pytest.raises(KeyboardInterrupt):
        recording_command(Replay(path, url[0], loop=loop), console)
    server.join()
    said = console.export_text()
    assert "stopped after " in said
    assert "s of the recording" in said
    assert "lost" not in said
    assert "damaged" not in said


def test_an_export_is_for_this_user_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    path = asyncio.run(record(tmp_path / "r.mcap", users=("ann",), ticks=2))
    old = os.umask(0)
    try:
        assert recording_command(Export(path), Console(quiet=True)) == 0
    finally:
        os.umask(old)
    assert (tmp_path / "r.xdf").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BridgeError, match=r"r\.xdf exists; name another"):
        recording_command(Export(path), Console(quiet=True))


def test_an_export_to_where_none_can_be_says_what_to_do(tmp_path: Path) -> None:
    path = asyncio.run(record(tmp_path / "r.mcap", users=("ann",), ticks=2))
    with pytest.raises(BridgeError, match=r"cannot write .*x\.xdf: .*; name a file in a folder"):
        recording_command(Export(path, out=path / "x.xdf"), Console(quiet=True))
