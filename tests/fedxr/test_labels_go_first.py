"""A label does not wait for a round, live over real websockets: rounds are done slice by slice."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path

import live_rig
import pytest
import torch
from test_live import START, beat_together, until

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.experts import Mixing
from fedxr.agent.adaptation.trainer import TrainSteps
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import TICK_US
from fedxr.learning.agents import Agents
from fedxr.learning.learner import Learner
from fedxr.learning.learning_rule import TrainSchedule
from fedxr.virtual.streaming import Player, VirtualHeadset, open_player
from fedxr.virtual.timeline import beats

STEPS = 6
RULE = replace(
    live_rig.RULE,
    shared=TrainSchedule(TrainSteps(STEPS, rate=2e-3, batch=2)),
    each=10**6,
    mixing=Mixing(doubt=(-1e9, -1e9)),
)
"""Rounds and no personal steps; what is said here is made up, and nobody is doubted for it."""
HEARD = 70
"""Beats before the round that a test is about."""


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=8.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


class Rig(live_rig.Rig):
    """Counts what was ``learned``."""

    def __init__(self, checkpoint: Checkpoint, state: Path, apart: bool = False) -> None:
        super().__init__(checkpoint, state, RULE, apart)
        self.learned = 0

    @property
    def cohort(self) -> Cohort:
        learner = self.live.agents.learner
        assert isinstance(learner, Learner)
        return learner.cohort

    @property
    def delays(self) -> list[float]:
        """Seconds from each label to the first answer that knows it."""
        return self.live.metrics.labels.seconds()

    async def learn(self) -> int:
        """How many labels were learned."""
        found = len(await self.live.learn_once())
        self.learned += found
        return found

    async def finish_round(self) -> int:
        """Work until a round is over; how many slices that took."""
        before, slices = self.live.agents.report, 0
        while self.live.agents.report is before:
            assert await self.live.work_once()
            slices += 1
        return slices


class Stream:
    """Headsets that stream together, a beat at a time."""

    def __init__(self, rig: Rig, cast: list[VirtualHeadset]) -> None:
        self.rig, self.cast, self.n, self.moments = rig, cast, 0, 0
        self.scripts = [list(beats(a.user, a.voice, 8.0)) for a in cast]
        self.players: list[Player] = []

    async def open(self) -> Stream:
        self.players = [await open_player(self.rig.server.url, actor) for actor in self.cast]
        return self

    async def beat(self, count: int = 1) -> None:
        for _ in range(count):
            here = list(zip(self.players, self.scripts, strict=False))
            rows = [script[self.n] for _, script in here]
            self.n += 1
            await beat_together(self.rig, [p for p, _ in here], self.n, rows)

    async def begin(self) -> None:
        """Everybody has streamed for a while, and has said something that was learned: each class
        twice, of which one at most is held back."""
        await self.beat(HEARD)
        for player in range(len(self.players)):
            for label in (0, 1, 0, 1):
                await self.say(player, label)
        await self.rig.learn()

    async def say(self, player: int, label: int) -> None:
        """A label of the first task at a moment that has been, another one each time: said again
        of the same moment, it would not be another label."""
        client = self.players[player].client
        before = self.waiting
        self.moments += 1
        await client.send_feedback(client.tasks[0], START + self.moments * TICK_US, label, 0)
        await until(lambda: self.waiting > before)

    @property
    def waiting(self) -> int:
        """Feedback that has arrived and was not told yet."""
        return sum(len(here.feedback) for here in self.rig.live._here.values())

    async def close(self) -> None:
        for player in self.players:
            await player.client.close()


@pytest.mark.parametrize("apart", [False, True], ids=["learner here", "learner apart"])
async def test_a_label_is_learned_and_answered_between_two_slices_of_a_round(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path, apart: bool
) -> None:
    async with Rig(checkpoint, tmp_path / "s.db", apart) as rig:
        live = rig.live
        stream = await Stream(rig, cast).open()
        await stream.begin()
        await live.round_due()
        assert await live.work_once()
        assert await live.work_once()
        await stream.beat()  # whatever was learned before is answered with now
        version, known = live.agents.inference.prepared.version, len(rig.delays)
        await stream.say(1, 1)
        assert await rig.learn() == 1
        assert live.agents.inference.prepared.version > version
        await stream.beat()
        assert len(rig.delays) == known + 1 == rig.learned
        assert live.metrics.labels.seconds(in_rounds=True) == rig.delays[-1:]
        assert live.metrics.labels.waiting == 0
        assert live.agents.report is None, "the round is not over yet"
        assert await rig.finish_round() == 3 * STEPS + 1 - 2  # each headset's steps, then they meet
        report = live.agents.report
        assert report is not None
        assert len(report.awake) == 3
        await stream.close()


@pytest.mark.parametrize("apart", [False, True], ids=["learner here", "learner apart"])
async def test_a_label_waits_for_a_part_of_a_round_at_most(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path, apart: bool
) -> None:
    """With learning and rounds each in a loop of its own, as live: said in the middle of a round of
    19 slices, a label is answered within a third of the time that the round takes."""
    async with Rig(checkpoint, tmp_path / "s.db", apart) as rig:
        live, order = rig.live, list[str]()
        stream = await Stream(rig, cast).open()
        await stream.begin()
        await stream.beat()
        await live.round_due()
        started = time.monotonic()

        async def work() -> None:
            while live.agents.report is None:
                await live.work_once()
                order.append("slice")
            order.append("met")

        working = asyncio.create_task(work())
        await until(lambda: order.count("slice") >= 2)
        await stream.say(1, 1)
        assert await rig.learn() == 1
        order.append("learned")
        await stream.beat()
        order.append("answered")
        await working
        took = time.monotonic() - started
        assert order.index("learned") < order.index("answered") < order.index("met"), order
        assert len(rig.delays) == rig.learned
        assert rig.delays[-1] < took / 3
        await stream.close()


@pytest.mark.parametrize("killed", [False, True], ids=["says goodbye", "is killed"])
async def test_who_leaves_in_the_middle_of_a_round_costs_nobody_else(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path, killed: bool
) -> None:
    async with Rig(checkpoint, tmp_path / "s.db") as rig:
        live, cohort = rig.live, rig.cohort
        stream = await Stream(rig, cast).open()
        await stream.begin()
        theta = cohort.stack.theta.clone()
        sums = [dict(s.personal) for s in cohort.headsets]
        memories = [s.replay for s in cohort.headsets]
        expert_weights = [dict(s.expert_weights) for s in cohort.headsets]
        await live.round_due()
        for _ in range(STEPS + 2):
            assert await live.work_once()
        gone = stream.players.pop(2).client
        if killed:
            gone._connection.transport.abort()
        else:
            await gone.close()
        await until(lambda: len(live._here) == 2)
        # The round is given up, and nothing has changed; the two others begin one of their own.
        assert await live.work_once()
        assert live.agents.report is None
        for row in (0, 1):
            assert torch.equal(cohort.stack.theta[row], theta[row])
            assert cohort.headsets[row].replay is memories[row]
            assert cohort.headsets[row].expert_weights == expert_weights[row]
            assert all(
                cohort.headsets[row].personal[task] is found for task, found in sums[row].items()
            )
            assert not cohort.headsets[row].federated
        await stream.beat()
        assert await rig.finish_round() == 2 * STEPS
        report = live.agents.report
        assert report is not None
        assert set(report.awake) == {p.identity.name for p in live.agents.seated.values()}
        assert len(report.awake) == 2
        await stream.beat()
        await stream.close()


async def test_who_joins_in_the_middle_of_a_round_neither_breaks_nor_joins_it(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with Rig(checkpoint, tmp_path / "s.db") as rig:
        live, cohort = rig.live, rig.cohort
        stream = await Stream(rig, cast[:2]).open()
        await stream.begin()
        await live.round_due()
        for _ in range(STEPS + 2):
            assert await live.work_once()
        late = await open_player(rig.server.url, cast[2])
        assert set(live.agents.seated) == {0, 1, 2}
        assert await rig.finish_round() == STEPS - 2 + 1
        report = live.agents.report
        assert report is not None
        assert set(report.awake) == {a.name for a in cast[:2]}
        assert torch.equal(cohort.stack.theta[2], cohort.start[0])
        assert not cohort.headsets[2].federated
        assert not torch.equal(cohort.stack.theta[0], cohort.start[0])
        await stream.beat()
        for streams in ([], [late]):  # who only sits there meets nobody
            if streams:
                rows = [next(iter(beats(cast[2].user, cast[2].voice, 8.0)))]
                await beat_together(rig, streams, stream.n + 1, rows)
            await live.round_due()
            await rig.finish_round()
            assert live.agents.report is not None
            here = cast if streams else cast[:2]
            assert set(live.agents.report.awake) == {a.name for a in here}
        await stream.close()
        await late.client.close()


async def test_one_headset_alone_meets_nobody(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with Rig(checkpoint, tmp_path / "s.db") as rig:
        stream = await Stream(rig, cast[1:2]).open()
        await stream.begin()
        assert rig.learned > 0
        for _ in range(2):
            await rig.live.round_due()
            assert not await rig.live.work_once()
        assert await rig.meet() is None
        assert rig.live.agents.report is None
        assert torch.equal(rig.cohort.stack.theta[0], rig.cohort.start[0])
        assert not rig.cohort.headsets[0].federated
        await stream.close()


async def test_a_second_round_is_under_way_when_the_first_ends(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """Another is wanted while one is held: a label that comes after the first has ended came during
    the second."""
    async with Rig(checkpoint, tmp_path / "s.db") as rig:
        live, labels = rig.live, rig.live.metrics.labels
        stream = await Stream(rig, cast[:2]).open()
        await stream.begin()
        await stream.beat()
        await live.round_due()
        assert await live.work_once()
        await live.round_due()
        await rig.finish_round()
        before = len(labels.seconds(in_rounds=True))
        await stream.say(0, 1)
        await rig.learn()
        await stream.beat()
        assert len(labels.seconds(in_rounds=True)) == before + 1
        await rig.finish_round()
        assert not await live.work_once()
        await stream.say(0, 1)
        await rig.learn()
        await stream.beat()
        assert len(labels.seconds(in_rounds=True)) == before + 1
        await stream.close()


async def test_what_is_being_told_is_not_taken_from_under_it(
    cast: list[VirtualHeadset],
    checkpoint: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Feedback is told in the answering thread. While one piece of it is half told, everything is
    learned, as for one who leaves: it is neither lost nor counted twice, and nothing breaks."""
    async with Rig(checkpoint, tmp_path / "s.db") as rig:
        live = rig.live
        stream = await Stream(rig, cast[:2]).open()
        await stream.begin()
        begun, go_on, plain = threading.Event(), threading.Event(), Agents.feedback

        def slow(self: Agents, *moment: int) -> bool:
            begun.set()
            assert go_on.wait(60)
            return plain(self, *moment)  # type: ignore[arg-type]

        monkeypatch.setattr(Agents, "feedback", slow)
        client = stream.players[0].client
        await client.send_feedback(client.tasks[0], START - 10**9, 1, 0)  # nobody knows that moment
        await until(lambda: stream.waiting == 1)
        telling = asyncio.create_task(live.tell_once())
        await until(begun.is_set)
        learning = asyncio.create_task(live.learn_once())
        await asyncio.sleep(0.05)  # as far as it comes
        go_on.set()
        await telling
        assert await learning == []
        assert not any(here.told for here in live._here.values())
        labels = live.metrics.labels
        assert labels.lost == 1
        await stream.beat()
        assert labels.waiting == 0
        await stream.close()
