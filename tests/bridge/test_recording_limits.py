"""How large a recording may become, and what of its disk it leaves free: it ends whole, and the
bridge goes on."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bridge_rig import headset, until
from recording_rig import CHANNELS, Rig, frames_of, record, send

from fedxr.bridge.protocol import BridgeError, Notice, PackedFrame
from fedxr.bridge.recording.mcap_file import LEAST_FREE, McapFile
from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.recording.recorder import Recorder as SessionRecorder
from fedxr.bridge.recording.recorder import RecordingStatus
from fedxr.bridge.recording.writer import Entry, RecordingWriter, session_line
from fedxr.cli.record import Record, bytes_of

MAX = 400_000
"""Bytes: some tens of ticks of the rig's headset."""


async def send_until_over(rig: Rig, user: str = "ann") -> tuple[list[RecordingStatus], list[str]]:
    """Stream until the recording has ended, and some more; what was said of it, and the notices
    that the headset got."""
    said: list[RecordingStatus] = []
    rig.recorder.tell.append(said.append)
    client = await rig.connect(user)
    n = 0
    while not said:
        n += 1
        assert n < 3000
        await send(client, [n])
        await rig.arrived(client)
        await asyncio.sleep(0.01)
    for _ in range(5):
        n += 1
        await send(client, [n])
    await rig.arrived(client)
    assert len(rig.app.frames) == n, "the bridge goes on"
    notices: list[str] = []

    async def listen() -> None:
        async for message in client:
            if isinstance(message, Notice) and message.code != "recording":
                notices.append(message.code)
                return

    await asyncio.wait_for(listen(), 60)
    await client.close()
    await until(lambda: said)
    return said, notices


