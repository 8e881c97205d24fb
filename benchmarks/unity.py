"""What it costs to be between a Unity player and a bridge: `python -m benchmarks.unity`.

Steps per second of the stand-in player (three agents, one camera of 28x36, PNG) as fast as it can:
with `UnityEnvironment` alone, with `UnityPlayer` (named turns, our layouts) and with `Drive` (each
agent a websocket session of a bridge in this process). The ways alternate; medians are printed,
and ratios to the first. The stand-in itself is most of every step.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from mlagents_envs.environment import UnityEnvironment
from mlagents_envs.side_channel.stats_side_channel import StatsSideChannel

from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session
from fedxr.bridge.unity.drive import Drive, Wearer
from fedxr.bridge.unity.player import Launch, UnityPlayer

STAND_IN = Path(__file__).resolve().parent.parent / "tests" / "unity" / "stand_in_player.py"


class Silent(Application):
    """Takes frames and answers nothing."""

    def joined(self, session: Session) -> Sequence[str]:
        return ()


def program(folder: Path) -> Path:
    """The stand-in as something that can be started like a built player."""
    path = folder / "scene.x86_64"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    path.chmod(0o755)
    return path


def bare(path: Path, layout: str, steps: int) -> float:
    """mlagents-envs alone, which reads pictures in the older layout only."""
    more = {"side_channels": [StatsSideChannel()], "no_graphics": True}
    env = UnityEnvironment(str(path), worker_id=os.getpid() % 1000, **more)
    env.reset()
    begun = time.perf_counter()
    for _ in range(steps):
        env.step()
        for name in env.behavior_specs:
            env.get_steps(name)
    took = time.perf_counter() - begun
    env.close()
    return steps / took


def turns(path: Path, layout: str, steps: int) -> float:
    player = UnityPlayer(Launch(path, graphics=False, arguments=("--layout", layout)))
    player.reset()
    begun = time.perf_counter()
    for _ in range(steps):
        player.step({})
    took = time.perf_counter() - begun
    player.close()
    return steps / took


def bridged(path: Path, layout: str, steps: int) -> float:
    async def run() -> float:
        async with BridgeServer(Silent(), ServerConfig(port=0)) as server:
            told = ("--layout", layout, "--end", f"quit:{steps}")
            player = UnityPlayer(Launch(path, graphics=False, arguments=told))
            driven = await Drive(player, Wearer(server.url, "overlays")).run()
        return driven.steps / driven.seconds

    return asyncio.run(run())


WAYS: dict[str, tuple[Callable[[Path, str, int], float], str]] = {
    "UnityEnvironment, HWC": (bare, "hwc"),
    "UnityPlayer, HWC": (turns, "hwc"),
    "UnityPlayer, CHW": (turns, "chw"),
    "through a bridge, HWC": (bridged, "hwc"),
    "through a bridge, CHW": (bridged, "chw"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    told = parser.parse_args()
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        path = program(Path(folder))
        for _ in range(told.repeats):
            for way, (measure, layout) in WAYS.items():
                rates[way].append(measure(path, layout, told.steps))
    base = statistics.median(rates["UnityEnvironment, HWC"])
    print("| way | steps/s | ratio |\n|---|---|---|")
    for way, found in rates.items():
        middle = statistics.median(found)
        print(f"| {way} | {middle:.0f} | {middle / base:.2f} |")


if __name__ == "__main__":
    main()
