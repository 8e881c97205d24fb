"""What a round leaves with each: the sums of others who stand behind its mean, own left out."""

from __future__ import annotations

from dataclasses import replace

import live_rig
import pytest
import torch

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.experts import FEDERATED, JOINT
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.adaptation.trainer import TrainSteps, whole
from fedxr.agent.inputs.tokens import TokenizedEpisode, tokenize
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.experiments.splits import one_ask_each
from fedxr.federation import Consensus, RoundReport, StragglerDeadline
from fedxr.learning import federated_round
from fedxr.learning.learning_rule import LearningRule, TrainSchedule
from fedxr.learning.profile import Batteries, HeadsetProfile, network

PLACES = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (99.0, 0.0), (99.0, 1.0))
"""Three headsets in one room, two in another."""
EXACT = Consensus(relative_error=1e-12, weight_error=1e-12, max_rounds=2000)
RULE = LearningRule(shared=TrainSchedule(TrainSteps(1, batch=1)))


@pytest.fixture(scope="module")
def told() -> tuple[Cohort, list[TokenizedEpisode]]:
    """Five headsets with the same sensors, and moments of the task "doing" with their truth."""
    (actor,) = live_rig.cast_of(("voice-glasses",), 8.0)
    checkpoint = live_rig.checkpoint_of([actor])
    members = [
        HeadsetIdentity(f"h{i}", actor.user.channels, ("doing",)) for i in range(len(PLACES))
    ]
    found = [
        x
        for e in actor.user.episodes
        for x in one_ask_each(tokenize(e, actor.user.channels), actor.user.channels)
    ]
    found = [x for x in found if x.queries[0].task == "doing"]
    return Cohort(checkpoint, members, Tuning(), torch.float32), found


@pytest.fixture
def cohort(told: tuple[Cohort, list[TokenizedEpisode]]) -> Cohort:
    """Headset i was told i + 1 moments."""
    kind, found = told
    cohort = Cohort(
        kind.checkpoint, [state.identity for state in kind.headsets], Tuning(), torch.float32
    )
    for row in range(len(PLACES)):
        cohort.remember([(row, x) for x in found[: row + 1]])
    return cohort


def meet(
    cohort: Cohort, coordination: str = "centralized", rule: LearningRule = RULE, number: int = 1
) -> RoundReport:
    seated = {
        row: HeadsetProfile(identity, identity.name, "companion", "headset", PLACES[row])
        for row, identity in enumerate(s.identity for s in cohort.headsets)
    }
    rule = rule.with_round(coordination=coordination, consensus=EXACT)
    batteries = Batteries(dict.fromkeys(cohort.names, 0.0))
    return whole(federated_round.meet(cohort, rule, seated, batteries, number, StragglerDeadline()))


def total(sums: list[RidgeStats]) -> RidgeStats:
    """The sums added up, the dumb way."""
    return RidgeStats(*(torch.stack([getattr(s, p) for s in sums]).sum(0) for p in "abn"))


def assert_close(mine: RidgeStats, theirs: RidgeStats) -> None:
    """Means in single precision, times those who stand behind, less the own: 1e-4 of the largest,
    where consensus goes through up to 2,000 exchanges."""
    for part in "abn":
        got, want = getattr(mine, part), getattr(theirs, part)
        atol = 1e-4 * max(1.0, float(want.abs().max()))
        torch.testing.assert_close(got, want, atol=atol, rtol=0)


@pytest.mark.parametrize(
    ("coordination", "cut_off", "behind"),
    [
        ("semi-decentralized", (), [range(5)] * 5),
        ("centralized", (), [range(5)] * 5),
        ("pooled", (), [range(5)] * 5),
        ("decentralized", (), [range(5)] * 5),
        ("local", (), [[0], [1], [2], [3], [4]]),
        # The first room has no way to the server, which hears the second alone.
        ("semi-decentralized", (0, 1, 2), [range(3)] * 3 + [range(3, 5)] * 2),
        # One of the second room has none: its representative speaks for it, but it is not answered.
        ("semi-decentralized", (3,), [range(5)] * 3 + [range(3, 5), range(5)]),
    ],
)
def test_crowds_and_own_are_the_sums_of_those_behind(
    cohort: Cohort,
    monkeypatch: pytest.MonkeyPatch,
    coordination: str,
    cut_off: tuple[int, ...],
    behind: list[range],
) -> None:
    """Headset i has i + 1 labels in its sums, so those behind row r have Σ (i + 1), i + 1 of which
    are its own and left out."""

    def linked(*args: object) -> list:
        return [
            replace(h, server_link=0.0 if i in cut_off else 1.0)
            for i, h in enumerate(network(*args))  # type: ignore[arg-type]
        ]

    monkeypatch.setattr(federated_round, "network", linked)
    names = cohort.names
    report = meet(cohort, coordination)
    for row, (name, who) in enumerate(zip(names, behind, strict=True)):
        if coordination != "pooled":
            assert sorted(report.behind(name)) == [names[i] for i in who]
        others = [cohort.headsets[i].personal["doing"].sums for i in who if i != row]
        if not others:  # alone: there is no crowd
            assert not cohort.headsets[row].federated
            continue
        federated, own = (
            cohort.headsets[row].federated["doing"].sums,
            cohort.headsets[row].personal["doing"].sums,
        )
        assert_close(federated, total(others))
        both = float(federated.plus(own).n.sum())
        assert both == pytest.approx(sum(i + 1 for i in who), rel=1e-4)
        assert {FEDERATED, JOINT} <= set(cohort.present(row, "doing"))


