"""Anybody can write a client: the plain ``msgpack`` package has all that the wire needs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bridge_rig import PATIENCE, Recorder, server_of

msgpack = pytest.importorskip("msgpack", reason="pip install msgpack (extra test)")
ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "golden" / "fedxr_v1.json").read_text(encoding="utf-8"))
CLIENT = re.search(
    r"## A whole client.*?```python\n(.*?)```",
    (ROOT / "bridge" / "PROTOCOL.md").read_text(encoding="utf-8"),
    re.DOTALL,
)


def revived(value: Any) -> Any:
    """The vectors write bytes as {"hex": …}."""
    if isinstance(value, dict):
        if value.keys() == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {key: revived(item) for key, item in value.items()}
    return [revived(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_msgpack_reads_and_writes_every_vector(vector: dict[str, Any]) -> None:
    golden, message = bytes.fromhex(vector["hex"]), revived(vector["message"])
    assert msgpack.unpackb(golden) == message
    assert msgpack.packb(message) == golden


async def run_client(url: str, folder: Path) -> str:
    """What the client of PROTOCOL.md prints; it sees none of our modules."""
    assert CLIENT is not None
    file = folder / "client.py"
    file.write_text(CLIENT[1], encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(file), url],
        cwd=folder,
        env={**env, "PYTHONPATH": str(Path(msgpack.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


async def test_the_client_of_the_protocol_is_let_in_and_answered(tmp_path: Path) -> None:
    assert CLIENT is not None
    lines = [line for line in CLIENT[1].splitlines() if line.strip()]
    assert len(lines) <= 36  # "about thirty"
    app = Recorder()
    async with server_of(app) as server:
        said = await run_client(server.url, tmp_path)
    assert app.over == ["bye"]
    assert [frame.seq for frame in app.frames] == list(range(1, 61))
    assert said.splitlines()[-1] == "60 emotion (0.25, 0.75)"
    assert app.frames[0].samples["head"].values[0, 1] == pytest.approx(1.6)


@pytest.mark.slow
async def test_the_client_of_the_protocol_talks_to_fedxr_serve(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fedxr.cli.main", "serve", "--port", "0"]
    server = subprocess.Popen(
        [*command, "--state", str(tmp_path / "s.db")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
        text=True,
    )
    try:
        assert server.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = await asyncio.to_thread(server.stdout.readline)
            assert line, said
            said += line
        url = re.search(r"ws://\S+", said)
        assert url is not None
        assert re.search(r"^\d+ doing \(0\.", await run_client(url[0], tmp_path), re.MULTILINE)
    finally:
        server.terminate()
        server.wait(60)
