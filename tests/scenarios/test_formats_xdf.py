"""XDF files as data sets: LabRecorder's way to name them, our own exports, markers as labels."""

from __future__ import annotations

import logging
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from made_recordings import WRIST, MadeSession, write_recording

from fedxr.agent.tasks import TASKS
from fedxr.bridge.channels import Channel
from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.recording.xdf import write_xdf
from fedxr.scenarios.recorded import find
from fedxr.scenarios.recorded.formats import xdf
from fedxr.scenarios.users import DataError, Users

VOICE = Channel("voice", "audio/pcm16", 16_000)


@dataclass
class MadeStream:
    """``values`` (n, columns) float64, or n texts, at ``t_s`` (n,)."""

    name: str
    kind: str
    rate_hz: float
    t_s: Sequence[float]
    values: np.ndarray | Sequence[str]
    labels: Sequence[str] = ()
    unit: str = ""


def write_file(path: Path, streams: Sequence[MadeStream]) -> Path:
    """An XDF file of ``streams``, chunk by chunk as the specification has it."""

    def chunk(tag: int, content: bytes) -> bytes:
        return b"\x04" + struct.pack("<I", len(content) + 2) + struct.pack("<H", tag) + content

    out = [b"XDF:", chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')]
    for number, stream in enumerate(streams, 1):
        text = not isinstance(stream.values, np.ndarray)
        count = 1 if text else stream.values.shape[1]
        labels = "".join(
            f"<channel><label>{x}</label><unit>{stream.unit}</unit></channel>"
            for x in stream.labels
        )
        header = (
            f'<?xml version="1.0"?><info><name>{stream.name}</name><type>{stream.kind}</type>'
            f"<channel_count>{count}</channel_count><nominal_srate>{stream.rate_hz}</nominal_srate>"
            f"<channel_format>{'string' if text else 'double64'}</channel_format>"
            f"<desc><channels>{labels}</channels></desc></info>"
        )
        name = struct.pack("<I", number)
        out.append(chunk(2, name + header.encode()))
        rows = [
            struct.pack("<Bd", 8, t)
            + (
                b"\x04" + struct.pack("<I", len(row.encode())) + row.encode()
                if text
                else row.tobytes()
            )
            for t, row in zip(stream.t_s, stream.values, strict=True)
        ]
        out.append(chunk(3, name + b"\x04" + struct.pack("<I", len(rows)) + b"".join(rows)))
        out.append(chunk(6, name + b'<?xml version="1.0"?><info></info>'))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(out))
    return path


def lab(path: Path, seed: int = 0) -> Path:
    """40 s of EEG in microvolts and of a strain gauge; left and right by turns, 5 s each."""
    rng = np.random.default_rng(seed)
    t_s = 1000 + np.arange(40 * 250) / 250
    slow_s = 1000 + np.arange(40 * 20) / 20
    streams = [
        MadeStream(
            "cap", "EEG", 250, t_s, 20 * rng.standard_normal((len(t_s), 3)),
            ("Oz", "O1", "O2"), "microvolts",
        ),
        MadeStream(
            "gauge", "Strain", 20, slow_s, rng.standard_normal((len(slow_s), 2)), ("a", "b")
        ),
        MadeStream(
            "task", "Markers", 0, 1000.0 + 5 * np.arange(8), ["left", "right"] * 4
        ),
    ]  # fmt: skip
    return write_file(path, streams)


def read(folder: Path) -> Users:
    (known,) = find(folder).values()
    return known.load()


def test_labrecorders_files_are_users_with_markers_as_labels(tmp_path: Path) -> None:
    for i, who in enumerate(("P01", "P02")):
        name = f"sub-{who}/ses-S001/eeg/sub-{who}_ses-S001_task-Default_run-001_eeg.xdf"
        lab(tmp_path / name, i)
    users = read(tmp_path)
    assert [user.name for user in users] == ["P01", "P02"]
    channels = {c.name: (c.layout, c.rate_hz) for c in users[0].channels}
    assert channels == {"eeg": ("eeg/Oz-O1-O2", 250.0), "gauge": ("columns/a-b", 20.0)}
    eeg = np.concatenate([e.samples["eeg"].values for e in users[0].episodes])
    assert 15e-6 < eeg.std() < 25e-6, "microvolts were made volts"
    labels = [(q.label, e.adapt) for e in users[0].episodes for q in e.queries]
    # 5 s each, asked every second from the 2 s before: 4 times, and 4 of 8 stretches a half
    turns = [0] * 4 + [1] * 4
    assert labels == [(n, half) for half in (True, False) for n in turns * 2]


def test_numbers_of_a_marker_stream_are_labels_and_not_sensed(tmp_path: Path) -> None:
    t_s, codes = 1000 + np.arange(40 * 20) / 20, np.array([[7.0], [1234567.0]] * 4)
    streams = [
        MadeStream("gauge", "Strain", 20, t_s, np.sin(t_s)[:, None], ("a",)),
        MadeStream("codes", "Markers", 0, 1000.0 + 5 * np.arange(8), codes),
    ]
    write_file(tmp_path / "a.xdf", streams)
    (user,) = read(tmp_path)
    assert TASKS[user.tasks[0]].classes == ("1234567", "7")
    assert [channel.name for channel in user.channels] == ["gauge"]