def doubt(cohort: Cohort, row: int) -> None:
    """The headset's user has contradicted the checkpoint for long."""
    cohort.headsets[row].expert_weights["doing"].odds = torch.full((2,), 100.0)
    assert cohort.headsets[row].expert_weights["doing"].doubted


@pytest.mark.parametrize("coordination", ["semi-decentralized", "centralized", "pooled"])
def test_who_is_doubted_gives_nothing_and_listens(cohort: Cohort, coordination: str) -> None:
    """Headset 4 is doubted: the others get the sums of 0 to 3 but for their own, and it gets all
    four. Its examples are not trained on: it makes no steps."""
    doubt(cohort, 4)
    meet(cohort, coordination)
    sums = [s.personal["doing"].sums for s in cohort.headsets]
    for row in range(5):
        assert_close(
            cohort.headsets[row].federated["doing"].sums,
            total([sums[i] for i in range(4) if i != row]),
        )
    steps = cohort.adam.steps.tolist()
    assert steps[:4] == [1] * 4
    if coordination != "pooled":
        assert steps[4] == 0
    shared = cohort.stack.theta[:, : cohort.stack.shared]
    assert not torch.equal(shared[4], cohort.start[0, : cohort.stack.shared])
    torch.testing.assert_close(shared[4], shared[0], atol=1e-6, rtol=0)


def test_who_has_said_nothing_listens(cohort: Cohort) -> None:
    """A sixth headset without a label, and one that is asked another task."""
    channels = cohort.headsets[0].identity.channels
    cohort.add(4, HeadsetIdentity("listener", channels, ("doing",)))
    meet(cohort)
    assert_close(
        cohort.headsets[4].federated["doing"].sums,
        total([s.personal["doing"].sums for s in cohort.headsets[:4]]),
    )
    assert "doing" not in cohort.headsets[4].personal
    assert cohort.present(4, "doing")[1] == FEDERATED
    assert JOINT not in cohort.present(4, "doing")


def test_a_second_round_replaces_the_crowd(
    cohort: Cohort, told: tuple[Cohort, list[TokenizedEpisode]]
) -> None:
    """What a label adds counts once, however often all meet."""
    meet(cohort)
    cohort.remember([(0, told[1][5])])
    meet(cohort, number=2)
    sums = [s.personal["doing"].sums for s in cohort.headsets]
    assert float(sums[0].n.sum()) == 2
    for row in range(5):
        assert_close(
            cohort.headsets[row].federated["doing"].sums,
            total([sums[i] for i in range(5) if i != row]),
        )


