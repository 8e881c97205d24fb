"""BrainFlow boards: EEG, motion, skin and temperature of some fifty devices, and a synthetic one.

Needs brainflow (extra ``sensors``). A board has up to three presets (main, auxiliary, ancillary),
each of its own rate: each becomes one source. Values come in the units that BrainFlow's boards use:
microvolts, g, degrees per second, microsiemens, degrees Celsius; ``@unit`` says otherwise.

Stamps are this machine's wall clock, read when a packet arrives; the way from the sensor to here
(some milliseconds by cable, some tens by Bluetooth) is in them and cannot be known.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import sys
import time
from dataclasses import dataclass, field
from typing import Any

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
)
from fedxr.plugins.nearest import did_you_mean

_BUFFER_S = 60
LOST_S = 10.0
"""A board that has sent and then sends nothing for this long is opened anew: BrainFlow does not say
when a device has gone."""
_UNITS = {"eeg": "uV", "accel": "g", "gyro": "deg/s", "eda": "uS", "temperature": "C"}
_AXES = "xyz"


def load_brainflow() -> Any:
    """The module brainflow.board_shim; raises SensorError that says how to get it."""
    try:
        import brainflow.board_shim as shim
    except ImportError as error:
        raise lacking("a board", "brainflow", "sensors") from error
    if sys.version_info < (3, 12):
        # brainflow 5.23 asks for the resources of a module, which Python 3.11 refuses; it then
        # falls back to pkg_resources, which setuptools 82 no longer has.
        shim.files = lambda _: importlib.resources.files("brainflow")
    try:
        shim.BoardShim.set_log_level(shim.LogLevels.LEVEL_OFF.value)
    except (OSError, shim.BrainFlowError) as error:
        raise SensorError(f"brainflow's library does not load on this machine: {error}") from error
    return shim


def board_id(shim: Any, text: str) -> int:
    """The id of a board given by number or name ("synthetic", "CYTON_BOARD", "38").

    Raises SensorError with the known names.
    """
    ids = {
        name.removesuffix("_BOARD").lower(): int(one)
        for name, one in shim.BoardIds.__members__.items()
    }
    name = text.strip().lower().removesuffix("_board").replace("-", "_")
    if name in ids:
        return ids[name]
    if text.strip().lstrip("-").isdigit() and int(text) in ids.values():
        return int(text)
    known = ", ".join(f"{name} ({one})" for name, one in ids.items() if name != "no")
    raise SensorError(f"board {text!r}; {did_you_mean(name, ids)}known are {known}")


@dataclass(frozen=True)
class Board:
    """Which board, and how it is reached: ``params`` are BrainFlow's input parameters
    (serial_port, mac_address, ip_address, ip_port, serial_number, file, master_board, …)."""

    name: str
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Board:
        """From ``NAME,key=value,…``. Raises SensorError."""
        name, *params = (part.strip() for part in text.split(","))
        pairs = [text.partition("=") for text in params]
        for key, equals, _ in pairs:
            if not equals:
                raise SensorError(f"board parameter {key!r}; allowed is key=value")
        return cls(name, tuple((key, value) for key, _, value in pairs))


class BoardFinder:
    """One board, offered from the start: opening it is how one learns whether it is there."""

    def __init__(self, board: Board) -> None:
        self._offering = BoardOffering(board)

    def find(self) -> list[BoardOffering]:
        return [self._offering]

    def close(self) -> None: ...


class BoardOffering:
    def __init__(self, board: Board) -> None:
        self._shim = load_brainflow()
        self._id = board_id(self._shim, board.name)
        self._board = board
        self._inputs = self._shim.BrainFlowInputParams()
        for key, value in board.params:
            self._set(key, value)
        self.key = f"brainflow {board.name}"

    def open(self) -> list[BoardStream]:
        """Prepare the board and start it; raises SensorError with BrainFlow's reason."""
        shim = self._shim
        session = shim.BoardShim(self._id, self._inputs)
        try:
            session.prepare_session()
            session.start_stream(_BUFFER_S * 1000)
        except shim.BrainFlowError as error:
            with contextlib.suppress(shim.BrainFlowError):
                session.release_session()
            raise SensorError(
                f"board {self._board.name}: {error}; is it on, and are its parameters right "
                f"(--source brainflow:{self._board.name},serial_port=… or mac_address=…)?"
            ) from None
        # A playback or streaming board is described as the board that it plays.
        described = session.get_board_id()
        presets = shim.BoardShim.get_board_presets(described)
        use = _Use(session, len(presets))
        return [BoardStream(shim, use, described, preset) for preset in sorted(presets)]

    def _set(self, key: str, value: str) -> None:
        known = {k: v for k, v in vars(self._inputs).items() if not k.startswith("_")}
        if key not in known:
            hint = f"{did_you_mean(key, known)}known are {', '.join(known)}"
            raise SensorError(f"board parameter {key!r}; {hint}")
        if key == "master_board":
            setattr(self._inputs, key, board_id(self._shim, value))
            return
        try:
            setattr(self._inputs, key, type(known[key])(value))
        except ValueError:
            raise SensorError(f"board parameter {key}={value!r}; a whole number is due") from None


