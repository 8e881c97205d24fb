"""What the live page shows of accuracy: against the truth or feedback, and what it promises."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import live_rig
import pytest

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.tasks import Query
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.dashboard.judged import questions, truth_of
from fedxr.dashboard.label_delays import LabelDelays
from fedxr.dashboard.marks import DRAWS, FRESH_S, Marks
from fedxr.evaluation.intervals import Cell, pooled
from fedxr.learning.agents import Agents
from fedxr.learning.feedback import Given
from fedxr.learning.learner import Learner
from fedxr.learning.learning_rule import LIVE
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.live import Live
from fedxr.live.lockstep import Lockstep, lockstep
from fedxr.scenarios.devices import device_named
from fedxr.virtual.headsets import profile_of_actor, simulated_actor, simulated_cast
from fedxr.virtual.streaming import VirtualHeadset, play
from fedxr.virtual.timeline import Voice, beats


def test_marks_pool_over_tasks_then_headsets_with_an_interval() -> None:
    """ann: doing 2 of 3, mood 0 of 1; ben: doing 1 of 1. Last label: the one before."""
    marks = Marks("truth")
    for headset, task, given, label in (
        ("ann", "doing", Given(1, 0, None), 1),
        ("ann", "doing", Given(1, 1, 1), 1),
        ("ann", "doing", Given(2, 1, 1), 1),
        ("ann", "mood", Given(2, 2, 0), 0),
        ("ben", "doing", Given(3, 3, 3), 3),
    ):
        marks.add(headset, task, given, label)
    state = marks.state(0.0)
    assert state["given"] == pytest.approx(((2 / 3 + 0) / 2 + 1) / 2)
    assert state["generic"] == pytest.approx(((2 / 3 + 0) / 2 + 1) / 2)
    assert state["last_label"] == pytest.approx(((2 / 3 + 1) / 2 + 1) / 2)
    assert (state["questions"], state["headsets"]) == (5, 2)
    sure = pooled({"ann": [Cell(3, 2), Cell(1, 0)], "ben": [Cell(1, 1)]}, DRAWS)
    assert sure is not None
    assert (state["low"], state["high"]) == (sure.low, sure.high)
    assert state["feedback_errors"] is None
    assert marks.state(0.0, "mood")["given"] == 0.0
    assert marks.means("doing") == (pytest.approx(5 / 6), pytest.approx(5 / 6), 4)


def test_an_interval_is_renewed_when_it_is_old_or_made_from_few() -> None:
    marks = Marks("feedback")
    assert marks.state(0.0)["low"] is None
    for k in range(20):
        marks.add("ann", "doing", Given(1, 1, 1), k % 2)
    first = marks.state(0.0)["low"]
    for _ in range(4):
        marks.add("ann", "doing", Given(1, 1, 1), 1)
    assert marks.state(FRESH_S - 0.1)["low"] == first
    assert marks.state(FRESH_S)["low"] > first  # type: ignore[operator]
    for _ in range(6):
        marks.add("ann", "doing", Given(1, 1, 1), 0)
    assert marks.state(FRESH_S + 0.1)["low"] <= first  # type: ignore[operator]


def test_label_delays_tell_rounds_apart() -> None:
    """A round from 2 to 5 s. Labels heard at 1, 3 and 5.5 s; the second is known during it."""
    labels = LabelDelays()
    labels.heard = 5
    labels.round_begins(2.0)
    labels.answered([1.0, 3.0], 3.5)
    labels.round_ends(5.0)
    labels.round_ends(5.1)  # there is none any more
    labels.answered([4.0, 5.5], 6.0)
    assert labels.seconds() == [2.5, 0.5, 2.0, 0.5]
    assert labels.seconds(in_rounds=True) == [0.5, 2.0]
    state = labels.state()
    assert (state["count"], state["in_rounds"], state["waiting"]) == (4, 2, 1)
    assert state["p50_s"] == 1.25
    labels.lost += 1
    assert labels.waiting == 0


def test_a_round_that_waits_for_another_is_under_way() -> None:
    """Two rounds one after the other: a label between their ends came during the second."""
    labels = LabelDelays()
    labels.heard = 1
    labels.round_begins(2.0)
    labels.round_begins(4.0)  # it is wanted while the first is held
    labels.round_ends(5.0)
    labels.round_begins(5.0)
    labels.answered([6.0], 7.0)
    labels.round_ends(8.0)
    assert labels.seconds(in_rounds=True) == [1.0]


@dataclass(frozen=True)
class Honest:
    """A user who is never wrong, and as late as ``voice``."""

    voice: Voice
    errors: float = 0.0

    def __call__(self, key: str, query: Query) -> tuple[int, int]:
        return query.label, self.voice(key, query)[1]


def honest(actor: VirtualHeadset) -> VirtualHeadset:
    return replace(actor, voice=Honest(actor.voice))


async def test_a_server_that_plays_its_headsets_judges_all_questions(tmp_path: Path) -> None:
    """One headset is known here, one comes from elsewhere under another name: the run's figures are
    the first one's, against the truth, and include questions that no feedback followed."""
    known, other = live_rig.cast_of(("voice-glasses", "quest-3"), 3.0)
    agents = live_rig.agents_of(live_rig.checkpoint_of([known, other]), tmp_path / "s.db")
    live = Live(agents, truth=truth_of([known], 3.0))
    async with BridgeServer(live, ServerConfig(port=0)) as server:
        playing = [asyncio.create_task(play(server.url, a, 3.0)) for a in (known, other)]
        against = {}
        while not all(task.done() for task in playing):
            await live.tick_once()
            await live.learn_once()
            for board in live.metrics.boards.values():
                against[board.name] = board.against
            await asyncio.sleep(0.01)
        played = {p.name: p for p in await asyncio.gather(*playing)}
    live.close()
    assert against == {known.name: "truth", other.name: "feedback"}
    board = live.metrics
    asked = [j.question for j in board.judged]
    assert asked == questions(known, 3.0)[: len(asked)]
    assert len(asked) == len(played[known.name].answers)
    best = {(a.task, a.episode, a.tick): a.best for a in played[known.name].answers}
    for one in board.judged:  # what was judged is what the headset was told
        q = one.question
        assert one.given is None or best[q.task, q.episode, q.tick] in (one.given.best, None)
    state = board.marks.state(3.0)
    assert (state["against"], state["headsets"]) == ("truth", 1)
    assert state["questions"] == sum(j.given is not None for j in board.judged)
    assert state["feedback_errors"] is not None


