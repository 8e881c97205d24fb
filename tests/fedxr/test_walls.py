"""One headset's trouble is its own: whose data break a step is put out, the others go on.

The faults are planted where data of a headset can provoke them: in an encoder that breaks over a
value which one headset sends, in examples and learned numbers of one headset, in its figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import live_rig
import numpy as np
import pytest
import torch
from test_live import START, beat_together, until
from torch import Tensor

import fedxr.agent.encoders
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.protocol import BridgeError, Notice, Reply
from fedxr.federation import AGGREGATIONS, AggregationRule
from fedxr.learning.walls import FIRST_S, LONGEST_S, Quarantine, Troubles, keep_on
from fedxr.live.loops import Tempo, keep_going
from fedxr.virtual.streaming import Player, VirtualHeadset, open_player
from fedxr.virtual.timeline import beats

MARK = 0.0625
"""A metre, and a value like any other: but the planted encoder breaks over it."""


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=8.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


class Faulty:
    """A modality's encoder, that breaks over ``MARK`` in what ``when`` says it breaks in."""

    def __init__(self, real: Any, when: set[str]) -> None:
        self._real, self._when = real, when

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def _look(self, what: str, samples: Samples) -> None:
        if what in self._when and bool((samples.values == np.float32(MARK)).any()):
            raise ZeroDivisionError("planted")

    def features(self, samples: Samples, channel: Channel, end_us: int) -> Any:
        self._look("features", samples)
        return self._real.features(samples, channel, end_us)

    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Any:
        self._look("summary", samples)
        return self._real.summary(samples, channel, end_us)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What all encoders break in; empty at first."""
    when: set[str] = set()
    real = fedxr.agent.encoders._encoder
    monkeypatch.setattr(fedxr.agent.encoders, "_encoder", lambda m: Faulty(real(m), when))
    return when


class Run:
    """Headsets that stream together a beat at a time; the last one is in trouble."""

    def __init__(
        self, rig: live_rig.Rig, players: list[Player], cast: list[VirtualHeadset]
    ) -> None:
        self.rig, self.players = rig, players
        self.scripts = [list(beats(a.user, a.voice, 8.0)) for a in cast]
        self.heard: list[list[Any]] = [[] for _ in players]
        self.n = 0
        self._listening = [asyncio.create_task(self._listen(i)) for i in range(len(players))]

    async def _listen(self, i: int) -> None:
        try:
            async for message in self.players[i].client:
                self.heard[i].append(message)
        except BridgeError as error:
            self.heard[i].append(error)

    async def beat(self, count: int = 1, marked: bool = False, who: int | None = None) -> None:
        """Of all, or of the first ``who`` of them."""
        players = self.players[:who]
        for _ in range(count):
            self.n += 1
            rows = [script[self.n - 1] for script in self.scripts[: len(players)]]
            if marked:
                samples = {n: _marked(s, n) for n, s in rows[-1].samples.items()}
                rows[-1] = replace(rows[-1], samples=samples)
            await beat_together(self.rig, players, self.n, rows)

    async def say(self, player: int, label: int = 1) -> None:
        client = self.players[player].client
        before = sum(len(h.feedback) for h in self.rig.live._here.values())
        t_us = START + (self.n - 5) * TICK_US
        await client.send_feedback(client.tasks[0], t_us, label, 0)
        await until(lambda: sum(len(h.feedback) for h in self.rig.live._here.values()) > before)

    def replies(self, i: int) -> int:
        return sum(isinstance(m, Reply) for m in self.heard[i])

    def notices(self, i: int) -> list[str]:
        """Codes; that frames came late says nothing here."""
        told = [m.code for m in self.heard[i] if isinstance(m, Notice)]
        return [code for code in told if code != "dropped"]

    async def is_put_out(self, doing: str) -> None:
        """The last headset: told why, and its session is over with that reason; the others are
        here, and it cannot come straight back."""
        live, last = self.rig.live, len(self.players) - 1
        await until(lambda: len(live._here) == last)
        await until(lambda: self.heard[last] and isinstance(self.heard[last][-1], BridgeError))
        assert "put-out" in self.notices(last)
        assert f"put out: {doing} failed" in str(self.heard[last][-1])
        assert all("put-out" not in self.notices(i) for i in range(last))
        await until(lambda: set(live.agents.seated) == set(range(last)))

    async def close(self) -> None:
        for player in self.players:
            await player.client.close()
        await asyncio.gather(*self._listening)


def _marked(samples: Samples, name: str) -> Samples:
    if not np.issubdtype(samples.values.dtype, np.floating) or not len(samples):
        return samples
    values = samples.values.copy()
    values.reshape(len(values), -1)[-1, 0] = MARK
    return Samples(samples.t_us, values)


@asynccontextmanager
async def running(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, state: Path, count: int = 3, **options: Any
) -> AsyncIterator[Run]:
    async with live_rig.Rig(checkpoint, state, **options) as rig:
        players = [await open_player(rig.server.url, actor) for actor in cast[:count]]
        run = Run(rig, players, cast[:count])
        yield run
        await run.close()


@pytest.mark.parametrize("what", ["features", "summary"])
async def test_whose_samples_break_an_encoder_is_put_out_and_cannot_come_straight_back(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path, faulty: set[str], what: str
) -> None:
    async with running(cast, checkpoint, tmp_path / "s.db") as run:
        await run.beat(20)
        faulty.add(what)
        await run.beat(1, marked=True)
        for _ in range(30):  # a summary is not renewed at each tick
            if len(run.rig.live._here) < 3 or any(h.out for h in run.rig.live._here.values()):
                break
            await run.beat(1, marked=True)
        await run.is_put_out("answering")
        before = run.n
        await run.beat(10, who=2)
        for i in range(2):
            await until(lambda i=i: run.replies(i) == before + 10)
        with pytest.raises(BridgeError, match=r"put out 1 times .* come again in \d+ s"):
            await open_player(run.rig.server.url, cast[2])
        state = run.rig.live.metrics.state(run.rig.live.agents)
        told = [e for e in state["events"] if e["kind"] == "trouble"]
        assert told[0]["headset"] == cast[2].name
        assert "ZeroDivisionError: planted" in told[0]["text"]
        assert state["trouble"] == ""


async def test_an_answer_that_is_no_number_is_never_sent(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """It is left out and told; the third time its headset is put out. The others notice nothing."""
    async with running(cast, checkpoint, tmp_path / "s.db") as run:
        await run.beat(20)
        agents = run.rig.live.agents
        weights = dict(agents.inference.prepared.weights)
        for key, found in weights.items():
            weights[key] = found * float("nan") if key[0] == 2 else found
        agents.swap(replace(agents.inference.prepared, version=10**6, weights=weights))
        await run.beat(3)
        await run.is_put_out("answering")
        assert run.notices(2)[:2] == ["not-finite", "not-finite"]
        for heard in run.heard:
            for reply in heard:
                if isinstance(reply, Reply):
                    assert all(np.isfinite(a.probabilities).all() for a in reply.answers.values())
        assert [run.replies(i) for i in range(3)] == [23, 23, 20]


async def test_numbers_that_are_none_leave_the_cache_with_the_answer(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """One bad token is forgotten with the answer that it spoiled: the next answers are numbers."""
    async with running(cast, checkpoint, tmp_path / "s.db") as run:
        await run.beat(20)
        inference = run.rig.live.agents.inference
        found = next(c for c in inference.caches if (2, False) in c.seats)
        for each in (*found.cache.keys, found.cache.states):
            each[found.seats.index((2, False))] = float("nan")
        await run.beat(5)
        assert run.notices(2) == ["not-finite"]
        await until(lambda: [run.replies(i) for i in range(3)] == [25, 25, 24])


async def test_whose_feedback_breaks_an_example_is_put_out(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path, faulty: set[str]
) -> None:
    async with running(cast, checkpoint, tmp_path / "s.db") as run:
        await run.beat(10)
        await run.beat(1, marked=True)
        await run.beat(10)
        await run.say(0)
        await run.say(2)
        faulty.add("summary")  # only examples make summaries now
        scores = await run.rig.live.learn_once()
        await run.is_put_out("feedback")
        assert [s.name for s in scores] == [cast[0].name]
        assert run.rig.live.metrics.labels.lost == 1


async def test_the_learner_refuses_a_row_and_not_the_call(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """What the others said is learned as if nothing had been; of the one nothing is."""
    async with running(cast, checkpoint, tmp_path / "s.db") as run:
        await run.beat(20)
        for i in range(3):
            await run.say(i)
        await run.rig.live.tell_once()
        agents = run.rig.live.agents
        broken = next(t for t in agents._told if t.row == 2)
        assert broken.tokens is not None
        broken.tokens = _shortened(broken.tokens)
        cohort = agents.learner.cohort
        before = cohort.headsets[2].copy()
        scores = await run.rig.live.learn_once()
        await run.is_put_out("learning")
        assert sorted(s.name for s in scores) == sorted(a.name for a in cast[:2])
        for row in range(2):
            assert sum(float(s.sums.n.sum()) for s in cohort.headsets[row].personal.values()) == 1.0
        assert not before.personal


def _shortened(tokens: TokenizedEpisode) -> TokenizedEpisode:
    """Summaries of a length that no encoder makes."""
    ask = tokens.queries[-1]
    cut = {layout: vector[:-1] for layout, vector in ask.summary.items()}
    return replace(tokens, queries=(replace(ask, summary=cut),))


async def test_who_cannot_be_shown_is_put_out_and_the_others_are_shown(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with running(cast, checkpoint, tmp_path / "s.db") as run:
        await run.beat(5)
        live, shown = run.rig.live, list[bytes]()
        live.metrics.boards[2].answers = dict.fromkeys(run.players[2].client.tasks)  # type: ignore[misc]
        live.metrics.boards[2].tallies = None  # type: ignore[assignment]
        await live.publish_once(shown.append)
        assert cast[0].name.encode() in shown[0]
        await run.is_put_out("showing it")


async def test_what_breaks_over_nobody_is_a_trouble_and_the_loops_go_on(
    cast: list[VirtualHeadset],
    checkpoint: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every loop is broken at once, and each goes on when it works again."""
    async with running(cast, checkpoint, tmp_path / "s.db", count=2) as run:
        live, broken = run.rig.live, True
        turns: dict[str, int] = {}

        def break_(name: str) -> None:
            real = getattr(live, name)

            async def turn(*args: Any) -> Any:
                if broken:
                    raise MemoryError(f"planted in {name}")
                turns[name] = turns.get(name, 0) + 1
                return await real(*args)

            monkeypatch.setattr(live, name, turn)

        names = ["tick_once", "tell_once", "work_once", "round_due", "save_once", "publish_once"]
        for name in names:
            break_(name)
        tempo = Tempo(learn=0.01, rest=0.01, round=0.05, publish=0.01, save=0.01)
        loops = asyncio.create_task(keep_going(live, run.rig.server, tempo))
        live.due.set()
        live.said.set()
        await until(lambda: len(live.metrics.troubles._now) == len(names))
        said = live.metrics.state(live.agents)["trouble"]
        assert all(f"planted in {name}" in said for name in names)
        assert not loops.done()
        broken = False
        live.due.set()
        await until(lambda: turns.keys() == set(names))
        await until(lambda: live.metrics.troubles.text == "")
        loops.cancel()
        await asyncio.wait({loops})


