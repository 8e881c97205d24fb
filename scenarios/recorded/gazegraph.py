"""What a user is doing at a desk, from where they look: browse, play, read, search, watch, write.

Lan, Heit, Scargill, Gorlatova: GazeGraph: graph-based few-shot cognitive context sensing from
human visual behavior. SenSys 2020. ``DesktopActivity/P{n}/P{n}_{ACTIVITY}.csv``: no header, x and
y in the scene camera's picture, 30 Hz, five minutes each.

An episode is 30 s with the question at the end, every 5 s, unless the tracker saw no eye for a
second of the last five: rows without numbers are blinks. The order in which a user did the
activities is not known; their windows take turns, so that learning does not meet one class at a
time. Adaptation and test halves come from one recording of each activity: what personalisation
gains here is partly that it recognises the recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from fedxr.agent.tasks import TASKS, Episode, Query
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.scenarios.recorded.reading import (
    FETCH,
    Say,
    covered,
    cut,
    folders_in,
    place,
    regular,
    users_of,
)
from fedxr.scenarios.recorded.tables import read_csv, whole_rows
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

CHANNEL = Channel("gaze", "gaze/point2", 30.0, "queue 64")
CONTEXT_US = 900 * TICK_US  # 30 s
HOP_US = 150 * TICK_US  # 5 s
PAUSE_US = 30 * TICK_US  # 1 s without samples is no blink
_ACTIVITIES = TASKS["occupation"].classes


def load(folder: Path) -> Users:
    """Every participant found under ``DesktopActivity``."""
    what = "one per participant, such as P1"
    people = folders_in(place(folder, "DesktopActivity", r"P\d+", what), r"P\d+", what)
    return users_of(SET.name, ((sub.name, partial(_user, sub)) for sub in people))


def _user(folder: Path, say: Say) -> User:
    recordings = [_recording(folder, activity, say) for activity in _ACTIVITIES]
    episodes = [
        episode
        for adapt in (True, False)
        for turn in _in_turns([_windows(s, i, adapt) for i, s in enumerate(recordings)])
        for episode in turn
    ]
    asked = ("occupation",)
    return User("gazegraph", folder.name, "storytelling", (CHANNEL,), asked, tuple(episodes))


def _recording(folder: Path, activity: str, say: Say) -> Samples:
    path = folder / f"{folder.name}_{activity.upper()}.csv"
    columns = ("x", "y")
    table = read_csv(path, columns, "gaze points", header=False, gaps=columns)
    there = whole_rows(path, table, say)
    points = np.stack((table["x"], table["y"]), axis=1).astype(np.float32)
    least = 2 * CONTEXT_US * CHANNEL.rate_hz / 1e6
    if len(points) < least:
        raise DataError(
            f"{path}: row {len(points)}: expected {least:.0f} rows or more (30 s for either half); "
            f"found the end of the file; {FETCH}"
        )
    return regular(points, CHANNEL.rate_hz, there=there)


def _windows(samples: Samples, label: int, adapt: bool) -> list[Episode]:
    """The windows of the first (``adapt``) or second half of one recording."""
    end = int(samples.t_us[-1]) + 1
    middle = end // 2
    first, last = (0, middle) if adapt else (middle, end)
    episodes = []
    for k, start in enumerate(range(first, last - CONTEXT_US + TICK_US, HOP_US)):
        stop = min(start + CONTEXT_US, last)
        if not covered(samples, stop - HOP_US, stop, PAUSE_US):
            continue
        part = cut({CHANNEL.name: samples}, start, stop)
        query = Query("occupation", CONTEXT_US, label)
        key = f"{_ACTIVITIES[label]}/{'adapt' if adapt else 'test'}/{k:02d}"
        episodes.append(Episode(key, part, (query,), adapt, CONTEXT_US / 1e6))
    return episodes


def _in_turns(rows: list[list[Episode]]) -> Iterator[list[Episode]]:
    """The k-th of every row, for each k; rows may differ in length."""
    for k in range(max(map(len, rows))):
        yield [row[k] for row in rows if k < len(row)]


SET = RecordedSet(
    name="gazegraph",
    folder="GazeGraph",
    use_case="storytelling",
    task="occupation",
    licence="not stated; public, cite the paper",
    source="https://github.com/GazeGraphResource/GazeGraph",
    halves="the first half of each activity's recording to learn from, the second to test",
    load=load,
)
