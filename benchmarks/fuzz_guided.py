"""Messages led by coverage: `python -m benchmarks.fuzz_guided [--count 500000]` (extra `fuzz`).

atheris (libFuzzer) changes inputs and goes on from those that reach a line or a branch of `bridge`
that none had reached before; it begins with the golden messages. Half of ``--count`` goes to each:

- codec: one message through both decoders; a hello on to its channels, a frame on to its samples;
- session: several messages, one after the other, to a session of its own on a real server's socket.

Only a refusal may come of it. Whatever else is raised ends the run with status 1 and leaves the
input in a file, whose name is printed. `benchmarks.fuzz` changes bytes at random, from one seed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
GOLDEN = HERE / "tests" / "golden" / "fedxr_v1.json"
TARGETS = ("codec", "session")
BETWEEN = b"\xc1\xc1"
"""Stands between the messages of a session's input: MessagePack never begins a value with 0xc1."""
NEEDS = "this needs atheris: pip install 'fedxr[fuzz]' (Linux and macOS)"


def seeds(target: str) -> list[bytes]:
    vectors = json.loads(GOLDEN.read_text(encoding="utf-8"))
    up = [bytes.fromhex(v["hex"]) for v in vectors["accepted"]]
    refused = [bytes.fromhex(v["hex"]) for v in vectors["refused"]]
    return [*up, *refused, *([BETWEEN.join(up)] if target == "session" else [])]


def run_target(target: str, count: int, seed: int) -> bool:
    """One target in a process of its own, as libFuzzer ends the process; prints what it found."""
    with tempfile.TemporaryDirectory() as corpus:
        for n, data in enumerate(seeds(target)):
            Path(corpus, f"golden{n}").write_bytes(data)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.fuzz_guided", "--inside", target, corpus),
                *(f"-runs={count}", f"-seed={seed + 1}", "-max_len=4096", "-rss_limit_mb=4096"),
                f"-artifact_prefix={tempfile.gettempdir()}/fedxr-{target}-",
            ],
            cwd=HERE,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        kept = len(list(Path(corpus).iterdir())) - len(seeds(target))
    said = done.stdout + done.stderr
    covered = [int(n) for n in re.findall(r"cov: (\d+)", said)]
    ran = re.search(r"Done (\d+) runs in (\d+) second", said)
    if done.returncode or not ran or not covered:
        print(f"{target}: stopped\n{said[-4000:]}", file=sys.stderr)
        return False
    print(
        f"{target}: {ran[1]} executions in {ran[2]} s; branches of bridge reached: {covered[0]} by "
        f"the golden messages, {covered[-1]} at the end; {kept} inputs kept for something new; "
        "no exception",
        flush=True,
    )
    return True


def inside(target: str, arguments: list[str]) -> None:
    """In the process that is fuzzed. Everything of `bridge` must be imported while atheris looks
    on, and nothing of it before: what is imported elsewhere is not counted."""
    import atheris
    import msgspec

    with atheris.instrument_imports(include=["bridge"]):
        import benchmarks.fuzz as plain
        from bridge.admission import open_channels
        from bridge.protocol import Hello, ProtocolError, decode_up

    def codec(data: bytes) -> None:
        plain.through_codec(data, plain.Counter())
        try:
            message = decode_up(data)
        except ProtocolError:
            return
        if isinstance(message, Hello):
            open_channels(message)

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        """Either bytes change, as libFuzzer likes, or one value within one message does."""
        chance = random.Random(seed)
        parts = bytes(data).split(BETWEEN) if target == "session" else [bytes(data)]
        n = chance.randrange(len(parts))
        try:
            message = msgspec.msgpack.decode(parts[n]) if chance.random() < 0.5 else None
        except (msgspec.DecodeError, ValueError, RecursionError, TypeError):
            message = None
        if isinstance(message, dict) and message:
            change(message, chance)
            parts[n] = msgspec.msgpack.encode(message)
        else:
            parts[n] = bytes(atheris.Mutate(parts[n], len(parts[n]) + 32))
        if target == "session" and chance.random() < 0.2:
            parts.insert(chance.randrange(len(parts) + 1), chance.choice(parts))
        return BETWEEN.join(parts)[:most]

    if target == "codec":
        atheris.Setup(arguments, codec, custom_mutator=mutated)
        atheris.Fuzz()
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    feed = loop.run_until_complete(plain.stage())
    give: Callable[[bytes], None] = lambda data: loop.run_until_complete(  # noqa: E731
        feed(data.split(BETWEEN))
    )
    atheris.Setup(arguments, give, custom_mutator=mutated)
    atheris.Fuzz()


ODD = (0, 1, -1, 2, 255, 2**31, 2**53, 2**63, 2**64 - 1, 0.5, float("nan"), "", "x", b"", [], {})


def change(values: dict[Any, Any] | list[Any], chance: random.Random) -> None:
    """One value somewhere within becomes another one, goes, or comes twice."""
    keys = list(values) if isinstance(values, dict) else list(range(len(values)))
    if not keys:
        return
    key = chance.choice(keys)
    value = values[key]
    if isinstance(value, dict | list) and value and chance.random() < 0.8:
        change(value, chance)
    elif isinstance(value, int) and chance.random() < 0.5:
        values[key] = max(-(2**63), min(2**64 - 1, int(value) + chance.choice((-1, 1, 2, 1000))))
    elif isinstance(values, list) and chance.random() < 0.5:
        values.append(value)
    elif chance.random() < 0.2:
        del values[key]
    else:
        values[key] = chance.choice(ODD)


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], [sys.argv[0], *sys.argv[3:]])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500_000, help="executions, of both together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        raise SystemExit(NEEDS)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    results = [run_target(t, max(1, options.count // len(TARGETS)), options.seed) for t in TARGETS]
    raise SystemExit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
