"""Cut and spoiled recordings: everything before the damage is read, nothing false ever, and the
report says what is gone."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bridge_rig import until
from recording_rig import Rig, frames_of, record, send

from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.recording import writer
from fedxr.bridge.recording.reader import Recording

SEEDS = 30


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of many small chunks."""
    path = tmp_path_factory.mktemp("whole") / "whole.mcap"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "CHUNK_BYTES", 30_000)
        asyncio.run(record(path, ticks=40))
    return path


def read(path: Path) -> tuple[dict[str, list[bytes]], list[str], bool]:
    recording = Recording(path)
    frames = frames_of(recording)
    return frames, recording.found.report, recording.found.finished


def is_thinned(part: list[bytes], all_: list[bytes]) -> bool:
    """Whether ``part`` is ``all_`` with some left out."""
    rest = iter(all_)
    return all(any(one == other for other in rest) for one in part)


def test_the_whole_file_is_whole(whole: Path) -> None:
    frames, report, finished = read(whole)
    assert finished
    assert report == []
    assert {user: len(sent) for user, sent in frames.items()} == {"ann": 48, "bob": 48}


def test_cut_anywhere_the_beginning_is_kept(whole: Path, tmp_path: Path) -> None:
    data, (frames, _, _) = whole.read_bytes(), read(whole)
    rng, cut = random.Random(1), tmp_path / "cut.mcap"
    kept = []
    for at in sorted(rng.randrange(200, len(data)) for _ in range(SEEDS)):
        cut.write_bytes(data[:at])
        got, report, finished = read(cut)
        for user, sent in got.items():
            assert sent == frames[user][: len(sent)], f"cut at {at}"
        assert report, f"cut at {at}"
        assert finished or "lost: the end" in report[-1]
        kept.append(sum(map(len, got.values())))
    assert kept == sorted(kept), "a longer file must not give less"
    assert kept[len(kept) // 2] > 20, "about half of 96 messages are in half of the file"
    assert kept[-1] > 70


def test_without_its_footer_nothing_is_lost(whole: Path, tmp_path: Path) -> None:
    data, (frames, _, _) = whole.read_bytes(), read(whole)
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(data[:-20])
    got, report, finished = read(cut)
    assert got == frames
    assert finished
    assert len(report) == 1
    assert "index at the end is not whole; no message is lost" in report[0]


def test_flipped_bytes_cost_their_chunk_and_no_more(whole: Path, tmp_path: Path) -> None:
    """Nothing false is read: what is left of each user is the original with some left out; and
    whatever is left out is reported."""
    data, (frames, _, _) = whole.read_bytes(), read(whole)
    rng, spoiled = random.Random(2), tmp_path / "spoiled.mcap"
    total, worst = sum(map(len, frames.values())), 0
    for _ in range(SEEDS):
        at = rng.randrange(len(data))
        bad = bytearray(data)
        bad[at] ^= 1 << rng.randrange(8)
        spoiled.write_bytes(bad)
        got, report, _ = read(spoiled)
        for user, sent in got.items():
            assert is_thinned(sent, frames[user]), f"flipped at {at}"
        lost = total - sum(map(len, got.values()))
        assert not lost or report, f"flipped at {at}: {lost} lost and no word of it"
        worst = max(worst, lost)
    assert worst > 0, "some flip must have hit a chunk"
    # A spoiled session costs what its headset sent, half of all; a spoiled chunk much less.
    assert worst <= total // 2


def test_a_hole_is_stepped_over(whole: Path, tmp_path: Path) -> None:
    data, (frames, _, _) = whole.read_bytes(), read(whole)
    third = len(data) // 3
    holed = tmp_path / "holed.mcap"
    holed.write_bytes(data[:third] + bytes(3000) + data[third + 3000 :])
    got, report, finished = read(holed)
    assert finished
    assert any(line.startswith("damaged: bytes") for line in report)
    assert any(line.startswith("lost: ") and "records" in line for line in report)
    for user, sent in got.items():
        assert is_thinned(sent, frames[user])
        assert sent[0] == frames[user][0]
        assert sent[-1] == frames[user][-1]
    assert sum(map(len, got.values())) < 96


_KILLED = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from recording_rig import Rig, send

async def main():
    path = Path(sys.argv[1])
    async with Rig(path.parent) as rig:
        rig.recorder.start(path)
        client = await rig.connect("ann")
        n = 0
        while True:
            n += 1
            await send(client, [n])
            await rig.arrived(client)
            print(n, rig.recorder.status().records, flush=True)
            await asyncio.sleep(0.02)

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_killed_server_still_leaves_a_finished_file(tmp_path: Path) -> None:
    """The process that writes sees the pipe end, and finishes with all that it was sent."""
    path = tmp_path / "killed.mcap"
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(path), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    flushed = 0
    try:
        for line in child.stdout:
            n, records = map(int, line.split())
            flushed = flushed or (n if records > 8 else 0)  # the session is one
            if flushed and n > flushed + 5:
                break
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(60)
        child.stdout.close()
    assert flushed, "a recorder must flush once a second"
    end = time.monotonic() + 60
    while not (found := read(path))[2]:
        assert time.monotonic() < end, "the file was not finished within a minute"
        time.sleep(0.1)
    frames, report, _ = found
    assert report == []
    # When counts came, what had been sent a flush before was in the file.
    assert len(frames["ann"]) > 0


async def test_a_killed_writer_leaves_what_it_had_flushed(tmp_path: Path) -> None:
    """And the server goes on, and says so."""
    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        client = await rig.connect("ann")
        await send(client, range(1, 11))
        await rig.arrived(client)
        await until(lambda: rig.recorder.status().records >= 90)
        process = rig.recorder._writer._process  # type: ignore[union-attr]
        process.send_signal(signal.SIGKILL)
        await until(lambda: rig.recorder.status().error)
        await send(client, [11])
        await rig.arrived(client)
        assert len(rig.app.frames) == 11
        status = await rig.recorder.stop()
        assert "the process that writes it ended with -9" in status.error
        assert not status.recording
        await client.close()
    frames, report, finished = read(path)
    assert len(frames["ann"]) == 12
    assert not finished
    assert "lost: the end" in report[-1]


def test_one_byte_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "r.mcap").write_bytes(b"\x89")
    with pytest.raises(BridgeError, match="a recording is an MCAP file"):
        Recording(tmp_path / "r.mcap")
