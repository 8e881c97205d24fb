"""Devices, their radios, and who is there in a round.

Constants and their source: MH-FL (arXiv:2007.09511) compares by a device-to-device transmit power
of 10 mW, an uplink transmit power of 24 dBm, which is 251 mW, and 0.25 s for a transfer. They are a
yardstick, not a measurement of any headset. A headset that states its rates is counted by
bytes / rate instead of the 0.25 s.

Only transmission by headsets is counted as energy: receiving is left out as in MH-FL, and the
server's downlink is sent from mains power.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from fedxr.federation.streams import draw


@dataclass(frozen=True)
class Radio:
    """One kind of link: transmit power in watts, and how long a transfer takes without a rate."""

    name: str
    watts: float
    transfer_s: float = 0.25

    def seconds(self, nbytes: int, bytes_per_s: float | None) -> float:
        """Time on air of one message; nothing to send takes no time."""
        if nbytes == 0:
            return 0.0
        return self.transfer_s if bytes_per_s is None else nbytes / bytes_per_s


D2D = Radio("d2d", 0.010)
UPLINK = Radio("uplink", 10 ** (24 / 10) / 1000)
DOWNLINK = Radio("downlink", 0.0)


@dataclass(frozen=True)
class Headset:
    """A device as the network sees it. ``name`` is unique and names all its draws of chance.

    ``position`` in metres. ``wake``, ``server_link`` and ``d2d_link``: probabilities that it takes
    part in a round, that its link to the server is up, and that a link to a neighbour is up on its
    side. ``battery`` and ``load``: 0 to 1; a headset with battery 0 is off. Rates in bytes per
    second; None: 0.25 s for a transfer of any size. ``label``: its cluster, if those go by label.
    """

    name: str
    position: tuple[float, ...] = (0.0, 0.0, 0.0)
    wake: float = 1.0
    server_link: float = 1.0
    d2d_link: float = 1.0
    battery: float = 1.0
    load: float = 0.0
    d2d_bytes_per_s: float | None = None
    server_bytes_per_s: float | None = None
    label: str = ""

    def __post_init__(self) -> None:
        for word in ("wake", "server_link", "d2d_link", "battery", "load"):
            if not 0 <= getattr(self, word) <= 1:
                raise ValueError(
                    f"headset {self.name!r}: {word} is {getattr(self, word)}; allowed are 0 to 1"
                )
        for rate in (self.d2d_bytes_per_s, self.server_bytes_per_s):
            if rate is not None and not rate > 0:
                raise ValueError(
                    f"headset {self.name!r}: a rate of {rate} bytes per second; give one above 0, "
                    "None for the yardstick, or a link probability of 0 for a dead link"
                )


def check_headsets(headsets: Sequence[Headset], values: Tensor) -> None:
    """Raise ValueError unless there is one row of values (H, P) per headset, all named apart."""
    if values.ndim != 2 or len(values) != len(headsets):
        raise ValueError(
            f"values of shape {tuple(values.shape)} for {len(headsets)} headsets; one row each"
        )
    names = [headset.name for headset in headsets]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"headsets need different names; more than once: {', '.join(twice)}")


def is_awake(headset: Headset, seed: int, number: int) -> bool:
    """Bernoulli(``wake``) for round ``number``, and some battery left."""
    return headset.battery > 0 and draw(seed, "wake", number, headset.name) < headset.wake


def who_is_awake(
    headsets: Sequence[Headset], seed: int, number: int, participation: float = 1.0
) -> list[int]:
    """Indices of those who take part in round ``number``: of the awake, the fraction
    ``participation``, rounded up, drawn anew each round (client sampling, McMahan et al. 2017)."""
    awake = [i for i, headset in enumerate(headsets) if is_awake(headset, seed, number)]
    if participation >= 1:
        return awake

    def lot(i: int) -> float:
        return draw(seed, "participation", number, headsets[i].name)

    return sorted(sorted(awake, key=lot)[: math.ceil(participation * len(awake) - 1e-9)])


def server_reachable(headset: Headset, seed: int, number: int) -> bool:
    """Bernoulli(``server_link``) for round ``number``; holds for uplink and downlink."""
    return draw(seed, "server link", number, headset.name) < headset.server_link


def draw_link(a: Headset, b: Headset, seed: int, number: int) -> bool:
    """Whether a D2D link is up in round ``number``: it takes both sides, the same both ways."""
    first, second = sorted((a.name, b.name))
    return draw(seed, "d2d link", number, first, second) < a.d2d_link * b.d2d_link


@dataclass
class StragglerDeadline:
    """How long headsets took so far, and from that how long the next round waits.

    The deadline is ``multiple`` times the ``quantile`` of the last ``window`` durations (seconds
    from the start of the round to the update being sent), so it follows the devices and the job.
    Before ``least`` durations are known nobody is late. Only headsets with examples count: one that
    has none is done at once, and would make everyone late who learns in the next round. The late
    ones' durations count too, once they are known: otherwise headsets that slow down as a whole
    would be locked out for ever. Nor is anybody whose device is slower than most: whoever was
    ``late`` in one round has had that long to finish, and is waited for in the next.
    Keep one for as long as the headsets meet.
    """

    quantile: float = 0.9
    multiple: float = 2.0
    window: int = 256
    least: int = 8
    seconds: deque[float] = field(default_factory=deque)
    late: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not (0 < self.quantile <= 1 and self.multiple >= 1 and 1 <= self.least <= self.window):
            raise ValueError(
                f"pace: quantile {self.quantile} (0 to 1), multiple {self.multiple} (1 or more), "
                f"least {self.least} (1 to window, {self.window})"
            )
        self.seconds = deque(self.seconds, maxlen=self.window)

    def deadline(self) -> float:
        """Seconds that this round waits; infinite while too little is known."""
        if len(self.seconds) < self.least:
            return math.inf
        rank = math.ceil(self.quantile * len(self.seconds)) - 1
        return self.multiple * sorted(self.seconds)[rank]

    def observe(self, seconds: Iterable[float]) -> None:
        """Remember how long the headsets of a round took."""
        self.seconds.extend(seconds)
