"""How rounds are run: everything that can be chosen of them, checked where it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from fedxr.federation.codec import NumberFormat, check_format
from fedxr.federation.consensus import Consensus
from fedxr.federation.coordination import COORDINATIONS, coordination_named
from fedxr.federation.election import Election, ranking
from fedxr.federation.exchange import STAYS_HOME, Exchange
from fedxr.federation.rules import AGGREGATIONS, check_rule
from fedxr.federation.server_optimizer import ServerOptimizer
from fedxr.federation.topology import Topology


@dataclass(frozen=True)
class Round:
    """How rounds are run.

    ``aggregation``: by which rule the server makes one of what it was sent, by its name in
    :data:`fedxr.federation.rules.AGGREGATIONS`. Between neighbours it is the weighted mean always.
    ``broadcast``: the server answers ``all``, or ``representatives`` only, each of which passes the
    answer on to its direct neighbours once; the rest of the cluster keeps its consensus.
    ``participation``: which part of those who are awake takes part in a round, drawn anew each.
    ``server``: what the server makes of the mean that it has found. ``top``: which part of the
    numbers of adapters and heads goes up to the server, of those that have changed most
    (:mod:`fedxr.federation.top_changes`); 1: all of them, whole.
    """

    coordination: str = "semi-decentralized"
    exchange: Exchange = "ffa"
    aggregation: str = "mean"
    topology: Topology = field(default_factory=Topology)
    consensus: Consensus = field(default_factory=Consensus)
    election: Election = "score"
    broadcast: Literal["all", "representatives"] = "all"
    codec: NumberFormat = "float32"
    participation: float = 1.0
    top: float = 1.0
    server: ServerOptimizer = field(default_factory=ServerOptimizer)
    seed: int = 0

    def __post_init__(self) -> None:
        coordination_named(self.coordination)
        check_format(self.codec)
        ranking((), self.election, 0, 0)
        for word, got, allowed in (
            ("exchange", self.exchange, tuple(STAYS_HOME)),
            ("broadcast", self.broadcast, ("all", "representatives")),
        ):
            if got not in allowed:
                raise ValueError(f"{word} {got!r}; allowed are {' and '.join(allowed)}")
        for word, part in (("participation", self.participation), ("top", self.top)):
            if not 0 < part <= 1:
                raise ValueError(f"{word} {part}; take a part above 0, up to 1 (all)")
        if self.top < 1 and not coordination_named(self.coordination).server:
            raise ValueError(
                f"top {self.top} is of what goes up to a server, and coordination "
                f"{self.coordination!r} has none; take semi-decentralized or centralized, or 1"
            )
        check_rule(self.aggregation, self.coordination, self.exchange)
        if self.exchange == "stacked":
            self._check_stacked()
        if self.server.rule != "mean" and not coordination_named(self.coordination).server:
            fit = " or ".join(sorted(n for n, c in COORDINATIONS.items() if c.server))
            raise ValueError(
                f"server optimizer {self.server.rule!r} with coordination {self.coordination!r}, "
                f"which has no server; take {fit}, or the rule 'mean'"
            )

    def _check_stacked(self) -> None:
        factors, rule = {"lora_A", "lora_B"}, AGGREGATIONS.named(self.aggregation)
        why = ""
        if self.coordination == "decentralized":
            why = (
                "coordination 'decentralized' has no place where all factors come together; take "
                "semi-decentralized or centralized"
            )
        elif self.top < 1:
            why = f"top {self.top} takes factors one by one; take 1"
        elif self.server.rule != "mean":
            why = f"server optimizer {self.server.rule!r} moves factors one by one; take 'mean'"
        elif rule.kinds & factors:
            why = f"aggregation {self.aggregation!r} takes factors one by one; take 'mean'"
        if why:
            raise ValueError(f"exchange 'stacked': {why}, or exchange 'ffa'")
