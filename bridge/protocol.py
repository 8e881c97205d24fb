"""The messages of ``fedxr.v1``: one MessagePack map per binary websocket message.

PROTOCOL.md is the specification; this file is its Python half and `tests/golden` pins the bytes.
Every message is a map whose key ``type`` names it. Numbers that come many at a time are raw
little-endian bytes inside a block or an answer, never lists: fifty joints take 0.5 us to encode as
bytes and 6 us as a list of floats. Unknown keys are ignored, so later versions may add some.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

SUBPROTOCOL = "fedxr.v1"
"""Of the websocket. It names the framing, and stays while that stays, so that a client of another
version gets as far as a notice that says so."""
VERSIONS = (2, 2)
"""Lowest and highest version of the protocol that this build speaks."""

MAX_MESSAGE = 4 * 2**20
"""Longest message in bytes, unless a server is configured otherwise."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Micros = Annotated[int, Meta(ge=0, le=2**53)]
"""A time in microseconds; 2**53 is where JavaScript's numbers stop being exact."""
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=2000)]
Scalar = str | int | float | bool


class BridgeError(Exception):
    """The bridge cannot do what was asked; the message says what would work."""


class ProtocolError(BridgeError, ValueError):
    """A message is not one of fedxr.v1. ``code`` is that of the notice which answers it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Message(Struct, tag_field="type", omit_defaults=True, gc=False):
    """Base of all messages: a map with a ``type``; keys that hold their default are left out."""


class Offer(Struct, omit_defaults=True, gc=False):
    """A channel that a headset has; see `fedxr.bridge.channels.Channel`, which checks it."""

    name: Name
    layout: Annotated[str, Meta(min_length=1, max_length=1024)]
    rate_hz: float
    delivery: Name = "queue 64"


class Hello(Message, tag="hello"):
    """Headset to server, first of all: who I am, what I have, what I want answered.

    ``key`` is the user's public key (`fedxr.bridge.user_key`), by which an agent knows them;
    ``user`` is what they are called. ``record``: whether they may be recorded. ``last_seq``: where
    a headset that comes back counts on from if its session is not known."""

    min_version: Count
    max_version: Count
    user: Name
    scenario: Name
    channels: Annotated[list[Offer], Meta(max_length=64)]
    tasks: Annotated[list[Name], Meta(max_length=64)]
    device: Annotated[dict[Name, Scalar], Meta(max_length=64)] = {}
    token: Annotated[str, Meta(max_length=256)] | None = None
    resume: Name | None = None
    last_seq: Micros = 0
    key: Annotated[bytes, Meta(max_length=512)] = b""
    record: bool = True


class Challenge(Message, tag="challenge"):
    """Server to headset, after the hello: sign these 32 random bytes, for this connection alone."""

    nonce: bytes


class Proof(Message, tag="proof"):
    """Headset to server, after the challenge: the signature that shows whose key the hello's is."""

    signature: Annotated[bytes, Meta(max_length=512)]


class Consent(Message, tag="consent"):
    """Headset to server, at any time of a session: whether the user may be recorded from now on."""

    record: bool


class Welcome(Message, tag="welcome"):
    """Server to headset: the session is open. Frames are counted on from ``last_seq``: what has
    arrived of a resumed session, else what the hello said."""

    version: Count
    session: Name
    channels: dict[str, Count]
    refused: dict[str, str]
    tasks: list[str]
    tick_us: Count
    server_us: Micros
    max_message: Count
    last_seq: Micros = 0


class Block(Struct, omit_defaults=True, gc=False):
    """``n`` samples of one channel. See PROTOCOL.md for ``period_us``, ``first``, ``stamps``."""

    channel: Count
    t0_us: Micros
    n: Count
    data: bytes
    period_us: float = 0.0
    first: float = 0.0
    stamps: bytes = b""
    shape: Annotated[list[Count], Meta(max_length=4)] = []
    encoding: Literal["raw", "png", "jpeg"] = "raw"


