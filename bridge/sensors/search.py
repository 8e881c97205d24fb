"""Looks for sources, opens them, measures their clocks, and takes lost ones up again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from fedxr.bridge.channels import Channel
from fedxr.bridge.sensors.mapping import Wish, map_source, renamed
from fedxr.bridge.sensors.markers import MarkedTask, MarkerSensor
from fedxr.bridge.sensors.sensor import Sensor
from fedxr.bridge.sensors.source import Finder, Offering, SensorError, Stream, TextStream

CLOCK_S = 1.0
RETRY_S = 5.0
"""A source that could not be opened is tried again after this long."""


class Search:
    """The sensors that were found so far. `run` goes on for ever; `say` is told what a person
    should know."""

    def __init__(
        self,
        finders: Sequence[Finder],
        wishes: Sequence[Wish],
        say: Callable[[str], None],
        marked: Sequence[MarkedTask] = (),
    ) -> None:
        self._finders, self._wishes, self._say = finders, wishes, say
        self._marked = marked
        self._sensors: dict[str, list[Sensor]] = {}
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._refused: set[str] = set()
        self._names: set[str] = set()  # of channels, those of lost sensors included

    @property
    def sensors(self) -> list[Sensor]:
        """Those that have channels and whose clocks are known, in the order in which they came."""
        return [s for s in self._all if not isinstance(s, MarkerSensor)]

    @property
    def markers(self) -> list[MarkerSensor]:
        """Those that say in words what a moment was."""
        return [s for s in self._all if isinstance(s, MarkerSensor)]

    @property
    def _all(self) -> list[Sensor]:
        return [s for some in self._sensors.values() for s in some]

    @property
    def channels(self) -> list[Channel]:
        return [channel for sensor in self.sensors for channel in sensor.channels]

    @property
    def busy(self) -> bool:
        """Whether something is being opened."""
        return bool(self._joining)

    @property
    def failures(self) -> list[str]:
        """Why sources could not be used."""
        return [why for _, why in self._failed.values()]

    def unmet(self) -> list[str]:
        """Names that the user gave a layout for and that no source has."""
        here = {sensor.source.name for sensor in self._all}
        names = [w.name for w in self._wishes] + [task.stream for task in self._marked]
        return [name for name in dict.fromkeys(names) if name and name not in here]

    async def run(self) -> None:
        """Open whatever comes, and read the clocks of what is open."""
        clocks = asyncio.create_task(self._read_clocks())
        try:
            while not clocks.done():
                self._look()
                await asyncio.sleep(0.25)
            clocks.result()
        finally:
            clocks.cancel()
            for joining in self._joining.values():
                joining.cancel()

    def close(self) -> None:
        for sensor in self._all:
            sensor.close()
        for finder in self._finders:
            finder.close()

    def _look(self) -> None:
        found = [offering for finder in self._finders for offering in finder.find()]
        # What could not be mapped may come back with other labels.
        self._refused &= {offering.key for offering in found}
        for offering in found:
            if self._wanted(offering):
                self._joining[offering.key] = asyncio.create_task(self._join(offering))

    def _wanted(self, offering: Offering) -> bool:
        if offering.key in self._joining or offering.key in self._refused:
            return False
        if any(not sensor.lost for sensor in self._sensors.get(offering.key, ())):
            return False
        tried_s, _ = self._failed.get(offering.key, (-RETRY_S, ""))
        return asyncio.get_running_loop().time() - tried_s >= RETRY_S

    async def _join(self, offering: Offering) -> None:
        """Open one offering; its sensors count once their clocks are known."""
        try:
            streams = await asyncio.to_thread(offering.open)
            before = {sensor.source: sensor for sensor in self._sensors.get(offering.key, ())}
            if not any(stream.source in before for stream in streams):
                # What comes instead of them may have their channels' names.
                self._names -= {c.name for sensor in before.values() for c in sensor.channels}
            sensors = []
            for stream in streams:
                if stream.source in before:
                    before[stream.source].resume(stream)
                    sensors.append(before[stream.source])
                elif (sensor := self._sensor(stream, offering.key)) is not None:
                    await self._await_clock(sensor)
                    sensors.append(sensor)
            if sensors:
                self._sensors[offering.key] = sensors
            else:
                self._refused.add(offering.key)
        except SensorError as error:
            self._fail(offering.key, str(error))
        finally:
            self._joining.pop(offering.key, None)

    def _sensor(self, stream: Stream, key: str) -> Sensor | None:
        try:
            if stream.source.text:
                return MarkerSensor(cast(TextStream, stream), self._marked, self._say)
            mappings, notes = map_source(stream.source, self._wishes)
        except SensorError as error:
            stream.close()
            self._fail(key, str(error))
            return None
        named = []
        for mapping in mappings:
            named.append(renamed(mapping, self._names))
            self._names.add(named[-1].channel.name)
        for note in notes:
            self._say(f"{stream.source.name}: {note}")
        return Sensor(stream, named, self._say)

    async def _await_clock(self, sensor: Sensor) -> None:
        """Until the sensor's clock is known; raises SensorError when its source ends before."""
        tries = 0
        while not sensor.clock.known:
            if not await asyncio.to_thread(sensor.read_clock):
                sensor.close()
                raise SensorError(f"stream {sensor.source.name!r} ended as it was opened")
            tries += 1
            if tries == 10:
                self._say(
                    f"{sensor.source.name}: its clock does not answer; is UDP to its computer "
                    "allowed (ports 16572 to 16604)?"
                )
            if not sensor.clock.known:
                await asyncio.sleep(0.1)

    def _fail(self, key: str, why: str) -> None:
        _, said = self._failed.get(key, (0.0, ""))
        if why != said:
            self._say(why)
        self._failed[key] = asyncio.get_running_loop().time(), why

    async def _read_clocks(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_S)
            await asyncio.gather(*(asyncio.to_thread(s.read_clock) for s in self._all))