@dataclass
class _Use:
    """A board's session and how many of its streams are still in use."""

    session: Any
    streams: int
    gone: bool = False
    given_back: list[int] = field(default_factory=list)


class BoardStream:
    """One preset of a board that runs."""

    def __init__(self, shim: Any, use: _Use, described: int, preset: int) -> None:
        self._shim, self._use, self._preset = shim, use, preset
        self._heard_s: float | None = None
        about = shim.BoardShim.get_board_descr(described, preset)
        self._stamps = about["timestamp_channel"]
        self._rows, columns = _columns(about)
        name = about["name"] if preset == 0 else f"{about['name']} {preset}"
        rate = float(about["sampling_rate"])
        self.source = Source(name, "BrainFlow", columns, rate, f"brainflow {described} {preset}")

    def read(self) -> tuple[Floats, Floats]:
        """See `fedxr.bridge.sensors.source.Stream`."""
        try:
            data = self._use.session.get_board_data(preset=self._preset)
        except self._shim.BrainFlowError as error:
            raise SourceLostError(str(error)) from None
        if data.shape[1]:
            self._heard_s = time.monotonic()
        elif self._heard_s is not None and time.monotonic() - self._heard_s > LOST_S:
            self._use.gone = True
        if self._use.gone:
            raise SourceLostError(f"nothing came for {LOST_S:g} s")
        return data[self._rows].T, data[self._stamps] * 1e6

    def read_clock(self) -> Exchange | None:
        """The wall clock against the session's, which never goes back."""
        before = now_us()
        there = time.time_ns() // 1000  # noqa: TID251 - it stamps what the board sends
        return Exchange(before, there, there, now_us())

    def clock_was_reset(self) -> bool:
        return False

    def close(self) -> None:
        """The board stops with the last of its streams."""
        if self._preset in self._use.given_back:
            return
        self._use.given_back.append(self._preset)
        if len(self._use.given_back) == self._use.streams:
            with contextlib.suppress(self._shim.BrainFlowError):
                self._use.session.stop_stream()
            with contextlib.suppress(self._shim.BrainFlowError):
                self._use.session.release_session()


def _columns(about: dict[str, Any]) -> tuple[list[int], tuple[Column, ...]]:
    """Rows of the board's data that a channel can be made of, and what they are."""
    rows: list[int] = []
    columns: list[Column] = []
    names = about.get("eeg_names", "").split(",")
    for kind, unit in _UNITS.items():
        for i, row in enumerate(about.get(f"{kind}_channels", ())):
            label = f"{kind} {_AXES[i]}" if kind in ("accel", "gyro") and i < 3 else kind
            if kind == "eeg":
                label = names[i] if i < len(names) and names[i] else f"eeg {i + 1}"
            rows.append(row)
            columns.append(Column(label, unit, kind.upper() if kind == "eeg" else kind))
    return np.array(rows, int).tolist(), tuple(columns)


def _check() -> str:
    return f"{len(load_brainflow().BoardIds)} kinds of boards"


BRAINFLOW = SourceKind(
    "brainflow",
    "a BrainFlow board: EEG, motion, skin, temperature",
    "BOARD[,key=value…]: synthetic, or cyton,serial_port=/dev/ttyUSB0; ? lists the boards",
    lambda where, say: BoardFinder(Board.parse(where)),
    _check,
    look_s=0.0,  # a board is there or not
)