class PackedFrame(Message, tag="frame"):
    """Headset to server: closes a tick at ``capture_us`` and brings that tick's samples."""

    seq: Micros
    capture_us: Micros
    blocks: Annotated[list[Block], Meta(max_length=256)]
    episode: Count = 0
    episode_start_us: Micros = 0


class Answer(Struct, omit_defaults=True, gc=False):
    """What the model says for one task: ``p`` float32 per class, ``best`` the class it picks."""

    p: bytes
    best: Count
    model: Count = 0

    @classmethod
    def of(cls, probabilities: NDArray[np.floating[Any]], model: int = 0) -> Answer:
        """From probabilities (C,); ``model`` counts the weights' versions."""
        p = np.ascontiguousarray(probabilities, dtype="<f4")
        return cls(p.tobytes(), int(p.argmax()), model)

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(C,) float32, read-only. Raises ProtocolError when the bytes are not float32."""
        if len(self.p) % 4:
            raise ProtocolError("bad-shape", f"answer: {len(self.p)} bytes are not whole float32")
        return np.frombuffer(self.p, "<f4")


class Reply(Message, tag="reply"):
    """Server to headset: the answers after the frame ``seq`` that closed at ``capture_us``."""

    seq: Micros
    capture_us: Micros
    answers: dict[str, Answer]


class Cue(Message, tag="cue"):
    """Server to headset: what the scene is to do (overlay, effector, companion act, pace)."""

    kind: Name
    payload: dict[str, Any] = {}


class Feedback(Message, tag="feedback"):
    """Headset to server: what the user says of ``task`` at capture time ``t_us`` of ``episode``.

    ``label`` is a class index for `label` and `correction`, a mark 0..10 for `rating`, and unused
    for `undo`, which takes the last feedback on that task and time back.
    """

    seq: Micros
    task: Name
    t_us: Micros
    label: Count = 0
    episode: Count = 0
    kind: Literal["label", "correction", "rating", "undo"] = "label"


class Ping(Message, tag="ping"):
    """Headset to server: read your clock. Carries the headset's present estimate, if any."""

    sent_us: Micros
    offset_us: float | None = None
    drift_ppm: float = 0.0
    uncertainty_us: float = 0.0


class Pong(Message, tag="pong"):
    """Server to headset: ``sent_us`` of the ping and two readings of the server's clock.

    ``last_seq``: every frame and feedback up to this one has arrived and will not be lost with the
    connection.
    """

    sent_us: Micros
    received_us: Micros
    answered_us: Micros
    last_seq: Micros = 0


class Notice(Message, tag="notice"):
    """Server to headset: something went wrong or was dropped. ``seq`` is the message meant."""

    code: Name
    text: Text
    counts: dict[str, int] = {}
    seq: Micros = 0


class Bye(Message, tag="bye"):
    """Either way: the session ends on purpose. From the server, ``last_seq`` is as in a pong, and
    ``again`` says that it stops for now and the headset may come back."""

    reason: Text = ""
    last_seq: Micros = 0
    again: bool = False


Up = Hello | Proof | PackedFrame | Feedback | Ping | Consent | Bye
Down = Challenge | Welcome | Reply | Cue | Pong | Notice | Bye
AnyMessage = TypeVar("AnyMessage", Up, Down)

encode = msgspec.msgpack.Encoder().encode
"""``encode(message) -> bytes``"""

_up: msgspec.msgpack.Decoder[Up] = msgspec.msgpack.Decoder(Up)
_down: msgspec.msgpack.Decoder[Down] = msgspec.msgpack.Decoder(Down)


def _decode(decoder: msgspec.msgpack.Decoder[AnyMessage], data: bytes | memoryview) -> AnyMessage:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(
            "garbage", f"not a fedxr.v1 message ({len(data)} bytes): {error}; see PROTOCOL.md"
        ) from None


def decode_up(data: bytes | memoryview) -> Up:
    """The message that a headset sent; raises ProtocolError("garbage") and nothing else."""
    return _decode(_up, data)


def decode_down(data: bytes | memoryview) -> Down:
    """The message that a server sent; raises ProtocolError("garbage") and nothing else."""
    return _decode(_down, data)
