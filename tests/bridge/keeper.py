"""A server in a process of its own, for tests that kill it: `keeper.py PORT FILE`.

Appends capture_us of every frame to FILE, one a line, before it answers; prints its port.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from fedxr.bridge.frames import Frame
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session


class Keeper(Application):
    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def joined(self, session: Session) -> Sequence[str]:
        return ("emotion",)

    def frame(self, session: Session, frame: Frame) -> None:
        os.write(self._file, f"{frame.capture_us}\n".encode())
        session.send_reply(frame.seq, frame.capture_us, {})


async def main() -> None:
    async with BridgeServer(Keeper(sys.argv[2]), ServerConfig(port=int(sys.argv[1]))) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
