"""Pupil Labs glasses (Neon, Invisible): where the wearer looks in the scene camera's picture, and
how wide the pupils are, where the phone computes that.

Needs pupil-labs-realtime-api (extra ``pupil``). The Companion app on the phone says over HTTP what
it has, and streams by RTSP; its stamps are the phone's clock, which is asked by the Time Echo
protocol as often as a headset's is. That answers in whole milliseconds, hence an uncertainty of
half of one at least.

A gaze point is in pixels from the top left corner, a pupil in millimetres. Glasses that are not
worn send on: such samples are absent.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import math
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from fedxr.bridge.clock import BURST, Exchange, now_us
from fedxr.bridge.sensors.pushed import PushedStream
from fedxr.bridge.sensors.source import (
    Column,
    SensorError,
    Source,
    SourceKind,
    SourceLostError,
    installed,
    lacking,
)

PORT = 8080
_OPEN_S = 5.0
_FIND_S = 3.0
_CLOCK_S = 1.0
_MS_US = 1000
_SCENE = {"1": (1088, 1080), "2": (1600, 1200)}
"""Pixels of the scene camera by hardware version: Pupil Invisible, Neon."""
_NEON_HZ = 200.0
_LIBRARY = ("Pupil Labs glasses", "pupil-labs-realtime-api", "pupil")


def load_pupil() -> Any:
    """The package pupil_labs.realtime_api; raises SensorError that says how to get it."""
    try:
        importlib.import_module("pupil_labs.realtime_api.time_echo")
        api = importlib.import_module("pupil_labs.realtime_api")
    except ImportError as error:
        raise lacking(*_LIBRARY) from error
    for name in ("aiortsp", "pupil_labs"):  # what they would say is said here
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    return api


class PupilFinder:
    """One pair of glasses, at ``where`` (HOST[:PORT]) or, without, the first that the network
    names: opening it is how one learns whether it is there."""

    def __init__(self, where: str, say: Callable[[str], None]) -> None:
        load_pupil()
        host, _, port = where.partition(":")
        if port and not (port.isdigit() and 0 < int(port) < 2**16):
            raise SensorError(f"pupil:{where}; allowed is pupil, pupil:HOST or pupil:HOST:PORT")
        self._offering = PupilOffering(host, int(port or PORT))

    def find(self) -> list[PupilOffering]:
        return [self._offering]

    def close(self) -> None: ...


class PupilOffering:
    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.key = f"pupil {host or 'in the network'}"

    def open(self) -> list[PupilStream]:
        """Ask the phone what it has, and stream it; raises SensorError that says what lacks."""
        return [PupilStream(self._host, self._port, self.key)]


class PupilStream(PushedStream):
    """Gaze, and pupils where they come, from a thread of its own that runs the library."""

    def __init__(self, host: str, port: int, key: str) -> None:
        self._api, self._key = load_pupil(), key
        self._strange = importlib.import_module("aiohttp").ClientError
        self._lost = ""
        self._task: asyncio.Task[None] | None = None
        self._first = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pupil", daemon=True)
        self._thread.start()
        try:
            asked = self._wait(self._ask(host, port), _OPEN_S)
            self._host, self._echo_port, url, self._version = asked
            super().__init__(self._described(pupils=False))
            asyncio.run_coroutine_threadsafe(self._receive(url), self._loop)
            if not self._first.wait(_OPEN_S):
                raise SensorError(
                    f"Pupil Labs glasses at {self._host} are there, but no gaze comes "
                    f"({self._lost or 'nothing within 5 s'}); are they plugged in, and is UDP from "
                    "the phone allowed here?"
                )
        except SensorError:
            self.close()
            raise

    def read(self) -> Any:
        """See `fedxr.bridge.sensors.source.Stream`."""
        if self._lost and not self._waiting:
            raise SourceLostError(self._lost)
        return super().read()

    def read_clock(self) -> Exchange | None:
        """Of a burst of echoes the one with the least round trip."""
        if self._lost:
            raise SourceLostError(self._lost)
        try:
            best: Exchange | None = self._wait(self._echo(), _CLOCK_S)
        except SensorError:
            return None
        return best

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_OPEN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_OPEN_S)

    # In the thread

    def _wait(self, what: Coroutine[Any, Any, Any], seconds: float) -> Any:
        """The result of ``what``; raises SensorError for all that can go wrong with a network."""

        async def bounded() -> Any:
            async with asyncio.timeout(seconds):
                return await what

        future = asyncio.run_coroutine_threadsafe(bounded(), self._loop)
        try:
            return future.result()
        except (TimeoutError, OSError, ValueError, KeyError) as error:
            raise SensorError(str(error) or "no answer in time") from None

    async def _ask(self, host: str, port: int) -> tuple[str, int | None, str, str]:
        """Address, port of the clock, URL of the gaze stream and hardware version."""
        if not host:
            async with self._api.Network() as network:
                found = await network.wait_for_new_device(_FIND_S)
            if found is None:
                raise SensorError(
                    "no Pupil Labs glasses in the network; start the Companion app in the same "
                    "Wi-Fi, or say the address that it shows: --source pupil:192.168.1.20"
                )
            host, port = found.addresses[0], found.port
        try:
            async with self._api.Device(host, port) as device:
                status = await device.get_status()
        except (OSError, ValueError, KeyError, self._api.DeviceError, self._strange) as error:
            raise SensorError(
                f"no Pupil Labs Companion at {host}:{port} ({error}); is the app open, and in the "
                "same Wi-Fi?"
            ) from None
        gaze = status.direct_gaze_sensor()
        if gaze is None or not gaze.connected:
            raise SensorError(f"the Companion at {host} has no gaze: are the glasses plugged in?")
        return host, status.phone.time_echo_port, gaze.url, str(status.hardware.version)

    async def _receive(self, url: str) -> None:
        """Push what comes until it ends, and remember why it did."""
        self._task = asyncio.current_task()
        try:
            async for gaze in self._api.receive_gaze_data(url, run_loop=False):
                self._take(gaze)
            self._lost = "the phone ended the stream"
        except Exception as error:  # noqa: BLE001 - the library raises whatever its parts raise
            self._lost = f"{type(error).__name__}: {error}"

    def _take(self, gaze: Any) -> None:
        left = getattr(gaze, "pupil_diameter_left", math.nan)
        right = getattr(gaze, "pupil_diameter_right", math.nan)
        if not self._first.is_set() and hasattr(gaze, "pupil_diameter_left"):
            self.source = self._described(pupils=True)
        row = (gaze.x, gaze.y, left, right)[: len(self.source.columns)]
        here = row if gaze.worn else (math.nan,) * len(row)
        self.push(here, gaze.timestamp_unix_seconds * 1e6)
        self._first.set()

    def _described(self, pupils: bool) -> Source:
        width, height = _SCENE.get(self._version, _SCENE["2"])
        unit = f"pixels:{width}x{height}"
        columns = [Column("gaze x", unit, "ScreenX"), Column("gaze y", unit, "ScreenY")]
        if pupils:
            columns += [Column(f"pupil {e}", "mm", "Diameter", e) for e in ("left", "right")]
        notes = []
        if self._version not in _SCENE:
            notes.append(f"hardware version {self._version}: a scene of {unit} is assumed")
        if not pupils:
            notes.append("no pupils: the app computes none, or is told not to (eye state)")
        rate = _NEON_HZ if self._version != "1" else 0.0
        return Source(
            f"Pupil Labs {self._host}", "Gaze", tuple(columns), rate, self._key, notes=tuple(notes)
        )

    async def _echo(self) -> Exchange | None:
        """The phone's clock, by the library's Time Echo; see `_exchange`."""
        if self._echo_port is None:
            now = now_us()  # stamps are then mapped as a strange clock's are
            return Exchange(now, now, now, now)
        estimator = self._api.time_echo.TimeOffsetEstimator
        reader, writer = await asyncio.open_connection(self._host, self._echo_port)
        try:
            burst = []
            for _ in range(BURST):
                read: list[int] = []

                def clock(read: list[int] = read) -> int:
                    read.append(now_us())
                    return read[-1] // _MS_US

                echo = await estimator.request_time_echo(clock, reader, writer)
                burst.append(_exchange(read[0], read[1], echo.time_offset_ms))
        finally:
            writer.close()
        return min(burst, key=lambda exchange: exchange.delay_us)

    async def _end(self) -> None:
        """End the stream as RTSP has it, by the library's own tasks."""
        if self._task is not None:
            self._task.cancel()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_CLOCK_S)


def _exchange(before_us: int, after_us: int, offset_ms: int) -> Exchange:
    """Of an echo: the library says our middle minus the phone's clock, in milliseconds. That clock
    is cut to whole ones, so that it is half of one later, give or take as much."""
    middle_ms = round((before_us // _MS_US + after_us // _MS_US) / 2)
    there_us = (middle_ms - offset_ms) * _MS_US + _MS_US // 2
    return Exchange(before_us - _MS_US // 2, there_us, there_us, after_us + _MS_US // 2)


PUPIL = SourceKind(
    "pupil",
    "Pupil Labs glasses (Neon, Invisible): gaze and pupils",
    f"HOST[:{PORT}] of the phone; none: the first in the network",
    PupilFinder,
    lambda: installed(*_LIBRARY),
    look_s=0.0,  # they are there or not
)
