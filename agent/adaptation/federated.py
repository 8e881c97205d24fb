"""What a federation has made of a cohort's headsets, and how a newcomer starts from it."""

from __future__ import annotations

from dataclasses import asdict

from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.adaptation.headset_state import HeadsetState
from fedxr.agent.model.federated_model import FederatedModel
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.federation import SharedSums
from fedxr.federation.exchange import STAYS_HOME
from fedxr.federation.pieces import Others


def federated_model(
    stack: AdapterStack, theta: Tensor, sums: SharedSums[RidgeStats], rounds: int
) -> FederatedModel:
    """The shared blocks of ``theta`` (P,) of one whom the server's last answer has reached, and
    everybody's sums as it knows them, of those who have left too."""
    total = {task: said.total for task, said in sums.answers.items() if said.total is not None}
    return FederatedModel(asdict(stack.tuning), shared_blocks(stack, theta), total, rounds)


def shared_blocks(stack: AdapterStack, theta: Tensor) -> dict[str, Tensor]:
    """The blocks that are exchanged, by name, of ``theta`` (P,) or of its shared part. What stays
    at home is its owner's."""
    at_home = STAYS_HOME[stack.tuning.exchange]
    return {
        b.name: theta[b.start : b.stop].clone()
        for b in stack.blocks.values()
        if b.id.part == "shared" and b.kind not in at_home
    }


def start_from(model: FederatedModel, stack: AdapterStack, row: int, state: HeadsetState) -> None:
    """The headset at ``row``, which knows nothing yet, starts from ``model``: it has the shared
    blocks and everybody's sums, and believes them as far as experts are believed at first
    (:class:`fedxr.agent.adaptation.experts.Mixing`)."""
    for name, value in model.blocks.items():
        block = stack.blocks.get(name)  # a task may have come, or gone, since
        if block is not None:
            stack.theta[row, block.start : block.stop] = value
    state.federated = {t: Others(model.sums[t]) for t in state.identity.tasks if t in model.sums}


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
