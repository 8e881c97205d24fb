"""What the server makes of a round's mean: the mean itself, or a step of an optimiser towards it.

FedOpt (Reddi et al., arXiv:2003.00295, algorithm 2): the change from the server's model x to the
mean is taken for a gradient, Delta = mean - x, and x goes on by ``momentum`` (FedAvgM), ``adam`` or
``yogi``. That helps where few headsets take part, or their steps point to many sides.

What to know: a block that the server has not seen before starts from what the headsets held before
they learned.

Legend: p columns of one block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from fedxr.federation.blocks import Updates
from fedxr.federation.top_changes import Heard

Rule = Literal["mean", "momentum", "adam", "yogi"]
RULES: tuple[Rule, ...] = ("mean", "momentum", "adam", "yogi")


@dataclass(frozen=True)
class ServerOptimizer:
    """``rule``; ``rate`` (eta), ``beta1``, ``beta2`` and ``tau`` (how adaptive: the smaller, the
    more) are those of the paper. ``mean`` has no use for them; ``momentum`` for the first two."""

    rule: Rule = "mean"
    rate: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    tau: float = 1e-3

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"server optimizer {self.rule!r}; allowed are {', '.join(RULES)}")
        of_no_use = {"mean": ("rate", "beta1", "beta2", "tau"), "momentum": ("beta2", "tau")}
        for name in of_no_use.get(self.rule, ()):
            if getattr(self, name) != getattr(type(self), name):
                raise ValueError(
                    f"server optimizer {self.rule!r} has no use for {name} {getattr(self, name)}"
                )
        fine = 0 <= self.beta1 < 1 and 0 <= self.beta2 < 1
        if not (self.rate > 0 and self.tau > 0 and fine):
            raise ValueError(
                f"server optimizer: rate {self.rate} and tau {self.tau} must be above 0, beta1 "
                f"{self.beta1} and beta2 {self.beta2} from 0 to below 1"
            )


@dataclass
class BlockState:
    """The server's model ``x`` (p,) of one block, and its ``first`` and ``second`` moments."""

    x: Tensor
    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, x: Tensor, how: ServerOptimizer) -> BlockState:
        """As the paper starts: v at tau squared."""
        return cls(x.clone(), torch.zeros_like(x), torch.full_like(x, how.tau**2))

    def step(self, mean: Tensor, how: ServerOptimizer) -> Tensor:
        """x (p,) after a step towards ``mean`` (p,)."""
        change = mean - self.x
        if how.rule == "momentum":
            self.first = how.beta1 * self.first + change
            self.x = self.x + how.rate * self.first
            return self.x
        self.first = torch.lerp(change, self.first, how.beta1)
        square = change.square()
        if how.rule == "adam":
            self.second = torch.lerp(square, self.second, how.beta2)
        else:  # yogi: the second moment goes towards the square by a step of its size, not its gap
            self.second = self.second - (1 - how.beta2) * square * (self.second - square).sign()
        self.x = self.x + how.rate * self.first / (self.second.sqrt() + how.tau)
        return self.x


@dataclass
class ServerState:
    """The server's model and moments by block name, and who has ``heard`` which of its answers;
    keep one for as long as the headsets meet."""

    blocks: dict[str, BlockState] = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)

    def step(self, how: ServerOptimizer, mean: Updates, before: Callable[[], Updates]) -> Updates:
        """What goes back instead of ``mean`` (one row): the model after a step towards it.
        ``before`` gives the mean (one row) of what the headsets held before they learned."""
        if how.rule == "mean":
            return mean
        values, start = mean.values.clone(), None
        for k, block in enumerate(mean.blocks):
            if not bool(mean.weights[0, k] > 0):
                continue
            here = block.columns
            known = self.blocks.get(block.name)
            if known is None or len(known.x) != block.size:
                start = before() if start is None else start
                known = self.blocks[block.name] = BlockState.of(start.values[0, here], how)
            values[0, here] = known.step(values[0, here], how)
        return replace(mean, values=values)
