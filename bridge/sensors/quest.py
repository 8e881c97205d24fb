"""A Quest that runs Hand Tracking Streamer: both hands, and the head where that is switched on.

Needs hand-tracking-sdk (extra ``quest``). The app sends text lines by UDP or TCP, one with the
wrist and one with 21 landmarks a hand; the SDK reads them. They are Unity's: left-handed, metres,
landmarks in the wrist's frame. Four of the 25 joints of ``hands/webxr25`` are not among them, the
metacarpals of the fingers: they are put on the way from the wrist to the finger's base, at a third,
where a hand has them. Joints come without orientations: each looks along its bone, its right as
near to the wrist's as can be.

Lines have no stamps unless the app shows its debug information; then those are of its own clock.

Shapes: 21 landmarks, 25 joints of 7 numbers (`fedxr.bridge.channels`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from fedxr.bridge.clock import now_us
from fedxr.bridge.sensors.pushed import PushedStreams
from fedxr.bridge.sensors.source import (
    Floats,
    SensorError,
    Source,
    SourceKind,
    columns_of,
    installed,
    lacking,
)

UDP_PORT, TCP_PORT = 9000, 8000
"""Where the app sends unless told otherwise."""
_LOOK_S = 0.2
_KIND = "Hand Tracking Streamer"
_METACARPAL = 1 / 3
_BONES = np.array([(n, n + 1) if n % 5 != 4 else (n - 1, n) for n in range(1, 25)])
"""(24, 2) from where to where each joint but the wrist looks; a tip as the joint before it."""
_NOTE = (
    "joints without orientation look along their bone; the fingers' metacarpals, which the app "
    "does not send, are put at a third of the way from the wrist"
)
_LIBRARY = ("a Quest", "hand-tracking-sdk", "quest")


def load_sdk() -> Any:
    """The module hand_tracking_sdk; raises SensorError that says how to get it."""
    try:
        import hand_tracking_sdk
        import scipy.spatial.transform  # noqa: F401 - that takes a second, while samples would wait
    except ImportError as error:
        raise lacking(*_LIBRARY) from error
    return hand_tracking_sdk


class QuestFinder(PushedStreams):
    """Listens at a port from the start; each hand and the head are offered when they first come.

    ``where`` is ``[udp|tcp][,PORT]``. Raises SensorError where it is not, or the port is taken.
    """

    def __init__(self, where: str, say: Callable[[str], None]) -> None:
        super().__init__()
        self._sdk, self._say = load_sdk(), say
        transport, port = _where(where)
        self._receiver = self._open(transport, port)
        self.port: int = self._receiver.local_address[1]
        # Whose lines they are is not in them: one Quest a port.
        self._head = self._source("head", "motion/head")
        self._hands = {
            side: self._source(f"hand-{side.lower()}", "hands/webxr25", _NOTE)
            for side in ("Left", "Right")
        }
        self._frames = self._sdk.HandFrameAssembler(
            include_wall_time=False, include_head_frames=True
        )
        self._told = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="quest", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(5.0)
        self._receiver.close()

    def _source(self, name: str, layout: str, *notes: str) -> Source:
        key = f"quest {self.port} {name}"
        return Source(
            name, _KIND, columns_of(layout), 0.0, key, layout,
            left_handed=True, steady=True, notes=notes,
        )  # fmt: skip

    def _open(self, transport: str, port: int) -> Any:
        sdk = self._sdk
        if transport == "udp":
            config = sdk.UDPReceiverConfig(port=port, timeout_s=_LOOK_S)
            receiver = sdk.UDPLineReceiver(config)
        else:
            config = sdk.TCPServerConfig(
                port=port, accept_timeout_s=_LOOK_S, read_timeout_s=_LOOK_S
            )
            receiver = sdk.TCPServerLineReceiver(config)
        try:
            receiver.open()
        except OSError as error:
            raise SensorError(
                f"cannot listen for a Quest at {transport} port {port} ({error}); end the program "
                f"that does, or say another port here and in the app: --source quest:{transport},"
                f"{port + 1}"
            ) from None
        return receiver

    def _listen(self) -> None:
        quiet = (self._sdk.TransportTimeoutError, self._sdk.TransportDisconnectedError)
        while not self._closed.is_set():
            try:
                self._take(self._receiver.recv_line())
            except quiet:
                continue
            except (self._sdk.ParseError, UnicodeDecodeError) as error:
                if not self._told:
                    self._told = True
                    self._say(f"quest: what comes is not of {_KIND}, and is left out: {error}")
            except OSError:
                self._closed.wait(_LOOK_S)

    def _take(self, line: str) -> None:
        if not line:
            return
        frame = self._frames.push_line(line, recv_ts_ns=now_us() * 1000)
        if frame is None:
            return
        stamp_us = float(frame.recv_ts_ns if frame.source_ts_ns is None else frame.source_ts_ns)
        stamp_us /= 1000
        if isinstance(frame, self._sdk.HeadFrame):
            head = frame.head
            pose = (head.x, head.y, head.z, head.qx, head.qy, head.qz, head.qw)
            self.push(self._head, pose, stamp_us)
        elif frame.landmarks_recv_ts_ns >= frame.wrist_recv_ts_ns:  # the wrist is sent first
            wrist = frame.wrist
            joints = joints_of(
                np.array((wrist.x, wrist.y, wrist.z)),
                np.array((wrist.qx, wrist.qy, wrist.qz, wrist.qw)),
                np.array(frame.landmarks.points),
            )
            self.push(self._hands[frame.side.value], joints, stamp_us)


def joints_of(at: Floats, turn: Floats, landmarks: Floats) -> Floats:
    """Joints (25, 7) of a hand whose wrist is at ``at`` (3,), turned by the quaternion ``turn``
    (4,), all left-handed; ``landmarks`` (21, 3) in its frame. NaN where it was not tracked."""
    from scipy.spatial.transform import Rotation  # not by every command

    bases = landmarks[0] + _METACARPAL * (landmarks[5::4] - landmarks[0])
    here = np.insert(landmarks, range(5, 21, 4), bases, axis=0)  # (25, 3)
    ahead = here[_BONES[:, 1]] - here[_BONES[:, 0]]
    with np.errstate(all="ignore"):
        z = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
        x = np.array((1.0, 0.0, 0.0)) - z[:, :1] * z
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    axes = np.stack((x, np.cross(z, x), z), axis=2)  # (24, 3, 3)
    if not (np.isfinite(axes).all() and np.isfinite(at).all() and np.linalg.norm(turn) > 0.5):
        return np.full((25, 7), np.nan)
    wrist = Rotation.from_quat(turn)
    turns = np.concatenate((turn[None], (wrist * Rotation.from_matrix(axes)).as_quat()))
    return np.concatenate((at + wrist.apply(here), turns), axis=1)


def _where(text: str) -> tuple[str, int]:
    """Transport and port, from ``[udp|tcp][,PORT]``; raises SensorError."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    transport = words.pop(0) if words and words[0] in ("udp", "tcp") else "udp"
    if len(words) > 1 or not all(word.isdigit() and int(word) < 2**16 for word in words):
        raise SensorError(f"quest:{text}; allowed is quest, quest:tcp, quest:PORT, quest:tcp,PORT")
    return transport, int(words[0]) if words else {"udp": UDP_PORT, "tcp": TCP_PORT}[transport]


def _find(where: str, say: Callable[[str], None]) -> QuestFinder:
    finder = QuestFinder(where, say)
    say(f"quest: listens at port {finder.port}; the app is to send to this machine")
    return finder


QUEST = SourceKind(
    "quest",
    "a Quest that runs Hand Tracking Streamer: hands and head",
    f"[udp|tcp][,PORT] to listen at; none: udp,{UDP_PORT}",
    _find,
    lambda: installed(*_LIBRARY),
    look_s=1.0,  # who sends does so all the time
)
