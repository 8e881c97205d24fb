"""The options of ``fedxr pretrain``, for whose help nothing that computes is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fedxr.experiments.choices import Source


@dataclass(frozen=True)
class Pretrain:
    """Train a checkpoint on the pretraining users of all domains and save it."""

    out: Path
    """The safetensors file to write."""
    source: Source = "simulated"
    """Simulated worlds, or recorded people from --data."""
    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    steps: int = 250
    """Pretraining steps a task."""
    copies: int = 1500
    """Augmented episodes of each domain, about: from one to ten of each episode."""
    headsets: int = 12
    """Half the number of simulated pretraining users in each use case."""
    seed: int = 0
    """Seed of everything random."""
    config: Path | None = None
    """Where to start from: a YAML file; other options override it."""