def test_streams_that_sent_nothing_or_are_called_as_an_export_cost_nothing(tmp_path: Path) -> None:
    t_s = 1000 + np.arange(40 * 20) / 20
    streams = [
        MadeStream("ann/gauge", "Strain", 20, t_s, np.sin(t_s)[:, None], ("a",)),
        MadeStream("ann/silent", "Strain", 20, [], np.empty((0, 2))),
        MadeStream("ann/feedback", "Markers", 0, 1000.0 + 5 * np.arange(8), ["left", "right"] * 4),
    ]
    write_file(tmp_path / "one" / "a.xdf", streams)
    (user,) = read(tmp_path / "one")
    assert TASKS[user.tasks[0]].classes == ("left", "right")
    assert [channel.name for channel in user.channels] == ["gauge"]
    wrong = MadeStream("odd", "Strain", -1, t_s, np.sin(t_s)[:, None], ("a",))
    write_file(tmp_path / "two" / "a.xdf", [wrong, streams[2]])
    assert set(find(tmp_path)) == {"one", "two (unreadable)"}, "the other is read all the same"


def test_a_set_toml_names_classes_and_windows(tmp_path: Path) -> None:
    lab(tmp_path / "a.xdf")
    (tmp_path / "set.toml").write_text(
        'name = "turns "\nhalves = "stretches"\n'
        '[task]\nname = "turn"\nclasses = ["right", "left"]\nwindow = 1.0\nevery = 1.0\n'
        "[labels]\nhold = 2.0\n"
    )
    (user,) = users = read(tmp_path)
    assert any("line 1: name: blanks around 'turns ' are left out" in n for n in users.notes)
    assert user.tasks == ("turn",)
    labels = [q.label for e in user.episodes if e.adapt for q in e.queries]
    assert labels == [1, 0] * 4, "the first second of each two"
    (tmp_path / "set.toml").write_text("[task]\nwindows = 1.0\n")
    with pytest.raises(DataError, match=r"line 2: .*'task.windows' .*did you mean 'window'"):
        find(tmp_path)
    (tmp_path / "set.toml").write_text("[task]\nwindow = -1.0\n")
    with pytest.raises(DataError, match=r"task.window = -1; allowed are seconds above 0"):
        find(tmp_path)


def test_an_export_of_ours_has_users_and_feedback(tmp_path: Path) -> None:
    made = []
    for name in ("ann", "bob"):
        session = MadeSession(name, key=name.encode(), channels=(WRIST, VOICE))
        for second in range(12):
            session.live(1).say(second + 0.9, second % 3)
        session.say(11.9, 0, "undo").say(10.9, 0)
        made.append(session)
    write_recording(tmp_path / "mcap" / "r.mcap", made)
    (tmp_path / "xdf").mkdir()
    write_xdf(Recording(tmp_path / "mcap" / "r.mcap"), tmp_path / "xdf" / "r.xdf")
    users = read(tmp_path / "xdf")
    assert [user.name for user in users] == ["ann", "bob"]
    assert users[0].tasks == ("doing",)
    labels = [q.label for e in users[0].episodes for q in e.queries]
    # 10.9 s are labelled, so the sixth label is cut in two, half a second of it in either half
    assert labels == [0, 1, 2, 0, 1, 2, 2, 0, 1, 2, 0, 0]
    assert {c.name: c.layout.partition("/")[0] for c in users[0].channels} == {
        "wrist": "columns", "audio": "audio"
    }  # fmt: skip
    assert users[0].episodes[0].samples["audio"].values.dtype == np.int16


def test_a_library_that_is_missing_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab(tmp_path / "a.xdf")
    monkeypatch.setitem(sys.modules, "pyxdf", None)
    with pytest.raises(DataError, match=r"XDF files need pyxdf, .*pip install .*\[formats\]"):
        find(tmp_path)


def test_damage_and_lack_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lab(tmp_path / "a.xdf")
    (tmp_path / "b.xdf").write_bytes(b"no XDF at all")
    users = read(tmp_path)
    assert [user.name for user in users] == ["a"]
    assert "b.xdf: expected an XDF file; found: " in users.left_out["b"]
    (tmp_path / "b.xdf").unlink()
    whole = (tmp_path / "a.xdf").read_bytes()
    (tmp_path / "a.xdf").write_bytes(whole + b"\xff\xff")  # as where a program was killed
    with caplog.at_level(logging.ERROR):
        said = read(tmp_path).said
    assert any("a.xdf is damaged, what was read is used" in text for text in said), said
    assert caplog.records == [], "no traceback of the library's"
    write_file(
        tmp_path / "a.xdf",
        [MadeStream("gauge", "Strain", 20, [1.0, 2.0], np.ones((2, 1)), ("a",))],
    )
    with pytest.raises(DataError, match=r"labels found: none; a task needs two classes"):
        xdf.sets(tmp_path)
