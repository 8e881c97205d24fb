"""Other plausible recordings of the same episode, for pretraining only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fedxr.agent.encoders import encoder_for
from fedxr.agent.tasks import Episode
from fedxr.bridge.channels import TICK_US, Channel, Samples


def augment(episode: Episode, channels: Sequence[Channel], rng: np.random.Generator) -> Episode:
    """``episode`` as another person, pace or device placement could have produced it.

    Every encoder changes its own samples; the pace is drawn once for all channels, within the
    narrowest limit among them, and questions move with it.
    """
    here = [c for c in channels if c.name in episode.samples]
    limit = min((encoder_for(c).shape(c).speed for c in here), default=0.0)
    pace = float(np.exp(rng.uniform(-limit, limit)))
    samples = {}
    for channel in here:
        changed = encoder_for(channel).augment(episode.samples[channel.name], channel, rng)
        samples[channel.name] = Samples((changed.t_us * pace).astype(np.int64), changed.values)
    queries = tuple(
        replace(q, t_us=max(TICK_US, -(-int(q.t_us * pace) // TICK_US) * TICK_US))
        for q in episode.queries
    )
    return replace(episode, samples=samples, queries=queries, seconds=episode.seconds * pace)
