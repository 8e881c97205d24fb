"""What a headset's channels will cost, reckoned when it says hello, and what the server has left.

A declared channel costs before its first sample: places in the caches, tokens that each of its
ticks brings, memory for what is looked back on. All that follows from layout and rate, so it is
known at the hello. Channels are opened in the order in which they are offered, as long as the
headset's own bounds and the server's memory allow; the others are refused with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs import tokens
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.kv_cache import CAUGHT_UP, IRREGULAR_HZ, places
from fedxr.agent.serving import history as past
from fedxr.bridge.channels import TICK_US, Channel, layout_of, sizes_vary
from fedxr.bridge.serving.limits import LEAST_HZ, SLACK

MOST_PLACES = 6144
"""Cache places of one headset: two cameras at 30 Hz and all else that it wears."""
MOST_TOKENS = 48
"""Tokens that one tick of a headset may bring: three pictures. An ordinary one brings two."""
SEAT_BYTES = 12 << 20
"""What a headset costs that senses nothing: its adapters, their optimiser and its replay."""
PICTURE_BYTES = 64 * 64
"""What a picture is taken to cost before it is seen; the bounds in bytes hold for larger ones."""


@dataclass(frozen=True)
class Cost:
    """Of one headset or channel: cache ``places``, ``tokens`` in one tick at most, ``nbytes``."""

    places: int = 0
    tokens: int = 0
    nbytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.places + other.places, self.tokens + other.tokens, self.nbytes + other.nbytes
        )


def cost_of(checkpoint: Checkpoint, channel: Channel) -> Cost:
    """Of ``channel`` as ``checkpoint`` reads it; raises ChannelError where it cannot."""
    shape, size = encoder_for(channel).shape(channel), checkpoint.model.plan.size
    found = sum(places([channel])) - 2  # each ring has one place without any channel
    width = size.width // size.heads * size.kv_heads
    cached = found * 4 * (2 * size.layers * width + size.width)
    rate = SLACK * (channel.rate_hz or IRREGULAR_HZ)
    sample = 8 + PICTURE_BYTES
    if not sizes_vary(channel):
        rate, sample = min(rate, LEAST_HZ), 8 + 4 * max(1, *layout_of(channel.layout).shape, 1)
    back_s = past.KEEP * TICK_US / 1e6 if shape.summary else 0.0
    kept = min(past.BYTES, rate * sample * (back_s + shape.summary_s))
    looked = min(tokens.BYTES, rate * sample * (shape.summary_s + 1.0))
    return Cost(found, min(shape.tokens, CAUGHT_UP), int(cached + kept + looked))


class MemoryBudget:
    """What the server has for headsets: ``nbytes`` of memory, by default half of the machine's."""

    def __init__(self, checkpoint: Checkpoint, nbytes: int | None = None) -> None:
        self._checkpoint = checkpoint
        self._left = half_of_memory() if nbytes is None else nbytes
        self._taken: dict[str, int] = {}

    @property
    def left(self) -> int:
        """Bytes that nobody has been promised."""
        return self._left - sum(self._taken.values())

    def admit(self, session_id: str, channels: Mapping[str, Channel]) -> dict[str, str] | None:
        """Set aside what ``channels`` will cost, as far as it goes; why the others are refused, by
        name. None where there is no room for a headset at all."""
        if self.left < SEAT_BYTES:
            return None
        mine, refused = Cost(nbytes=SEAT_BYTES), dict[str, str]()
        for name, channel in channels.items():
            more = mine + cost_of(self._checkpoint, channel)
            if more.places > MOST_PLACES or more.tokens > MOST_TOKENS:
                refused[name] = (
                    f"with it the headset would need {more.places} places in the cache and bring "
                    f"up to {more.tokens} tokens a tick; one gets {MOST_PLACES} and {MOST_TOKENS}: "
                    "offer fewer channels, or pictures at a lower rate"
                )
            elif more.nbytes > self.left:
                refused[name] = (
                    f"it would need {(more.nbytes - mine.nbytes) >> 20} MiB, and "
                    f"{max(0, self.left - mine.nbytes) >> 20} are left; come when others have gone"
                )
            else:
                mine = more
        self._taken[session_id] = mine.nbytes
        return refused

    def leave(self, session_id: str) -> None:
        """What was set aside for it is free."""
        self._taken.pop(session_id, None)


def half_of_memory() -> int:
    """Bytes; 4 GiB where the system does not say how much it has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return 4 << 30
