"""What one round did, in the order in which it happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from fedxr.federation.ledger import Row, total


@dataclass(frozen=True)
class Drop:
    """Something that was left out of a round, in which of the eight steps, and why."""

    headset: str
    step: int
    cause: str


@dataclass(frozen=True)
class ClusterReport:
    """One cluster's consensus.

    ``norm`` is the spectral norm of its mixing matrix, ``rounds`` its Gamma. ``error_before`` and
    ``error_after``: root mean square distance of its members' values to its weighted mean, over
    the blocks that each owns. ``met``: whether Gamma was enough for the target, or was cut by
    ``max_rounds``. ``representative`` is None where there is no server or none could be reached.
    ``answered``: the members that hold the server's answer now; the others hold the consensus.
    """

    members: tuple[str, ...]
    norm: float
    rounds: int
    met: bool
    error_before: float
    error_after: float
    representative: str | None
    answered: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoundReport:
    """``seconds``: how long the round took by the headsets' clock, the slowest link of each step
    added up; ``deadline_s``: when a headset counted as late (infinite: no deadline yet)."""

    number: int
    awake: tuple[str, ...]
    drops: tuple[Drop, ...]
    clusters: tuple[ClusterReport, ...]
    rows: tuple[Row, ...]
    seconds: float
    deadline_s: float

    def behind(self, name: str) -> tuple[str, ...]:
        """The headsets whose updates are in the mean that ``name`` holds now: those that the server
        has heard, or its cluster where the answer did not reach it; none where it took no part."""
        for cluster in self.clusters:
            if name in cluster.answered:
                heard = (c.members for c in self.clusters if c.representative is not None)
                return tuple(name for members in heard for name in members)
            if name in cluster.members:
                return cluster.members
        return ()

    @property
    def answered(self) -> frozenset[str]:
        """Whom the server's answer has reached."""
        return frozenset(name for cluster in self.clusters for name in cluster.answered)

    def totals(self) -> dict[str, float]:
        """Seconds, joules, bytes by kind of link, and how many were left out."""
        links = {"up": "uplink", "down": "downlink", "d2d": "d2d"}
        sent = {f"bytes_{name}": total(self.rows, link).bytes for name, link in links.items()}
        spent = {"round_s": self.seconds, "joules": total(self.rows).joules}
        return {**spent, **sent, "dropped": float(len(self.drops))}

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON (an infinite deadline is None)."""
        finite = self.deadline_s < float("inf")
        return {**asdict(self), "deadline_s": self.deadline_s if finite else None}
