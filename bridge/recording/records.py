"""What stands in a recording: one JSON record per message and, for frames, one per block.

A recording is an MCAP file (https://mcap.dev/spec) of JSON messages with JSON schemas. Where
Foxglove has a schema of its own for a sensor (pictures, sound, poses, points), the record is one
of those. Whatever is there for a person to look at is a view; what is read back is

- of a block: ``data``, its bytes in base64, and ``block``, all else that the headset sent with it;
- of any other message: ``raw``, the message of fedxr.v1 itself in base64 (a hello without token).

so that what is read is what arrived, bit for bit. ``session`` numbers the sessions of a file; the
MCAP metadata ``fedxr.session`` says who they are, and a first message of each session again: other
tools that write the file anew may leave metadata out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from fedxr.bridge.channels import Channel, Layout, layout_of
from fedxr.bridge.protocol import Block, Bye, Cue, Feedback, Notice, PackedFrame, Ping, Reply

_TIME = {
    "type": "object",
    "title": "time",
    "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}},
}
_INT, _NUMBER, _STRING = {"type": "integer"}, {"type": "number"}, {"type": "string"}
_BYTES = {"type": "string", "contentEncoding": "base64"}
_FLOAT32_FIELD = 7
"""foxglove.PackedElementField's name for float32."""


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_POSE = _object(
    position=_object(x=_NUMBER, y=_NUMBER, z=_NUMBER),
    orientation=_object(x=_NUMBER, y=_NUMBER, z=_NUMBER, w=_NUMBER),
)
_BLOCK = {
    "session": _INT,
    "seq": _INT,
    "data": _BYTES,
    "block": _object(
        t0_us=_INT,
        n=_INT,
        period_us=_NUMBER,
        first=_NUMBER,
        stamps=_BYTES,
        shape=_array(_INT),
        encoding=_STRING,
    ),
}
_VIEWS: dict[str, dict[str, Any]] = {
    "foxglove.CompressedImage": {"timestamp": _TIME, "frame_id": _STRING, "format": _STRING},
    "foxglove.RawImage": {
        "timestamp": _TIME,
        "frame_id": _STRING,
        "width": _INT,
        "height": _INT,
        "encoding": _STRING,
        "step": _INT,
    },
    "foxglove.RawAudio": {
        "timestamp": _TIME,
        "format": _STRING,
        "sample_rate": _INT,
        "number_of_channels": _INT,
    },
    "foxglove.PointCloud": {
        "timestamp": _TIME,
        "frame_id": _STRING,
        "pose": _POSE,
        "point_stride": _INT,
        "fields": _array(_object(name=_STRING, offset=_INT, type=_INT)),
    },
    "foxglove.PoseInFrame": {"timestamp": _TIME, "frame_id": _STRING, "pose": _POSE},
    "foxglove.PosesInFrame": {"timestamp": _TIME, "frame_id": _STRING, "poses": _array(_POSE)},
    "fedxr.Samples": {"timestamp": _TIME, "last": _array(_NUMBER)},
}
"""Beside `_BLOCK`: what the viewer shows. ``last`` are the numbers of the newest sample."""

_ANSWER = _object(best=_INT, model=_INT, probabilities=_array(_NUMBER))
_MESSAGES: dict[str, dict[str, Any]] = {
    "fedxr.Session": {"user": _STRING, "scenario": _STRING, "tasks": _STRING},
    "fedxr.Frame": {
        "seq": _INT,
        "capture_us": _INT,
        "episode": _INT,
        "episode_start_us": _INT,
        "channels": _array(_STRING),
    },
    "fedxr.Feedback": {
        "seq": _INT,
        "task": _STRING,
        "t_us": _INT,
        "label": _INT,
        "episode": _INT,
        "kind": _STRING,
    },
    "fedxr.Clock": {
        "sent_us": _INT,
        "offset_us": _NUMBER,
        "drift_ppm": _NUMBER,
        "uncertainty_us": _NUMBER,
    },
    "fedxr.Reply": {
        "seq": _INT,
        "capture_us": _INT,
        "answers": {"type": "object", "additionalProperties": _ANSWER},
    },
    "fedxr.Cue": {"kind": _STRING, "payload": {"type": "object"}},
    "fedxr.Notice": {"code": _STRING, "text": _STRING, "counts": {"type": "object"}, "seq": _INT},
    "fedxr.Bye": {"reason": _STRING, "from_headset": {"type": "boolean"}},
    "fedxr.Closed": {"reason": _STRING},
    "fedxr.Dropped": {"records": _INT, "bytes": _INT, "until_us": _INT},
}


class Closed(Struct, gc=False):
    """Not a message: the session was over, for ``reason``."""

    reason: str


class Dropped(Struct, gc=False):
    """Not a message: what the recorder had to leave out before this, because the disk was slow."""

    records: int
    bytes: int
    until_us: int


Recorded = PackedFrame | Feedback | Ping | Reply | Cue | Notice | Bye | Closed | Dropped
"""What a recording holds of a session between its welcome and its end."""

KINDS: dict[type[Any], str] = {
    PackedFrame: "fedxr.Frame",
    Feedback: "fedxr.Feedback",
    Ping: "fedxr.Clock",
    Reply: "fedxr.Reply",
    Cue: "fedxr.Cue",
    Notice: "fedxr.Notice",
    Bye: "fedxr.Bye",
    Closed: "fedxr.Closed",
    Dropped: "fedxr.Dropped",
}


