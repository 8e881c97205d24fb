"""SHREC'17: subjects found, alternating halves, axes, and every kind of broken file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fedxr.bridge.channels import TICK_US
from fedxr.scenarios.recorded import shrec
from fedxr.scenarios.users import DataError, User

DATA = Path(os.environ.get("FEDXR_DATA") or "/no/data")


def recorded() -> list[User]:
    folder = DATA / shrec.SET.folder
    if not folder.is_dir():
        pytest.skip("SHREC'17 is not there: set FEDXR_DATA to the folder of the sets")
    return shrec.load(folder)


def sequence(root: Path, gesture: int, finger: int, subject: int, frames: int = 3) -> Path:
    folder = root / f"gesture_{gesture}/finger_{finger}/subject_{subject}/essai_1"
    folder.mkdir(parents=True)
    path = folder / "skeletons_world.txt"
    path.write_text(
        "".join(" ".join(str(k / 100) for k in range(66)) + "\n" for _ in range(frames))
    )
    return path


@pytest.mark.data
def test_halves_alternate_and_cover_every_gesture() -> None:
    for user in recorded():
        for half in (True, False):
            episodes = [e for e in user.episodes if e.adapt is half]
            labels = [e.queries[0].label for e in episodes]
            # one mode of each gesture (some sequences may be missing from a subset)
            assert len(labels) == len(set(labels)) <= 14
            assert len(labels) >= 10
            for episode in episodes:
                finger = int(episode.key.split("/")[1][-1])
                assert ((episode.queries[0].label + 1 + finger) % 2 == 0) is half


@pytest.mark.data
def test_a_swipe_to_the_right_goes_to_plus_x_and_up_to_plus_y() -> None:
    """The strongest movement of the palm over 8 frames, median over the swipes of all people."""

    def strongest(label: int) -> np.ndarray:
        moves = []
        for user in recorded():
            for episode in user.episodes:
                if episode.queries[0].label == label:
                    palm = episode.samples["hand"].values[:, 1]
                    move = palm[8:] - palm[:-8]
                    moves.append(move[np.linalg.norm(move, axis=1).argmax()])
        return np.median(moves, axis=0)

    assert strongest(6)[0] > 0.05
    assert strongest(8)[1] > 0.05


@pytest.mark.data
def test_the_question_comes_with_the_tick_of_the_last_frame() -> None:
    for user in recorded():
        for episode in user.episodes:
            t = episode.samples["hand"].t_us
            ask = episode.queries[0].t_us
            assert t[0] == 0
            assert ask % TICK_US == 0
            assert 0 < ask - t[-1] <= TICK_US


def test_finds_the_subjects_that_are_there_and_turns_z(tmp_path: Path) -> None:
    sequence(tmp_path, 2, 1, 31)
    sequence(tmp_path, 2, 2, 31)
    sequence(tmp_path, 14, 2, 31)
    sequence(tmp_path, 14, 2, 9)
    users = shrec.load(tmp_path)
    (thirty_one,) = users
    assert thirty_one.name == "subject_31"
    labels = [(e.queries[0].label, e.adapt) for e in thirty_one.episodes]
    assert labels == [(1, False), (1, True), (13, True)]
    assert users.left_out["subject_9"].startswith("1 questions to learn from and 0 to be tested on")
    joints = thirty_one.episodes[0].samples["hand"].values
    np.testing.assert_allclose(joints[0, 1], (0.03, 0.04, -0.05), atol=1e-6)


@pytest.mark.parametrize(
    ("row", "text", "says"),
    [
        (2, "1 2 3", "row 2: expected 66 numbers .* found 3"),
        (3, " ".join(["x"] * 66), "row 3: could not convert"),
        (2, "\n".join([" ".join(["nan"] * 66)] * 4), "2 of 6 rows have a whole hand"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: int, text: str, says: str) -> None:
    path = sequence(tmp_path, 1, 1, 1)
    lines = path.read_text().splitlines()
    lines[row - 1] = text
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=says) as caught:
        shrec.load(tmp_path)
    assert str(path) in str(caught.value)


def test_a_cut_missing_or_misplaced_sequence_is_named(tmp_path: Path) -> None:
    path = sequence(tmp_path, 1, 1, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 40])
    with pytest.raises(DataError, match="row 3: expected 66 numbers"):
        shrec.load(tmp_path)
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match="row 1: expected two frames"):
        shrec.load(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"skeletons_world.txt: missing"):
        shrec.load(tmp_path)
    (tmp_path / "gesture_15").mkdir()
    path.write_bytes(whole)
    with pytest.raises(DataError, match="expected gesture_1 to gesture_14"):
        shrec.load(tmp_path)
    with pytest.raises(DataError, match="nowhere"):
        shrec.load(tmp_path / "nowhere")
