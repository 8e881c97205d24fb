"""A recording as XDF 1.0, for the tools of EEG and physiology (EEGLAB, MNE, pyxdf).

Format: https://github.com/sccn/xdf/wiki/Specifications. A file is chunks of length, tag and
content. Each channel of a session is a stream with the headset's own stamps; the recorded clock
estimates become clock offsets, so that readers bring all headsets onto the server's clock. What
users said and what was answered is a stream of markers (JSON). XDF has no pictures, no depth maps
and no point clouds.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

import msgspec
import numpy as np

from fedxr.bridge.channels import Channel, Samples, layout_of, modality_of
from fedxr.bridge.protocol import Feedback, PackedFrame, Ping, Reply
from fedxr.bridge.recording.private import make_private
from fedxr.bridge.recording.reader import Event, Recording

_FILE_HEADER, _STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _STREAM_FOOTER = 1, 2, 3, 4, 6
_FORMATS = ("float32", "int16")
"""Those of the layouts' dtypes that XDF has; it calls them the same."""


@dataclass
class _Stream:
    """One stream of the file; ``first``, ``last``: stamps in seconds."""

    number: int
    session: int
    samples: int = 0
    first: float = 0.0
    last: float = 0.0


def write_xdf(recording: Recording, out: Path) -> list[str]:
    """Write ``out``, a new file for this user alone; returns what XDF has no place for, a line
    each."""
    make_private(out)
    with out.open("wb") as file:
        xdf = _Xdf(file)
        for event in recording.events():
            xdf.add(event)
        xdf.finish()
    return sorted(xdf.left_out)


class _Xdf:
    def __init__(self, file: IO[bytes]) -> None:
        self.left_out: set[str] = set()
        self._file = file
        self._streams: dict[tuple[int, str], _Stream] = {}
        self._offsets: dict[int, list[bytes]] = {}
        file.write(b"XDF:")
        self._chunk(_FILE_HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>')

    def add(self, event: Event) -> None:
        """One event's samples, marker or clock offset."""
        message, session = event.message, event.session
        if isinstance(message, PackedFrame):
            for name, samples in session.samples(message).items():
                self._add_samples(event, session.channel_named(name), samples)
        elif isinstance(message, Feedback):
            said = {"task": message.task, "kind": message.kind, "label": message.label}
            self._add_marker(event, "feedback", message.t_us, said)
        elif isinstance(message, Reply):
            best = {task: answer.best for task, answer in message.answers.items()}
            self._add_marker(event, "reply", message.capture_us, best)
        elif isinstance(message, Ping) and message.offset_us is not None:
            offset = struct.pack("<dd", message.sent_us / 1e6, message.offset_us / 1e6)
            self._offsets.setdefault(session.number, []).append(offset)
            for stream in self._streams.values():
                if stream.session == session.number:
                    self._chunk(_CLOCK_OFFSET, struct.pack("<I", stream.number) + offset)

    def finish(self) -> None:
        """The footers of all streams."""
        for stream in self._streams.values():
            xml = (
                f'<?xml version="1.0"?><info><first_timestamp>{stream.first!r}</first_timestamp>'
                f"<last_timestamp>{stream.last!r}</last_timestamp>"
                f"<sample_count>{stream.samples}</sample_count></info>"
            )
            self._chunk(_STREAM_FOOTER, struct.pack("<I", stream.number) + xml.encode())

    def _add_samples(self, event: Event, channel: Channel, samples: Samples) -> None:
        layout = layout_of(channel.layout)
        if 0 in layout.shape or layout.dtype not in _FORMATS:
            self.left_out.add(f"channel {channel.name} ({layout.name}): XDF has no such streams")
            return
        labels = _labels(channel)
        stream = self._stream(
            event, channel.name, layout.modality, channel.rate_hz, layout.dtype, labels, layout.unit
        )
        values = np.dtype(layout.dtype).newbyteorder("<"), (len(labels),)
        rows = np.empty(len(samples), [("mark", "u1"), ("t", "<f8"), ("x", *values)])
        rows["mark"], rows["t"] = 8, samples.t_us / 1e6
        rows["x"] = samples.values.reshape(len(samples), -1)
        self._add(stream, len(samples), rows["t"][0], rows["t"][-1], rows.tobytes())

    def _add_marker(self, event: Event, name: str, t_us: int, said: Mapping[str, object]) -> None:
        text = msgspec.json.encode(said)
        stream = self._stream(event, name, "Markers", 0.0, "string", ["json"], "")
        t = t_us / 1e6
        self._add(stream, 1, t, t, struct.pack("<Bd", 8, t) + _sized(len(text)) + text)

    def _add(self, stream: _Stream, n: int, first: float, last: float, data: bytes) -> None:
        stream.first = stream.first if stream.samples else float(first)
        stream.samples, stream.last = stream.samples + n, float(last)
        self._chunk(_SAMPLES, struct.pack("<I", stream.number) + _sized(n) + data)

    def _stream(
        self,
        event: Event,
        name: str,
        kind: str,
        rate_hz: float,
        form: str,
        labels: list[str],
        unit: str,
    ) -> _Stream:
        session = event.session
        found = self._streams.get((session.number, name))
        if found is not None:
            return found
        found = _Stream(len(self._streams) + 1, session.number)
        self._streams[session.number, name] = found
        channels = "".join(
            f"<channel><label>{escape(label)}</label><unit>{escape(unit)}</unit></channel>"
            for label in labels
        )
        xml = (
            f'<?xml version="1.0"?><info><name>{escape(session.hello.user)}/{escape(name)}</name>'
            f"<type>{escape(kind)}</type><channel_count>{len(labels)}</channel_count>"
            f"<nominal_srate>{rate_hz!r}</nominal_srate><channel_format>{form}</channel_format>"
            f"<source_id>{escape(session.welcome.session)}/{escape(name)}</source_id>"
            f"<desc><channels>{channels}</channels></desc></info>"
        )
        self._chunk(_STREAM_HEADER, struct.pack("<I", found.number) + xml.encode())
        for offset in self._offsets.get(session.number, ()):
            self._chunk(_CLOCK_OFFSET, struct.pack("<I", found.number) + offset)
        return found

    def _chunk(self, tag: int, content: bytes) -> None:
        self._file.write(_sized(len(content) + 2) + struct.pack("<H", tag) + content)


def _labels(channel: Channel) -> list[str]:
    """One name for each number of a sample: electrodes where the layout names them."""
    layout = layout_of(channel.layout)
    places = modality_of(layout.name).places_of(layout.name)
    if places is not None:
        return places.columns(layout.name)
    return [f"{channel.name} {i}" for i in range(math.prod(layout.shape))]


def _sized(n: int) -> bytes:
    """``n`` as XDF writes lengths: how many bytes it takes, then the bytes."""
    return struct.pack("<BB", 1, n) if n < 256 else struct.pack("<BI", 4, n)
