"""BIDS-EEG folders as data sets, written by mne-bids itself."""

from __future__ import annotations

from pathlib import Path

import mne
import mne_bids
import numpy as np
import pytest

from fedxr.scenarios.recorded import find
from fedxr.scenarios.users import DataError, Users

RATE_HZ = 128.0
pytestmark = pytest.mark.filterwarnings("ignore:Encountered unsupported non-voltage units")


def write(folder: Path, subject: str, run: str = "01", bads: tuple[str, ...] = ()) -> Path:
    """40 s of three electrodes at 20 uV and one of the skin; eight trials of 4 s, by turns."""
    rng = np.random.default_rng(int(subject))
    info = mne.create_info(["Oz", "O1", "O2", "GSR"], RATE_HZ, ["eeg"] * 3 + ["misc"])
    info["line_freq"] = 50
    values = rng.standard_normal((4, round(40 * RATE_HZ))) * np.array([[20e-6]] * 3 + [[1.0]])
    raw = mne.io.RawArray(values, info, verbose="error")
    raw.set_annotations(mne.Annotations(5.0 * np.arange(8), [4.0] * 8, ["left", "right"] * 4))
    raw.info["bads"] = list(bads)
    path = mne_bids.BIDSPath(
        subject=subject, task="turn", run=run, datatype="eeg", root=folder, check=True
    )
    mne_bids.write_raw_bids(
        raw, path, allow_preload=True, format="BrainVision", overwrite=True, verbose="error"
    )
    return next(folder.glob(f"sub-{subject}/eeg/*run-{run}_events.tsv"))


def read(folder: Path) -> Users:
    (known,) = find(folder).values()
    return known.load()


def test_subjects_are_users_and_trial_types_labels(tmp_path: Path) -> None:
    for subject in ("01", "02"):
        write(tmp_path, subject)
    users = read(tmp_path)
    assert [user.name for user in users] == ["sub-01", "sub-02"]
    assert {c.name: c.layout for c in users[0].channels} == {
        "eeg": "eeg/Oz-O1-O2",
        "signals": "columns/GSR",
    }
    eeg = np.concatenate([e.samples["eeg"].values for e in users[0].episodes])
    assert 15e-6 < eeg.std() < 25e-6, "volts"
    asked = [(q.label, e.adapt) for e in users[0].episodes for q in e.queries]
    # 4 s each, asked every second from the 2 s before: 3 times
    assert asked == [(n, half) for half in (True, False) for n in [0, 0, 0, 1, 1, 1] * 2]


def test_electrodes_that_are_bad_are_left_out_of_all_runs(tmp_path: Path) -> None:
    write(tmp_path, "01")
    write(tmp_path, "01", "02", bads=("O1",))
    (user,) = users = read(tmp_path)
    assert user.channels[0].layout == "eeg/Oz-O2"
    assert any("run-02" in note and "O1 are marked bad" in note for note in users.notes)


def test_events_that_cannot_be_are_named_with_their_row(tmp_path: Path) -> None:
    write(tmp_path, "01")
    events = write(tmp_path, "02")
    rows = events.read_text().splitlines()
    events.write_text("\n".join([*rows[:3], rows[3].replace("10.0", "ten"), *rows[4:]]))
    users = read(tmp_path)
    assert [user.name for user in users] == ["sub-01"]
    assert "_events.tsv: row 4: expected seconds; found 'ten'" in users.left_out["sub-02"]
    events.write_text("onset\tduration\n1.0\t2.0\n")
    assert (
        "row 1: columns onset, duration; expected onset, duration and trial_type"
        in (read(tmp_path).left_out["sub-02"])
    )


def test_one_kind_of_event_is_no_task(tmp_path: Path) -> None:
    events = write(tmp_path, "01")
    events.write_text(events.read_text().replace("right", "left"))
    with pytest.raises(DataError, match=r"labels found: 'left'; a task needs two classes"):
        find(tmp_path)


@pytest.mark.parametrize("nothing", ["n/a", "N/A", "NA", "nan"])
def test_what_is_not_available_is_no_class_and_no_time(tmp_path: Path, nothing: str) -> None:
    events = write(tmp_path, "01")
    rows = events.read_text().splitlines()
    assert rows[1].startswith("0.0\t4.0\tleft")
    rows[1] = rows[1].replace("left", nothing)
    rows[2] = rows[2].replace("5.0", "n/a", 1)  # an onset
    rows[3] = rows[3].replace("4.0", "n/a", 1)  # a duration: it holds until 15 s, the next
    events.write_text("\n".join([*rows, ""]))
    people = tmp_path / "participants.tsv"
    assert "n/a" in people.read_text()
    (known,) = find(tmp_path).values()
    assert [task.classes for task in known.known.tasks] == [("left", "right")]
    users = known.load()
    asked = [q.label for e in users[0].episodes for q in e.queries]
    # 4 s: 3 questions; 5 s: 4. Left from 10 to 15 s, then right, left, right, left, right.
    assert asked == [0] * 4 + [1] * 3 + [0] * 3 + [1] * 3 + [0] * 3 + [1] * 3
    text = "_events.tsv: 1 labelled events have no onset, the first in row 3; they are passed over"
    assert any(text in note for note in users.notes)
