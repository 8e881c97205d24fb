"""Makes the golden vectors of fedxr.v1: `python tests/golden/make.py` rewrites fedxr_v1.json.

Each vector has a name, what it shows, the message's bytes as hex and the message itself as JSON
(bytes as {"hex": …}). `samples` adds what the blocks of a frame decode to; in those of `absent`
some numbers cannot be, and a server leaves their samples out. `refused` are messages that a server
must not accept, with the code of its notice. Every suite (Python, C#, JavaScript)
reads the same file. Pictures are PNG with stored deflate blocks, written out here byte by byte, so
that the vectors do not depend on anyone's zlib.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric import rsa

from fedxr.bridge import protocol as p
from fedxr.bridge.user_key import UserKey

FILE = Path(__file__).with_name("fedxr_v1.json")
CHANNELS = {
    "left": (1, "hands/openxr26"),
    "eeg": (2, "eeg/Oz-O1-O2"),
    "mic": (3, "audio/pcm16"),
    "eye": (4, "vision/gray"),
    "cloud": (5, "spatial/points"),
    "gaze": (6, "gaze/point2"),
}


NONCE = bytes(range(32))
HOST = "127.0.0.1:8765"


def user_key() -> UserKey:
    """A key that is nobody's: user_key.json has it as a JWK (RFC 7517), for other languages."""
    jwk = json.loads(Path(__file__).with_name("user_key.json").read_text())

    def number(name: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big")

    public = rsa.RSAPublicNumbers(number("e"), number("n"))
    names = ("p", "q", "d", "dp", "dq", "qi")
    return UserKey(rsa.RSAPrivateNumbers(*map(number, names), public).private_key())


def png(rows: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """A gray PNG of (h, w) pixels, uncompressed."""
    h, w = rows.shape
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(raw), len(raw) ^ 0xFFFF) + raw
    stored += struct.pack(">I", zlib.adler32(raw))

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")
    )