@pytest.mark.parametrize("limit", [MAX, MAX + 77_777])
async def test_a_recording_ends_whole_before_it_is_too_large(limit: int, tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        rig.recorder = SessionRecorder(rig.server, tmp_path, max_bytes=limit)
        path = rig.recorder.start()
        (said,), notices = await send_until_over(rig)
        assert f"the most that it may hold is {limit / 1e6:g} MB" in str(said)
        assert not said.error
        assert not said.recording
        assert notices == ["recording-ended"]
        assert rig.recorder.status() == said
        assert rig.recorder.start(tmp_path / "next.mcap"), "and another may be made"
    assert limit / 2 < path.stat().st_size <= limit
    recording = Recording(path)
    frames = frames_of(recording)["ann"]
    assert len(frames) > 5
    assert recording.found.report == []
    assert recording.found.finished
    assert recording.found.records == said.records


def fill(path: Path, entries: list[Entry], max_bytes: int) -> McapFile:
    """Write ``entries`` again and again, as the process that writes does."""
    with path.open("wb") as file:
        mcap = McapFile(file, path, 2**16, max_bytes)
        opened = session_line(entries[0].session)
        assert mcap.has_room(opened)
        mcap.take(opened)
        while True:
            assert file.tell() < 50 * 2**20, "it does not end"
            for entry in entries:
                line = entry.line()
                if not mcap.has_room(line):
                    mcap.finish()
                    return mcap
                mcap.take(line)


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """All that one headset sent and got."""
    path = asyncio.run(record(tmp_path_factory.mktemp("e") / "e.mcap", 20, ("ann",)))
    events = [e for e in Recording(path).events() if e.message is not None]
    return [Entry(e.session, e.log_us, e.log_us, e.message, e.up) for e in events]


def test_it_stops_before_its_disk_is_full(
    entries: list[Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk of 100 MB of which all but what the file takes and 10 MB are full."""
    path, total = tmp_path / "r.mcap", 100 * 2**20

    def usage(folder: Path) -> tuple[int, int, int]:
        free = 10 * 2**20 - path.stat().st_size
        return shutil._ntuple_diskusage(total, total - free, free)  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "disk_usage", usage)
    mcap = fill(path, entries, 10**12)
    left = 10 * 2**20 - path.stat().st_size
    # a twentieth of the disk stays free, but for what is written between two looks, 1 MiB
    assert 4 * 2**20 <= left <= 6 * 2**20
    assert "MB free, and 5 MB stay so" in mcap.counts.ended
    recording = Recording(path)
    assert sum(isinstance(e.message, PackedFrame) for e in recording.events()) > 20
    assert recording.found.report == []


def test_on_a_disk_that_is_nearly_full_none_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = LEAST_FREE - 1
    full = shutil._ntuple_diskusage(10**7, 10**7 - free, free)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(BridgeError, match=r"its disk has 4 MB free, .*; free some, or name"):
        RecordingWriter(tmp_path / "r.mcap")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB, where one may be had."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


async def test_a_real_disk_is_not_filled(small_disk: Path) -> None:
    (small_disk / "other").write_bytes(bytes(7 * 2**20))
    async with Rig(small_disk) as rig:
        path = rig.recorder.start()
        (said,), notices = await send_until_over(rig)
    assert "MB free, and 4 MB stay so" in said.ended
    assert not said.error
    assert notices == ["recording-ended"]
    assert shutil.disk_usage(small_disk).free >= 2 * 2**20
    recording = Recording(path)
    assert frames_of(recording)["ann"]
    assert recording.found.report == []


async def test_a_file_that_is_taken_away_is_said(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        await until(path.exists)
        path.unlink()
        (said,), notices = await send_until_over(rig)
        assert "No such file" in said.error
        assert notices == ["recording-ended"]


@pytest.mark.parametrize(
    ("size", "bytes_"),
    [("50GB", 5 * 10**10), ("800 MB", 8 * 10**8), ("1.5g", 15 * 10**8), ("2000000", 2 * 10**6)],
)
def test_sizes_are_read(size: str, bytes_: int) -> None:
    assert bytes_of(size) == bytes_


@pytest.mark.parametrize("size", ["", "much", "-1GB", "0", "10kB", "5 apples", "1e9"])
def test_other_sizes_are_refused(size: str) -> None:
    with pytest.raises(ValueError, match="give 1MB or more, such as 800MB or 50GB"):
        Record(max_size=size)


@pytest.mark.slow
def test_fedxr_record_says_that_it_has_ended_and_goes_on(tmp_path: Path) -> None:
    """As typed, with --max-size 1MB, until SIGTERM."""
    out = tmp_path / "r.mcap"
    words = ["record", "--out", str(out), "--port", "0", "--max-size", "1MB"]
    child = subprocess.Popen(
        [sys.executable, "-u", "-m", "fedxr.cli.main", *words],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "400"},
    )
    said: list[str] = []

    def listen() -> None:
        assert child.stdout is not None
        said.extend(iter(child.stdout.readline, ""))

    def has(text: str) -> bool:
        assert child.poll() is None, said
        return any(text in line for line in said)

    async def wear() -> None:
        await until(lambda: has("127.0.0.1:"))
        (port,) = {found[1] for line in said if (found := re.search(r"127.0.0.1:(\d+)", line))}
        client = await headset(f"ws://127.0.0.1:{port}", CHANNELS, "ann")
        n = 0
        while not has("the recording has ended"):
            n += 1
            assert n < 3000
            await send(client, [n])
            await asyncio.sleep(0.01)
        await send(client, [n + 1])
        assert await client.sync_clock(), "the bridge still answers"
        await client.close()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        asyncio.run(wear())
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    finally:
        child.kill()
        child.wait()
    listener.join()
    text = "".join(said)
    assert "the most that it may hold is 1 MB" in text
    assert "headsets may go on, and are not recorded" in text
    assert 500_000 < out.stat().st_size <= 1_000_000
    recording = Recording(out)
    assert frames_of(recording)["ann"]
    assert recording.found.report == []
