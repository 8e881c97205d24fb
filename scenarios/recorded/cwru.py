"""Which part of a motor's bearing is broken, from an accelerometer on its housing.

Case Western Reserve University Bearing Data Center; Smith and Randall: Rolling element bearing
diagnostics using the CWRU data: a benchmark study. MSSP 2015. Flat ``{number}.mat`` (MATLAB 5)
with ``X{nnn}_DE_time``: the drive end, in g. Faults of 0.007 inch at 12 kHz, normal at 48 kHz (as
commonly reported of 97 to 100), brought to 12 kHz here.

"Users" are the four motor loads, 0 to 3 horsepower. A load without a file of some class has no
episodes of it: nothing is made up, so that class is simply one that this user has not shown. (The
normal files of the loads 1 to 3 are hard to get; then load 0 alone knows "normal".)

An episode is 0.2 s with the question at the end. The set is easy: the same bearing is in both
halves and all loads, so it serves as a smoke test.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from scipy.signal import resample_poly

from agent.tasks import TASKS, Episode, Query
from bridge.channels import TICK_US, Channel, Samples
from scenarios.recorded.reading import FETCH, cut, regular, require_file
from scenarios.users import DataError, RecordedSet, User

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
    MatReadError,
    ValueError,
    TypeError,
    LookupError,
    NotImplementedError,
    OSError,
    zlib.error,
    struct.error,
)


def load(folder: Path) -> list[User]:
    """The motor loads of which at least two classes are found."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected the .mat files of {SET.source}")
    users = []
    for horsepower in range(4):
        paths = {name: folder / f"{numbers[horsepower]}.mat" for name, numbers in _FILES.items()}
        found = {name: path for name, path in paths.items() if path.is_file()}
        if len(found) > 1:
            users.append(_user(horsepower, found))
    if not users:
        names = ", ".join(f"{n}.mat" for numbers in _FILES.values() for n in numbers)
        raise DataError(
            f"{folder}: expected at least two of {names} of one load; found none; {FETCH}"
        )
    return users


def _user(horsepower: int, paths: dict[str, Path]) -> User:
    halves: dict[bool, list[tuple[int, Episode]]] = {True: [], False: []}
    for name, path in paths.items():
        vibration = _vibration(path, _NORMAL_HZ if name == "normal" else RATE_HZ)
        label = TASKS["fault"].classes.index(name)
        count = int(vibration.t_us[-1] + 1) // EPISODE_US
        for k in range(count):
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


def _vibration(path: Path, rate_hz: int) -> Samples:
    """The drive-end acceleration of one file in m/s^2 at 12 kHz."""
    require_file(path, "a MATLAB 5 file of one bearing")
    name = f"X{int(path.stem):03d}_DE_time"
    try:
        table = loadmat(path, variable_names=[name])
    except _UNREADABLE as error:
        raise DataError(
            f"{path}: after {path.stat().st_size} bytes: expected a whole MATLAB 5 file with "
            f"{name}; found: {error}; {FETCH}"
        ) from error
    if name not in table:
        raise DataError(f"{path}: expected the variable {name}; found no such name; {FETCH}")
    values: NDArray[np.float64] = np.asarray(table[name], dtype=np.float64).ravel()
    broken = ~np.isfinite(values)
    if broken.any():
        row = int(broken.argmax()) + 1
        raise DataError(f"{path}: row {row} of {name}: expected a number; found NaN; {FETCH}")
    least = 2 * EPISODE_US * rate_hz // 1_000_000 + 1
    if len(values) < least:
        raise DataError(
            f"{path}: row {len(values)} of {name}: expected {least} rows or more; found the end; "
            f"{FETCH}"
        )
    if rate_hz != RATE_HZ:
        values = resample_poly(values, RATE_HZ, rate_hz)
    return regular((values * _G).astype(np.float32), RATE_HZ)


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
