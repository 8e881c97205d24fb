"""SHREC'17 hand gestures: people do 14 gestures with one finger and with the whole hand.

Layout of the distributor: ``gesture_{1..14}/finger_{1,2}/subject_{n}/essai_{k}/
skeletons_world.txt``, one frame per line of 22 joints x (x, y, z) in metres at about 30 Hz. A user
is a subject; an episode is a sequence. The recorder's z points away from the camera; here it is
turned round, so that the frame is right-handed with -Z forward as everywhere else.

With one repetition per gesture and finger mode there is no earlier and later: the mode that a user
learns from alternates over the gestures, and the other one is the test.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import Channel
from fedxr.scenarios.recorded.reading import (
    FETCH,
    Say,
    folders_in,
    place,
    read_bytes,
    regular,
    users_of,
    whole_ticks,
)
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

RATE_HZ = 30.0
LONGEST = 1800
"""Frames of a gesture at most: a minute."""
_JOINTS = 22
_GESTURES = 14
_TASK = "gesture"
_CHANNEL = Channel("hand", "hands/shrec22", RATE_HZ)


def load(folder: Path) -> Users:
    """Every subject in ``folder``, by number."""
    pattern, what = r"gesture_[0-9]+", f"a gesture of {SET.source}"
    found: dict[int, list[tuple[int, int, int, Path]]] = defaultdict(list)
    for gesture in folders_in(place(folder, ".", pattern, what), pattern, what):
        label = _number(gesture)
        if not 1 <= label <= _GESTURES:
            raise DataError(f"{gesture}: expected gesture_1 to gesture_{_GESTURES}; take it out")
        for finger in folders_in(gesture, r"finger_[12]", "one finger or the whole hand"):
            for subject in folders_in(finger, r"subject_[0-9]+", "a person"):
                for trial in folders_in(subject, r"essai_[0-9]+", "a repetition"):
                    entry = (label, _number(finger), _number(trial), trial)
                    found[_number(subject)].append(entry)
    people = [(f"subject_{n}", partial(_user, n, sorted(found[n]))) for n in sorted(found)]
    return users_of(SET.name, people)


def _user(subject: int, entries: list[tuple[int, int, int, Path]], say: Say) -> User:
    episodes = tuple(_episode(*entry, say) for entry in entries)
    return User(SET.name, f"subject_{subject}", SET.use_case, (_CHANNEL,), (_TASK,), episodes)


def _episode(gesture: int, finger: int, trial: int, folder: Path, say: Say) -> Episode:
    path = folder / "skeletons_world.txt"
    joints = read_joints(path)
    seen: NDArray[np.bool_] = np.asarray(np.isfinite(joints).all(axis=(1, 2)))
    if seen.sum() < max(2, len(seen) / 2):
        raise DataError(
            f"{path}: {seen.sum()} of {len(seen)} rows have a whole hand; expected most of them, "
            f"and two or more; {FETCH}"
        )
    if not seen.all():
        say(f"{len(seen) - seen.sum()} rows of {path} have no whole hand and are passed over")
    hand = regular(joints, RATE_HZ, there=seen)
    ask_us = whole_ticks(int(hand.t_us[-1]))
    return Episode(
        key=f"gesture_{gesture}/finger_{finger}/{folder.parent.name}/essai_{trial}",
        samples={_CHANNEL.name: hand},
        queries=(Query(_TASK, ask_us, gesture - 1),),
        adapt=(gesture + finger) % 2 == 0,
        seconds=ask_us / 1e6,
    )


def read_joints(path: Path) -> NDArray[np.float32]:
    """(frames, 22, 3) in metres, Y up, -Z forward; NaN or infinite where the hand was not seen.

    Raises DataError that names the first row without 66 numbers.
    """
    text = read_bytes(path, "one frame of 66 numbers per row")
    rows = [row.split() for row in text.splitlines()]
    while rows and not rows[-1]:
        rows.pop()
    width = 3 * _JOINTS
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise DataError(
                f"{path}: row {number}: expected {width} numbers (22 joints x, y, z), "
                f"found {len(row)}; {FETCH}"
            )
    if not 2 <= len(rows) <= LONGEST:
        raise DataError(
            f"{path}: row {len(rows)}: expected two frames or more, and at most {LONGEST}; {FETCH}"
        )
    try:
        joints: NDArray[np.float32] = np.array(rows, dtype=np.float32)
    except ValueError as error:
        raise DataError(f"{path}: row {_first_bad(rows)}: {error}; {FETCH}") from error
    joints = joints.reshape(-1, _JOINTS, 3)
    joints[:, :, 2] *= -1
    return joints


def _first_bad(rows: list[list[bytes]]) -> int:
    """The number of the first row that holds something else than numbers."""
    for number, row in enumerate(rows, start=1):
        try:
            np.array(row, dtype=np.float32)
        except ValueError:
            return number
    return len(rows)


def _number(folder: Path) -> int:
    return int(folder.name.rpartition("_")[2])


SET = RecordedSet(
    name="shrec",
    folder="HandGestureDataset_SHREC2017",
    use_case="neuroadaptive",
    task=_TASK,
    licence="not stated (distributed for research)",
    source="http://www-rech.telecom-lille.fr/shrec2017-hand/",
    halves="the finger mode alternates over the gestures: one mode adapts, the other tests",
    load=load,
    ordered=False,
)