def schema(name: str) -> bytes:
    """The JSON schema called ``name``, whole in itself: viewers do not follow references."""
    if name in _VIEWS:
        properties = _VIEWS[name] | _BLOCK
    else:
        properties = _MESSAGES[name] | {"session": _INT, "raw": _BYTES}
    return msgspec.json.encode({"title": name, "type": "object", "properties": properties})


_NAMED = {
    "depth/map": "foxglove.RawImage",
    "thermal/map": "foxglove.RawImage",
    "audio/pcm16": "foxglove.RawAudio",
    "spatial/points": "foxglove.PointCloud",
    "motion/head": "foxglove.PoseInFrame",
    "motion/controller": "foxglove.PoseInFrame",
    "hands/openxr26": "foxglove.PosesInFrame",
    "hands/webxr25": "foxglove.PosesInFrame",
}
"""Layouts, other than vision's, for which Foxglove has a schema."""
_DIGITS = 4
"""Decimals of a pose's view (0.1 mm): floats in full take eight times their bytes."""

encode_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode


def view_of(channel: Channel, block: Block) -> str:
    """The schema that a block of ``channel`` is recorded under."""
    layout = layout_of(channel.layout)
    if layout.modality == "vision":
        return "foxglove.RawImage" if block.encoding == "raw" else "foxglove.CompressedImage"
    return _NAMED.get(layout.name, "fedxr.Samples")


def block_record(
    session: int, seq: int, time_us: int, channel: Channel, block: Block, view: str
) -> dict[str, Any]:
    """The record of one block under the schema ``view``; ``time_us`` is its capture time by the
    server's clock."""
    layout = layout_of(channel.layout)
    return {
        "session": session,
        "seq": seq,
        "timestamp": {"sec": time_us // 1_000_000, "nsec": time_us % 1_000_000 * 1000},
        "frame_id": layout.frame,
        **_view(view, channel, layout, block),
        "data": block.data,
        "block": {
            "t0_us": block.t0_us,
            "n": block.n,
            "period_us": block.period_us,
            "first": block.first,
            "stamps": block.stamps,
            "shape": block.shape,
            "encoding": block.encoding,
        },
    }


def _view(name: str, channel: Channel, layout: Layout, block: Block) -> dict[str, Any]:
    """What the viewer wants to know beside the bytes."""
    size = np.dtype(layout.dtype).itemsize
    if name == "foxglove.CompressedImage":
        return {"format": block.encoding}
    if name == "foxglove.RawImage":
        height, width, *colours = block.shape
        kinds = {"vision/gray": "mono8", "vision/rgb": "rgb8"}
        return {
            "width": width,
            "height": height * block.n,
            "encoding": kinds.get(layout.name, "32FC1"),
            "step": width * size * math.prod(colours),
        }
    if name == "foxglove.RawAudio":
        return {
            "format": "pcm-s16",
            "sample_rate": round(channel.rate_hz),
            "number_of_channels": 1,
        }
    if name == "foxglove.PointCloud":
        fields = [
            {"name": axis, "offset": 4 * i, "type": _FLOAT32_FIELD} for i, axis in enumerate("xyz")
        ]
        return {"pose": _pose([0, 0, 0, 0, 0, 0, 1]), "point_stride": 12, "fields": fields}
    count = math.prod(block.shape or layout.shape)
    last = np.frombuffer(block.data[-count * size :], layout.dtype)
    if name == "fedxr.Samples":
        return {"last": last.tolist()}
    rounded = last.astype(np.float64).round(_DIGITS)
    if name == "foxglove.PoseInFrame":
        return {"pose": _pose(rounded[:7].tolist())}
    return {"poses": [_pose(joint) for joint in rounded.reshape(-1, 7).tolist()]}


def _pose(p: list[float]) -> dict[str, Any]:
    return {
        "position": {"x": p[0], "y": p[1], "z": p[2]},
        "orientation": {"x": p[3], "y": p[4], "z": p[5], "w": p[6]},
    }


def message_record(session: int, message: Recorded, names: list[str], up: bool) -> dict[str, Any]:
    """The record of a message; ``names`` are a frame's channels, whose blocks stand before it."""
    if isinstance(message, PackedFrame):
        bare = PackedFrame(
            message.seq, message.capture_us, [], message.episode, message.episode_start_us
        )
        view = _plain(bare) | {"channels": names}
        return view | {"session": session, "raw": _pack(bare)}
    view = _plain(message)
    if isinstance(message, Reply):
        view["answers"] = {
            task: {"best": a.best, "model": a.model, "probabilities": a.probabilities.tolist()}
            for task, a in message.answers.items()
        }
    elif isinstance(message, Bye):
        view["from_headset"] = up
    return view | {"session": session, "raw": _pack(message)}


def session_record(number: int, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The record that says who session ``number`` is, as its MCAP metadata do."""
    view = {key: metadata[key] for key in ("user", "scenario", "tasks")}
    return view | {"session": number, "raw": _pack(metadata)}


def _plain(message: Recorded) -> dict[str, Any]:
    """The message's keys as JSON has them. A cue's payload may hold what JSON cannot; then the
    view is empty, and ``raw`` has it all the same."""
    view = msgspec.structs.asdict(message)
    view.pop("blocks", None)
    if isinstance(message, Cue):
        try:
            encode_json(message.payload)
        except (TypeError, ValueError, msgspec.EncodeError):
            view["payload"] = {}
    return view
