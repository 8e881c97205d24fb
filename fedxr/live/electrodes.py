"""Which of a cap's electrodes a checkpoint reads.

A checkpoint knows one montage or a few, such as ``eeg/Oz-O1-O2``. A cap with more electrodes, or
with the same in another order, is read by taking those that the checkpoint knows, by name: the
model then sees exactly what it was trained on. The rate may be any that the EEG encoder takes,
which computes in hertz. Electrodes are never made up from their neighbours: one that is missing
means that the cap is refused, with a list of what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import Channel, Samples

_ONCE = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
"""The 10-20 system's older names and those of the 10-10 system for the same places."""


@dataclass(frozen=True)
class Montage:
    """``channel`` is what the checkpoint is given; its electrodes are these ``columns`` of the
    cap's."""

    channel: Channel
    columns: NDArray[np.intp]

    def pick(self, samples: Samples) -> Samples:
        return Samples(samples.t_us, samples.values[:, self.columns])


def electrodes(layout: str) -> list[str]:
    """The places that an EEG ``layout`` names, as the 10-10 system writes them: OZ is Oz."""
    named = [name.upper() for name in layout.split("/", 1)[1].split("-")]
    return [_ONCE.get(name, name).replace("Z", "z").replace("FP", "Fp") for name in named]


def montage_for(channel: Channel, known: Iterable[str]) -> Montage | None:
    """How an EEG ``channel`` gives one of the ``known`` layouts, that with the most electrodes if
    there are several; None where every one of them misses some."""
    there = electrodes(channel.layout)
    for layout in sorted(known, key=lambda name: -name.count("-")):
        wanted = electrodes(layout)
        if set(wanted) <= set(there):
            columns = np.array([there.index(name) for name in wanted], np.intp)
            return Montage(replace(channel, layout=layout), columns)
    return None


def lacking(channel: Channel, known: Iterable[str]) -> str:
    """What ``channel`` misses of the montage that it comes nearest to."""
    there = set(electrodes(channel.layout))
    gaps = [[name for name in electrodes(layout) if name not in there] for layout in known]
    least = min(gaps, key=len)
    return ", ".join(least)


def picked(samples: Mapping[str, Samples], montages: Mapping[str, Montage]) -> dict[str, Samples]:
    """A frame's ``samples`` as the checkpoint is given them."""
    return {n: montages[n].pick(s) if n in montages else s for n, s in samples.items()}
