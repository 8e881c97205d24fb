"""A process that decodes pictures, so that no decoder shares the interpreter with the event loop.

Decoding in a thread gives other threads the interpreter, but asks for it back with every picture:
with 240 pictures a second the well-behaved headsets' p99 grew to five times what it was. A process
also takes a decoder's crash over a stranger's bytes with it, and runs at a lower priority, so that
on a busy machine pictures wait for answers and never the other way round.

The process (`main`) reads requests from its input until that ends, and writes an answer to each.
"""

from __future__ import annotations

import contextlib
import io
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.images import check_pixels, decode_picture
from fedxr.bridge.protocol import ProtocolError

_REQUEST = struct.Struct("<?IIIII")
"""Whether JPEG; n, height, width, colours (0: gray); bytes that follow."""
_ANSWER = struct.Struct("<IId")
"""Length of the error's code (0: none), and of what follows it: its text, or the pixels; seconds of
a core that it took."""
_NICENESS = 5
_MAIN = (
    "import sys; sys.path[:] = {!r}; from fedxr.bridge.serving.decode_process import main; main()"
)
"""A process that finds this package wherever its parent did."""


class Pictures:
    """``count`` decoding processes, started when they are first needed and anew when one dies.

    ``executor`` has a thread for each, in which to call `decode`.
    """

    def __init__(self, count: int) -> None:
        self.executor = ThreadPoolExecutor(count, "pictures")
        self._took = threading.local()
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._all = [_Process() for _ in range(count)]
        for process in self._all:
            self._idle.put(process)

    def decode(
        self, data: bytes, encoding: str, n: int, shape: tuple[int, ...]
    ) -> NDArray[np.uint8]:
        """As `fedxr.bridge.images.decode_picture`, in a process. Blocks while all of them are
        busy."""
        check_pixels(n, shape)
        process = self._idle.get()
        try:
            return process.decode(data, encoding, n, shape)
        finally:
            self._took.seconds = self.took_s() + process.took_s
            self._idle.put(process)

    def took_s(self) -> float:
        """Seconds of a core that the processes have spent for the thread that asks, so far."""
        return float(getattr(self._took, "seconds", 0.0))

    def close(self) -> None:
        """End the processes; a picture that one is busy with is refused."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            process.end()


class _Process:
    """One decoding process, for one caller at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.took_s = 0.0
        """Seconds of a core that the last picture took."""

    def decode(
        self, data: bytes, encoding: str, n: int, shape: tuple[int, ...]
    ) -> NDArray[np.uint8]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", _MAIN.format(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
        self.took_s = 0.0
        to = cast(IO[bytes], self._process.stdin)
        answers = cast(IO[bytes], self._process.stdout)
        height, width, colours = (*shape, 0)[:3]
        request = _REQUEST.pack(encoding == "jpeg", n, height, width, colours, len(data))
        try:
            to.write(request + data)
            to.flush()
            code_length, length, self.took_s = _ANSWER.unpack(_exactly(answers, _ANSWER.size).data)
            code, answer = _exactly(answers, code_length), _exactly(answers, length)
        # ValueError: closed by `end`.
        except (OSError, EOFError, ValueError):
            self.end()
            raise ProtocolError("bad-image", "the decoder died of it; send another") from None
        if code.size:
            raise ProtocolError(code.tobytes().decode(), answer.tobytes().decode())
        return answer.reshape(n, *shape)

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            # ValueError: the thread that used it has closed a pipe at the same moment.
            with contextlib.suppress(OSError, ValueError):
                process.communicate()


def _exactly(stream: IO[bytes], length: int) -> NDArray[np.uint8]:
    """``length`` bytes; raises EOFError when the stream ends before.

    The interpreter is free while they come, and the memory they go into is first touched then: a
    bytearray would be filled with zeros before, which for a picture takes longer than its answer.
    """
    data = np.empty(length, np.uint8)
    if length and cast(io.BufferedReader, stream).readinto(data) != length:  # type: ignore[arg-type]
        raise EOFError
    return data


def main() -> None:
    """Decode until the input ends, which it does with the server, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setscheduler"):
        # Waking up, it stops nobody; and a parent's real-time priority is not inherited.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := requests.read(_REQUEST.size):
        jpeg, n, height, width, colours, length = _REQUEST.unpack(head)
        shape = (height, width, colours) if colours else (height, width)
        began = time.process_time()
        try:
            pixels = decode_picture(requests.read(length), "jpeg" if jpeg else "png", n, shape)
        except ProtocolError as error:
            code, text = error.code.encode(), str(error).encode()
            took_s = time.process_time() - began
            answers.write(_ANSWER.pack(len(code), len(text), took_s) + code + text)
        else:
            answers.write(_ANSWER.pack(0, pixels.nbytes, time.process_time() - began))
            answers.write(np.ascontiguousarray(pixels).data)
        answers.flush()
