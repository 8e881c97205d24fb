"""What the ranges of `fedxr.bridge.plausible` take from real and simulated people: nothing, it must
be.

    python -m benchmarks.plausible [--data DIR] [--users 4]

Every sample of every recorded set under DIR ($FEDXR_DATA where not given) and of simulated users of
every device goes through the sieve of its layout. A row is a layout of one set or device: samples,
those of them with something absent, and how near the numbers came to the range's ends. Exits with 1
where anything is absent.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fedxr.bridge.absences import Absences
from fedxr.bridge.channels import Samples
from fedxr.bridge.plausible import sieve_of
from fedxr.scenarios.devices import DEVICES
from fedxr.scenarios.recorded import find
from fedxr.scenarios.simulated import simulate
from fedxr.scenarios.users import User

EPISODES = 8


@dataclass
class Row:
    """What one layout of one source came to. ``lowest`` and ``highest`` are of numbers that are not
    bound by an orientation's length alone."""

    source: str
    layout: str
    samples: int = 0
    lowest: float = np.inf
    highest: float = -np.inf

    def __post_init__(self) -> None:
        self.absences = Absences(self.source, self.layout)

    @property
    def absent(self) -> int:
        return self.absences.samples.total()

    def count(self, samples: Samples) -> None:
        self.samples += len(samples)
        self.absences.sift(samples)
        self.lowest = min(self.lowest, float(samples.values.min(initial=np.inf)))
        self.highest = max(self.highest, float(samples.values.max(initial=-np.inf)))

    def __str__(self) -> str:
        return (
            f"{self.source:18}{self.layout:44}{self.samples:12,}{self.absent:8,}"
            f"{self.lowest:12.3g}{self.highest:12.3g}"
        )


def rows(source: str, users: Iterable[User]) -> Iterator[Row]:
    """A row for each layout of ``users``."""
    found: dict[str, Row] = {}
    for user in users:
        for channel in user.channels:
            if sieve_of(channel.layout) is None:
                continue
            row = found.setdefault(channel.layout, Row(source, channel.layout))
            for episode in user.episodes:
                if channel.name in episode.samples:
                    row.count(episode.samples[channel.name])
    yield from found.values()


def sources(data: Path | None, users: int) -> Iterator[Row]:
    for device in DEVICES.values():
        people = (simulate(device.use_case, device, 0, i, EPISODES) for i in range(users))
        yield from rows(device.name, people)
    for name, one in find(data).items() if data else ():
        yield from rows(name, one.load())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    given = os.environ.get("FEDXR_DATA")
    parser.add_argument("--data", type=Path, default=Path(given) if given else None)
    parser.add_argument("--users", type=int, default=4, help="simulated users of each device")
    options = parser.parse_args()
    print(f"{'source':18}{'layout':44}{'samples':>12}{'absent':>8}{'lowest':>12}{'highest':>12}")
    samples = absent = 0
    for row in sources(options.data, options.users):
        print(row, flush=True)
        for text in row.absences.news():
            print(f"    {text}")
        samples, absent = samples + row.samples, absent + row.absent
    print(f"\nabsent: {absent:,} of {samples:,}")
    return int(absent > 0)


if __name__ == "__main__":
    sys.exit(main())
