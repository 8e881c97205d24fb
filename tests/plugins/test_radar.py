"""examples/radar, installed for real: a sensor of which fedxr knows nothing goes the whole way,
from hello to an answer that a user has taught, onto the live page and into a recording."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_registry import install

ROOT = Path(__file__).parents[2]
TASK = """
from fedxr.agent.tasks import TASKS, Task
TASKS.add(Task("presence", "companion", ("nobody", "somebody"), ("radar",), 500))
"""
HEADSET = """
import asyncio, json, sys
import numpy as np
import websockets
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import Notice, Reply

RADAR = Channel("radar", "radar/range32", 30.0)

def profile(tick, there):
    rng = np.random.default_rng(tick)
    x = rng.normal(0, 1, 32)
    x[10:14] += there * (30 + 8 * np.sin(tick / 3))
    if tick == 7:
        x[3] = 1e6  # which no echo is
    t_us = np.array([tick * TICK_US + TICK_US // 2], np.int64)
    return {"radar": Samples(t_us, x[None].astype(np.float32))}

async def until(headset, seq, told):
    async for heard in headset:
        if isinstance(heard, Notice):
            told["notices"].append(heard.text)
        elif isinstance(heard, Reply):
            told["answers"].append(heard.answers["presence"].probabilities.tolist())
            if heard.seq >= seq:
                return

async def main(url):
    told = {"notices": [], "answers": []}
    who = {"user": "ann", "scenario": "companion", "tasks": ["presence"]}
    headset = await connect(url, **who, channels=[RADAR, Channel("heat", "thermal/map", 5.0)])
    told["refused"] = dict(headset.welcome.refused)
    tick = 1
    for n in range(8):  # three seconds each: nobody, somebody, ...; the first six are taught
        for _ in range(90):
            seq = await headset.send_frame((tick + 1) * TICK_US, profile(tick, n % 2))
            tick += 1
            if tick % 30 == 0:
                await until(headset, seq, told)
        if n < 6:
            await headset.send_feedback("presence", (tick - 1) * TICK_US, n % 2)
            await asyncio.sleep(1.0)  # the learner takes it in
        told[f"said {n}"] = told["answers"][-1]
    async with websockets.connect(url + "/live", proxy=None) as page:
        state = json.loads(await page.recv())
    told["page"] = state
    told["first"] = told.pop("answers")[0]
    await headset.close("the end")
    print(json.dumps(told))

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process in which the radar is installed, and a task that reads it."""
    folder, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "examples" / "radar", source / "radar")  # pip builds beside it
    command = ["pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([sys.executable, "-m", *command, folder, source / "radar"], check=True)
    install(folder, "presence", TASK)
    return {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", "OMP_NUM_THREADS": "1"}


def fedxr(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fedxr.cli.entry", *words],
        env={**env, "COLUMNS": "200"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_is_one_file_of_under_60_lines() -> None:
    modules = list((ROOT / "examples" / "radar").glob("*.py"))
    assert len(modules) == 1
    assert len(modules[0].read_text().splitlines()) < 60


def test_it_stands_among_the_layouts(plugins: dict[str, str]) -> None:
    said = fedxr(plugins, "sensors", "--help").stdout
    assert "radar/range32" in said
    without = fedxr({**plugins, "FEDXR_PLUGINS": ""}, "sensors", "--help").stdout
    assert "radar/range32" not in without
    assert "contact/vibration" in without
    listed = subprocess.run(
        [sys.executable, "-c", "from fedxr.plugins import *; print([p.adds for p in loaded()])"],
        env=plugins, cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "('modality', 'radar')" in listed


def test_a_checkpoint_says_what_it_lacks(plugins: dict[str, str], tmp_path: Path) -> None:
    out = str(tmp_path / "made.safetensors")
    env = plugins
    done = fedxr(env, "extend", "--task", "presence", "--out", out, "--channel", "radar/range32@2")
    assert done.returncode == 2
    assert "2 Hz; 5 Hz at least" in done.stdout
    done = fedxr(env, "extend", "--task", "doing", "--out", out, "--channel", "radar/range9@20")
    assert "unknown layout 'radar/range9'; " in done.stdout
    assert "radar/range32" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_from_hello_to_an_answer_a_page_and_a_recording(
    plugins: dict[str, str], tmp_path: Path
) -> None:
    checkpoint, kept = tmp_path / "radar.safetensors", tmp_path / "r.mcap"
    made = fedxr(
        plugins, "extend", "--task", "presence", "--channel", "radar/range32@30",
        "--out", str(checkpoint),
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    words = (
        "serve",
        "--port",
        "0",
        "--checkpoint",
        checkpoint,
        "--state",
        tmp_path / "s",
        "--record",
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "fedxr.cli.entry", *map(str, words), str(kept)],
        env={**plugins, "PYTHONUNBUFFERED": "1"}, cwd=ROOT, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said = ""
    try:
        assert server.stdout is not None
        while "recording raw" not in said:
            line = server.stdout.readline()
            assert line, said
            said += line
        url = re.search(r"ws://[^\s/]+", said)
        assert url, said
        (tmp_path / "headset.py").write_text(HEADSET)
        done = subprocess.run(
            [sys.executable, str(tmp_path / "headset.py"), url[0]],
            env={**plugins, "HOME": str(tmp_path)}, cwd=ROOT, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        server.send_signal(signal.SIGTERM)
        rest, _ = server.communicate(timeout=60)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.communicate()
    told = json.loads(done.stdout)
    assert "Traceback" not in said + rest, said + rest
    assert list(told["refused"]) == ["heat"]
    assert "No encoder reads modality 'thermal'" in told["refused"]["heat"]
    absent = "(number 3), where radar/range32 is -40 to 120 (dB"
    assert any(absent in text for text in told["notices"]), told["notices"]
    # untaught every class is alike; taught three times each, both are known
    assert told["first"] == pytest.approx([0.5, 0.5])
    assert told["said 6"][0] > 0.6, told
    assert told["said 7"][1] > 0.6, told
    channels = [c["name"] for h in told["page"]["headsets"] for c in h["channels"]]
    assert channels == ["radar"]
    exported = fedxr(plugins, "export", str(kept), "--out", str(tmp_path / "r.xdf"))
    assert exported.returncode == 0, exported.stdout
    content = (tmp_path / "r.xdf").read_bytes()
    assert b"<type>radar</type><channel_count>32</channel_count>" in content
