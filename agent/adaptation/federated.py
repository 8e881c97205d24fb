"""What a federation has made of a cohort's headsets, and how a newcomer starts from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.adaptation.departed import Departed
from fedxr.agent.adaptation.headset_state import HeadsetState
from fedxr.agent.model.federated_model import FederatedModel


def federated_model(
    stack: AdapterStack,
    headsets: Sequence[HeadsetState],
    rows: Sequence[int],
    departed: Departed,
    rounds: int,
) -> FederatedModel:
    """What the headsets at ``rows``, whom the server's last answer has reached, have in common: the
    shared blocks of the first one, and everybody's sums, of those who have left too."""
    shared = [b for b in stack.blocks.values() if b.id.part == "shared"]
    blocks = {b.name: stack.theta[rows[0], b.start : b.stop].clone() for b in shared}
    sums = dict(departed.sums)
    for row in reversed(rows):  # the first who has been told of a task decides
        state = headsets[row]
        own = state.offered()
        for task in state.identity.tasks:
            parts = [s[task] for s in (state.federated, own) if task in s]
            if parts:
                sums[task] = parts[0] if len(parts) == 1 else parts[0].plus(parts[1])
    return FederatedModel(asdict(stack.tuning), blocks, sums, rounds)


def start_from(model: FederatedModel, stack: AdapterStack, row: int, state: HeadsetState) -> None:
    """The headset at ``row``, which knows nothing yet, starts from ``model``: it has the shared
    blocks and everybody's sums, and believes none of it before it has earned that."""
    for name, value in model.blocks.items():
        block = stack.blocks.get(name)  # a task may have come, or gone, since
        if block is not None:
            stack.theta[row, block.start : block.stop] = value
    state.federated = {t: model.sums[t] for t in state.identity.tasks if t in model.sums}


def tuning_of(model: FederatedModel) -> Tuning:
    """The adapters that ``model`` was learned with."""
    return Tuning(**model.tuning)  # type: ignore[arg-type]


def refuse_other_tuning(model: FederatedModel, stack: AdapterStack) -> None:
    """Raises ValueError where ``model`` was learned with other adapters than those of ``stack``."""
    ours = asdict(stack.tuning)
    wrong = [f"{k} {v} there and {ours[k]} here" for k, v in model.tuning.items() if v != ours[k]]
    if wrong:
        raise ValueError(
            "the checkpoint's federated model was learned with other adapters: "
            f"{', '.join(wrong)}; tune as it was, or take a checkpoint without one"
        )
