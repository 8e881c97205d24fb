"""Lab Streaming Layer: finds streams on the network, reads them, asks for their clocks.

Needs pylsl (extra ``sensors``), whose wheels bring liblsl for Linux (x86-64), macOS and Windows.
Where LSL looks is LSL's own affair: `lsl_api.cfg`, or the file that $LSLAPICFG names.

A stream is who it is by source id, name, type and host. Some programs give the same to several
streams that run at once (twins): each is offered. What LSL lists may have ended some seconds ago,
so whoever comes later is a twin once both have been listed for longer than that.

A stream with a source id is recovered by liblsl itself when its program or computer comes back;
one without is lost, found again by `LslFinder`, and opened anew.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fedxr.bridge.clock import Exchange, now_us
from fedxr.bridge.sensors.source import (
    Column,
    Floats,
    SensorError,
    Source,
    SourceKind,
    SourceLostError,
    lacking,
    spelled,
)

if TYPE_CHECKING:
    import pylsl

_OPEN_S = 5.0
_CLOCK_S = 1.0
_BUFFER_S = 30
"""What liblsl keeps for a reader that is busy."""
_CHUNK = 4096
_READINGS = 5
TWIN_S = 8.0
"""LSL lists a stream for five seconds after it was last seen."""


def load_pylsl() -> Any:
    """The module pylsl; raises SensorError that says how to get it."""
    try:
        import pylsl
    except ImportError as error:
        raise lacking("LSL", "pylsl", "sensors") from error
    except RuntimeError as error:  # pylsl found no liblsl
        raise SensorError(f"pylsl has no liblsl here ({error}); install liblsl") from error
    return pylsl


class LslFinder:
    """All streams that LSL can see; ``names`` limits them to these stream names."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._pylsl = load_pylsl()
        self._names = tuple(names)
        self._gone: set[str] = set()  # LSL lists a stream for a while after its end
        self._resolver = self._pylsl.ContinuousResolver()
        self._keys: dict[str, str] = {}  # by unique id, of those that are listed
        self._doubted_s: dict[str, float] = {}  # since when they look like a twin

    def find(self) -> list[LslOffering]:
        """Those seen within the last five seconds; the first calls find little."""
        listed = {
            info.uid(): info
            for info in self._resolver.results()
            if not self._names or info.name() in self._names
        }
        for uid in self._keys.keys() - listed.keys():
            del self._keys[uid]
        here = {uid: info for uid, info in listed.items() if uid not in self._gone}
        self._name(here)
        return [
            LslOffering(here[uid], key, self._gone)
            for uid, key in self._keys.items()
            if uid in here
        ]

    def _name(self, here: Mapping[str, pylsl.StreamInfo]) -> None:
        """Give each that is ``here``, by unique id, a key: its identity, numbered for twins."""
        for uid in self._keys.keys() & self._gone:
            del self._keys[uid]
        now_s, before = time.monotonic(), set(self._keys.values())
        self._doubted_s = {uid: since for uid, since in self._doubted_s.items() if uid in here}
        for uid, info in here.items():
            key = identity(info)
            if uid in self._keys:
                continue
            if key in before and now_s - self._doubted_s.setdefault(uid, now_s) < TWIN_S:
                continue  # perhaps the same, started anew
            taken, number = set(self._keys.values()), 2
            while key in taken:
                key, number = f"{identity(info)} #{number}", number + 1
            self._keys[uid] = key

    def close(self) -> None:
        self._resolver = None  # its end ends the search


class LslOffering:
    """A stream that was seen; once lost, its unique id joins ``gone``."""

    def __init__(self, info: pylsl.StreamInfo, key: str, gone: set[str]) -> None:
        self._info, self.key, self._gone = info, key, gone

    def open(self) -> list[LslStream]:
        info = self._info  # some programs send their markers as numbers
        text = info.channel_format() == load_pylsl().cf_string or info.type().lower() == "markers"
        return [(LslTextStream if text else LslStream)(self._info, self.key, self._gone)]


