"""One learning rule on both paths that users take: live behind the bridge, and headless."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import live_rig
import pytest
import torch
from test_live import beat_together
from tolerance import adam, pass_terms, rounding
from torch import Tensor

from agent.cohort import Tuning
from agent.experts import ADAPTED
from agent.fleet import Brain, Fleet, Member
from agent.memory import Memory
from agent.online import Dose, Momentum, learn, whole
from agent.state import Store
from agent.tokens import Tokens, tokenize
from fedxr.agents import Agents
from fedxr.cast import profile_of_actor
from fedxr.federated_round import held_losses
from fedxr.learner import Learner, Slice
from fedxr.learning_rule import LearningRule, Schedule, headless
from fedxr.live import Live
from fedxr.people import Person, one_ask_each
from fedxr.script import beats
from fedxr.stream import Actor, open_player
from fedxr.study import CHUNK, Protocol, profile_of, seated, tell
from fedxr.told import Told

SECONDS = 8.0
ROUND, LEARN = 120, 6


@pytest.fixture(scope="module")
def cast() -> list[Actor]:
    return live_rig.cast_of(seconds=SECONDS)


@pytest.fixture(scope="module")
def brain(cast: list[Actor]) -> Brain:
    return live_rig.brain_of(cast)


@dataclass(frozen=True)
class Same(Protocol):
    """The headless driver's protocol, with the live server's rule."""

    def rule(self) -> LearningRule:
        return live_rig.RULE


def person_of(actor: Actor) -> Person:
    """The actor as the headless study knows them, under the name that the server gives."""
    user, device = actor.name.split("/")
    return Person(replace(actor.user, source=user, name=device), (), ())


def placed(cast: Sequence[Actor]) -> list[Actor]:
    """The cast where headless headsets stand: who hears whom depends on that."""
    out = []
    for row, actor in enumerate(cast):
        x, z = profile_of(person_of(actor), row).position
        out.append(replace(actor, device={**actor.device, "x": x, "z": z}))
    return out


async def told_live(
    brain: Brain, cast: Sequence[Actor], state: Path
) -> tuple[Fleet, list[list[Told] | None]]:
    """Real headsets stream to :class:`fedxr.live.Live` for ``SECONDS``; in a process of its own, as
    in ``fedxr serve``, and slice by slice, what was said is learned
    every ``LEARN`` beats, then personal steps are taken; all meet every ``ROUND`` beats. The fleet
    that has learned, and what was told, batch by batch, with None for each round."""
    batches: list[list[Told] | None] = []
    async with live_rig.Rig(brain, state, apart=True) as rig:
        live, take = rig.live, rig.live.agents.take

        def noted() -> list[Told]:
            told = take()
            if told:
                batches.append(told)
            return told

        live.agents.take = noted  # type: ignore[method-assign]
        players = [await open_player(rig.server.url, actor) for actor in cast]
        scripts = [list(beats(a.user, a.voice, SECONDS)) for a in cast]
        for n, rows in enumerate(zip(*scripts, strict=True), 1):
            await beat_together(rig, players, n, list(rows))
            if n % LEARN == 0 and await live.learn_once():
                await rig.personalise()
            if n % ROUND == 0:
                assert await rig.meet() is not None
                batches.append(None)
        await live.save_once()
        fleet = stored(brain, [p.member for _, p in sorted(live.agents.seated.items())], state)
        for player in players:
            await player.client.close()
    return fleet, batches


def stored(brain: Brain, members: Sequence[Member], state: Path) -> Fleet:
    """What was kept of these headsets: all that a learner in another process has learned."""
    fleet, store = Fleet(brain, members, Tuning(), torch.float32), Store(state)
    for row in range(len(members)):
        assert store.load(fleet, row) is not None
    store.close()
    return fleet


def told_headless(
    brain: Brain, cast: Sequence[Actor], batches: Sequence[list[Told] | None], chunk: int
) -> Fleet:
    """The same labels in the same batches and rounds, by the driver of the headless study."""
    learner = seated(brain, [person_of(a) for a in cast], Same())
    learner.chunk = chunk
    for batch in batches:
        if batch is None:
            assert learner.round(range(len(cast))) is not None
            continue
        lessons: list[list[Tokens]] = [[] for _ in cast]
        for told in batch:
            assert told.tokens is not None
            lessons[told.row].append(told.tokens)
        # What comes together is scored before any of it is learned; the driver tells it in turn.
        assert max(Counter((told.row, told.task) for told in batch).values()) == 1
        tell(learner, lessons)
    return learner.fleet


def assert_close(mine: Tensor, theirs: Tensor) -> None:
    """To 1e-6, or so much of the largest number."""
    size = max(1.0, float(theirs.abs().max()))
    torch.testing.assert_close(mine, theirs, atol=1e-6 * size, rtol=0)


def assert_same_knowledge(mine: Fleet, theirs: Fleet) -> None:
    """Sums of labels, own and of others, and trust."""
    for row, member in enumerate(theirs.members):
        for part in ("sums", "crowd"):
            ours, known = getattr(mine, part)[row], getattr(theirs, part)[row]
            assert ours.keys() == known.keys()
            for task in known:
                for name in "abn":
                    assert_close(getattr(ours[task], name), getattr(known[task], name))
        for task in member.tasks:
            assert_close(mine.trust(row, task), theirs.trust(row, task))


@pytest.fixture(scope="module")
def live(
    cast: list[Actor], brain: Brain, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Fleet, list[list[Told] | None]]:
    state = tmp_path_factory.mktemp("live") / "s.db"
    fleet, batches = asyncio.run(told_live(brain, placed(cast), state))
    assert batches.count(None) == SECONDS * 30 // ROUND == 2
    assert sum(len(b) for b in batches if b) >= 10
    assert any(fleet.crowd), "somebody must have sums of others"
    for row, member in enumerate(fleet.members):
        assert not torch.equal(fleet.cohort.theta[row], fleet.start[0]), "all must have learned"
        assert any((fleet.trust(row, task)[1:] > 0).any() for task in member.tasks)
    return fleet, batches


def test_the_same_feedback_teaches_the_same_live_and_headless(
    cast: list[Actor], brain: Brain, live: tuple[Fleet, list[list[Told] | None]]
) -> None:
    """**live**: :class:`fedxr.live.Live` behind a bridge that websocket clients stream to, whose
    learner is a :class:`fedxr.apart.Apart`; rounds are ``round_due``, done by ``work_once``.
    **headless**: ``seated``, ``tell`` and ``Learner.round`` of :mod:`fedxr.study`. The feedback
    that reached the live learner gives the same mixed adapter, the same sums and the same trust.
    Where both learn one headset a pass, as live, they do the same operations on the same
    numbers."""
    theirs, batches = live
    mine = told_headless(brain, placed(cast), batches, chunk=1)
    assert mine.names == theirs.names
    assert_same_knowledge(mine, theirs)
    assert_close(mine.cohort.theta, theirs.cohort.theta)


def test_how_many_learn_in_one_pass_changes_rounding_alone(
    cast: list[Actor], brain: Brain, live: tuple[Fleet, list[list[Told] | None]]
) -> None:
    """Headless, ``CHUNK`` headsets do, padded to the longest lesson: the rounding of a gradient is
    another. Sums and trust do not depend on it; Adam enlarges it where a gradient is next to
    nothing, for few numbers (:func:`tolerance.adam`); all but 1 in 1,000 agree to 1e-6."""
    theirs, batches = live
    mine = told_headless(brain, placed(cast), batches, CHUNK)
    assert_same_knowledge(mine, theirs)
    off, moved = mine.cohort.theta - theirs.cohort.theta, theirs.cohort.theta - theirs.start
    seen = max(len(t.tokens.emissions) for b in batches if b for t in b if t.tokens)
    gradient = rounding(torch.float32, 3 * pass_terms(brain.model.plan.size, seen))
    steps = int(theirs.momentum.steps.max())
    assert (off.norm(dim=1) <= adam(gradient, steps) * moved.norm(dim=1)).all()
    assert (off.abs() > 1e-6).float().mean() < 1e-3


# -- rounds ----------------------------------------------------------------------------------------


def lessons(actor: Actor) -> list[Tokens]:
    return [x for e in actor.user.episodes for x in one_ask_each(tokenize(e, actor.user.channels))]


def learner_of(
    brain: Brain, cast: Sequence[Actor], rule: LearningRule, labels: int = 12
) -> Learner:
    """The cast has sat down, and each was told so many labels."""
    learner = Learner(brain, Tuning(), rule)
    for row, actor in enumerate(cast):
        learner.join(row, profile_of_actor(actor, actor.user.tasks))
        for n, x in enumerate(lessons(actor)[:labels]):
            learner.learn([Told(row, x.asks[0].task, n, x.asks[0].tick, x)])
    return learner


def assert_same_state(a: Learner, b: Learner) -> None:
    """Bit for bit."""
    one, two = a.fleet, b.fleet
    assert torch.equal(one.cohort.theta, two.cohort.theta)
    for part in ("first", "second", "steps", "draws"):
        assert torch.equal(getattr(one.momentum, part), getattr(two.momentum, part))
    for mine, theirs in zip([*one.sums, *one.crowd], [*two.sums, *two.crowd], strict=True):
        assert mine.keys() == theirs.keys()
        for task, sums in mine.items():
            assert all(torch.equal(getattr(sums, p), getattr(theirs[task], p)) for p in "abn")
    assert a.number == b.number


def test_slice_by_slice_is_the_same_as_at_once(cast: list[Actor], brain: Brain) -> None:
    """Two rounds and personal steps, bit for bit, when nothing is said in between."""
    rule = replace(live_rig.RULE, shared=Schedule(Dose(steps=3, rate=2e-3, batch=2)))
    at_once, sliced = (learner_of(brain, cast, rule) for _ in range(2))
    assert at_once.personalise()
    while at_once.personalise():
        pass
    while sliced.work().busy:
        pass
    assert_same_state(at_once, sliced)
    for number in (1, 2):
        met = at_once.round([0, 1, 2])
        part, slices = sliced.work([2, 0, 1]), 1
        while part.report is None:
            part, slices = sliced.work(), slices + 1
        assert part.report == met
        assert slices == 3 * 3 + 1  # each headset's steps, then they meet
        assert sliced.number == number
        assert_same_state(at_once, sliced)


def test_personal_steps_come_between_two_rounds(cast: list[Actor], brain: Brain) -> None:
    """All three are due for them, and rounds are wanted all the time: before each round but the
    first one takes its steps, so that neither waits for ever."""
    learner = learner_of(brain, cast, live_rig.RULE)
    for number, due in ((1, 3), (2, 3), (3, 2)):
        assert sum(labels >= live_rig.RULE.each for labels in learner._fresh.values()) == due
        report = learner.work([0, 1, 2]).report
        while report is None:
            report = learner.work().report
        assert report.number == number
    while learner.work().busy:
        pass
    assert not learner.personalise()


def test_one_alone_meets_nobody(cast: list[Actor], brain: Brain) -> None:
    learner = learner_of(brain, cast[:1], replace(live_rig.RULE, each=100))
    theta = learner.fleet.cohort.theta.clone()
    assert learner.round([0]) is None
    assert learner.round([]) is None
    for rows in ((), (0,)):
        assert learner.work(rows) == Slice(False)
    assert learner.number == 0
    assert torch.equal(learner.fleet.cohort.theta, theta)
    assert not any(learner.fleet.crowd)


@pytest.mark.parametrize("moments", ["anew", "kept"])
def test_the_first_step_of_each_round_is_as_long_as_the_rule_says(
    cast: list[Actor], brain: Brain, moments: str
) -> None:
    """One step a round and nobody to mix with: with moments anew, each number whose gradient is not
    next to nothing moves by the rate, in the second round as in the first; with moments kept, two
    rounds are two steps of one run. The lessons drawn are others each time."""
    rate = 2e-3
    rule = replace(
        live_rig.RULE,
        shared=Schedule(Dose(steps=1, rate=rate, batch=2, clip=1e9)),
        moments=moments,
    ).with_round(coordination="local")
    learner = learner_of(brain, cast[:2], rule)
    fleet, shared = learner.fleet, learner.fleet.cohort.shared
    thetas = [fleet.cohort.theta.clone()]
    for _ in range(2):
        assert learner.round([0, 1]) is not None
        thetas.append(fleet.cohort.theta.clone())
    assert fleet.momentum.draws.tolist() == [2, 2]
    assert fleet.momentum.steps.tolist() == ([1, 1] if moments == "anew" else [2, 2])
    one, two = ((after - before)[:, :shared].abs() for before, after in pairwise(thetas))
    median = [float(moved[moved > 0].median()) for moved in (one, two)]
    assert median[0] == pytest.approx(rate, rel=1e-3)
    if moments == "anew":
        assert median[1] == pytest.approx(rate, rel=1e-3)
    dose, start = replace(rule.shared.dose, steps=2), thetas[0]
    taught = [[x for x in fleet.lessons(row) if not x.held] for row in range(2)]
    run = learn(
        fleet.cohort, start, Momentum.none(start), taught, ("shared",), dose, fleet.names, chunk=1
    )
    assert torch.equal(whole(run), thetas[2]) == (moments == "kept")


def test_more_labels_bear_more_and_longer_steps() -> None:
    """Below 10 a class 20 steps at 1e-3, above 100 a class 160 at 3e-3; a round takes its part."""
    schedule = Schedule(Dose(batch=16, clip=0.5), by_labels=True, parts=8)
    for each, steps, rate in ((5, 20, 1e-3), (200, 160, 3e-3)):
        memories = [Memory(told={"doing": Counter({0: each, 1: each})})] * 2
        dose = schedule.of(memories, [["doing"]] * 2)
        assert (dose.steps, dose.batch, dose.clip) == (-(-steps // 8), 16, 0.5)
        assert dose.rate == pytest.approx(rate)
    assert Schedule().of(memories, [["doing"]] * 2) == Schedule().dose


def test_a_rule_says_what_is_wrong_with_it() -> None:
    for wrong, words in (
        ({"ownership": "all"}, "ownership 'all'; allowed are tasks and samples"),
        ({"moments": "half"}, "moments 'half'; allowed are kept and anew"),
        ({"each": 0}, "every 0 labels"),
        ({"guard": -1.0}, "guard -1.0"),
    ):
        with pytest.raises(ValueError, match=words):
            LearningRule(**wrong)  # type: ignore[arg-type]


def test_the_adapters_of_the_best_round_are_taken_up(cast: list[Actor], brain: Brain) -> None:
    """Three rounds whose steps are as long as the rule says, then ten times too long ones: the
    round that is taken up is that with the least loss on what was held back."""
    rule = replace(headless(3), guard=0.0, personal=live_rig.PACE, each=100)
    rule = replace(rule, shared=Schedule(Dose(steps=4, rate=3e-3, batch=8)))
    learner = learner_of(brain, cast[:2], rule, labels=30)
    for rate in (3e-3, 3e-3, 0.3):
        learner.rule = replace(rule, shared=Schedule(Dose(steps=4, rate=rate, batch=8)))
        learner.round([0, 1])
    thetas, shared = learner._rounds, learner.fleet.cohort.shared
    # Whatever is a headset's own has no say: others would not get it.
    learner.fleet.cohort.theta[:, shared:] += 1.0
    assert len(thetas) == 4
    found = [float(torch.cat(whole(held_losses(learner.fleet, x))).sum()) for x in thetas]
    best = min(range(4), key=lambda i: found[i])
    assert best in (1, 2)
    for trust in learner.fleet.trusts[0].values():
        trust.earned[ADAPTED] = 3.0
    learner.finish()
    for row in (0, 1):
        assert torch.equal(learner.fleet.cohort.theta[row, :shared], thetas[best][row])
    # The adapters of the last round have earned that, which are gone.
    assert all(t.earned[ADAPTED] < 0 for t in learner.fleet.trusts[0].values())
    # Where not even the best is better by the guard, nothing that was shared is taken up.
    learner._rounds, learner.rule = thetas, replace(rule, guard=1e9)
    learner.finish()
    for row in (0, 1):
        assert torch.equal(learner.fleet.cohort.theta[row, :shared], thetas[0][row])


def test_who_comes_or_goes_between_rounds_does_not_break_the_choice(
    cast: list[Actor], brain: Brain
) -> None:
    rule = replace(headless(3), guard=0.0, personal=live_rig.PACE, each=100)
    learner = learner_of(brain, cast[:2], rule)
    learner.round([0, 1])
    learner.join(2, profile_of_actor(cast[2], cast[2].user.tasks))
    for n, x in enumerate(lessons(cast[2])[:24]):
        learner.learn([Told(2, x.asks[0].task, n, x.asks[0].tick, x)])
    assert any(x.held for x in learner.fleet.lessons(2))
    learner.round([0, 1, 2])
    learner.leave(0, {})
    learner.round([1, 2])
    learner.finish()
    assert not learner._rounds
    learner.round([1, 2])
    for row in (1, 2):
        learner.leave(row, {})
    learner.finish()  # nobody is left to judge


def test_who_leaves_in_a_round_costs_the_others_that_try_alone(
    cast: list[Actor], brain: Brain
) -> None:
    """They begin anew without it, at once."""
    learner = learner_of(brain, cast, replace(live_rig.RULE, each=100))
    assert learner.work([0, 1, 2]).busy
    learner.leave(1, {})
    done = learner.work()
    while done.report is None:
        assert done.busy
        done = learner.work()
    assert sorted(done.report.awake) == sorted(learner.fleet.names[row] for row in (0, 2))


def test_a_live_server_has_no_best_round(brain: Brain) -> None:
    rule = replace(live_rig.RULE, best_round=True)
    with pytest.raises(ValueError, match="rounds have no end"):
        Live(Agents(brain, Tuning(), Learner(brain, Tuning(), rule)))


def test_undo_and_the_right_label_in_one_batch(cast: list[Actor], brain: Brain) -> None:
    """Both wait while a slice is done: what is taken back is the first label, not the second."""
    learner = learner_of(brain, cast[:1], live_rig.RULE, labels=4)
    wrong = lessons(cast[0])[4]
    (ask,) = wrong.asks
    right = replace(wrong, asks=(replace(ask, label=1 - min(1, ask.label)),))
    moment = (0, ask.task, 99, ask.tick)
    wrong, right = (replace(x, key="99") for x in (wrong, right))
    scores = learner.learn([Told(*moment, wrong), Told(*moment), Told(*moment, right)])
    assert [s.label for s in scores] == [ask.label, right.asks[0].label]
    (kept,) = [x for x in learner.fleet.lessons(0) if x.tokens.key == "99"]
    assert kept.label == right.asks[0].label
