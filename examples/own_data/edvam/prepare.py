"""EDVAM as a set: python prepare.py EDVAM OUT

Copies the distributor's files and set.toml, and labels each second by how fast the camera moves in
the plane: walking from half a scene unit a second on.
"""

import csv
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

FASTER = 0.5  # scene units a second


def labels_of(path: Path) -> list[tuple[float, float, str]]:
    """(start, end, label) of every stretch of seconds that are alike."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["time"], row["C_x"], row["C_z"]) for row in csv.DictReader(file)]
    t, x, z = np.array(rows, float).T
    seconds = np.arange(t[0], t[-1])
    moved = np.hypot(np.diff(np.interp(seconds, t, x)), np.diff(np.interp(seconds, t, z)))
    walks = moved > FASTER
    edges = np.flatnonzero(np.diff(walks, prepend=~walks[0], append=~walks[-1]))
    return [
        (float(seconds[a]), float(seconds[b]), "walking" if walks[a] else "standing")
        for a, b in pairwise(edges)
    ]


def prepare(source: Path, out: Path) -> None:
    shutil.copytree(source / "raw_subset", out / "raw_subset", dirs_exist_ok=True)
    (out / "labels").mkdir(exist_ok=True)
    for path in sorted((out / "raw_subset").glob("*.csv")):
        with (out / "labels" / path.name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("start", "end", "label"), *labels_of(path)])
    shutil.copy(Path(__file__).with_name("set.toml"), out)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
