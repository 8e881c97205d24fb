"""How the updates of several headsets become one: the registry of aggregation rules.

Legend: R rows (what was sent to the server), p columns of one block.

The weighted mean (FedAvg) is the only rule that neighbours can follow without a server: gossip
mixes rows with V^G, and whatever it reaches is a weighted mean. A rule of another kind, such as
the median, acts at the server over what is uplinked. So it needs a coordination with a server.
There the clusters still agree on their mean first, and the rule judges clusters, not headsets; with
``centralized`` every headset is a cluster of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fedxr.federation.aggregation import average
from fedxr.federation.blocks import Updates
from fedxr.federation.coordination import COORDINATIONS, coordination_named
from fedxr.federation.exchange import STAYS_HOME
from fedxr.plugins import Registry

Combine = Callable[[Tensor, Tensor], Tensor]
"""(R, p) values of the owners of one block and (R,) float64 samples behind each, all above 0 and
R at least 1; to (p,), what everybody then holds."""
Place = Literal["cluster", "server"]


@dataclass(frozen=True)
class AggregationRule:
    """``about`` is one line for whoever chooses, with the paper. ``combine`` takes the place of the
    weighted mean in blocks of ``kinds``; the others are averaged. Without ``combine`` the rule is
    the weighted mean itself, of all kinds.
    """

    name: str
    about: str
    kinds: frozenset[str] = frozenset()
    combine: Combine | None = None

    def __post_init__(self) -> None:
        if self.combine is not None and not self.kinds:
            raise ValueError(
                f"aggregation {self.name!r} names no kinds of block; say which ones it may touch, "
                "such as lora_B and head"
            )

    @property
    def where(self) -> tuple[Place, ...]:
        """Where it can act: a cluster without a server can but mix, which is a weighted mean."""
        return ("cluster", "server") if self.combine is None else ("server",)


MEAN = AggregationRule("mean", "mean over owners, by samples (FedAvg, arXiv:1602.05629)")
AGGREGATIONS: Registry[AggregationRule] = Registry("aggregation rule", (MEAN,))


def check_rule(name: str, coordination: str, exchange: str) -> None:
    """Raises ValueError where the rule called ``name`` cannot act: the reason, and what would."""
    rule, plan = AGGREGATIONS.named(name), coordination_named(coordination)
    if "cluster" in rule.where:
        return
    if not plan.server:
        why = (
            "neighbours agree by mixing, which reaches a weighted mean and nothing else"
            if plan.links == ("d2d",)
            else "nothing is aggregated there"
        )
        fit = " or ".join(sorted(n for n, c in COORDINATIONS.items() if c.server))
        raise ValueError(
            f"aggregation {name!r} cannot act with coordination {coordination!r}: {why}. Take "
            f"{fit}, where a server applies it, or aggregation 'mean'"
        )
    at_home = STAYS_HOME.get(exchange, ())
    if rule.kinds <= set(at_home):
        raise ValueError(
            f"aggregation {name!r} touches blocks of kind {', '.join(sorted(rule.kinds))}, and "
            f"exchange {exchange!r} sends none of them; take another exchange, or aggregation "
            "'mean'"
        )


def check_kinds(name: str, travelling: Iterable[str]) -> None:
    """Raises ValueError where the rule called ``name`` may touch no block that travels."""
    rule, kinds = AGGREGATIONS.named(name), sorted(set(travelling))
    if rule.combine is not None and rule.kinds.isdisjoint(kinds):
        raise ValueError(
            f"aggregation {name!r} may touch blocks of kind {', '.join(sorted(rule.kinds))} only, "
            f"but what is exchanged is of kind {', '.join(map(repr, kinds))}: it would do nothing; "
            "take aggregation 'mean'"
        )


def aggregate(name: str, updates: Updates) -> Updates:
    """One row: blocks that the rule called ``name`` may touch by that rule, block by block over
    the headsets with weight; all others by their mean, exactly as if there were no rule."""
    rule, out = AGGREGATIONS.named(name), average(updates)
    if rule.combine is None:
        return out
    for k, block in enumerate(updates.blocks):
        owners = updates.weights[:, k] > 0
        if block.kind in rule.kinds and bool(owners.any()):
            rows = updates.values[owners][:, block.columns]
            found = rule.combine(rows, updates.weights[owners, k])
            # What somebody else's code returns: torch's median is a pair, say.
            shape = tuple(found.shape) if hasattr(found, "shape") else type(found).__name__
            if shape != (block.size,) or not bool(torch.isfinite(found).all()):
                raise ValueError(
                    f"aggregation {name!r} made {shape} of block {block.name!r}; its "
                    f"combine must return ({block.size},), one finite number a column"
                )
            out.values[0, block.columns] = found.to(out.values)
    return out
