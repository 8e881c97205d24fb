"""What headsets have learned together, apart from any of them: what a newcomer starts from.

A federation ends, a server stops, the last headset leaves: this is what stays. It is part of a
checkpoint (:mod:`fedxr.agent.checkpoints.checkpoint_file`) beside the model that it was learned on,
which it does not change: as with everything learned, answers believe it by what it earns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from fedxr.agent.model.ridge_head import RidgeStats


@dataclass(frozen=True)
class FederatedModel:
    """``blocks`` are the shared adapters and heads by name, flat, as the server last sent them, and
    ``tuning`` the words of the :class:`fedxr.agent.adaptation.adapter_stack.Tuning` that they
    belong to; ``sums`` of the ridge heads, by task; ``rounds`` that were held."""

    tuning: Mapping[str, object]
    blocks: Mapping[str, Tensor]
    sums: Mapping[str, RidgeStats] = field(default_factory=dict)
    rounds: int = 0
