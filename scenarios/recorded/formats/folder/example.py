"""A small set that runs as it is: made-up people who drill, write or rest, with two sensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedxr.scenarios.recorded.formats.set_toml import FILE
from fedxr.scenarios.users import DataError

Numbers = NDArray[np.float64]
USERS = ("ann", "bob", "cleo", "dan", "eve")
CLASSES = ("rest", "write", "drill")
STRETCHES, STRETCH_S = 12, 10.0
_WRIST_HZ, _GLOVE_HZ = 50.0, 20.0

TOML = """\
# What this folder holds. Edit it for recordings of your own; docs/own_data.md lists every key, and
# `fedxr data check .` says what is wrong.
name = "workbench"
use_case = "companion"              # overlays, neuroadaptive, companion, storytelling, or your own
licence = "made up, free to use"
source = "fedxr data new"
halves = "time"                     # learn from the first half of a user's time, test on the later

[files]
recordings = "{user}/wrist.csv"     # {user} stands where a user's name does
time = "t"                          # the column of times
time_unit = "s"                     # s, ms, us, ns, or iso

[[channels]]                        # a sensor that fedxr knows
name = "wrist"
layout = "motion/wrist"             # acceleration with gravity, and angular rate
rate = 50                           # samples a second
unit = "g, deg/s"                   # what the columns are in; they are converted
columns = ["ax", "ay", "az", "gx", "gy", "gz"]

[[channels]]                        # one that nobody knows: any columns will do
name = "glove"
rate = 20
columns = ["grip", "bend thumb", "bend index"]
files = "{user}/glove.csv"          # in files of its own

[labels]
files = "{user}/labels.csv"         # start, end, label
ignore = ["break"]                  # labels that are no class

[task]
name = "handwork"
classes = ["rest", "write", "drill"]
window = 3.0                        # seconds that an answer is told from
every = 1.0                         # seconds between two questions
"""


def write_example(folder: Path) -> None:
    """Write the set into ``folder``; raises DataError where something is in it already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: there is something already; name a new or an empty folder")
    for number, name in enumerate(USERS):
        (folder / name).mkdir(parents=True)
        _write_user(folder / name, np.random.default_rng(number))
    (folder / FILE).write_text(TOML, encoding="utf-8")


def _write_user(folder: Path, rng: np.random.Generator) -> None:
    order = np.concatenate([rng.permutation(len(CLASSES)) for _ in range(STRETCHES // 3)])
    starts = np.arange(STRETCHES) * (STRETCH_S + 1.0) + 1.0
    length = STRETCHES * (STRETCH_S + 1.0) + 1.0
    rows = ["start,end,label"]
    for start, kind in zip(starts, order, strict=True):
        rows.append(f"{start:.2f},{start + STRETCH_S:.2f},{CLASSES[kind]}")
    rows.append(f"{starts[-1] + STRETCH_S:.2f},{length:.2f},break")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    way = rng.normal(1.0, 0.15, 4)  # how lively, how fast, how strong this one is
    lean = rng.normal(0.0, 0.2, 3)

    def kinds(t: Numbers) -> NDArray[np.int64]:
        at = np.searchsorted(starts, t, "right") - 1
        inside = (at >= 0) & (t < starts[np.clip(at, 0, None)] + STRETCH_S)
        return np.where(inside, order[np.clip(at, 0, None)], 0)

    t = np.arange(0.0, length, 1 / _WRIST_HZ)
    kind = kinds(t)
    sway = np.array([0.02, 0.08, 0.05])[kind] * way[0]
    shake = np.array([0.0, 0.02, 0.25])[kind] * way[2]
    beat = np.sin(2 * np.pi * 14.0 * way[1] * t) * shake
    slow = np.sin(2 * np.pi * 1.5 * way[1] * t) * sway
    noise = rng.normal(0.0, 0.03, (len(t), 6))
    wrist = noise + np.stack(
        (lean[0] + slow, lean[1] + beat, 1.0 + 0.5 * beat, 90 * slow, 60 * beat, 40 * slow), axis=1
    )
    _write(folder / "wrist.csv", "t,ax,ay,az,gx,gy,gz", t, wrist)
    t = np.arange(0.0, length, 1 / _GLOVE_HZ)
    grip = np.array([0.1, 0.4, 0.8])[kinds(t)] * way[3]
    bend = grip[:, None] * (0.9, 0.6) + rng.normal(0.0, 0.08, (len(t), 2))
    glove = np.column_stack((grip + rng.normal(0.0, 0.1, len(t)), bend))
    _write(folder / "glove.csv", "t,grip,bend thumb,bend index", t, glove)


def _write(path: Path, header: str, t: Numbers, values: Numbers) -> None:
    table = np.column_stack((t, values))
    np.savetxt(path, table, "%.4f", ",", header=header, comments="")
