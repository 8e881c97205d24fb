"""Messages led by coverage: `python -m benchmarks.fuzz_guided [--count 500000]` (extra `fuzz`).

atheris (libFuzzer) changes inputs and goes on from those that reach a line or a branch of `bridge`
that none had reached before; it begins with the golden messages. Half of ``--count`` goes to each:

- codec: one message through both decoders; a hello on to its channels, a frame on to its samples;
- session: several messages, one after the other, to a session of its own on a real server's socket.

Only a refusal may come of it. Whatever else is raised, in a callback too, or put into a log as an
error ends the run with status 1 and leaves the input in a file, whose name is printed. That it
would be seen is tested by faults that are planted in a copy (`tests/bridge/test_fuzz_guided.py`).
`benchmarks.fuzz` changes bytes at random, from one seed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).resolve().parent.parent
TARGETS = ("codec", "session")
BETWEEN = b"\xc1\xc1"
"""Stands between the messages of a session's input: MessagePack never begins a value with 0xc1."""
NEEDS = "this needs atheris: pip install -c constraints.txt -e '.[fuzz]' (Linux and macOS)"


def seeds(target: str) -> list[bytes]:
    """What the fuzzer begins with: for a session what a headset sends, one by one and in a row."""
    from benchmarks.fuzz import upward
    from benchmarks.load_clients import golden

    return golden() if target == "codec" else [*upward(), BETWEEN.join(numbered(upward()))]


def run_target(target: str, count: int, seed: int) -> bool:
    """One target in a process of its own, as libFuzzer ends the process; prints what it found."""
    with tempfile.TemporaryDirectory() as corpus:
        for n, data in enumerate(seeds(target)):
            Path(corpus, f"golden{n}").write_bytes(data)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.fuzz_guided", "--inside", target, corpus),
                *(f"-runs={count}", f"-seed={seed + 1}", "-max_len=4096", "-rss_limit_mb=4096"),
                "-len_control=0",  # else it would cut sessions down to few messages at first
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
        # atheris prints the exception to stdout, libFuzzer its progress and the file to stderr.
        print(f"{target}: stopped\n{done.stdout[-4000:]}\n{done.stderr[-1000:]}", file=sys.stderr)
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

    with atheris.instrument_imports(include=["fedxr.bridge"]):
        import benchmarks.fuzz as plain
        from fedxr.bridge.protocol import Hello, ProtocolError, decode_up
        from fedxr.bridge.serving.admission import open_channels

    def codec(data: bytes) -> None:
        plain.through_codec(data, plain.Counter())
        try:
            message = decode_up(data)
        except ProtocolError:
            return
        if isinstance(message, Hello):
            open_channels(message)

    up = plain.upward()

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        """Bytes of one message change, as libFuzzer likes, or one value within it does. What is no
        message any more becomes one again: else few inputs would get beyond the decoder. In a
        session another message may come in between."""
        chance = random.Random(seed)
        parts = bytes(data).split(BETWEEN) if target == "session" else [bytes(data)]
        n = chance.randrange(len(parts))
        if chance.random() < 0.6:
            message = opened(parts[n]) or opened(chance.choice(up)) or {}
            change(message, chance)
            parts[n] = msgspec.msgpack.encode(message)
        else:
            parts[n] = bytes(atheris.Mutate(parts[n], len(parts[n]) + 32))
        if target == "session" and chance.random() < 0.3:
            parts.insert(chance.randrange(len(parts) + 1), chance.choice([*parts, *up]))
        if target == "session" and chance.random() < 0.5:
            parts = numbered(parts)
        while len(parts) > 1 and len(BETWEEN.join(parts)) > most:
            parts.pop()
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


def opened(data: bytes) -> dict[Any, Any] | None:
    """The map that ``data`` is in MessagePack, or None."""
    try:
        message = msgspec.msgpack.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError, TypeError):
        return None
    return message if isinstance(message, dict) else None


def numbered(parts: Sequence[bytes]) -> list[bytes]:
    """Every frame and feedback with the next number and in an episode of its own: none is refused
    for the place in which it stands, and each gets as far as it can."""
    out = []
    for n, data in enumerate(parts, 1):
        message = opened(data)
        if message and message.get("type") in ("frame", "feedback"):
            data = msgspec.msgpack.encode({**message, "seq": n, "episode": n})
        out.append(data)
    return out


def change(values: dict[Any, Any] | list[Any], chance: random.Random) -> None:
    """One value somewhere within becomes another one, goes, or comes twice."""
    keys = list(values) if isinstance(values, dict) else list(range(len(values)))
    if not keys:
        return
    key = chance.choice(keys)
    value = values[key]
    if isinstance(value, dict | list) and value and chance.random() < 0.8:
        change(value, chance)
    elif isinstance(value, int) and chance.random() < 0.8:
        near = max(-(2**63), min(2**64 - 1, int(value) + chance.choice((-1, 1, 2, 1000))))
        values[key] = chance.choice((near, chance.randrange(2 ** chance.choice((3, 8, 31, 53)))))
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
    parser.add_argument("--target", choices=TARGETS, help="this one only")
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        raise SystemExit(NEEDS)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    targets = [options.target] if options.target else TARGETS
    results = [run_target(t, max(1, options.count // len(targets)), options.seed) for t in targets]
    raise SystemExit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
