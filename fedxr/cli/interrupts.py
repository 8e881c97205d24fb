"""What Ctrl-C and SIGTERM mean while a command's loop runs, and no longer."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def sets_on_signal(event: asyncio.Event, *numbers: signal.Signals) -> Iterator[None]:
    """Within a running loop: each signal of ``numbers`` sets ``event``; afterwards they mean again
    what they did. Where a loop cannot hear signals (Windows, another thread) they keep doing so."""
    loop, heard = asyncio.get_running_loop(), []
    before = {number: signal.getsignal(number) for number in numbers}
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in numbers:
            loop.add_signal_handler(number, event.set)
            heard.append(number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
