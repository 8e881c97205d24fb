"""How long ``fedxr --help`` takes, and its memory: what everybody waits for first.

    python -m benchmarks.start [--runs 7] [--against OTHER/.venv/bin/fedxr]

Each run is a process of its own; with ``--against`` two installations take turns, and the ratio of
each pair is told, with the least and the greatest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median


def start(command: Path) -> tuple[float, float]:
    """Seconds, and MB at most."""
    began = time.perf_counter()
    process = subprocess.Popen([command, "--help"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} --help ends with {status}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--against", type=Path)
    asked = parser.parse_args()
    ours = Path(sys.executable).with_name("fedxr")
    commands = [ours] if asked.against is None else [ours, asked.against]
    took = [[start(command) for command in commands] for _ in range(asked.runs)]
    for k, command in enumerate(commands):
        seconds = sorted(run[k][0] for run in took)
        print(
            f"{command}: median {median(seconds):.2f} s [{seconds[0]:.2f}, {seconds[-1]:.2f}] of "
            f"{asked.runs}, {median(run[k][1] for run in took):.0f} MB"
        )
    if asked.against is not None:
        ratios = sorted(run[0][0] / run[1][0] for run in took)
        print(f"ratio of pairs: {median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]")


if __name__ == "__main__":
    main()
