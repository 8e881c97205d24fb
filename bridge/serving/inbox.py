"""Where frames and feedback wait for an application that takes them at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from fedxr.bridge.channels import Channel
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Feedback
from fedxr.bridge.serving.sequence import SequenceGuard
from fedxr.bridge.transport.connection import BridgeConnection
from fedxr.bridge.transport.queues import FrameQueue

_FULL = "inbox full"


class Inbox(FrameQueue):
    """A queue before the application that stops the reading of ``connection`` while it is full, and
    knows up to where the application is done.

    An item counts as done when the next one is asked for, so ``taken`` follows one item behind:
    what a crash interrupts is sent again.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        max_bytes: int,
        guard: SequenceGuard,
        connection: BridgeConnection,
    ) -> None:
        super().__init__({c.name: c.delivery for c in channels}, max_bytes)
        self.arrived = asyncio.Event()
        """Set when something was put in."""
        self.used = False
        """Whether the application takes from here; else all is handed to it as it comes."""
        self.taken = 0
        """Every frame and feedback up to this number has been taken and is done with."""
        self._guard, self._connection = guard, connection
        self._holds = False

    @property
    def acknowledged(self) -> int:
        """Every frame and feedback up to this number is the application's."""
        return self.taken if self.used else self._guard.last_seq

    def put(self, item: Frame | Feedback) -> None:
        super().put(item)
        self.arrived.set()
        if self.full and not self._holds:
            self._holds = True
            self._connection.pause_reading(_FULL)

    def take(self) -> Frame | Feedback | None:
        """The oldest waiting item, or None; reading resumes when there is room."""
        item = super().take()
        self.taken = item.seq - 1 if item is not None else self._guard.last_seq
        if self._holds and not self.full:
            self._holds = False
            self._connection.resume_reading(_FULL)
        return item
