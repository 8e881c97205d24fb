"""`fedxr record`, `replay` and `export` as typed: what they say, and what they exit with."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bridge_rig
import numpy as np
import pytest
from bridge_rig import until
from recording_rig import Rig, record
from rich.console import Console

from fedxr.bridge.protocol import Answer, BridgeError
from fedxr.cli.record import Export, Replay, export_command, replay_command
from fedxr.cli.stream import Stream, stream_command


@contextmanager
def bridge(folder: Path, stopper: bool = False) -> Iterator[str]:
    """The address of a bridge that answers, in a thread; a ``stopper`` sends Ctrl-C to this very
    process when some frames have come."""
    url, here, over = [""], threading.Event(), threading.Event()

    async def serve() -> None:
        async with Rig(folder) as rig:
            url[0] = rig.server.url
            here.set()
            if stopper:
                await until(lambda: len(rig.app.frames) > 5)
                os.kill(os.getpid(), signal.SIGINT)
            await until(over.is_set)

    server = threading.Thread(target=asyncio.run, args=(serve(),))
    server.start()
    try:
        assert here.wait(60)
        yield url[0]
    finally:
        over.set()
        server.join()


def recorded(folder: Path, ticks: int = 20) -> Path:
    return asyncio.run(record(folder / "r.mcap", users=("ann",), ticks=ticks))


def run(command: Export | Replay | Stream) -> tuple[int, str]:
    """Exit code and what was printed."""
    console = Console(record=True, width=400)
    if isinstance(command, Stream):
        return stream_command(command, console), console.export_text()
    play = export_command if isinstance(command, Export) else replay_command
    return play(command, console), console.export_text()  # type: ignore[arg-type]


@pytest.mark.parametrize("loop", [False, True])
def test_ctrl_c_of_a_replay_is_no_damage(tmp_path: Path, loop: bool) -> None:
    path, console = recorded(tmp_path, ticks=90), Console(record=True, width=200)
    with bridge(tmp_path, stopper=True) as url, pytest.raises(KeyboardInterrupt):
        replay_command(Replay(path, url, loop=loop), console)
    said = console.export_text()
    assert "stopped after " in said
    assert "s of the recording" in said
    assert "lost" not in said
    assert "damaged" not in said


def test_damage_is_told_by_the_exit_code_when_all_else_is_done(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    with bridge(tmp_path) as url:
        assert run(Replay(path, url, speed=0))[0] == 0
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        code, said = run(Replay(path, url, speed=0))
    assert code == 1
    assert "1 sessions, " in said
    assert "lost: the end" in said
    code, said = run(Export(path))
    assert code == 1
    assert "lost: the end" in said
    assert f"wrote {tmp_path / 'r.xdf'}" in said


def test_other_answers_come_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorded(tmp_path)
    with bridge(tmp_path) as url:
        assert "fedxr serve --state" not in run(Replay(path, url, speed=0))[1]
        monkeypatch.setattr(bridge_rig, "ANSWERS", {"emotion": Answer.of(np.array([0.2, 0.8]))})
        code, said = run(Replay(path, url, speed=0))
    assert code == 0
    assert "0 equal bit for bit" in said
    assert "`fedxr serve --state NEW_FILE`" in said
    assert "--loop" not in said


def test_an_export_is_for_this_user_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    path = recorded(tmp_path, ticks=2)
    old = os.umask(0)
    try:
        assert export_command(Export(path), Console(quiet=True)) == 0
    finally:
        os.umask(old)
    assert (tmp_path / "r.xdf").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BridgeError, match=r"r\.xdf exists; name another"):
        export_command(Export(path), Console(quiet=True))


def test_an_export_to_where_none_can_be_says_what_to_do(tmp_path: Path) -> None:
    path = recorded(tmp_path, ticks=2)
    what = r"cannot write .*x\.xdf: .*r\.mcap is no folder; name a file in a folder"
    with pytest.raises(BridgeError, match=what):
        export_command(Export(path, out=path / "x.xdf"), Console(quiet=True))


def test_a_stream_that_nobody_answers_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_rig.Recorder, "frame", lambda *_: None)
    with bridge(tmp_path) as url:
        code, said = run(Stream(url, seconds=0.5))
    assert code == 0
    assert "15 frames sent, no answers came" in said
