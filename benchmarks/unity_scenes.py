"""The four Unity scenes, played without the editor against real agents.

``python -m benchmarks.unity_scenes [--seconds N] [--hz N]``; needs Mono (apt: mono-mcs,
mono-runtime). Each scene is its ``.unity`` file, run by the stub player of tests/unity_project in
real time while ``fedxr serve`` answers with the shipped checkpoint, both on this machine. What a
headset renders is not in these figures. Connected: frames of the scene while the session was open;
sent: what the client handed to its socket; arrived and lost: by the server's recording, lost being
the numbers up to the last one that are not in it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unity_project"))

from scene_rig import PERSON, SCENES, Arrived, agents, arrived, play, player_of
from toolchain import Assemblies, ToolchainMissing

HEADINGS = (
    "scene", "frames/s", "connected", "sent", "arrived", "dropped by client", "lost", "late",
    "capture to reply, ms: p50, p99", "feedback", "cues that came", "acts seen in the scene",
    "exceptions",
)  # fmt: skip


def row(scene: str, report: dict[str, Any], got: Arrived) -> tuple[object, ...]:
    cues = Counter(cue["act"] for cue in report["cues"])
    seen = {cue["act"] for cue in report["cues"] if cue["changes"]}
    return (
        scene,
        f"{report['rate_hz']:.1f}",
        report["frames_connected"],
        report["frames_sent"],
        len(got.frames),
        report["frames_dropped"],
        got.lost,
        report["notices"].get("dropped late", 0),
        "{p50:.1f}, {p99:.1f}".format(**report["latency_ms"]),
        len(got.feedback),
        ", ".join(f"{act} {n}" for act, n in sorted(cues.items())),
        f"{len(seen & set(cues))} of {len(cues)}",
        len(report["errors"]),
    )


def main(seconds: float, hz: float) -> None:
    assemblies = Assemblies.found()
    player_of(assemblies)  # compiled before any clock runs
    print(f"| {' | '.join(HEADINGS)} |")
    print("|" + "---|" * len(HEADINGS))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with agents(folder) as url:
            reports = [
                play(assemblies, url, scene, folder, seconds, PERSON, hz) for scene in SCENES
            ]
        got = arrived(folder)
    for scene, report in zip(SCENES, reports, strict=True):
        print(f"| {' | '.join(map(str, row(scene, report, got[scene])))} |")
        for error in report["errors"]:
            print(error, file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hz", type=float, default=90.0)
    options = parser.parse_args()
    try:
        main(options.seconds, options.hz)
    except ToolchainMissing as missing:
        sys.exit(str(missing))
