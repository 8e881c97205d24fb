"""Which part of a motor's bearing is broken, from an accelerometer on its housing.

Case Western Reserve University Bearing Data Center; Smith and Randall: Rolling element bearing
diagnostics using the CWRU data: a benchmark study. MSSP 2015. Flat ``{number}.mat`` (MATLAB 5)
with ``X{nnn}_DE_time``: the drive end, in g. Faults of 0.007 inch at 12 kHz, normal at 48 kHz (as
commonly reported of 97 to 100), brought to 12 kHz here.

"Users" are the four motor loads, 0 to 3 horsepower. A load without a file of some class has no
episodes of it: nothing is made up, so that class is simply one that this user has not shown. (The
normal files of the loads 1 to 3 are hard to get; then load 0 alone knows "normal".)

An episode is 0.2 s with the question at the end; one with a number missing is not asked about. The
set is easy: the same bearing is in both halves and all loads, so it serves as a smoke test.
"""

from __future__ import annotations

import struct
import zlib
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import TASKS, Episode, Query
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.scenarios.recorded.reading import (
    FETCH,
    Say,
    cut,
    lies_at,
    place,
    read_bytes,
    regular,
    users_of,
)
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

RATE_HZ = 12_000
CHANNEL = Channel("bearing", "contact/vibration", RATE_HZ, "queue 64")
EPISODE_US = 6 * TICK_US  # 0.2 s
_G = 9.80665  # m/s^2
_NORMAL_HZ = 48_000

# class of the task "fault" -> numbers of the files at 0, 1, 2 and 3 horsepower
_FILES = {
    "normal": (97, 98, 99, 100),
    "ball": (118, 119, 120, 121),
    "inner race": (105, 106, 107, 108),
    "outer race": (130, 131, 132, 133),
}
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    NotImplementedError,
    OSError,
    zlib.error,
    struct.error,
)


def load(folder: Path) -> Users:
    """The motor loads of which at least two classes are found."""
    folder = place(folder, ".", r"\d+\.mat", f"the .mat files of {SET.source}")
    people, left_out = [], {}
    for horsepower in range(4):
        paths = {name: folder / f"{numbers[horsepower]}.mat" for name, numbers in _FILES.items()}
        found = {name: path for name, path in paths.items() if lies_at(path)}
        if len(found) > 1:
            people.append((f"load{horsepower}", partial(_user, horsepower, found)))
        elif found:
            names = ", ".join(path.name for path in paths.values())
            left_out[f"load{horsepower}"] = (
                f"{folder}: expected at least two of {names}; found one; {FETCH}"
            )
    return users_of(SET.name, people, left_out)


def _user(horsepower: int, paths: dict[str, Path], say: Say) -> User:
    halves: dict[bool, list[tuple[int, Episode]]] = {True: [], False: []}
    for name, path in paths.items():
        vibration, missing_us = _vibration(path, _NORMAL_HZ if name == "normal" else RATE_HZ)
        gaps = {int(t) // EPISODE_US for t in missing_us}
        if gaps:
            say(f"{len(gaps)} episodes of {path.name} have numbers missing and are passed over")
        label = TASKS["fault"].classes.index(name)
        count = int(vibration.t_us[-1] + 1) // EPISODE_US
        for k in sorted(set(range(count)) - gaps):
            part = cut({CHANNEL.name: vibration}, k * EPISODE_US, (k + 1) * EPISODE_US)
            query = Query("fault", EPISODE_US, label)
            adapt = k < count // 2
            episode = Episode(f"{path.stem}/{k:03d}", part, (query,), adapt, EPISODE_US / 1e6)
            halves[adapt].append((k, episode))
    episodes = [  # the files take turns: a machine is not broken in one way first, then in another
        episode
        for adapt in (True, False)
        for _, episode in sorted(halves[adapt], key=lambda pair: pair[0])
    ]
    name = f"load{horsepower}"
    return User("cwru", name, "overlays", (CHANNEL,), ("fault",), tuple(episodes), "probe")


def _vibration(path: Path, rate_hz: int) -> tuple[Samples, NDArray[np.float64]]:
    """The drive-end acceleration of one file in m/s^2 at 12 kHz, and when (in microseconds) a
    number is missing."""
    raw = read_bytes(path, "a MATLAB 5 file of one bearing")
    name = f"X{int(path.stem):03d}_DE_time"
    from scipy.io import loadmat  # a third of a second, which few commands need
    from scipy.io.matlab import MatReadError

    try:
        table = loadmat(BytesIO(raw), variable_names=[name])
    except (MatReadError, *_UNREADABLE) as error:
        raise DataError(
            f"{path}: after {len(raw)} bytes: expected a whole MATLAB 5 file with "
            f"{name}; found: {error}; {FETCH}"
        ) from error
    if name not in table:
        raise DataError(f"{path}: expected the variable {name}; found no such name; {FETCH}")
    values: NDArray[np.float64] = np.asarray(table[name], dtype=np.float64).ravel()
    broken = ~(np.abs(values) < np.finfo(np.float32).max / 10)  # in m/s^2 they are ten times that
    values = np.where(broken, 0.0, values)
    least = 2 * EPISODE_US * rate_hz // 1_000_000 + 1
    if len(values) < least:
        raise DataError(
            f"{path}: row {len(values)} of {name}: expected {least} rows or more; found the end; "
            f"{FETCH}"
        )
    if rate_hz != RATE_HZ:
        from scipy.signal import resample_poly  # half a second, which few commands need

        values = resample_poly(values, RATE_HZ, rate_hz)
    missing_us = np.asarray(np.flatnonzero(broken) * (1e6 / rate_hz), dtype=np.float64)
    return regular((values * _G).astype(np.float32), RATE_HZ), missing_us


SET = RecordedSet(
    name="cwru",
    folder="cwru",
    use_case="overlays",
    task="fault",
    licence="not stated; public download, cite",
    source="https://engineering.case.edu/bearingdatacenter",
    halves="the first half of each recording to learn from, the second to test",
    load=load,
    ordered=False,
)