async def test_an_aggregation_rule_that_raises_costs_the_round_and_nothing_else(
    cast: list[VirtualHeadset],
    checkpoint: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plug-in's: nobody's adapters nor their optimiser move, all are answered, and the next round
    is held once the rule is mended."""

    def slips(values: Tensor, weights: Tensor) -> Tensor:
        raise ZeroDivisionError("planted")

    one = AggregationRule("slips", "a slip", frozenset({"lora_B"}), slips)
    monkeypatch.setitem(AGGREGATIONS, "slips", one)
    rule = live_rig.RULE.with_round(aggregation="slips")
    async with running(cast, checkpoint, tmp_path / "s.db", rule=rule) as run:
        await run.beat(20)
        for i in range(3):
            await run.say(i)
        await run.rig.live.tell_once()
        await run.rig.live.learn_once()
        cohort = run.rig.live.agents.learner.cohort
        was = cohort.stack.theta.clone(), cohort.adam.steps.clone(), cohort.adam.first.clone()
        with pytest.raises(ZeroDivisionError, match="planted"):
            await run.rig.meet()
        now = cohort.stack.theta, cohort.adam.steps, cohort.adam.first
        assert all(torch.equal(a, b) for a, b in zip(was, now, strict=True))
        before = run.n
        await run.beat(5)
        for i in range(3):
            await until(lambda i=i: run.replies(i) == before + 5)
        monkeypatch.setitem(AGGREGATIONS, "slips", replace(one, combine=lambda v, w: v.mean(0)))
        report = await run.rig.meet()
        assert report is not None
        assert len(report.awake) == 3
        assert not torch.equal(cohort.stack.theta, was[0])


async def test_a_loop_that_fails_waits_longer_each_time() -> None:
    """Never a busy loop: so many turns in half a second are a handful."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        turns += 1
        raise OSError("planted")

    said: list[str] = []
    loop = asyncio.create_task(keep_on("it", turn, Troubles(said.append)))
    await asyncio.sleep(0.6)
    loop.cancel()
    assert 1 <= turns <= 3  # at 0, 0.25 and 0.75 s
    assert len(said) == 1, "said once, not each time"


def test_each_time_the_wait_is_twice_as_long_and_is_forgotten_in_the_end() -> None:
    now = 0.0
    quarantine = Quarantine(lambda: now)
    assert quarantine.refusal("u") == ""
    assert [quarantine.add("u") for _ in range(3)] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert "put out 3 times" in quarantine.refusal("u")
    assert f"in {4 * FIRST_S:.0f} s" in quarantine.refusal("u")
    assert quarantine.refusal("another") == ""
    now = 4 * FIRST_S
    assert quarantine.refusal("u") == ""
    now += LONGEST_S + 1
    assert quarantine.add("u") == FIRST_S
    for _ in range(40):
        assert quarantine.add("u") <= LONGEST_S


async def test_one_message_that_breaks_the_application_ends_its_own_session(
    cast: list[VirtualHeadset],
    checkpoint: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(cast, checkpoint, tmp_path / "s.db") as run:
        await run.beat(5)
        row = run.rig.live._here
        last = list(row.values())[-1]
        monkeypatch.setattr(last, "refuse", None)  # is called with each frame
        script = run.scripts[2]
        await run.players[2].beat(script[run.n], START + (run.n + 1) * TICK_US)
        await run.is_put_out("receiving")
        await run.beat(5, who=2)
        await until(lambda: run.replies(0) == 10)
