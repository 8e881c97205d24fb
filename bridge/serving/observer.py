"""Whoever watches the messages of all sessions: what a recording is made from."""

from __future__ import annotations

from typing import Protocol

from fedxr.bridge.clock import Estimate
from fedxr.bridge.protocol import (
    Bye,
    Cue,
    Feedback,
    Hello,
    Notice,
    PackedFrame,
    Ping,
    Reply,
    Welcome,
)


class Observed(Protocol):
    """What an observer may know of a session, and say to its headset."""

    id: str
    hello: Hello
    welcome: Welcome | None
    recordable: bool
    clock: Estimate | None

    @property
    def last_seq(self) -> int: ...

    def notice(self, code: str, text: str) -> None: ...


class Observer(Protocol):
    """Stands in `BridgeServer.observers`. Called on the event loop: must be short, must not raise.

    A frame or feedback is told after it was checked and before the application gets it, a message
    down when it is handed to the outbox, so that the order told is the order of cause and effect.
    """

    def opened(self, session: Observed) -> None:
        """The welcome goes out; ``session.welcome`` is it."""

    def consented(self, session: Observed) -> None:
        """The user has changed their mind: ``session.recordable``."""

    def received(self, session: Observed, message: PackedFrame | Feedback | Ping | Bye) -> None:
        """A message of the headset was accepted; of pings only those with a clock estimate."""

    def sent(self, session: Observed, message: Reply | Cue | Notice | Bye) -> None:
        """A message to the headset; it may still be dropped before a slow one."""

    def closed(self, session: Observed, reason: str) -> None:
        """The session is over."""
