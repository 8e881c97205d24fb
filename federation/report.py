"""What one round did, in the order in which it happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from federation.ledger import Row


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
    """

    members: tuple[str, ...]
    norm: float
    rounds: int
    met: bool
    error_before: float
    error_after: float
    representative: str | None


@dataclass(frozen=True)
class RoundReport:
    """``seconds``: how long the round took by the clock of the fleet, the slowest link of each step
    added up; ``deadline_s``: when a headset counted as late (infinite: no deadline yet)."""

    number: int
    awake: tuple[str, ...]
    drops: tuple[Drop, ...]
    clusters: tuple[ClusterReport, ...]
    rows: tuple[Row, ...]
    seconds: float
    deadline_s: float

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON (an infinite deadline is None)."""
        finite = self.deadline_s < float("inf")
        return {**asdict(self), "deadline_s": self.deadline_s if finite else None}
