"""EDVAM as a set: python prepare.py EDVAM OUT

Copies the distributor's files and set.toml, and labels each second by how fast the camera moves in
the plane: walking from half the speed of a brisk walk on. How fast that is here is learned from
first halves alone, since second halves are tested on.
"""

import csv
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

BRISK = 0.9  # quantile of speeds


def speeds_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Starts (N+1) of seconds, and how fast (N, scene units a second) the camera moves in each."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["time"], row["C_x"], row["C_z"]) for row in csv.DictReader(file)]
    t, x, z = np.array(rows, float).T
    seconds = np.arange(t[0], t[-1])
    return seconds, np.hypot(np.diff(np.interp(seconds, t, x)), np.diff(np.interp(seconds, t, z)))


def walking_from(paths: list[Path]) -> float:
    """Scene units a second from which a second is walking, by the first halves of recordings."""
    halves = [speeds[: len(speeds) // 2] for _, speeds in map(speeds_of, paths)]
    return float(np.quantile(np.concatenate(halves), BRISK)) / 2


def labels_of(path: Path, faster: float) -> list[tuple[float, float, str]]:
    """(start, end, label) of every stretch of seconds that are alike: walking if ``faster``."""
    seconds, speeds = speeds_of(path)
    walks = speeds > faster
    edges = np.flatnonzero(np.diff(walks, prepend=~walks[0], append=~walks[-1]))
    return [
        (float(seconds[a]), float(seconds[b]), "walking" if walks[a] else "standing")
        for a, b in pairwise(edges)
    ]


def prepare(source: Path, out: Path) -> None:
    shutil.copytree(source / "raw_subset", out / "raw_subset", dirs_exist_ok=True)
    (out / "labels").mkdir(exist_ok=True)
    recordings = sorted((out / "raw_subset").glob("*.csv"))
    faster = walking_from(recordings)
    for path in recordings:
        with (out / "labels" / path.name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("start", "end", "label"), *labels_of(path, faster)])
    shutil.copy(Path(__file__).with_name("set.toml"), out)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
