"""Walls between headsets: whose data break a step of the server is put out, all others go on.

A step that fails says over whom, as :class:`Fault`; where it failed for several together, each
one's part was done alone until it was known. :class:`Quarantine` keeps whoever was put out from
coming straight back. What fails over nobody in particular is one of the server's :class:`Troubles`:
said on the live page and the console, and tried again after a wait that grows.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import traceback
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

_log = logging.getLogger("fedxr")
FIRST_S, LONGEST_S = 10.0, 3600.0
"""A user who was put out once may come back after ``FIRST_S``; each time more doubles it."""
REMEMBERED = 1024
"""Users whose cases are remembered, the latest."""
STRIKES, STRIKES_S = 3, 60.0
"""Headsets whose numbers came out as none so often within so many seconds are put out."""
WAIT_S, MOST_S = 0.25, 30.0
"""Seconds until a step that failed over nobody is tried again; twice as long after each time."""
SAID_S = 1.0
"""Seconds until a step is tried again of which somebody else says what it waits for."""


@dataclass(frozen=True)
class Fault:
    """Why a step went on without the headset at ``row``. ``broke``: its part raised an exception;
    else it led to numbers that are not finite, which nobody was given."""

    row: int
    why: str
    broke: bool = True

    @classmethod
    def of(cls, row: int, error: Exception) -> Fault:
        return cls(row, briefly(error), not isinstance(error, NotFiniteError))


class NotFiniteError(ArithmeticError):
    """Somebody's numbers are not finite; the message says which."""


class SaidError(RuntimeError):
    """A step cannot be done, and whoever raises this has said so among the troubles."""


def briefly(error: BaseException) -> str:
    """One line: what was raised, and where."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text[:300]}{at}" if text else f"{type(error).__name__}{at}"


class Quarantine:
    """Users who were put out, and how long each must stay away. A user who has come back and stayed
    for as long as the longest wait begins anew."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._cases: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how often, until when

    def add(self, who: str) -> float:
        """``who`` is put out; returns for how many seconds."""
        now = self._now()
        count, until = self._cases.pop(who, (0, now))
        count = 0 if now - until > LONGEST_S else count
        wait = min(LONGEST_S, FIRST_S * 2.0 ** min(count, 30))
        self._cases[who] = count + 1, now + wait
        while len(self._cases) > REMEMBERED:
            self._cases.popitem(last=False)
        return wait

    def refusal(self, who: str) -> str:
        """Why ``who`` is not let in, empty if nothing is against it."""
        count, until = self._cases.get(who, (0, 0.0))
        left = until - self._now()
        if left <= 0:
            return ""
        return (
            f"this headset was put out {count} times because what it sent broke the server's work; "
            f"come again in {math.ceil(left)} s"
        )


@dataclass
class Strikes:
    """When a headset's numbers came out as none, lately."""

    at: deque[float] = field(default_factory=lambda: deque(maxlen=STRIKES))

    def out(self) -> bool:
        """Count one more; whether that is too many."""
        self.at.append(time.monotonic())
        return len(self.at) == STRIKES and self.at[-1] - self.at[0] < STRIKES_S


class Troubles:
    """What the server cannot do at present, by the part of it that cannot. ``say`` is told of each
    once, and of its end."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self.say = say
        self._now: dict[str, str] = {}

    def begin(self, part: str, text: str) -> None:
        """``part`` fails, and ``text`` says of what; it may have failed before."""
        if self._now.get(part) != text:
            self._now[part] = text
            self.say(f"trouble: {part}: {text}")

    def end(self, part: str) -> None:
        """``part`` works."""
        if self._now.pop(part, None) is not None:
            self.say(f"over: {part}: works again")

    @property
    def text(self) -> str:
        """All of them in one line; empty while there are none."""
        return "; ".join(f"{part}: {text}" for part, text in self._now.items())


async def keep_on(part: str, turn: Callable[[], Awaitable[object]], troubles: Troubles) -> None:
    """``turn`` after turn until cancelled. A turn that raises is a trouble of ``part``, and the
    next one waits, twice as long each time."""
    wait = WAIT_S
    while True:
        try:
            await turn()
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop goes on
            _log.debug("%s failed", part, exc_info=error)
            if isinstance(error, SaidError):
                await asyncio.sleep(SAID_S)
                continue
            troubles.begin(part, f"{briefly(error)}; tried again and again")
            await asyncio.sleep(wait)
            wait = min(2 * wait, MOST_S)
        else:
            troubles.end(part)
            wait = WAIT_S
