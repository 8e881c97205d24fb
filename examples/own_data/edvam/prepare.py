"""EDVAM as a set: python prepare.py EDVAM OUT

Copies the distributor's files and set.toml, and labels each second by how fast the camera moves:
walking from half the speed of a brisk walk on, as first halves alone have it: others are tests.
"""

import csv
import shutil
import sys
from pathlib import Path

import numpy as np


def speeds_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Starts (N+1) of seconds, and how fast (N, scene units a second) the camera moves in each."""
    rows = np.genfromtxt(path, delimiter=",", names=True, encoding="utf-8")
    t, x, z = rows["time"], rows["C_x"], rows["C_z"]
    seconds = np.arange(t[0], t[-1])
    return seconds, np.hypot(np.diff(np.interp(seconds, t, x)), np.diff(np.interp(seconds, t, z)))


def walking_from(paths: list[Path]) -> float:
    """Scene units a second from which a second is walking, by the first halves of recordings."""
    halves = [speeds[: len(speeds) // 2] for _, speeds in map(speeds_of, paths)]
    return float(np.quantile(np.concatenate(halves), 0.9)) / 2  # half of brisk


def labels_of(path: Path, faster: float) -> list[tuple[float, float, str]]:
    """(start, end, label) of every stretch of seconds that are alike: walking if ``faster``."""
    seconds, speeds = speeds_of(path)
    walks = speeds > faster
    edges = np.flatnonzero(np.diff(walks, prepend=~walks[0], append=~walks[-1]))
    words = ["walking" if walks[edge] else "standing" for edge in edges[:-1]]
    return [*zip(seconds[edges].tolist(), seconds[edges[1:]].tolist(), words, strict=False)]


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
