"""A recording as a Rerun file (`.rrd`), to be looked at in its viewer (extra `rerun`).

Two timelines: ``capture`` (by the server's clock, where the headset has told how far its own is
off) and ``arrival``. Poses and hands are points in space, pictures are pictures, all other
numbers are plots; sound is a plot too.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from fedxr.bridge.channels import Channel, Samples, layout_of
from fedxr.bridge.clock import Estimate
from fedxr.bridge.protocol import BridgeError, Feedback, PackedFrame, Ping, Reply
from fedxr.bridge.recording.private import make_private
from fedxr.bridge.recording.reader import Event, Recording
from fedxr.extras import install_line

_MOST_PLOTS = 64
"""Numbers of a sample that are drawn; more would only be noise."""


def write_rerun(recording: Recording, out: Path) -> list[str]:
    """Write ``out``; returns what was left out, a line each. Raises BridgeError without rerun."""
    try:
        rr = importlib.import_module("rerun")
    except ImportError:
        raise BridgeError(
            f"the export to rerun needs its library: {install_line('rerun')}"
        ) from None
    make_private(out)  # rerun writes into a file that is there, and leaves who may read it
    stream = rr.RecordingStream("fedxr", recording_id=recording.path.stem)
    stream.save(str(out))
    exporter = _Exporter(rr, stream)
    for event in recording.events():
        exporter.add(event)
    stream.flush()
    stream.disconnect()
    return sorted(exporter.left_out)


class _Exporter:
    def __init__(self, rr: Any, stream: Any) -> None:
        self.left_out: set[str] = set()
        self._rr, self._stream = rr, stream
        self._clocks: dict[int, Estimate] = {}

    def add(self, event: Event) -> None:
        """One event: samples, answers, what the user said, or a clock estimate."""
        message, session = event.message, event.session
        base = f"{session.hello.user}"
        if isinstance(message, Ping) and message.offset_us is not None:
            # A recording holds only what its server took; an older one took more.
            with contextlib.suppress(ValueError):
                self._clocks[session.number] = Estimate(
                    message.offset_us,
                    message.drift_ppm * 1e-6,
                    message.sent_us,
                    message.uncertainty_us,
                )
            self._at(event, message.sent_us)
            self._log(f"{base}/clock/uncertainty_us", self._rr.Scalars(message.uncertainty_us))
        elif isinstance(message, PackedFrame):
            for name, samples in session.samples(message).items():
                self._samples(event, f"{base}/{name}", session.channel_named(name), samples)
        elif isinstance(message, Reply):
            self._at(event, message.capture_us)
            for task, answer in message.answers.items():
                self._log(f"{base}/answers/{task}", self._rr.Scalars(answer.probabilities))
        elif isinstance(message, Feedback):
            self._at(event, message.t_us)
            said = f"{message.task}: {message.kind} {message.label}"
            self._log(f"{base}/feedback", self._rr.TextLog(said))

    def _samples(self, event: Event, path: str, channel: Channel, samples: Samples) -> None:
        rr, layout = self._rr, layout_of(channel.layout)
        values = samples.values
        for t_us, value in zip(samples.t_us.tolist(), values, strict=True):
            if layout.modality == "vision":
                shown: Any = rr.Image(value)
            elif layout.name == "depth/map":
                shown = rr.DepthImage(value, meter=1.0)
            elif layout.modality == "hands":
                shown = rr.Points3D(value[:, :3])
            elif layout.name == "spatial/points":
                shown = rr.Points3D(value)
            elif layout.name in ("motion/head", "motion/controller"):
                turn = rr.Quaternion(xyzw=value[3:7])
                shown = rr.Transform3D(translation=value[:3], quaternion=turn)
            elif value.size <= _MOST_PLOTS:
                self._plot(event, path, samples)
                return
            else:
                self.left_out.add(
                    f"channel {channel.name} ({layout.name}): too many numbers to plot"
                )
                return
            self._at(event, t_us)
            self._log(path, shown)

    def _plot(self, event: Event, path: str, samples: Samples) -> None:
        """All samples of a block at once: one call costs 40 us."""
        rr = self._rr
        stamps = np.array([self._capture_us(event, t) for t in samples.t_us.tolist()]) / 1e6
        rows = samples.values.reshape(len(samples), -1).astype(np.float64)
        columns = rr.Scalars.columns(scalars=rows.reshape(-1))
        if rows.shape[1] > 1:
            columns = columns.partition([rows.shape[1]] * len(rows))
        index = rr.TimeColumn("capture", timestamp=stamps)
        rr.send_columns(path, indexes=[index], columns=columns, recording=self._stream)

    def _capture_us(self, event: Event, t_us: int) -> int:
        clock = self._clocks.get(event.session.number, event.session.clock)
        return clock.to_remote(t_us) if clock is not None else t_us

    def _at(self, event: Event, t_us: int) -> None:
        self._stream.set_time("capture", timestamp=self._capture_us(event, t_us) / 1e6)
        self._stream.set_time("arrival", timestamp=event.log_us / 1e6)

    def _log(self, path: str, what: Any) -> None:
        self._stream.log(path, what)
