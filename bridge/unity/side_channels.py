"""What ML-Agents has no place for, both ways, as JSON on a side channel of our own.

Each message is one UTF-8 JSON object in the raw bytes of side channel `SCENE_ID`; its key ``type``
names it. docs/unity.md lists them. Player to bridge: `time`, `feedback`. Bridge to player:
`welcome`, `answers`, `cue`, `notice`, `ended`. Lists of maps stand where a map with free keys would
be natural, because Unity's JsonUtility reads only the former.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from mlagents_envs.side_channel.side_channel import IncomingMessage, OutgoingMessage, SideChannel
from msgspec import Meta, Struct

from fedxr.bridge.protocol import Count, Micros, Name

SCENE_ID = UUID("5c0f7a3e-3b1d-4f0e-9a43-6f9f1d0c7b11")
_KEPT = 256
"""Messages that wait in either direction; beyond, the oldest goes."""


class SceneTime(Struct, tag_field="type", tag="time"):
    """When the observations of this step were taken, by the player's own clock (microseconds)."""

    us: Micros


class SceneFeedback(Struct, tag_field="type", tag="feedback"):
    """What the user of agent ``agent`` (``behaviour/0``; may be left out when there is one) says.

    ``us`` is a time by the player's clock, 0 for the newest step; the rest as `Feedback`.
    """

    task: Name
    label: Count = 0
    kind: Literal["label", "correction", "rating", "undo"] = "label"
    us: Micros = 0
    agent: Annotated[str, Meta(max_length=128)] = ""


Said = SceneTime | SceneFeedback
_decode: msgspec.json.Decoder[Said] = msgspec.json.Decoder(SceneTime | SceneFeedback)
_encode = msgspec.json.Encoder().encode


class SceneChannel(SideChannel):  # type: ignore[misc]
    """The side channel. ``take`` what the player has said since the last time, ``tell`` it
    something. A message that is not understood is answered by a notice and has no effect."""

    def __init__(self) -> None:
        super().__init__(SCENE_ID)
        self._said: list[Said] = []
        self._waiting: deque[bytes] = deque(maxlen=_KEPT)

    def on_message_received(self, msg: IncomingMessage) -> None:
        """Called by mlagents-envs within a step; never raises, or the step would be lost."""
        try:
            self._said.append(_decode.decode(bytes(msg.get_raw_bytes())))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.tell("notice", {"code": "garbage", "text": f"side channel message: {error}"})
        del self._said[:-_KEPT]

    def take(self) -> list[Said]:
        """What has been said since the last time, in order."""
        said, self._said = self._said, []
        return said

    def tell(self, kind: str, message: Mapping[str, Any]) -> None:
        """Send ``message`` with the next step; from any thread."""
        self._waiting.append(_encode({"type": kind, **message}))

    def flush(self) -> None:
        """Hand what waits to mlagents-envs, whose own queue bears one thread only: the player's."""
        while self._waiting:
            out = OutgoingMessage()
            out.set_raw_bytes(bytearray(self._waiting.popleft()))
            self.queue_message_to_send(out)
