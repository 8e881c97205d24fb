"""All sensors of one user as one headset: finds them, joins them, streams them to a bridge.

    while running:
        look:    new sources are opened, their clocks measured, their channels made
        session: connect with the channels there are; every tick, poll and send a frame
                 - a source that comes later: say goodbye and connect again with its channels
                 - a source that is lost: its channels are silent until it is back
                 - a bridge that is lost: the client comes back by itself (`bridge.returning`)

The channels of a session are fixed by its hello, hence the new one for a late sensor; what the
agent has learned of the user stays with the server. An episode begins with each session.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge.channels import TICK_US, Channel, Samples
from bridge.client import HeadsetClient, connect
from bridge.clock import now_us
from bridge.protocol import BridgeError, Cue, Notice, Reply
from bridge.resend import Retry
from bridge.sensors.mapping import Wish, map_source, renamed
from bridge.sensors.sensor import Sensor
from bridge.sensors.source import Finder, Offering, SensorError, Source, Stream

CLOCK_S = 1.0
RETRY_S = 5.0
"""A source that could not be opened is tried again after this long."""
PATIENCE_S = 30.0
"""For so long the session with another sensor is tried: the bridge may still see the last one out.
"""


@dataclass(frozen=True)
class Visit:
    """Who streams, and where to (see `bridge.client.connect`).

    ``delay_us``: a tick's frame leaves this much after the tick, for samples take their time from
    the sensor to here; what comes later still goes with a later frame and is counted.
    """

    url: str
    user: str
    scenario: str
    tasks: tuple[str, ...] = ()
    token: str | None = None
    trust: Path | None = None
    delay_us: int = 40_000
    device: str = "sensors"


@dataclass
class Streamed:
    """What became of it. ``latency_ms``: from a tick's end to its reply."""

    sessions: int = 0
    frames: int = 0
    latency_ms: list[float] = field(default_factory=list)
    cues: Counter[str] = field(default_factory=Counter)


