"""All sensors of one user as one headset: finds them, joins them, streams them to a bridge.

    while running:
        look:    new sources are opened, their clocks measured, their channels made
        session: connect with the channels there are; every tick, poll and send a frame
                 - a source that comes later: say goodbye and connect again with its channels
                 - a source that sends at another rate than it says: the same, once in a while
                 - a source that is lost: its channels are silent until it is back
                 - a marker: feedback on its task, after the frame of its moment
                 - a bridge that is lost: the client comes back by itself
                 (`fedxr.bridge.connecting.reconnecting`)

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

from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import BridgeError, Cue, Notice, Reply
from fedxr.bridge.sensors.mapping import Wish
from fedxr.bridge.sensors.markers import MarkedTask, MarkerSensor
from fedxr.bridge.sensors.search import Search
from fedxr.bridge.sensors.sensor import Sensor
from fedxr.bridge.sensors.source import Finder, SensorError

RATES_S = 10.0
"""A session is begun anew for other rates only when it has lasted so long, or is the first."""
PATIENCE_S = 30.0
"""For so long the session with another sensor is tried: the bridge may still see the last one out.
"""


@dataclass(frozen=True)
class Visit:
    """Who streams, and where to (see `fedxr.bridge.connecting.connect.connect`).

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
    record: bool = True


@dataclass
class Streamed:
    """What became of it. ``latency_ms``: from a tick's end to its reply."""

    sessions: int = 0
    frames: int = 0
    feedback: int = 0
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
        marked: Sequence[MarkedTask] = (),
    ) -> None:
        self.visit = visit
        self.streamed = Streamed()
        self._say = say
        self._search = Search(finders, wishes, say, marked)
        self._opened: list[Channel] = []
        self._unasked: set[str] = set()  # marked tasks that are not answered

    @property
    def sensors(self) -> list[Sensor]:
        """Those whose clocks are known, in the order in which they came."""
        return self._search.sensors

    @property
    def markers(self) -> list[MarkerSensor]:
        """Those whose words become feedback."""
        return self._search.markers

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
        searching = asyncio.create_task(self._search.run())
        try:
            await self._first(stop, searching, wait_s, look_s)
            while not stop.is_set():
                client = await self._connect()
                if seconds and self.streamed.sessions == 1:
                    asyncio.get_running_loop().call_later(seconds, stop.set)
                why = "done"
                try:
                    why = await self._stream(client, stop)
                finally:
                    await client.close(why)
        finally:
            await _end(searching)
            self._search.close()
        return self.streamed

    async def _first(
        self, stop: asyncio.Event, searching: asyncio.Task[None], wait_s: float, look_s: float
    ) -> None:
        """Until there is something to stream, and nothing more on its way or it takes too long."""
        loop, search = asyncio.get_running_loop(), self._search
        started = loop.time()
        while not stop.is_set():
            if searching.done():
                searching.result()
            passed = loop.time() - started
            if self.sensors and (passed >= wait_s or (passed >= look_s and not search.busy)):
                return
            if not self.sensors and passed >= max(wait_s, look_s):
                why = "; ".join(search.failures) or "`fedxr sensors --list` shows what there is"
                raise SensorError(f"no sensor that can be streamed within {passed:.0f} s: {why}")
            await asyncio.sleep(0.05)

    async def _connect(self) -> HeadsetClient:
        """A session with all channels that there are."""
        loop, visit, channels = asyncio.get_running_loop(), self.visit, self._search.channels
        until = loop.time() + PATIENCE_S
        while True:
            try:
                client = await connect(
                    visit.url,
                    user=visit.user,
                    scenario=visit.scenario,
                    channels=channels,
                    tasks=visit.tasks,
                    device={"model": visit.device},
                    token=visit.token,
                    retry=Retry(),
                    trust=visit.trust,
                    record=visit.record,
                )
                break
            except BridgeError:
                if not self.streamed.sessions or loop.time() > until:
                    raise
                await asyncio.sleep(0.5)
                channels = self._search.channels
        self._opened = channels
        self.streamed.sessions += 1
        for name, why in client.welcome.refused.items():
            self._say(f"channel {name} refused: {why}")
        opened = [c for c in channels if c.name in client.codecs]
        told = ", ".join(f"{c.name} ({c.layout}, {c.rate_hz:g} Hz)" for c in opened)
        self._say(f"streaming {told}; answered: {', '.join(client.tasks) or 'nothing'}")
        if missing := self._search.unmet():
            self._say(f"waiting for {', '.join(missing)}: no source has that name yet")
        return client

    async def _stream(self, client: HeadsetClient, stop: asyncio.Event) -> str:
        """One session, until it or the running ends, or a sensor comes; returns why it ended."""
        listening = asyncio.create_task(self._listen(client))
        here = list(self.sensors)
        session, episode, capture_us = ("", 0), -1, now_us()
        began_us = capture_us
        try:
            while not stop.is_set():
                if self.sensors != here:
                    return "another sensor came"
                if self._search.channels != self._opened and (
                    self.streamed.sessions == 1 or now_us() - began_us > RATES_S * 1e6
                ):
                    return "a sensor sends at another rate"
                # At first, and when the connection was lost: the agent's context went with it.
                if (client.session, client.reconnects) != session:
                    session = client.session, client.reconnects
                    episode, start_us = episode + 1, capture_us
                    for sensor in (*here, *self.markers):
                        sensor.begin(start_us)
                before_us, capture_us = capture_us, capture_us + TICK_US
                await asyncio.sleep((capture_us + self.visit.delay_us - now_us()) / 1e6)
                samples = _taken(here, capture_us, before_us)
                samples = {n: s for n, s in samples.items() if n in client.codecs}
                await client.send_frame(capture_us, samples, episode, start_us)
                self.streamed.frames += 1
                await self._tell(client, capture_us, episode)
            return "done"
        finally:
            await _end(listening)

    async def _tell(self, client: HeadsetClient, until_us: int, episode: int) -> None:
        """Marks of moments whose frame has left go as feedback."""
        for markers in self.markers:
            markers.poll(now_us(), now_us)
            for mark in markers.take_marks(until_us):
                if mark.task in client.tasks:
                    await client.send_feedback(mark.task, mark.t_us, mark.label, episode)
                    self.streamed.feedback += 1
                elif mark.task not in self._unasked:
                    self._unasked.add(mark.task)
                    answered = ", ".join(client.tasks) or "nothing"
                    self._say(f"markers of {mark.task} are not sent: the bridge answers {answered}")

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
    samples: dict[str, Samples] = {}
    for sensor in sensors:
        sensor.poll(now_us(), now_us)
        samples |= sensor.take(until_us, sent_us)
    return samples


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
