"""What a victim feels while somebody attacks: `python -m benchmarks.hostile [NAME …]`.

Each case of `benchmarks.hostile_acts` against a fresh `fedxr serve` with its agents, beside a
headset of hands and head at 30 Hz with two tasks. Prints the table of docs/security.md: the
victim's p99 before, during and after, the ratio, its replies a second, the server's memory before,
at its peak and after, and what came of the attack. One run; two cores share all of it, the
attacker's and the victim's own work included.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.hostile_acts import ACTS, said_of
from benchmarks.hostile_rig import Case, ServeProcess, folder, suffer

_HEAD = (
    "| case | victim's p99 before, during, after (ms) | ratio | replies/s before, during | "
    "memory before, peak, after (MB) | SIGTERM | what came of it |\n|---|---|---|---|---|---|---|"
)


def row(case: Case, stopped: tuple[int | None, float]) -> str:
    """A row of the table."""
    before, during, after = case.before, case.during, case.after
    status, seconds = stopped
    stop = f"{seconds:.1f} s" if status == 0 else f"status {status} after {seconds:.1f} s"
    memory = ", ".join(f"{m:.0f}" for m in case.memory)
    note = case.note if case.up else f"SERVER ENDED. {case.note}"
    if case.lived.ended:
        note = f"VICTIM ENDED ({case.lived.ended}). {note}"
    return (
        f"| `{case.name}` | {before.p99:.0f}, {during.p99:.0f}, {after.p99:.0f} | "
        f"{during.p99 / before.p99:.2f} | {before.per_s:.1f}, {during.per_s:.1f} | {memory} | "
        f"{stop} | {note} |"
    )


async def main(names: list[str]) -> None:
    print(_HEAD, flush=True)
    for name in names:
        server = ServeProcess(folder())
        try:
            case = await suffer(server, ACTS[name])
            print(row(case, server.stop()), flush=True)
        finally:
            server.kill()
    print()
    for name in names:
        print(f"- `{name}`: {said_of(ACTS[name])}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(ACTS), help=f"of {', '.join(ACTS)}")
    chosen = parser.parse_args().names
    if unknown := set(chosen) - set(ACTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(ACTS)}")
    asyncio.run(main(chosen))
