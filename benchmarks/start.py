"""How long commands take to start, and what they need on the disk: what everybody waits for first.

    python -m benchmarks.start [--runs 7] [--against OTHER/.venv/bin/fedxr] [--sizes]

Each run is a process of its own, the commands take turns; told are the median of the runs with
their least and greatest, and of the seconds of the processor. ``serve`` is timed until it names its
address and a connection to it is taken. With ``--against`` another installation takes turns, and
the ratio of each pair is told. ``--sizes`` builds the wheel and installs it into fresh environments
with pip, without and with the extra ``study``, which takes minutes and gigabytes in a temporary
folder.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (["--help"], ["--version"], ["doctor"], ["federate", "--help"], ["serve"])


def start(program: Path, words: list[str]) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, and MB at most."""
    if words == ["serve"]:
        return listening(program)
    began = time.perf_counter()
    process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):  # 1: the doctor misses something
        raise SystemExit(f"{program} {' '.join(words)} ends with {status}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def listening(program: Path) -> tuple[float, float, float]:
    """Until a connection is taken; the processor's seconds are of the whole short life."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["serve", "--port", "0", "--state", f"{folder}/state.db"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        began = time.perf_counter()
        process = subprocess.Popen(
            [program, *words], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        for line in process.stdout:
            if found := re.search(r"ws://([\d.]+):(\d+)", line):
                break
        else:
            raise SystemExit(f"{program} serve ends before it listens")
        socket.create_connection((found[1], int(found[2])), timeout=60).close()
        took = time.perf_counter() - began
        process.terminate()
        process.stdout.close()
        _, _, used = os.wait4(process.pid, 0)
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def sizes() -> None:
    """MB of fresh environments, pip and setuptools included."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, str(ROOT)], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        print(f"the wheel: {wheel.stat().st_size / 1e6:.1f} MB")
        for extra in ("", "[study]"):
            place = Path(folder, f"venv{extra}")
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            install = [place / "bin/python", "-m", "pip", "install", "--quiet", f"{wheel}{extra}"]
            subprocess.run([*install, "-c", str(ROOT / "constraints.txt")], check=True)
            told = subprocess.run(["du", "-sm", place], capture_output=True, text=True, check=True)
            print(f"installed{extra}: {told.stdout.split()[0]} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--sizes", action="store_true")
    asked = parser.parse_args()
    ours = Path(sys.executable).with_name("fedxr")
    programs = [ours] if asked.against is None else [ours, asked.against]
    took = [
        [[start(program, words) for program in programs] for words in COMMANDS]
        for _ in range(asked.runs)
    ]
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for c, words in enumerate(COMMANDS):
        for k, program in enumerate(programs):
            seconds = sorted(run[c][k][0] for run in took)
            spent, size = (median(run[c][k][i] for run in took) for i in (1, 2))
            print(
                f"{program.parts[-4]}: fedxr {' '.join(words)}: median {median(seconds):.2f} s "
                f"[{seconds[0]:.2f}, {seconds[-1]:.2f}] of {asked.runs}; processor {spent:.2f} s, "
                f"{size:.0f} MB"
            )
        if asked.against is not None:
            ratios = sorted(run[c][0][0] / run[c][1][0] for run in took)
            print(f"  ratio of pairs: {median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]")
    if asked.sizes:
        sizes()


if __name__ == "__main__":
    main()
