"""Who is at which seat: member, place and means of each headset."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.federation import Headset, RoundReport
from fedxr.scenarios.devices import DEVICES, MOBILE, Computer

Radio = Literal["devices", "mh-fl"]


@dataclass(frozen=True)
class Links:
    """How far headsets and their links can be relied on: probabilities, each round anew."""

    wake: float = 1.0
    """That a headset takes part in a round."""
    server: float = 1.0
    """That its link to the server is up."""
    d2d: float = 1.0
    """That the link to a neighbour is up."""
    radio: Radio = "devices"
    """How long a transfer takes: as the rates of the devices have it, or 0.25 s whatever its size,
    the yardstick of MH-FL (arXiv:2007.09511)."""

    def __post_init__(self) -> None:
        for word in ("wake", "server", "d2d"):
            if not 0 <= getattr(self, word) <= 1:
                raise ValueError(f"links: {word} is {getattr(self, word)}; allowed are 0 to 1")
        if self.radio not in ("devices", "mh-fl"):
            raise ValueError(f"links: radio {self.radio!r}; allowed are devices and mh-fl")


@dataclass(frozen=True)
class HeadsetProfile:
    """Who is at a seat: member, place and means; ``battery_j`` 0 means mains. ``raw_bytes`` are its
    samples, where they are known, which pooling would move."""

    identity: HeadsetIdentity
    user: str
    use_case: str
    device: str
    position: tuple[float, float] = (0.0, 0.0)
    battery: float = 1.0
    battery_j: float = 0.0
    computer: Computer = MOBILE
    d2d_bytes_per_s: float | None = None
    uplink_bytes_per_s: float | None = None
    raw_bytes: int = 0
    links: Links = Links()

    def equipped(self) -> HeadsetProfile:
        """With the computer, the battery and the radios of its device, where the table of devices
        knows it (:mod:`fedxr.scenarios.devices`); else as it is."""
        known = DEVICES.get(self.device)
        if known is None:
            return self
        return replace(
            self,
            battery_j=known.battery_wh * 3600,
            computer=known.computer,
            d2d_bytes_per_s=known.d2d_bps / 8,
            uplink_bytes_per_s=known.uplink_bps / 8,
        )

    def told_apart(self, names: Collection[str]) -> HeadsetProfile:
        """As it is, or by another name where that is among ``names``: two people may be called the
        same."""
        numbers = (f"{self.user} ({n})/{self.device}" for n in itertools.count(2))
        free = (
            name for name in itertools.chain([self.identity.name], numbers) if name not in names
        )
        return replace(self, identity=replace(self.identity, name=next(free)))


@dataclass
class Batteries:
    """Joules that each headset has spent since it came, by name."""

    spent: dict[str, float] = field(default_factory=dict)

    def spend(self, report: RoundReport) -> None:
        """What a round took, of the headsets that are here."""
        for line in report.rows:
            if line.sender in self.spent:
                self.spent[line.sender] += line.joules

    def left(self, profile: HeadsetProfile) -> float:
        """0 to 1: what it came with, less what radio and learning took since."""
        spent = self.spent.get(profile.identity.name, 0.0)
        used = spent / profile.battery_j if profile.battery_j else 0.0
        return max(0.0, profile.battery - used)


def network(seated: Mapping[int, HeadsetProfile], batteries: Batteries) -> list[Headset]:
    """The seated headsets as the federation sees them, by row."""

    def rate(profile: HeadsetProfile, known: float | None) -> float | None:
        return None if profile.links.radio == "mh-fl" else known

    return [
        Headset(
            profile.identity.name,
            (profile.position[0], 0.0, profile.position[1]),
            wake=profile.links.wake,
            server_link=profile.links.server,
            d2d_link=profile.links.d2d**0.5,  # of each side: a link takes both
            battery=batteries.left(profile),
            d2d_bytes_per_s=rate(profile, profile.d2d_bytes_per_s),
            server_bytes_per_s=rate(profile, profile.uplink_bytes_per_s),
            label=profile.use_case,
        )
        for _, profile in sorted(seated.items())
    ]
