"""One learning rule on both paths that users take: live behind the bridge, and headless."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import live_rig
import pytest
import torch
from test_live import beat_together
from tolerance import adam, pass_terms, rounding
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.adaptation.replay import ReplayBuffer
from fedxr.agent.adaptation.trainer import TrainSteps
from fedxr.agent.checkpoints.state import Store
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.experiments.protocol import Protocol
from fedxr.experiments.splits import TokenizedUser
from fedxr.experiments.teaching import CHUNK, profile_of, seated, tell
from fedxr.learning.feedback import PendingFeedback
from fedxr.learning.learning_rule import LearningRule, TrainSchedule
from fedxr.learning.profile import Links
from fedxr.virtual.streaming import VirtualHeadset, open_player
from fedxr.virtual.timeline import beats

SECONDS = 8.0
ROUND, LEARN = 120, 6


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=SECONDS)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


@dataclass(frozen=True)
class Same(Protocol):
    """The headless driver's protocol, with the live server's rule."""

    def rule(self) -> LearningRule:
        return live_rig.RULE


def person_of(actor: VirtualHeadset) -> TokenizedUser:
    """The actor as the headless study knows them, under the name that the server gives."""
    user, device = actor.name.split("/")
    return TokenizedUser(replace(actor.user, source=user, name=device), (), ())


def placed(cast: Sequence[VirtualHeadset]) -> list[VirtualHeadset]:
    """The cast where headless headsets stand: who hears whom depends on that."""
    out = []
    for row, actor in enumerate(cast):
        x, z = profile_of(person_of(actor), row, Links()).position
        out.append(replace(actor, device={**actor.device, "x": x, "z": z}))
    return out


async def told_live(
    checkpoint: Checkpoint, cast: Sequence[VirtualHeadset], state: Path
) -> tuple[Cohort, list[list[PendingFeedback] | None]]:
    """Real headsets stream to :class:`fedxr.live.live.Live` for ``SECONDS``; in a process of its
    own, as in ``fedxr serve``, and slice by slice, what was said is learned every ``LEARN`` beats,
    then personal steps are taken; all meet every ``ROUND`` beats. The cohort that has learned, and
    what was told, batch by batch, with None for each round."""
    batches: list[list[PendingFeedback] | None] = []
    async with live_rig.Rig(checkpoint, state, apart=True) as rig:
        live, take = rig.live, rig.live.agents.take

        def noted(alone: bool = False) -> list[PendingFeedback]:
            told = take(alone)
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
        members = [p.identity for _, p in sorted(live.agents.seated.items())]
        for player in players:
            await player.client.close()
    return stored(checkpoint, members, state), batches


def stored(checkpoint: Checkpoint, members: Sequence[HeadsetIdentity], state: Path) -> Cohort:
    """What was kept of these headsets: all that a learner in another process has learned."""
    cohort, store = Cohort(checkpoint, members, Tuning(), torch.float32), Store(state)
    for row in range(len(members)):
        assert store.load(cohort, row) is not None
    store.close()
    return cohort


def told_headless(
    checkpoint: Checkpoint,
    cast: Sequence[VirtualHeadset],
    batches: Sequence[list[PendingFeedback] | None],
    chunk: int,
) -> Cohort:
    """The same labels in the same batches and rounds, by the driver of the headless study."""
    learner = seated(checkpoint, [person_of(a) for a in cast], Same())
    learner.chunk = chunk
    for batch in batches:
        if batch is None:
            assert learner.round(range(len(cast))) is not None
            continue
        examples: list[list[TokenizedEpisode]] = [[] for _ in cast]
        for told in batch:
            assert told.tokens is not None
            examples[told.row].append(told.tokens)
        # What comes together is scored before any of it is learned; the driver tells it in turn.
        assert max(Counter((told.row, told.task) for told in batch).values()) == 1
        tell(learner, examples)
    return learner.cohort


def assert_close(mine: Tensor, theirs: Tensor) -> None:
    """To 1e-6, or so much of the largest number."""
    size = max(1.0, float(theirs.abs().max()))
    torch.testing.assert_close(mine, theirs, atol=1e-6 * size, rtol=0)


def assert_same_knowledge(mine: Cohort, theirs: Cohort) -> None:
    """Sums of labels, own and of others, and trust."""
    for row, state in enumerate(theirs.headsets):
        for part in ("personal", "federated"):
            ours, known = getattr(mine.headsets[row], part), getattr(state, part)
            assert ours.keys() == known.keys()
            for task in known:
                for name in "abn":
                    assert_close(getattr(ours[task].sums, name), getattr(known[task].sums, name))
        for task in state.identity.tasks:
            assert_close(mine.trust(row, task), theirs.trust(row, task))


@pytest.fixture(scope="module")
def live(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Cohort, list[list[PendingFeedback] | None]]:
    state = tmp_path_factory.mktemp("live") / "s.db"
    cohort, batches = asyncio.run(told_live(checkpoint, placed(cast), state))
    assert batches.count(None) == SECONDS * 30 // ROUND == 2
    assert sum(len(b) for b in batches if b) >= 10
    assert any(s.federated for s in cohort.headsets), "somebody must have sums of others"
    for row, identity in enumerate(s.identity for s in cohort.headsets):
        assert not torch.equal(cohort.stack.theta[row], cohort.start[0]), "all must have learned"
        assert any((cohort.trust(row, task)[1:] > 0).any() for task in identity.tasks)
    return cohort, batches


def test_the_same_feedback_teaches_the_same_live_and_headless(
    cast: list[VirtualHeadset],
    checkpoint: Checkpoint,
    live: tuple[Cohort, list[list[PendingFeedback] | None]],
) -> None:
    """**live**: :class:`fedxr.live.live.Live` behind a bridge that websocket clients stream to,
    whose learner is a :class:`fedxr.learning.learner_process.LearnerProcess`; rounds are
    ``round_due``, done by ``work_once``. **headless**: ``seated``, ``tell`` and ``Learner.round``
    of :mod:`fedxr.experiments.study`. The feedback that reached the live learner gives the same
    mixed adapter, the same sums and the same trust. Where both learn one headset a pass, as live,
    they do the same operations on the same numbers."""
    theirs, batches = live
    mine = told_headless(checkpoint, placed(cast), batches, chunk=1)
    assert mine.names == theirs.names
    assert_same_knowledge(mine, theirs)
    assert_close(mine.stack.theta, theirs.stack.theta)


def test_how_many_learn_in_one_pass_changes_rounding_alone(
    cast: list[VirtualHeadset],
    checkpoint: Checkpoint,
    live: tuple[Cohort, list[list[PendingFeedback] | None]],
) -> None:
    """Headless, ``CHUNK`` headsets do, padded to the longest example: the rounding of a gradient is
    another. Sums and trust do not depend on it; Adam enlarges it where a gradient is next to
    nothing, for few numbers (:func:`tolerance.adam`); all but 1 in 1,000 agree to 1e-6."""
    theirs, batches = live
    mine = told_headless(checkpoint, placed(cast), batches, CHUNK)
    assert_same_knowledge(mine, theirs)
    off, moved = mine.stack.theta - theirs.stack.theta, theirs.stack.theta - theirs.start
    seen = max(len(t.tokens.token_features) for b in batches if b for t in b if t.tokens)
    gradient = rounding(torch.float32, 3 * pass_terms(checkpoint.model.plan.size, seen))
    steps = int(theirs.adam.steps.max())
    assert (off.norm(dim=1) <= adam(gradient, steps) * moved.norm(dim=1)).all()
    assert (off.abs() > 1e-6).float().mean() < 1e-3


def test_more_labels_bear_more_and_longer_steps() -> None:
    """Below 10 a class 20 steps at 1e-3, above 100 a class 160 at 3e-3; a round takes its part."""
    schedule = TrainSchedule(TrainSteps(batch=16, clip=0.5), by_labels=True, parts=8)
    for each, steps, rate in ((5, 20, 1e-3), (200, 160, 3e-3)):
        memories = [ReplayBuffer(label_counts={"doing": Counter({0: each, 1: each})})] * 2
        train = schedule.of(memories, [["doing"]] * 2)
        assert (train.steps, train.batch, train.clip) == (-(-steps // 8), 16, 0.5)
        assert train.rate == pytest.approx(rate)
    assert TrainSchedule().of(memories, [["doing"]] * 2) == TrainSchedule().train


def test_a_rule_says_what_is_wrong_with_it() -> None:
    for wrong, words in (
        ({"ownership": "all"}, "ownership 'all'; allowed are tasks and samples"),
        ({"moments": "half"}, "moments 'half'; allowed are kept and anew"),
        ({"each": 0}, "every 0 labels"),
        ({"guard": -1.0}, "guard -1.0"),
    ):
        with pytest.raises(ValueError, match=words):
            LearningRule(**wrong)  # type: ignore[arg-type]
