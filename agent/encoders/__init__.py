"""Encoders by modality: how the samples of each sensor become numbers for the model."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from agent.encoders.base import Encoder
from bridge.channels import Channel, ChannelError

READ = ("motion", "eeg", "gaze", "contact", "physiology", "audio", "vision", "hands")
"""Modalities that have an encoder."""


@cache
def _encoder(modality: str) -> Encoder:
    if modality not in READ:
        raise ChannelError(
            f"no encoder reads modality {modality!r}; channels of {', '.join(READ)} can be used"
        )
    encoder: Encoder = import_module(f"agent.encoders.{modality}").ENCODER
    return encoder


def encoder_for(channel: Channel) -> Encoder:
    """The encoder that reads ``channel``; raises ChannelError when none does."""
    return _encoder(channel.modality)
