"""``fedxr serve`` as a user types it, in a home of its own: what it prints, until it is ready."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def served(home: Path, *options: str, python: str = sys.executable) -> AsyncIterator[str]:
    """What ``fedxr serve --port 0`` with further ``options`` has printed when it listens; it is
    interrupted at the end, as by Ctrl-C. Certificates and states are kept in ``home``.

    Raises SystemExit with what it said where it ends before it listens.
    """
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "XDG_CONFIG_HOME": str(home)}
    command = ["serve", "--port", "0", "--state", str(home / "state.db"), *options]
    server = subprocess.Popen(
        [python, "-m", "fedxr.cli.entry", *command],
        stdout=subprocess.PIPE, env=env, cwd=home, text=True,
    )  # fmt: skip
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = await asyncio.to_thread(server.stdout.readline)  # type: ignore[union-attr]
            if not line:
                raise SystemExit(f"the server ended: {said}")
            said += line
        yield said
    finally:
        server.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(server.wait, 30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def address(said: str, what: str) -> str:
    """The address that was printed as ``what`` ("live page", "in a headset", …)."""
    found = re.search(rf"^ *{what}: *(\S+)", said, re.MULTILINE)
    if found is None:
        raise SystemExit(f"no address called {what!r} in what was printed: {said}")
    return found[1]
