"""What a real device can have: how many channels of a layout, and how much of each.

A hello is 256 KB of somebody's words: without a bound it may declare a thousand cameras, and every
declared channel has a cost before its first sample comes. The table of modalities says what no
device on the market exceeds (`Modality.channels`); what is beyond is refused by name, and the rest
is opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fedxr.bridge.channels import Channel, layout_of, modality_of, sizes_vary
from fedxr.bridge.serving.budget import Allowance

MOST_CHANNELS = 32
"""Channels of one headset, all layouts together."""
MOST_ELECTRODES = 256
"""Electrodes or optodes of one channel; the densest caps have 256."""

SLACK = 2.0
"""A channel may bring so many times the samples that its rate says: clocks and rates are off."""
RESENT_S = 70.0
"""Seconds of samples that may come at once, after a connection was gone (a session can be resumed
for 60 s)."""
LEAST_HZ = 2_000.0
"""Samples a second that every channel of numbers may bring, whatever its rate says."""
LEAST_PICTURES_HZ = 45.0
PICTURES_S = 20.0
"""As `LEAST_HZ` and `RESENT_S`, of channels whose samples are images or clouds."""


def too_many(channels: Sequence[Channel]) -> dict[str, str]:
    """Why each channel that no real device has beside those before it is refused, by name."""
    refused: dict[str, str] = {}
    of: Counter[str] = Counter()
    for channel in channels:
        modality = modality_of(channel.layout)
        most = modality.channels
        electrodes = layout_of(channel.layout).shape[:1]
        if modality.places_of(channel.layout) and electrodes > (MOST_ELECTRODES,):
            refused[channel.name] = (
                f"{electrodes[0]} electrodes; at most {MOST_ELECTRODES} are read"
            )
        elif of[channel.layout] >= most:
            refused[channel.name] = f"at most {most} channels of {channel.layout} are opened"
        elif of.total() >= MOST_CHANNELS:
            refused[channel.name] = f"at most {MOST_CHANNELS} channels are opened"
        else:
            of[channel.layout] += 1
    return refused


def samples_of(channel: Channel) -> Allowance:
    """How many samples ``channel`` may bring."""
    what = f"samples of {channel.name}"
    if sizes_vary(channel):
        rate = max(SLACK * channel.rate_hz, LEAST_PICTURES_HZ)
        return Allowance(what, rate, PICTURES_S * rate)
    rate = max(SLACK * channel.rate_hz, LEAST_HZ)
    return Allowance(what, rate, RESENT_S * rate)