async def test_the_newest_label_is_the_one_that_an_answer_was_made_with() -> None:
    """In lockstep: the last one said before the last time of learning."""
    (actor,) = live_rig.cast_of(("voice-glasses",), 8.0)
    agents = live_rig.agents_of(live_rig.checkpoint_of([actor]))
    script = list(beats(actor.user, actor.voice, 8.0))
    found = lockstep(agents, [(profile_of_actor(actor, actor.user.tasks), script)], learn=6)
    told: dict[str, int] = {}
    waiting: list[tuple[str, int]] = []
    expected = []
    for n, beat in enumerate(script, 1):
        expected += [told.get(q.task) for q in beat.asked]
        waiting += [(s.task, s.label) for s in beat.said]
        if n % 6 == 0:
            told |= dict(waiting)
            waiting = []
    assert [j.given.newest for j in found.judged if j.given] == expected
    assert any(label is not None for label in expected)


def played(cast: list[VirtualHeadset], seconds: float) -> Lockstep:
    checkpoint = load_checkpoint(CHECKPOINT)
    agents = Agents(checkpoint, Tuning(), Learner(checkpoint, Tuning(), LIVE))
    script = [(profile_of_actor(a, a.user.tasks), beats(a.user, a.voice, seconds)) for a in cast]
    return lockstep(agents, script)


def falls(found: Lockstep, basis: str) -> Iterator[tuple[float, float]]:
    """After each question, of all or of those that users said something of: by how much the
    accuracy tile stands below the checkpoint's, and by how much one answer moves it at most."""
    marks, asked = Marks(basis), Counter[tuple[str, str]]()  # type: ignore[arg-type]
    if basis == "truth":
        every = [(j.question.headset, j.question.task, j.given, j.question.truth)
                 for j in found.judged if j.given]  # fmt: skip
    else:
        every = [(s.name, s.task, Given(s.answered, s.generic, None), s.label)
                 for s in found.scores if s.answered is not None]  # fmt: skip
    assert len(every) > 20
    for name, task, given, label in every:
        marks.add(name, task, given, label)
        asked[name, task] += 1
        tasks = Counter(who for who, _ in asked)
        one = max(1 / (len(tasks) * tasks[who] * n) for (who, _), n in asked.items())
        state = marks.state(0.0)
        yield (state["generic"] or 0.0) - (state["given"] or 0.0), one


def assert_never_falls(found: Lockstep) -> None:
    """By more than a point, or by one answer while that is more."""
    for basis in ("truth", "feedback"):
        for fall, one in falls(found, basis):
            assert fall <= max(0.01, one) + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(("device", "person"), [("quest-3-watch", 0), ("voice-glasses", 1),
                                                ("quest-3", 2)])  # fmt: skip
def test_the_tile_never_falls_in_a_minute_of_one_headset_alone(device: str, person: int) -> None:
    """Honest feedback, 60 s, the shipped checkpoint: at no time is what was answered worse than
    what the checkpoint answers to the same questions."""
    actor = honest(simulated_actor(device_named(device), 11, person, 60.0))
    assert_never_falls(played([actor], 60.0))


@pytest.mark.slow
def test_the_tile_never_falls_in_a_minute_of_a_cast() -> None:
    assert_never_falls(played([honest(a) for a in simulated_cast(8, 60.0, 11)], 60.0))
