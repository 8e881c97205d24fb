"""One source in use: what it sends becomes samples of its channels, at session times.

poll:  read -> map the clock -> place on the timeline -> convert to SI -> wait
take:  what was taken up to an instant leaves for the bridge
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.absences import Absences
from fedxr.bridge.channels import LAYOUTS, Channel, Samples
from fedxr.bridge.columns import Columns
from fedxr.bridge.sensors.clocks import SourceClock
from fedxr.bridge.sensors.mapping import Mapping
from fedxr.bridge.sensors.source import Floats, Source, SourceLostError, Stream
from fedxr.bridge.sensors.timeline import Timeline
from fedxr.bridge.stamp_clock import LATE_US

SILENT_US = 2_000_000
"""A source that sends all the time is called silent after this long, or three periods."""
_SETTLE_US = 500_000
"""A rate that was measured is used for the channels when it has stayed for so long."""
_SILENCES = 5
"""So many are said: a hand may be out of sight again and again."""
_RATES = 8
"""Rates that are said; one that never stays is only counted then."""
_FINAL_US = 500_000
"""Samples in doubt are not held longer than this when nothing follows."""


class Sensor:
    """One source whose channels are ``mappings``; ``say`` is told what a person should know.

    ``counts``: samples sent, gaps, missing (samples in gaps), invalid (nothing there), late (taken
    before a frame that had gone), unsent (no session was open), clock resets, silences, lost (the
    source ended), rate changes, and what was wrong with stamps, by kind
    (`fedxr.bridge.stamp_clock`).
    """

    late_us = LATE_US
    """How old a sample may be that is heard first (`fedxr.bridge.stamp_clock`)."""

    def __init__(
        self, stream: Stream, mappings: Sequence[Mapping], say: Callable[[str], None]
    ) -> None:
        self.source: Source = stream.source
        self.mappings = tuple(mappings)
        self.counts: Counter[str] = Counter()
        self.worst_us = 0.0
        """The largest uncertainty of the clock while samples were stamped by it."""
        self.timeline = Timeline(self.source.rate_hz)
        self.clock = SourceClock(self._tell, self.late_us)
        self._stream: Stream | None = stream
        self._say = say
        self._rate_hz = self.source.rate_hz
        self._tuned = (math.inf, self.source.rate_hz)  # (when, to what)
        self._rates_said = {self._rate_hz}
        self._waiting: dict[str, list[Samples]] = {m.channel.name: [] for m in mappings}
        # Electrodes are watched with their absences.
        others = [m for m in mappings if m.channel.layout in LAYOUTS]
        self._columns = {m.channel.name: self._watched(m) for m in others}
        self._absences = {c.name: Absences(c.name, c.layout) for c in self.channels}
        # Mapped, not yet placed: in doubt, see `Timeline.place`.
        self._values: Floats = np.empty((0, len(self.source.columns)))
        self._stamps: Floats = np.empty(0)
        self._since_us = 0
        self._arrived_us = 0
        self._silent = False

    @property
    def channels(self) -> list[Channel]:
        return [mapping.channel for mapping in self.mappings]

    @property
    def lost(self) -> bool:
        """Whether the source ended; `resume` takes its successor."""
        return self._stream is None

    def resume(self, stream: Stream) -> None:
        """Go on with the same source, opened anew. The time that it was away is a gap."""
        self._stream = stream
        self.clock = SourceClock(self._tell, self.late_us)
        self._say(f"{self.source.name}: back")

    def read_clock(self) -> bool:
        """Ask the source for its clock; may block for a second. Any thread. False: it has ended."""
        stream = self._stream
        if stream is None:
            return False
        try:
            reading = stream.read_clock()
        except SourceLostError:
            return False  # `poll` will find out, and say so
        if stream is self._stream:
            self.clock.add(reading)
        return True

    def poll(self, now_us: int, clock: Callable[[], int] | None = None) -> None:
        """Take what has arrived by ``now_us``, or, where there is a ``clock``, by what that says
        after the reading: a crowded machine may take its time between the two."""
        if self._stream is None:
            return
        try:
            if self._stream.clock_was_reset():
                self.clock = SourceClock(self._tell, self.late_us)
                self.counts["clock resets"] += 1
                self._say(f"{self.source.name}: recovered; its clock is measured anew")
            if not self.clock.known:
                return  # what it sends meanwhile waits in the source
            values, stamps = self._stream.read()
        except SourceLostError as error:
            self._lose(str(error))
            return
        now_us = now_us if clock is None else clock()
        if len(stamps):
            here = self._stamped(stamps, now_us)
            # A sample of no known time is no sample.
            self._arrive(np.where(np.isnan(here)[:, None], np.nan, values), here, now_us)
        self._settle(now_us)

    def take(self, until_us: int, sent_us: int) -> dict[str, Samples]:
        """Samples before ``until_us`` by channel; ``sent_us`` is where the last frame ended."""
        out = {}
        for name, parts in self._waiting.items():
            if not parts:
                continue
            t_us = np.concatenate([part.t_us for part in parts])
            values = np.concatenate([part.values for part in parts])
            n = int(np.searchsorted(t_us, until_us))
            self._waiting[name] = [Samples(t_us[n:], values[n:])] if n < len(t_us) else []
            if n:
                out[name] = Samples(t_us[:n], values[:n])
                self.counts["samples"] += n
                self.counts["late"] += int(np.searchsorted(t_us[:n], sent_us))
        return out

    def begin(self, since_us: int) -> None:
        """A session begins: what was taken before ``since_us`` will not be sent."""
        self._since_us = since_us
        for parts in self._waiting.values():
            parts[:] = [whole for part in parts if len(whole := self._recent(part))]

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    # Inside

    def _tell(self, kind: str, text: str) -> None:
        """Count what is wrong with stamps, and say it once."""
        if not self.counts[kind]:
            self._say(f"{self.source.name}: {text}")
        self.counts[kind] += 1

    def _stamped(self, stamps: Floats, now_us: int) -> Floats:
        here = self.clock.to_session(stamps, now_us, self.timeline.period_us)
        if not self.clock.by_arrival:
            self.worst_us = max(self.worst_us, self.clock.uncertainty_us)
        if self.clock.switched:
            # What is in doubt was stamped in the way that is not believed any more.
            self._stamps[:] = np.nan
            self._place(final=True, now_us=now_us)
            self.timeline.rejoin(float(np.fmin.reduce(here)))
        return here

    def _arrive(self, values: Floats, here: Floats, now_us: int) -> None:
        if self._silent:
            self._silent = False
            if self.counts["silences"] <= _SILENCES:
                self._say(f"{self.source.name}: sends again")
        self._arrived_us = now_us
        self._values = np.concatenate([self._values, values])
        self._stamps = np.concatenate([self._stamps, here])
        self._place(final=False, now_us=now_us)

    def _place(self, final: bool, now_us: float = math.nan) -> None:
        before = len(self.timeline.gaps)
        t_us = self.timeline.place(self._stamps, final, now_us)
        values, self._values = self._values[: len(t_us)], self._values[len(t_us) :]
        self._stamps = self._stamps[len(t_us) :]
        for gap in self.timeline.gaps[before:]:
            self.counts["gaps"] += 1
            self.counts["missing"] += gap.missing
            self._say(
                f"{self.source.name}: gap of {(gap.end_us - gap.start_us) / 1e6:.3f} s, "
                f"{gap.missing} samples missing"
            )
        self._follow_rate(now_us)
        self._keep(t_us, values)

    def _keep(self, t_us: NDArray[np.int64], values: Floats) -> None:
        """Samples (n, columns) of known times become those of the channels, and wait."""
        for mapping in self.mappings:
            name, si = mapping.channel.name, mapping.convert(values)
            if name in self._columns:
                self._columns[name].watch(t_us, si)
            there = self._absences[name].sift(Samples(t_us, si))
            self.counts["invalid"] += len(t_us) - len(there)
            for line in self._absences[name].news():
                self._say(f"{self.source.name}: {line}")
            part = self._recent(there)
            self._waiting[name] += [part] if len(part) else []

    def _watched(self, mapping: Mapping) -> Columns:
        """Says which of the mapping's columns are dead."""
        return Columns(
            mapping.channel.modality,
            mapping.called(self.source),
            lambda line: self._say(f"{self.source.name}: {line}"),
        )

    def _follow_rate(self, now_us: float) -> None:
        """Channels have the rate that is sent, whatever the source says; each rate is said once."""
        if self.timeline.rate_known_hz != self._tuned[1]:
            self._tuned = now_us, self.timeline.rate_known_hz
        if not now_us - self._tuned[0] > _SETTLE_US:
            return
        self._tuned = math.inf, self._tuned[1]
        found = self.timeline.rate_found_hz
        whole = max(1.0, round(found))
        rate = whole if abs(found / whole - 1) < 0.01 else round(found, 2)
        if rate == self._rate_hz:
            return
        self._rate_hz = rate
        self.mappings = tuple(
            replace(m, channel=replace(m.channel, rate_hz=rate)) for m in self.mappings
        )
        self.counts["rate changes"] += 1
        if rate not in self._rates_said and len(self._rates_said) < _RATES:
            self._rates_said.add(rate)
            self._say(f"{self.source.name}: says {self.source.rate_hz:g} Hz, sends {rate:g}")

    def _recent(self, part: Samples) -> Samples:
        recent = part.between(self._since_us, 2**62)
        self.counts["unsent"] += len(part) - len(recent)
        return recent

    def _settle(self, now_us: int) -> None:
        """What to do when nothing comes."""
        if not self._arrived_us:
            self._arrived_us = now_us
        quiet = now_us - self._arrived_us
        if len(self._stamps) and quiet > _FINAL_US:
            self._place(final=True)
        rate = self.timeline.rate_known_hz
        period = 1e6 / rate if rate else (0.0 if self.source.steady else math.inf)
        if not self._silent and quiet > max(SILENT_US, 3 * period):
            self._silent = True
            self.counts["silences"] += 1
            if self.counts["silences"] <= _SILENCES:
                self._say(f"{self.source.name}: silent for {quiet / 1e6:.1f} s")

    def _lose(self, why: str) -> None:
        self._place(final=True)
        self.close()
        self.counts["lost"] += 1
        self._say(f"{self.source.name}: lost; waiting for it to come back ({why})")