class LslStream:
    """One inlet. Made by `LslOffering.open`, which blocks; raises SensorError."""

    def __init__(self, info: pylsl.StreamInfo, key: str, gone: set[str]) -> None:
        self._pylsl = load_pylsl()
        self._uid, self._gone = info.uid(), gone
        try:
            self._inlet = self._pylsl.StreamInlet(info, max_buflen=_BUFFER_S, recover=True)
            self.source = describe(self._inlet.info(timeout=_OPEN_S), key)
            self._inlet.open_stream(timeout=_OPEN_S)
        except RuntimeError as error:  # all that pylsl raises
            raise SensorError(
                f"stream {info.name()!r} was seen but does not answer ({error}); is TCP to "
                f"{info.hostname()} allowed (ports 16572 to 16604)?"
            ) from None

    def read(self) -> tuple[Floats, Floats]:
        """See `fedxr.bridge.sensors.source.Stream`."""
        parts = []
        while True:
            parts.append(self._pull())
            if len(parts[-1][1]) < _CHUNK:
                break
        values = np.concatenate([v for v, _ in parts]).astype(np.float64)
        return values, np.concatenate([s for _, s in parts]) * 1e6

    def _pull(self) -> tuple[Floats, Floats]:
        """A chunk as it is: values, and stamps in seconds."""
        with self._losing():
            values, stamps = self._inlet.pull_chunk(0.0, _CHUNK, as_numpy=True)
        return values, stamps

    def read_clock(self) -> Exchange | None:
        """liblsl's newest estimate: of a burst of eight the exchange with the least round trip."""
        remote_s, round_trip_s = ctypes.c_double(), ctypes.c_double()
        code = ctypes.c_int()
        # pylsl wraps only the call that keeps the uncertainty to itself.
        ask = self._pylsl.lib.lib.lsl_time_correction_ex
        ask.restype = ctypes.c_double
        with self._losing():
            correction_s = ask(
                self._inlet.obj, ctypes.byref(remote_s), ctypes.byref(round_trip_s),
                ctypes.c_double(_CLOCK_S), ctypes.byref(code),
            )  # fmt: skip
            try:
                self._pylsl.util.handle_error(code)
            except self._pylsl.util.TimeoutError:
                return None
        if not math.isfinite(remote_s.value + correction_s + round_trip_s.value):
            return None
        middle = round((remote_s.value + correction_s) * 1e6 + _session_minus_lsl(self._pylsl))
        half, there = round(round_trip_s.value * 5e5), round(remote_s.value * 1e6)
        return Exchange(middle - half, there, there, middle + half)

    def clock_was_reset(self) -> bool:
        return bool(self._inlet.was_clock_reset())

    def close(self) -> None:
        self._inlet.close_stream()

    @contextlib.contextmanager
    def _losing(self) -> Any:
        try:
            yield
        except RuntimeError as error:
            self._gone.add(self._uid)
            raise SourceLostError(str(error)) from None


class LslTextStream(LslStream):
    """Words, of all columns of a sample; see `fedxr.bridge.sensors.source.TextStream`."""

    def __init__(self, info: pylsl.StreamInfo, key: str, gone: set[str]) -> None:
        super().__init__(info, key, gone)
        self.source = replace(self.source, columns=(Column("text"),), text=True)
        self.texts: list[str] = []

    def _pull(self) -> tuple[Floats, Floats]:
        with self._losing():
            samples, stamps = self._inlet.pull_chunk(0.0, _CHUNK)
        said = [
            (one if isinstance(one, str) else spelled(one), stamp)
            for sample, stamp in zip(samples, stamps, strict=True)
            for one in sample
            if one != ""
        ]
        numbers = len(self.texts) + np.arange(len(said), dtype=np.float64)
        self.texts += [text for text, _ in said]
        return numbers[:, None], np.array([stamp for _, stamp in said])


def identity(info: pylsl.StreamInfo) -> str:
    """What stays the same when a stream's program is started anew."""
    own = f"{info.source_id()} " if info.source_id() else ""
    return f"{own}{info.name()}/{info.type()}@{info.hostname()}"


def describe(info: pylsl.StreamInfo, key: str) -> Source:
    """What ``info`` (complete, from an inlet) says, in `Source`'s terms."""
    columns = []
    channel = info.desc().child("channels").child("channel")
    while not channel.empty():
        label, unit, kind, eye = (
            channel.child_value(name).strip() for name in ("label", "unit", "type", "eye")
        )
        columns.append(Column(label, unit, kind, eye))
        channel = channel.next_sibling("channel")
    # Many programs describe fewer channels than they send, or none.
    columns += [Column("")] * (info.channel_count() - len(columns))
    return Source(
        info.name(), info.type(), tuple(columns[: info.channel_count()]), info.nominal_srate(), key
    )


def _session_minus_lsl(pylsl: Any) -> float:
    """Session time minus LSL's local clock in microseconds: of some readings the tightest."""
    readings = []
    for _ in range(_READINGS):
        before, lsl_s, after = now_us(), pylsl.local_clock(), now_us()
        readings.append((after - before, (before + after) / 2 - lsl_s * 1e6))
    return float(min(readings)[1])


def _check() -> str:
    return f"liblsl {load_pylsl().library_version() / 100:.2f}"


LSL = SourceKind(
    "lsl",
    "streams of the Lab Streaming Layer, markers among them",
    "NAME of a stream; none: all that can be mapped",
    lambda where, say: LslFinder([where] if where else []),
    _check,
)