class SensorHeadset:
    """See the top of the file. ``say`` is told, once each, what a person should know."""

    def __init__(
        self,
        visit: Visit,
        finders: Sequence[Finder],
        wishes: Sequence[Wish] = (),
        say: Callable[[str], None] = print,
    ) -> None:
        self.visit = visit
        self.streamed = Streamed()
        self._finders, self._wishes, self._say = finders, wishes, say
        self._sensors: dict[str, list[Sensor]] = {}
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._refused: set[str] = set()
        self._names: set[str] = set()  # of channels, those of lost sensors included

    @property
    def sensors(self) -> list[Sensor]:
        """Those whose clocks are known, in the order in which they came."""
        return [s for some in self._sensors.values() for s in some]

    @property
    def channels(self) -> list[Channel]:
        return [channel for sensor in self.sensors for channel in sensor.channels]

    async def run(
        self,
        stop: asyncio.Event,
        wait_s: float = 10.0,
        look_s: float = 2.0,
        seconds: float = 0.0,
    ) -> Streamed:
        """Stream until ``stop`` is set, or for ``seconds`` (0: for ever) from the first session,
        before which one looks for sources for ``look_s``.

        Raises SensorError when no usable source is found within ``wait_s``, and BridgeError when
        the bridge refuses or stays away.
        """
        tasks = [asyncio.create_task(job) for job in (self._look(), self._read_clocks())]
        stopping = asyncio.create_task(stop.wait())
        try:
            await self._first(stopping, tasks, max(wait_s, look_s), look_s)
            while not stop.is_set():
                client = await self._connect()
                if seconds and self.streamed.sessions == 1:
                    asyncio.get_running_loop().call_later(seconds, stop.set)
                try:
                    await self._stream(client, stop)
                finally:
                    await client.close("done" if stop.is_set() else "another sensor came")
        finally:
            await _end([*tasks, stopping, *self._joining.values()])
            for sensor in self.sensors:
                sensor.close()
            for finder in self._finders:
                finder.close()
        return self.streamed

    # Sources

    async def _look(self) -> None:
        """Open whatever is new, for ever."""
        while True:
            for finder in self._finders:
                for offering in finder.find():
                    if self._wanted(offering):
                        joining = asyncio.create_task(self._join(offering))
                        self._joining[offering.key] = joining
            await asyncio.sleep(0.25)

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
            sensors = [s for s in (self._sensor(stream, before) for stream in streams) if s]
            if not sensors:
                self._refused.add(offering.key)
                return
            if any(sensor.source not in before for sensor in sensors):
                for sensor in sensors:
                    await self._await_clock(sensor)
                self._sensors[offering.key] = sensors
        except SensorError as error:
            self._fail(offering.key, str(error))
        finally:
            self._joining.pop(offering.key, None)

    def _sensor(self, stream: Stream, before: dict[Source, Sensor]) -> Sensor | None:
        known = before.get(stream.source)
        if known is not None:
            known.resume(stream)
            return known
        try:
            mappings, notes = map_source(stream.source, self._wishes)
        except SensorError as error:
            stream.close()
            self._say(str(error))
            return None
        named = []
        for mapping in mappings:
            named.append(renamed(mapping, self._names))
            self._names.add(named[-1].channel.name)
        for note in notes:
            self._say(f"{stream.source.name}: {note}")
        return Sensor(stream, named, self._say)

    async def _await_clock(self, sensor: Sensor) -> None:
        tries = 0
        while not sensor.clock.known:
            await asyncio.to_thread(sensor.read_clock)
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
            await asyncio.gather(*(asyncio.to_thread(s.read_clock) for s in self.sensors))

    async def _first(
        self,
        stopping: asyncio.Task[bool],
        tasks: Sequence[asyncio.Task[None]],
        wait_s: float,
        look_s: float,
    ) -> None:
        """Until there is something to stream and nothing more on its way."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while not (self.sensors and not self._joining and loop.time() - started > look_s):
            for task in tasks:
                if task.done():
                    task.result()
            if stopping.done():
                return
            if not self.sensors and loop.time() - started > wait_s:
                known = "; ".join(why for _, why in self._failed.values())
                raise SensorError(
                    f"no sensor that can be streamed within {wait_s:g} s"
                    + (f": {known}" if known else "; `fedxr sensors --list` shows what there is")
                )
            await asyncio.sleep(0.05)

    # The bridge

    async def _connect(self) -> HeadsetClient:
        """A session with all channels that there are."""
        loop, visit = asyncio.get_running_loop(), self.visit
        until = loop.time() + PATIENCE_S
        while True:
            try:
                client = await connect(
                    visit.url,
                    user=visit.user,
                    scenario=visit.scenario,
                    channels=self.channels,
                    tasks=visit.tasks,
                    device={"model": visit.device},
                    token=visit.token,
                    retry=Retry(),
                    trust=visit.trust,
                )
                break
            except BridgeError:
                if not self.streamed.sessions or loop.time() > until:
                    raise
                await asyncio.sleep(0.5)
        self.streamed.sessions += 1
        for name, why in client.welcome.refused.items():
            self._say(f"channel {name} refused: {why}")
        opened = {c.name: c for c in self.channels if c.name in client.codecs}
        told = ", ".join(f"{c.name} ({c.layout}, {c.rate_hz:g} Hz)" for c in opened.values())
        self._say(f"streaming {told}; answered: {', '.join(client.tasks) or 'nothing'}")
        return client

    async def _stream(self, client: HeadsetClient, stop: asyncio.Event) -> None:
        """One session, until it or the running ends, or a sensor comes."""
        listening = asyncio.create_task(self._listen(client))
        here = list(self.sensors)
        session, episode, capture_us = "", -1, now_us()
        try:
            while not stop.is_set():
                if self.sensors != here and not self._joining:
                    return
                if client.session != session:  # at first, and when a bridge was started anew
                    session, episode, start_us = client.session, episode + 1, capture_us
                    for sensor in here:
                        sensor.begin(start_us)
                before_us, capture_us = capture_us, capture_us + TICK_US
                await asyncio.sleep((capture_us + self.visit.delay_us - now_us()) / 1e6)
                samples = _taken(here, capture_us, before_us)
                samples = {n: s for n, s in samples.items() if n in client.codecs}
                await client.send_frame(capture_us, samples, episode, start_us)
                self.streamed.frames += 1
        finally:
            await _end([listening])

    async def _listen(self, client: HeadsetClient) -> None:
        with contextlib.suppress(BridgeError):
            async for message in client:
                if isinstance(message, Reply):
                    self.streamed.latency_ms.append((now_us() - message.capture_us) / 1000)
                elif isinstance(message, Cue):
                    self.streamed.cues[message.kind] += 1
                elif isinstance(message, Notice):
                    self._say(f"bridge: {message.code}: {message.text}")


def _taken(sensors: Sequence[Sensor], until_us: int, sent_us: int) -> dict[str, Samples]:
    """What all ``sensors`` have for the tick that ends at ``until_us``."""
    now = now_us()
    samples: dict[str, Samples] = {}
    for sensor in sensors:
        sensor.poll(now)
        samples |= sensor.take(until_us, sent_us)
    return samples


async def _end(tasks: Sequence[asyncio.Task[None] | asyncio.Task[bool]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
