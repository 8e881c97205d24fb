"""Whether two runs have the same figures, figure for figure: the proof of a change that moves code.

    python -m benchmarks.same_figures BEFORE AFTER

Two folders that `fedxr federate … --out FOLDER` has written, with the same options, at two commits
on one machine (each from its own checkout and virtual environment). Compared is every part of
`result.json` that a run decides; not when, where and how fast it ran. Exits 1 where one differs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

PARTS = ("rows", "unseen", "rounds", "traffic", "cold")


def numbers(found: Any) -> int:
    """How many there are in ``found``."""
    if isinstance(found, dict):
        return sum(numbers(x) for x in found.values())
    if isinstance(found, list):
        return sum(numbers(x) for x in found)
    return int(isinstance(found, int | float) and not isinstance(found, bool))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("before", "after"):
        parser.add_argument(name, type=Path, help="a folder with a result.json")
    asked = parser.parse_args()
    before, after = (
        json.loads((f / "result.json").read_text()) for f in (asked.before, asked.after)
    )
    differs = False
    for part in PARTS:
        one, two = before.get(part), after.get(part)
        if not numbers(one) and not numbers(two):
            continue
        same = one == two
        differs |= not same
        print(f"{part:8} {numbers(one):6} numbers: {'equal' if same else 'DIFFERENT'}")
    return int(differs)


if __name__ == "__main__":
    raise SystemExit(main())
