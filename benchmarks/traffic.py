"""What two runs have sent, and what they know: the proof of a change to what travels.

    python -m benchmarks.traffic BEFORE AFTER

Two folders that `fedxr federate … --out FOLDER` or `fedxr demo --out FOLDER` has written, with the
same options, at two commits (each from its own checkout and virtual environment). Printed are bytes
by link and joules, a round, and the figures of those arms that learn together: the mean over rows,
and how many of the single figures are equal.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

ARMS = ("federated", "federated_personalised", "live")


def read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def scores(run: dict[str, Any], arm: str) -> Iterator[float]:
    """Every user's figure, row by row."""
    for row in run["rows"] + run["unseen"]:
        score = row["arms"].get(arm)
        for by_user in score["by_user"] if score else ():
            yield from (by_user[name] for name in sorted(by_user))


def ratio(before: float, after: float) -> str:
    return f"{after / before:8.3f}" if before else "       -"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("before", "after"):
        parser.add_argument(name, type=Path, help="a folder with a result.json")
    asked = parser.parse_args()
    runs = read(asked.before), read(asked.after)
    rounds = [max(1, len(run["rounds"])) for run in runs]
    print(f"{'a round, of ' + ' and '.join(map(str, rounds)):34} before       after    ratio")
    for what in ("up", "down", "d2d"):
        one, two = (run["traffic"][what] / n / 1e6 for run, n in zip(runs, rounds, strict=True))
        print(f"{what + ' MB':28} {one:12.3f} {two:11.3f} {ratio(one, two)}")
    one, two = (sum(r["traffic"].values()) / n / 1e6 for r, n in zip(runs, rounds, strict=True))
    print(f"{'all MB':28} {one:12.3f} {two:11.3f} {ratio(one, two)}")
    one, two = (run["joules"] / n for run, n in zip(runs, rounds, strict=True))
    print(f"{'joules':28} {one:12.3f} {two:11.3f} {ratio(one, two)}")
    for arm in ARMS:
        mine, theirs = (list(scores(run, arm)) for run in runs)
        if not mine or len(mine) != len(theirs):
            continue
        same = sum(a == b for a, b in zip(mine, theirs, strict=True))
        print(
            f"{arm:28} {100 * fmean(mine):11.2f}% {100 * fmean(theirs):10.2f}%  "
            f"{same} of {len(mine)} users' figures equal"
        )


if __name__ == "__main__":
    main()
