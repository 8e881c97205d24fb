"""The checkpoint that fedxr ships, and any other by its file."""

from __future__ import annotations

from pathlib import Path

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint

CHECKPOINT = Path(__file__).parents[1] / "checkpoints" / "tiny.safetensors"
"""Pretrained on simulated people (fedxr/checkpoints/README.md)."""


def load(path: str | Path | None = None) -> Checkpoint:
    """The checkpoint in ``path``; by default the one that is shipped.

    >>> import fedxr
    >>> checkpoint = fedxr.load()
    >>> checkpoint.model.plan.size.width
    128

    Raises ValueError that says what is there instead."""
    return load_checkpoint(CHECKPOINT if path is None else Path(path))
