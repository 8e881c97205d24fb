"""Phone and watch while sitting, standing up, walking, turning and sitting down again.

Matey-Sanz, Casteleyn, Granell: Dataset of inertial measurements of smartphones and smartwatches
for human activity recognition. Data in Brief 2023, doi:10.1016/j.dib.2023.109809.

``DATA/sXX/sXX_YY_{sp|sw}.csv``: subject, execution of the script, phone or watch; about 100 Hz,
m/s^2 with gravity and rad/s, UNIX milliseconds of one clock, a label per sample.

An episode is up to 3 s that end where the question is: which activity filled most of the last
second? Longer contexts would let a model learn the script, which is the same for all. The first
windows of an execution have less than 3 s behind them (1 s at least), because the only "seated"
of the script stands there. Nothing is asked where either device has paused within that second.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import TASKS, Episode, Query
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.scenarios.recorded.reading import (
    FETCH,
    Say,
    check_rate,
    check_rising,
    check_span,
    covered,
    cut,
    files_in,
    folders_in,
    microseconds,
    place,
    users_of,
)
from fedxr.scenarios.recorded.tables import read_csv, whole_rows
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

CHANNELS = (
    Channel("phone", "motion/phone", 100.0, "queue 64"),
    Channel("watch", "motion/wrist", 100.0, "queue 64"),
)
_SUFFIX = {"phone": "sp", "watch": "sw"}
_AXES = ("x_acc", "y_acc", "z_acc", "x_gyro", "y_gyro", "z_gyro")
_CLASSES = {name.upper().replace(" ", "_"): i for i, name in enumerate(TASKS["activity"].classes)}

HOP_US = 15 * TICK_US  # 0.5 s between questions
ASKED_US = 30 * TICK_US  # the question is about the last second
CONTEXT_US = 90 * TICK_US  # 3 s
PAUSE_US = 15 * TICK_US  # 0.5 s without samples: a pause (the longest in the set is 0.13 s)
_LEAST_HZ, _MOST_HZ = 5, 1000
_G = 9.80665  # m/s^2


def load(folder: Path) -> Users:
    """Every subject found under ``DATA``, in the order of their names."""
    what = "one per subject, such as s01"
    subjects = folders_in(place(folder, "DATA", r"s\d+", what), r"s\d+", what)
    return users_of(SET.name, ((sub.name, partial(_user, sub)) for sub in subjects))


def _user(folder: Path, say: Say) -> User:
    name = folder.name
    files = files_in(folder, rf"{name}_\d+_s[pw]\.csv", "phone or watch of one execution")
    runs = sorted({path.name.rsplit("_", 1)[0] for path in files})
    if len(runs) < 2:
        raise DataError(
            f"{folder}: expected two executions or more, to learn from one and be tested on "
            f"another; found {len(runs)} ({runs[0]}); {FETCH} or leave this subject out"
        )
    episodes = [
        episode
        for i, run in enumerate(runs)
        for episode in _episodes(folder, run, i < len(runs) // 2, say)
    ]
    return User("har", name, "companion", CHANNELS, ("activity",), tuple(episodes), "phone + watch")


def _episodes(folder: Path, run: str, adapt: bool, say: Say) -> Iterator[Episode]:
    """The windows of one execution, every half second, where both devices recorded."""
    samples: dict[str, Samples] = {}
    labels: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for channel, suffix in _SUFFIX.items():
        samples[channel], classes = _device(folder / f"{run}_{suffix}.csv", say)
        labels.append((samples[channel].t_us, classes))
    start = max(int(s.t_us[0]) for s in samples.values())
    stop = min(int(s.t_us[-1]) for s in samples.values())
    if stop - start < ASKED_US:
        raise DataError(
            f"{folder / run}: phone and watch share {max(0, stop - start) / 1e6:.1f} s; expected "
            "1 s or more of one clock: correct the timestamps of one, or leave this execution out"
        )
    for k, end in enumerate(range(start + ASKED_US, stop + 1, HOP_US)):
        if not all(covered(s, end - ASKED_US, end, PAUSE_US) for s in samples.values()):
            continue
        begin = max(start, end - CONTEXT_US)
        count = np.zeros(len(_CLASSES), dtype=np.int64)
        for t_us, classes in labels:
            a, b = np.searchsorted(t_us, (end - ASKED_US, end))
            count += np.bincount(classes[a:b], minlength=len(_CLASSES))
        query = Query("activity", end - begin, int(count.argmax()))
        seconds = (end - begin) / 1e6
        yield Episode(f"{run}/{k:02d}", cut(samples, begin, end), (query,), adapt, seconds)


def _device(path: Path, say: Say) -> tuple[Samples, NDArray[np.int64]]:
    """Samples (n, 6) of one device in one execution, and the class of each sample (n,)."""
    columns = (*_AXES, "timestamp", "label")
    what = "accelerometer and gyroscope samples"
    table = read_csv(path, columns, what, text=("label",), gaps=columns)
    there = whole_rows(path, table, say)
    rows, table = np.flatnonzero(there) + 2, {name: c[there] for name, c in table.items()}
    check_rising(path, table["timestamp"], rows, "a timestamp")
    names, where = np.unique(table["label"], return_inverse=True)
    for i, name in enumerate(names):
        if name not in _CLASSES:
            row = rows[int((where == i).argmax())]
            known = ", ".join(_CLASSES)
            raise DataError(f"{path}: row {row}: expected one of {known}; found {name}; {FETCH}")
    codes = np.array([_CLASSES[str(name)] for name in names], dtype=np.int64)
    values = np.stack([table[axis] for axis in _AXES], axis=1).astype(np.float32)
    t_us = microseconds(path, table["timestamp"] / 1000)
    check_rate(path, t_us, _LEAST_HZ, _MOST_HZ)
    check_span(path, t_us)
    at_rest = float(np.median(np.linalg.norm(values[:, :3], axis=1)))
    if 0.5 < at_rest < 2:  # what gravity is in g
        say(f"{path.name}: acceleration is in g by its size ({at_rest:.2f}), and is read so")
        values[:, :3] *= _G
    return Samples(t_us, values), codes[where]


SET = RecordedSet(
    name="har",
    folder="sp-sw-har-dataset",
    use_case="companion",
    task="activity",
    licence="CC BY 4.0",
    source="https://github.com/GeoTecINIT/sp-sw-har-dataset",
    halves="the first half of a user's executions of the script to learn from, the later to test",
    load=load,
)
