"""Time stamps for samples that have none: the newest is of now, the others a period apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fedxr.bridge.channels import Channel, ChannelError, Samples, layout_of


def stamped(channel: Channel, values: ArrayLike, now_us: int) -> Samples:
    """``values`` (n, *shape) of ``channel``, or one sample (*shape), taken until ``now_us``.

    Raises ChannelError where they do not fit the layout, or are several of an irregular channel,
    whose times nobody but the caller knows."""
    layout = layout_of(channel.layout)
    found = np.asarray(values, layout.dtype)
    if found.ndim == len(layout.shape):
        found = found[None]
    shape = found.shape[1:]
    fits = len(shape) == len(layout.shape) and all(
        got == want or not want for got, want in zip(shape, layout.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(size or "any") for size in layout.shape)
        raise ChannelError(
            f"channel {channel.name}: values of shape {np.shape(values)}; "
            f"{channel.layout} takes (n, {wanted})"
        )
    if len(found) > 1 and not channel.rate_hz:
        raise ChannelError(
            f"channel {channel.name}: {len(found)} samples of an irregular channel; send one at a "
            "time, or Samples with their times by send_frame"
        )
    period = 1e6 / channel.rate_hz if channel.rate_hz else 0.0
    back = np.round(np.arange(len(found) - 1, -1, -1) * period).astype(np.int64)
    return Samples(now_us - back, found)