def plain(value: Any) -> Any:
    """JSON of a decoded message: bytes become {"hex": …}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def vector(name: str, shows: str, message: p.Message, **more: Any) -> dict[str, Any]:
    data = p.encode(message)
    return {
        "name": name,
        "shows": shows,
        "hex": data.hex(),
        "message": plain(msgspec.msgpack.decode(data)),
        **more,
    }


def accepted() -> list[dict[str, Any]]:
    pose = np.arange(26 * 7, dtype="<f4").reshape(1, 26, 7) / 8
    pose[..., 3:] = 0.5, -0.5, 0.5, 0.5
    volts = np.array([[1e-6, -2e-6, 0], [3e-6, 4e-6, -5e-6]], "<f4")
    sound = np.array([0, 1, -1, 32767, -32768], "<i2")
    gray = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    cloud = np.array([[[0, 1, -2], [0.5, 0, -1.5]]], "<f4")
    gaze = np.array([[0.25, 0.5], [0.75, 1.0], [0.5, 0.5]], "<f4")
    key = user_key()
    offers = [p.Offer(name, layout, 72.0) for name, (_, layout) in CHANNELS.items()]
    answer = p.Answer.of(np.array([0.125, 0.75, 0.125]), 7)
    blocks = [
        p.Block(1, 1_000_000, 1, pose.tobytes()),
        p.Block(2, 996_000, 2, volts.tobytes(), period_us=4000.0),
        p.Block(3, 999_000, 5, sound.tobytes(), period_us=62.5, first=3.0),
        p.Block(4, 1_000_000, 1, png(gray), shape=[2, 3], encoding="png"),
        p.Block(5, 1_000_000, 1, cloud.tobytes(), shape=[2, 3]),
        p.Block(
            6, 0, 3, gaze.tobytes(), stamps=np.array([990_000, 990_001, 1_000_000], "<i8").tobytes()
        ),
    ]
    values = {
        "left": pose,
        "eeg": volts,
        "mic": sound,
        "eye": gray[None],
        "cloud": cloud,
        "gaze": gaze,
    }
    stamps = {
        "left": [1_000_000],
        "eeg": [996_000, 1_000_000],
        # 999000 + rint(187.5, 250, 312.5, 375, 437.5), half to even
        "mic": [999_188, 999_250, 999_312, 999_375, 999_438],
        "eye": [1_000_000],
        "cloud": [1_000_000],
        "gaze": [990_000, 990_001, 1_000_000],
    }
    samples = {name: {"t_us": stamps[name], "values": values[name].tolist()} for name in values}
    return [
        vector(
            "hello",
            "every key",
            p.Hello(
                *p.VERSIONS,
                "user-7",
                "companion",
                offers,
                ["emotion"],
                {"model": "Quest 3", "battery": 0.5},
                "secret",
                "0f" * 16,
                7,
                key.public,
                record=False,
            ),
        ),
        vector(
            "hello-least",
            "only what must be there",
            p.Hello(*p.VERSIONS, "u", "overlays", [], [], key=key.public),
        ),
        vector("challenge", "what is to be signed", p.Challenge(NONCE)),
        vector(
            "proof",
            f"by the key of user_key.json, over the challenge and {HOST}",
            p.Proof(key.prove(NONCE, HOST)),
        ),
        vector("consent", "no more recording", p.Consent(False)),
        vector(
            "welcome",
            "ids, a refusal",
            p.Welcome(
                p.VERSIONS[1],
                "0f" * 16,
                {name: n for name, (n, _) in CHANNELS.items()},
                {"odd": "unknown layout"},
                ["emotion"],
                33_333,
                1_700_000_000_000_000,
                p.MAX_MESSAGE,
                41,
            ),
        ),
        vector(
            "frame",
            "one block of every kind: single sample, regular, regular with a fractional "
            "period in mid-stream, picture, free size, irregular",
            p.PackedFrame(1, 1_000_000, blocks, 2, 900_000),
            samples=samples,
        ),
        vector(
            "frame-empty",
            "closes a tick without samples",
            p.PackedFrame(2, 1_033_333, [], 2, 900_000),
            samples={},
        ),
        vector("feedback", "a correction", p.Feedback(3, "emotion", 990_000, 4, 2, "correction")),
        vector("feedback-least", "a label with defaults left out", p.Feedback(4, "emotion", 5)),
        vector("reply", "float32 probabilities", p.Reply(1, 1_000_000, {"emotion": answer})),
        vector(
            "cue", "a payload", p.Cue("label", {"text": "Ventil öffnen", "at": [0.5, 1.0, -2.0]})
        ),
        vector("ping", "first, no estimate yet", p.Ping(123)),
        vector("ping-estimate", "with estimate", p.Ping(2**53, -1.5, 20.0, 300.0)),
        vector("pong", "server's clock", p.Pong(123, 5_000_000, 5_000_010)),
        vector("notice", "drops", p.Notice("dropped", "dropped: eye 3", {"eye": 3}, 12)),
        vector("bye", "no reason", p.Bye()),
    ]


def absent() -> list[dict[str, Any]]:
    """Every kind of absence: not tracked, not finite, out of range, an electrode by itself."""
    pose = np.zeros((3, 26, 7), "<f4")
    pose[..., 6] = 1.0
    pose[1, 25, 6] = 0.0  # one joint's orientation is 0, 0, 0, 0
    volts = np.array([[1e-6, 2e-6, 3e-6], [40, -20, 30], [4e-6, 5e-6, 6e-6]], "<f4")
    gaze = np.array([[0.5, np.nan]], "<f4")
    blocks = [
        p.Block(1, 900_000, 3, pose.tobytes(), period_us=10_000.0),
        p.Block(2, 990_000, 3, volts.tobytes(), period_us=4000.0),
        p.Block(6, 1_000_000, 1, gaze.tobytes()),
    ]
    left = {
        "left": {"t_us": [900_000, 920_000], "values": pose[[0, 2]].tolist()},
        "eeg": {"t_us": [990_000, 998_000], "values": volts[[0, 2]].tolist()},
        "gaze": {"t_us": [], "values": []},
    }
    frame = p.PackedFrame(1, 1_000_000, blocks, 2, 900_000)
    shows = "a hand whose little finger is not tracked, microvolts sent as volts, a blink"
    return [vector("frame-absent", shows, frame, samples=left)]


def refused() -> list[dict[str, str]]:
    def frame(block: p.Block) -> str:
        return p.encode(p.PackedFrame(1, 1_000_000, [block])).hex()

    fine = struct.pack("<2f", 0.5, 0.5)
    cases = [
        ("garbage", "not MessagePack", "c1ff00"),
        ("garbage", "no type", msgspec.msgpack.encode({"seq": 1}).hex()),
        ("garbage", "unknown type", msgspec.msgpack.encode({"type": "fram"}).hex()),
        (
            "garbage",
            "seq is text",
            msgspec.msgpack.encode(
                {"type": "frame", "seq": "1", "capture_us": 0, "blocks": []}
            ).hex(),
        ),
        ("unknown-channel", "id 99", frame(p.Block(99, 5, 1, fine))),
        ("bad-shape", "one byte short", frame(p.Block(6, 5, 1, fine[:-1]))),
        ("bad-shape", "no samples", frame(p.Block(6, 5, 0, b""))),
        ("bad-time", "after capture_us", frame(p.Block(6, 1_000_001, 1, fine))),
        (
            "bad-time",
            "stamps go back",
            frame(p.Block(6, 0, 2, fine * 2, stamps=struct.pack("<2q", 9, 8))),
        ),
        ("bad-image", "not a PNG", frame(p.Block(4, 5, 1, b"PNG?", shape=[2, 3], encoding="png"))),
        (
            "too-large",
            "2^30 pixels",
            frame(p.Block(4, 5, 1, b"", shape=[2**15, 2**15], encoding="png")),
        ),
    ]
    return [{"code": code, "shows": shows, "hex": data} for code, shows, data in cases]


def text() -> str:
    """The file's content."""
    content = {
        "protocol": p.SUBPROTOCOL,
        "channels": {name: {"id": n, "layout": layout} for name, (n, layout) in CHANNELS.items()},
        "accepted": accepted(),
        "absent": absent(),
        "refused": refused(),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
