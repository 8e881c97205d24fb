"""A checkpoint in memory: what every headset starts from, and nobody's learning changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from fedxr.agent.model.federated_model import FederatedModel
from fedxr.agent.model.m3t import M3T
from fedxr.agent.model.ridge_head import RidgeHead, flatten

Population = dict[str, tuple[Tensor, Tensor]]
"""Mean and deviation of all users by key (:mod:`fedxr.agent.inputs.normalization`)."""


@dataclass(frozen=True)
class Checkpoint:
    """The model, where normalisation and ridge heads start, and what a federation has learned on
    them, where there was one."""

    model: M3T
    ridges: Mapping[str, RidgeHead]
    population: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    federated: FederatedModel | None = None

    @cached_property
    def generic(self) -> dict[str, Tensor]:
        """The ridge head (Z, C) of each task from the prior alone."""
        return {task: ridge.weights(ridge.prior) for task, ridge in self.ridges.items()}

    @cached_property
    def digest(self) -> str:
        """Of all tensors that numbers learned with this checkpoint depend on: weights,
        normalisation, landmarks and priors."""
        parts = {f"model/{name}": t for name, t in self.model.state_dict().items()}
        for task, ridge in self.ridges.items():
            parts[f"landmarks/{task}"] = ridge.kernel.landmarks
            parts[f"prior/{task}"] = flatten(ridge.prior)
        for key, both in self.population.items():
            parts[f"population/{key}"] = torch.stack(both)
        found = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(parts.items()):
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.detach().cpu().flatten().contiguous().view(torch.uint8).numpy())
        return found.hexdigest()
