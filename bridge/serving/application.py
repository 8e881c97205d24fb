"""What an application must be so that the server can serve sessions with it."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import BridgeError, Feedback
from fedxr.bridge.serving.session import Session

_log = logging.getLogger(__name__)


class RefusalError(BridgeError):
    """A headset is not let in. ``code`` and text go into the notice that it is sent."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Application(Protocol):
    """What the server calls; each may be a plain function or a coroutine function.

    Plain ``frame`` and ``feedback`` run where the message arrives and must be short. When either is
    a coroutine function, both are awaited one at a time per session, in order, and what arrives
    meanwhile waits in ``session.inbox`` under the channels' delivery policies. An application with
    its own pace calls ``session.use_inbox()`` in ``joined`` and takes with ``session.take()``:
    then neither is called. Subclass to inherit the empty ones.
    """

    def joined(self, session: Session) -> Sequence[str] | Awaitable[Sequence[str]]:
        """A headset said hello; returns the tasks it will be answered, or raises `RefusalError`."""
        ...

    def frame(self, session: Session, frame: Frame) -> Awaitable[None] | None:
        return None

    def feedback(self, session: Session, feedback: Feedback) -> Awaitable[None] | None:
        return None

    def left(self, session: Session, reason: str) -> Awaitable[None] | None:
        """The session is over, for whatever reason; it may come back by resuming."""
        return None

    def broke(self, session: Session, error: Exception) -> None:
        """Handling a message of the session raised ``error``; the session ends now."""
        return

    def dropped(self, session: Session, counts: Mapping[str, int]) -> None:
        """What was dropped, lost or late since the last call (at most once a second)."""
        return


def awaits(application: Application) -> bool:
    """Whether frames and feedback are to be awaited, one at a time."""
    return any(map(inspect.iscoroutinefunction, (application.frame, application.feedback)))


async def settled(result: Any) -> Any:
    """What a callback returned, awaited if it must be."""
    return await result if inspect.isawaitable(result) else result


async def answer(application: Application, session: Session) -> None:
    """Await the application's coroutines for one session, in order, until the session is over and
    nothing waits in its inbox."""
    try:
        while True:
            session.arrived.clear()
            while (item := session.take()) is not None:
                if isinstance(item, Frame):
                    await settled(application.frame(session, item))
                else:
                    await settled(application.feedback(session, item))
            if session.over.done():
                return
            await session.arrived.wait()
    finally:
        session.close("the application stopped answering; see the server's log")


async def end(task: asyncio.Task[None]) -> None:
    """Cancel ``task``; what it failed of, if it did, goes into the log."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the application failed", exc_info=error)
