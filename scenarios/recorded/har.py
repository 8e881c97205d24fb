"""Phone and watch while sitting, standing up, walking, turning and sitting down again.

Matey-Sanz, Casteleyn, Granell: Dataset of inertial measurements of smartphones and smartwatches
for human activity recognition. Data in Brief 2023, doi:10.1016/j.dib.2023.109809.

``DATA/sXX/sXX_YY_{sp|sw}.csv``: subject, execution of the script, phone or watch; about 100 Hz,
m/s^2 with gravity and rad/s, UNIX milliseconds of one clock, a label per sample.

An episode is up to 3 s that end where the question is: which activity filled most of the last
second? Longer contexts would let a model learn the script, which is the same for all. The first
windows of an execution have less than 3 s behind them (1 s at least), because the only "seated"
of the script stands there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.tasks import TASKS, Episode, Query
from bridge.channels import TICK_US, Channel, Samples
from scenarios.recorded.reading import FETCH, check_rising, cut, files_in, folders_in, read_csv
from scenarios.users import DataError, RecordedSet, User

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


def load(folder: Path) -> list[User]:
    """Every subject found under ``DATA``, in the order of their names."""
    return [
        _user(sub) for sub in folders_in(folder / "DATA", r"s\d+", "one per subject, such as s01")
    ]


def _user(folder: Path) -> User:
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
        for episode in _episodes(folder, run, adapt=i < len(runs) // 2)
    ]
    return User("har", name, "companion", CHANNELS, ("activity",), tuple(episodes), "phone + watch")


def _episodes(folder: Path, run: str, adapt: bool) -> Iterator[Episode]:
    """The windows of one execution, every half second, where both devices recorded."""
    samples: dict[str, Samples] = {}
    labels: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for channel, suffix in _SUFFIX.items():
        samples[channel], classes = _device(folder / f"{run}_{suffix}.csv")
        labels.append((samples[channel].t_us, classes))
    start = max(int(s.t_us[0]) for s in samples.values())
    stop = min(int(s.t_us[-1]) for s in samples.values())
    for k, end in enumerate(range(start + ASKED_US, stop + 1, HOP_US)):
        begin = max(start, end - CONTEXT_US)
        count = np.zeros(len(_CLASSES), dtype=np.int64)
        for t_us, classes in labels:
            a, b = np.searchsorted(t_us, (end - ASKED_US, end))
            count += np.bincount(classes[a:b], minlength=len(_CLASSES))
        query = Query("activity", end - begin, int(count.argmax()))
        seconds = (end - begin) / 1e6
        yield Episode(f"{run}/{k:02d}", cut(samples, begin, end), (query,), adapt, seconds)


def _device(path: Path) -> tuple[Samples, NDArray[np.int64]]:
    """Samples (n, 6) of one device in one execution, and the class of each sample (n,)."""
    columns = (*_AXES, "timestamp", "label")
    table = read_csv(path, columns, "accelerometer and gyroscope samples", text=("label",))
    check_rising(path, table["timestamp"], 2, "a timestamp")
    names, where = np.unique(table["label"], return_inverse=True)
    for i, name in enumerate(names):
        if name not in _CLASSES:
            row = 2 + int((where == i).argmax())
            known = ", ".join(_CLASSES)
            raise DataError(f"{path}: row {row}: expected one of {known}; found {name}; {FETCH}")
    codes = np.array([_CLASSES[str(name)] for name in names], dtype=np.int64)
    values = np.stack([table[axis] for axis in _AXES], axis=1).astype(np.float32)
    t_us = table["timestamp"].astype(np.int64) * 1000
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
