"""Who speaks in a recording, and how the file says it."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from fedxr.bridge.channels import Channel, ChannelError, Samples
from fedxr.bridge.clock import Estimate
from fedxr.bridge.frames import ChannelCodec
from fedxr.bridge.protocol import (
    Hello,
    PackedFrame,
    ProtocolError,
    Welcome,
    decode_down,
    decode_up,
    encode,
)

SESSION = "fedxr.session"
"""Name of the MCAP metadata that says who a session is."""


@dataclass(frozen=True)
class RecordedSession:
    """Session ``number`` of a file. ``clock`` (server minus headset) is the estimate that was known
    when its recording began, None before the headset's first burst of pings."""

    number: int
    hello: Hello
    welcome: Welcome
    log_us: int
    clock: Estimate | None = None

    @cached_property
    def channels(self) -> dict[int, Channel]:
        """The open channels by their number; raises ChannelError, KeyError for a welcome that does
        not fit its hello."""
        offers = {offer.name: offer for offer in reversed(self.hello.channels)}
        return {
            number: Channel(name, offers[name].layout, offers[name].rate_hz, offers[name].delivery)
            for name, number in self.welcome.channels.items()
        }

    @cached_property
    def _codecs(self) -> dict[int, ChannelCodec]:
        return {number: ChannelCodec(c, number) for number, c in self.channels.items()}

    def channel_named(self, name: str) -> Channel:
        """The open channel of that name; raises KeyError."""
        return self.channels[self.welcome.channels[name]]

    def samples(self, frame: PackedFrame) -> dict[str, Samples]:
        """A recorded frame's samples by channel name, as the server's application got them: what
        cannot be was recorded and is absent."""
        codecs = self._codecs
        found = {codecs[b.channel].name: codecs[b.channel].unpack(b) for b in frame.blocks}
        return {name: samples for name, samples in found.items() if len(samples)}

    @property
    def name(self) -> str:
        """As reports call it."""
        return f"session {self.number} of {self.hello.user}"


def to_metadata(session: RecordedSession) -> dict[str, str]:
    """For people; and hello and welcome as they were sent, in hex, with a checksum (MCAP has none
    for metadata), which `from_metadata` reads back."""
    hello, clock = session.hello, session.clock
    told = {
        "session": str(session.number),
        "user": hello.user,
        "scenario": hello.scenario,
        "tasks": ", ".join(session.welcome.tasks),
        "began_us": str(session.log_us),
        "clock_offset_us": repr(clock.offset_us) if clock else "unknown",
        "clock_drift": repr(clock.drift) if clock else "unknown",
        "clock_at_us": repr(clock.at_us) if clock else "unknown",
        "clock_uncertainty_us": repr(clock.uncertainty_us) if clock else "unknown",
        "hello": encode(hello).hex(),
        "welcome": encode(session.welcome).hex(),
    }
    return told | {"crc32": _checksum(told)}


def from_metadata(metadata: Mapping[str, str]) -> RecordedSession:
    """The session; raises ValueError when the metadata are damaged."""
    if metadata.get("crc32") != _checksum(metadata):
        raise ValueError("does not fit its checksum")
    try:
        hello = decode_up(bytes.fromhex(metadata["hello"]))
        welcome = decode_down(bytes.fromhex(metadata["welcome"]))
        if not isinstance(hello, Hello) or not isinstance(welcome, Welcome):
            raise ValueError("hello and welcome are other messages")
        clock = None
        if metadata["clock_offset_us"] != "unknown":
            # One that no clock has, which older servers took, counts as unknown.
            with contextlib.suppress(ValueError):
                clock = Estimate(
                    float(metadata["clock_offset_us"]),
                    float(metadata["clock_drift"]),
                    float(metadata["clock_at_us"]),
                    float(metadata["clock_uncertainty_us"]),
                )
        session = RecordedSession(
            int(metadata["session"]), hello, welcome, int(metadata["began_us"]), clock
        )
        _ = session.channels
    except (KeyError, ProtocolError, ChannelError) as error:
        raise ValueError(f"another version's, or not fedxr's: {error}") from None
    return session


def _checksum(metadata: Mapping[str, str]) -> str:
    told = "\n".join(f"{k}={v}" for k, v in sorted(metadata.items()) if k != "crc32")
    return str(zlib.crc32(told.encode()))
