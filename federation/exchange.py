"""Which blocks are exchanged.

A low-rank change B A is not closed under averaging: mean(B) mean(A) is not mean(B A). ``ffa``
(FFA-LoRA, arXiv:2403.12313) freezes A at a shared seed and exchanges B, which is exact under any
linear mix, at half the bytes. ``fedsa`` (FedSA-LoRA, arXiv:2410.01463) trains both and exchanges A:
B and the heads are each headset's own. ``stacked`` (FlexLoRA, arXiv:2402.11505) exchanges both,
whole, and averages their products (:mod:`fedxr.federation.low_rank`), which takes one place where
all come together: a representative, and the server. ``naive`` (FedIT) averages A and B each: a
baseline, wrong by 80 % on random factors of unequal rank.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from fedxr.federation.blocks import Blocks, Updates

Exchange = Literal["ffa", "fedsa", "stacked", "naive"]
STAYS_HOME: dict[str, tuple[str, ...]] = {
    "ffa": ("lora_A",),
    "fedsa": ("lora_B", "head"),
    "stacked": (),
    "naive": (),
}
"""Kinds of blocks that a rule does not exchange; all others travel."""


def exchanged(blocks: Blocks, rule: str) -> Tensor:
    """(K,) bool: the blocks that travel under ``rule``; raises ValueError for an unknown one."""
    if rule not in STAYS_HOME:
        raise ValueError(f"unknown exchange {rule!r}; allowed are {', '.join(STAYS_HOME)}")
    return torch.tensor([block.kind not in STAYS_HOME[rule] for block in blocks])


def select(updates: Updates, rule: str) -> Updates:
    """The updates as they travel: whoever owns a block that stays at home shows no weight for it.

    Raises ValueError when a block that ``ffa`` takes for shared and frozen is not.
    """
    travels = exchanged(updates.blocks, rule)
    frozen = (~travels).nonzero().flatten().tolist() if rule == "ffa" else ()
    for k in frozen:
        block, owners = updates.blocks.all[k], updates.owns[:, k]
        rows = updates.values[owners][:, block.columns]
        if bool((rows != rows[:1]).any()):
            raise ValueError(
                f"exchange {rule!r}: block {block.name!r} ({block.kind}) differs between headsets; "
                "it must be drawn from one shared seed and stay frozen, or use 'naive'"
            )
    return updates.only(travels)
