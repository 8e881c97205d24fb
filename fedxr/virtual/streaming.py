"""Be a headset: play a user's episodes in real time through the bridge, and keep the answers."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from fedxr.agent.inputs.tokens import tick_of
from fedxr.bridge.channels import TICK_US, Samples
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import BridgeError, Cue, Notice, Reply, Scalar
from fedxr.bridge.user_key import UserKey
from fedxr.learning.signals import born_deaf
from fedxr.scenarios.users import User
from fedxr.virtual.timeline import Beat, Voice, beats


@dataclass(frozen=True)
class VirtualHeadset:
    """Who plays: a user, how they give feedback, and what their device says of itself."""

    user: User
    voice: Voice
    device: dict[str, Scalar] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As the server calls this headset."""
        return f"{self.user.name}/{self.device.get('model', 'headset')}"


@dataclass(frozen=True)
class Answered:
    """A question whose ``truth`` is known, and the ``best`` class of the reply to its tick, or to
    one up to 0.2 s later if the server skipped it."""

    task: str
    episode: int
    tick: int
    truth: int
    best: int | None


@dataclass
class Played:
    """What one headset has lived through. ``latency_ms``: capture to reply on its own clock."""

    name: str
    tasks: tuple[str, ...] = ()
    frames: int = 0
    latency_ms: list[float] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    cues: Counter[str] = field(default_factory=Counter)
    notices: list[str] = field(default_factory=list)
    ended: str = ""


class Player:
    """One headset over one connection. A tick's frame is sent when the tick is over."""

    def __init__(self, actor: VirtualHeadset, client: HeadsetClient) -> None:
        self.played = Played(actor.name, client.tasks)
        self.client = client
        self._best: dict[int, dict[str, int]] = {}
        self._asked: list[tuple[int, Beat]] = []
        self._starts: dict[int, int] = {}
        for channel, reason in client.welcome.refused.items():
            self.played.notices.append(f"channel {channel} refused: {reason}")

    async def beat(self, beat: Beat, capture_us: int) -> None:
        """Send one tick that closes at ``capture_us``, then the feedback that is due."""
        start = self._starts.setdefault(beat.episode, capture_us - (beat.tick + 1) * TICK_US)
        samples = {
            n: Samples(s.t_us + start, s.values)
            for n, s in beat.samples.items()
            if n in self.client.codecs
        }
        await self.client.send_frame(capture_us, samples, beat.episode, start)
        self.played.frames += 1
        if beat.asked:
            self._asked.append((capture_us, beat))
        for said in beat.said:
            if said.task in self.client.tasks:
                t_us = self._starts[said.episode] + said.t_us
                await self.client.send_feedback(said.task, t_us, said.label, said.episode)

    async def listen(self) -> None:
        """Take what the server sends until the session ends."""
        try:
            async for message in self.client:
                if isinstance(message, Reply):
                    self.played.latency_ms.append((now_us() - message.capture_us) / 1000)
                    best = {t: a.best for t, a in message.answers.items()}
                    self._best[message.capture_us] = best
                elif isinstance(message, Cue):
                    self.played.cues[message.kind] += 1
                elif isinstance(message, Notice):
                    self.played.notices.append(f"{message.code}: {message.text}")
        except BridgeError as error:
            self.played.ended = str(error)

    def finish(self) -> Played:
        """Answers beside the truth, in time order."""
        for capture_us, beat in self._asked:
            later = (self._best.get(capture_us + k * TICK_US) for k in range(6))
            best = next((found for found in later if found), {})
            self.played.answers += [
                Answered(q.task, beat.episode, tick_of(q.t_us), q.label, best.get(q.task))
                for q in beat.asked
                if q.task in self.client.tasks
            ]
        return self.played


async def open_player(
    url: str,
    actor: VirtualHeadset,
    token: str | None = None,
    trust: Path | None = None,
    retry: Retry | None = None,
    key: UserKey | None = None,
    record: bool = True,
) -> Player:
    """Connect an actor's headset, see `fedxr.bridge.connecting.connect.connect`. Raises
    BridgeError."""
    user = actor.user
    client = await connect(
        url,
        user=user.name,
        scenario=user.use_case,
        channels=user.channels,
        tasks=user.tasks,
        device=actor.device,
        token=token,
        trust=trust,
        retry=retry,
        key=key,
        record=record,
    )
    return Player(actor, client)


async def play(
    url: str,
    actor: VirtualHeadset,
    seconds: float,
    token: str | None = None,
    settle_s: float = 0.5,
    trust: Path | None = None,
    retry: Retry | None = None,
    key: UserKey | None = None,
    record: bool = True,
) -> Played:
    """Play ``seconds`` of the actor's episodes; ``settle_s`` later the session ends.

    A server that ends the session early ends the play; :attr:`Played.ended` says why.
    """
    player = await open_player(url, actor, token, trust, retry, key, record)
    listening = asyncio.create_task(player.listen())
    try:
        await player.client.sync_clock()
        start = now_us()
        for n, beat in enumerate(beats(actor.user, actor.voice, seconds), 1):
            capture_us = start + n * TICK_US
            await asyncio.sleep(max(0.0, (capture_us - now_us()) / 1e6))
            await player.beat(beat, capture_us)
        await asyncio.sleep(settle_s)
    except BridgeError as error:
        player.played.ended = str(error)
    finally:
        await player.client.close("the recording is over")
        await listening
    return player.finish()


async def play_all(url: str, actors: Iterable[VirtualHeadset], seconds: float) -> list[Played]:
    """All actors at once, each over a connection of its own, and each a person who was never here
    before and will not come back."""
    cast = [(actor, await asyncio.to_thread(UserKey.new)) for actor in actors]
    return list(await asyncio.gather(*(play(url, a, seconds, key=key) for a, key in cast)))


def _child() -> None:
    # Ctrl-C is for the parent, who then stops the server, which ends these sessions.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _play_in_child(url: str, actors: Sequence[VirtualHeadset], seconds: float) -> list[Played]:
    return asyncio.run(play_all(url, actors, seconds))


async def play_apart(url: str, actors: Sequence[VirtualHeadset], seconds: float) -> list[Played]:
    """As :func:`play_all`, in a process of its own, so that the server has its cores to itself."""
    with ProcessPoolExecutor(1, get_context("spawn"), _child) as pool:
        loop = asyncio.get_running_loop()
        with born_deaf():
            playing = loop.run_in_executor(pool, _play_in_child, url, actors, seconds)
        return await playing
