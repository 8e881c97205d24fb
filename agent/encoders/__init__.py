"""Encoders by modality: how the samples of each sensor become numbers for the model.

Which modality has which stands in the registry of modalities (`fedxr.bridge.channels.MODALITIES`),
to which plug-ins add; this package holds ours."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from fedxr.agent.encoders.base import Encoder
from fedxr.bridge.channels import MODALITIES, Channel, ChannelError

_METHODS = ("shape", "features", "summary", "augment")


def modalities_read() -> list[str]:
    """Modalities that have an encoder; the others travel and are recorded."""
    return [name for name, modality in MODALITIES.items() if modality.encoder is not None]


@cache
def _imported(reference: str) -> object:
    """What "module:NAME" stands for."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def _encoder(modality: str) -> Encoder:
    entry = MODALITIES.get(modality)
    found = entry.encoder if entry is not None else None
    if found is None:
        raise ChannelError(
            f"no encoder reads modality {modality!r}; channels of {', '.join(modalities_read())} "
            "can be used"
        )
    if isinstance(found, str):
        found = _imported(found)
    missing = [name for name in _METHODS if not callable(getattr(found, name, None))]
    if missing:
        raise ChannelError(
            f"the encoder of modality {modality!r} has no {', '.join(missing)}; give it all "
            "methods of fedxr.agent.encoders.base.Encoder"
        )
    return cast(Encoder, found)


def encoder_for(channel: Channel) -> Encoder:
    """The encoder that reads ``channel``; raises ChannelError when none does."""
    return _encoder(channel.modality)
