"""What a federation has made of a cohort's headsets, and how a newcomer starts from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from torch import Tensor

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
    sums, told = dict(departed.sums), set[str]()
    for row in rows:  # the first who has been told of a task decides
        state = headsets[row]
        own = state.given or state.offered()  # what it was told since the round is not the server's
        for task in state.identity.tasks:
            parts = [s[task] for s in (state.federated, own) if task in s]
            if parts and task not in told:
                told.add(task)
                sums[task] = parts[0] if len(parts) == 1 else parts[0].plus(parts[1])
    blocks = shared_blocks(stack, stack.theta[rows[0]])
    return FederatedModel(asdict(stack.tuning), blocks, sums, rounds)


def shared_blocks(stack: AdapterStack, theta: Tensor) -> dict[str, Tensor]:
    """The shared blocks, by name, of ``theta`` (P,) or of its shared part."""
    shared = (b for b in stack.blocks.values() if b.id.part == "shared")
    return {b.name: theta[b.start : b.stop].clone() for b in shared}


def start_from(model: FederatedModel, stack: AdapterStack, row: int, state: HeadsetState) -> None:
    """The headset at ``row``, which knows nothing yet, starts from ``model``: it has the shared
    blocks and everybody's sums, and believes them as far as experts are believed at first
    (:class:`fedxr.agent.adaptation.experts.Mixing`)."""
    for name, value in model.blocks.items():
        block = stack.blocks.get(name)  # a task may have come, or gone, since
        if block is not None:
            stack.theta[row, block.start : block.stop] = value
    state.federated = {t: model.sums[t] for t in state.identity.tasks if t in model.sums}


def tuning_of(model: FederatedModel) -> Tuning:
    """The adapters that ``model`` was learned with."""
    return Tuning(**model.tuning)  # type: ignore[arg-type]


def refuse_other_tuning(model: FederatedModel, stack: AdapterStack) -> None:
    """Raises ValueError where ``model`` was learned with other adapters than those of ``stack``, or
    has a block of another size."""
    ours = asdict(stack.tuning)
    wrong = [f"{k} {v} there and {ours[k]} here" for k, v in model.tuning.items() if v != ours[k]]
    for name, value in model.blocks.items() if not wrong else ():
        block = stack.blocks.get(name)
        if block is not None and len(value) != block.stop - block.start:
            wrong.append(
                f"{name} of {len(value)} numbers there and {block.stop - block.start} here"
            )
    if wrong:
        raise ValueError(
            "the checkpoint's federated model was learned with other adapters: "
            f"{', '.join(wrong)}; tune as it was, or take a checkpoint without one"
        )
