"""A mmWave presence radar as a sensor of fedxr: how strong the echo of each distance is.

Such radars (60 GHz, on a desk or a headset) bring a range profile some 10 to 30 times a second. The
mean of two seconds says where somebody is, its deviation who moves: a breath is a few decibels.

Shapes: N samples of the window, R = 32 range bins of 15 cm.
"""

import numpy as np
from fedxr.agent.encoders.base import Array, EncoderSpec, finite, window
from fedxr.bridge.channels import MODALITIES, Channel, ChannelError
from fedxr.bridge.channels import Layout, Modality, Range, Samples

BINS = 32
RANGE = Layout(
    "radar/range32",  # <modality>/<layout>: what a headset says in its hello
    shape=(BINS,),
    dtype="float32",
    unit="dB",
    frame="device",
    meaning="echo power over the noise floor, in bins of 15 cm from the antenna on",
    range=Range(-40.0, 120.0),  # beyond, or NaN, a profile counts as absent
)


class RadarEncoder:
    """Mean and deviation of every bin; decibels are brought to the order of 1."""

    modality = "radar"

    def shape(self, channel: Channel) -> EncoderSpec:
        if channel.rate_hz < 5:
            raise ChannelError(f"channel {channel.name}: {channel.rate_hz:g} Hz; 5 Hz at least")
        # 2 s become one token every 15 ticks (0.5 s); a task is told of the last 2 s, too.
        return EncoderSpec(2.0, 15, 1, 2 * BINS, 2.0, 2 * BINS)

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(64,) of the last two seconds; None under three profiles."""
        x_NR = window(samples, end_us - 2_000_000, end_us).values
        return None if len(x_NR) < 3 else np.concatenate((x_NR.mean(0) / 20, x_NR.std(0) / 5))

    summary = features

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Another antenna: 2 dB more or less gain."""
        return Samples(samples.t_us, samples.values + np.float32(rng.normal(0.0, 2.0)))


MODALITIES.add(Modality("radar", (RANGE,), channels=2, encoder=RadarEncoder()))