def test_without_power_a_headset_takes_no_part(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps what it knows; the others' crowds are without it."""

    def tired(*args: object) -> list:
        return [
            replace(h, battery=0.0 if i == 4 else 1.0)
            for i, h in enumerate(network(*args))  # type: ignore[arg-type]
        ]

    for coordination in ("centralized", "pooled"):
        for row in range(5):
            cohort.headsets[row].federated = {}
        before = cohort.stack.theta[4].clone()
        monkeypatch.setattr(federated_round, "network", tired)
        report = meet(cohort, coordination)
        assert report.awake == ("h0", "h1", "h2", "h3")
        assert torch.equal(cohort.stack.theta[4], before)
        assert not cohort.headsets[4].federated
        sums = [s.personal["doing"].sums for s in cohort.headsets]
        for row in range(4):
            assert_close(
                cohort.headsets[row].federated["doing"].sums,
                total([sums[i] for i in range(4) if i != row]),
            )


def test_what_is_said_during_a_round_is_no_part_of_it(
    cohort: Cohort, told: tuple[Cohort, list[TokenizedEpisode]]
) -> None:
    """The sums that were offered when it began are what others get, and what is left out of one's
    own crowd; the new label stays in one's own sums."""
    before = [s.personal["doing"].sums for s in cohort.headsets]
    seated = {
        row: HeadsetProfile(identity, identity.name, "companion", "headset", PLACES[row])
        for row, identity in enumerate(s.identity for s in cohort.headsets)
    }
    rule = RULE.with_round(coordination="centralized")
    batteries = Batteries(dict.fromkeys(cohort.names, 0.0))
    slices = federated_round.meet(cohort, rule, seated, batteries, 1, StragglerDeadline())
    next(slices)
    cohort.remember([(row, told[1][6]) for row in range(5)])
    whole(slices)
    for row in range(5):
        assert_close(
            cohort.headsets[row].federated["doing"].sums,
            total([before[i] for i in range(5) if i != row]),
        )
        assert float(cohort.headsets[row].personal["doing"].sums.n.sum()) == row + 2


def test_who_gives_no_longer_is_forgotten(cohort: Cohort) -> None:
    """All others are doubted in the second round: they answer, and give no sums."""
    meet(cohort)
    assert "doing" in cohort.headsets[0].federated
    for row in range(1, 5):
        doubt(cohort, row)
    meet(cohort, number=2)
    assert "doing" not in cohort.headsets[0].federated
    assert FEDERATED not in cohort.present(0, "doing")
    for row in range(1, 5):
        assert_close(
            cohort.headsets[row].federated["doing"].sums, cohort.headsets[0].personal["doing"].sums
        )


def test_who_is_cut_off_keeps_what_others_gave(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last has no way to the server and, alone in its room, to nobody: no answer, no news."""
    meet(cohort, "semi-decentralized")
    before = cohort.headsets[4].federated["doing"]

    def linked(*args: object) -> list:
        return [
            replace(h, server_link=0.0, position=(500.0, 500.0, 0.0)) if i == 4 else h
            for i, h in enumerate(network(*args))  # type: ignore[arg-type]
        ]

    monkeypatch.setattr(federated_round, "network", linked)
    report = meet(cohort, "semi-decentralized", number=2)
    assert set(report.behind(cohort.names[4])) <= {cohort.names[4]}
    assert cohort.headsets[4].federated["doing"] is before


@pytest.mark.parametrize("ownership", ["tasks", "samples"])
def test_ownership_decides_who_is_in_a_mean(cohort: Cohort, ownership: str) -> None:
    """Headset 4 has told nothing. By ``tasks`` it takes the others' adapters, by ``samples`` it has
    no part in them and keeps its own; the others' are the same either way."""
    cohort.add(4, HeadsetIdentity("listener", cohort.headsets[0].identity.channels, ("doing",)))
    meet(cohort, rule=replace(RULE, ownership=ownership))
    shared = cohort.stack.theta[:, : cohort.stack.shared]
    start = cohort.start[0, : cohort.stack.shared]
    assert not torch.equal(shared[0], start)
    torch.testing.assert_close(shared[1], shared[0], atol=1e-6, rtol=0)
    if ownership == "tasks":
        torch.testing.assert_close(shared[4], shared[0], atol=1e-6, rtol=0)
    else:
        assert torch.equal(shared[4], start)


def test_a_member_alone_is_its_own_federation(told: tuple[Cohort, list[TokenizedEpisode]]) -> None:
    """The model that is everybody's has learned what the only member was told."""
    kind, found = told
    cohort = Cohort(
        kind.checkpoint, [state.identity for state in kind.headsets][:1], Tuning(), torch.float32
    )
    some = [replace(x, queries=(replace(x.queries[0], label=2),)) for x in found[:4]]
    before = cohort.common(0, "doing", some)
    cohort.remember([(0, x) for x in some])
    after = cohort.common(0, "doing", some)
    assert (after[:, 2] > before[:, 2]).all()
    doubt(cohort, 0)
    assert torch.equal(cohort.common(0, "doing", some), before)


def test_people_of_other_tasks_are_no_news_of_this_one(
    cohort: Cohort, told: tuple[Cohort, list[TokenizedEpisode]]
) -> None:
    """Those who taught the first headset have gone; who is there now is asked something else: what
    others gave is kept."""
    meet(cohort)
    before = cohort.headsets[0].federated["doing"]
    for row in range(1, 5):
        cohort.add(
            row, HeadsetIdentity(f"other {row}", cohort.headsets[0].identity.channels, ("mood",))
        )
    report = meet(cohort, number=2)
    assert len(report.behind(cohort.names[0])) == 5
    assert cohort.headsets[0].federated["doing"] is before


def test_sums_of_a_task_that_is_not_asked_now_are_not_given(cohort: Cohort) -> None:
    """Who comes back with another device still has them."""
    kept = cohort.headsets[4].personal
    cohort.add(4, HeadsetIdentity("h4", cohort.headsets[0].identity.channels, ("mood",)))
    cohort.headsets[4].personal = kept
    assert not cohort.headsets[4].offered()
    meet(cohort)
    assert_close(
        cohort.headsets[0].federated["doing"].sums,
        total([s.personal["doing"].sums for s in cohort.headsets[1:4]]),
    )
