"""What a round leaves with each: the sums of others who stand behind its mean, own left out."""

from __future__ import annotations

from dataclasses import replace

import live_rig
import pytest
import torch

from agent.analytic import Sums
from agent.cohort import Tuning
from agent.experts import FEDERATED, JOINT
from agent.fleet import Fleet
from agent.headset import Member
from agent.online import Dose, whole
from agent.tokens import Tokens, tokenize
from federation import Consensus, Pace, RoundReport
from fedxr import federated_round
from fedxr.learning_rule import LearningRule, Schedule
from fedxr.people import one_ask_each
from fedxr.profile import Batteries, Profile, network

PLACES = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (99.0, 0.0), (99.0, 1.0))
"""Three headsets in one room, two in another."""
EXACT = Consensus(rms_error=1e-12, weight_error=1e-12, max_rounds=2000)
RULE = LearningRule(shared=Schedule(Dose(1, batch=1)))


@pytest.fixture(scope="module")
def told() -> tuple[Fleet, list[Tokens]]:
    """Five headsets with the same sensors, and moments of the task "doing" with their truth."""
    (actor,) = live_rig.cast_of(("voice-glasses",), 8.0)
    brain = live_rig.brain_of([actor])
    members = [Member(f"h{i}", actor.user.channels, ("doing",)) for i in range(len(PLACES))]
    found = [x for e in actor.user.episodes for x in one_ask_each(tokenize(e, actor.user.channels))]
    found = [x for x in found if x.asks[0].task == "doing"]
    return Fleet(brain, members, Tuning(), torch.float32), found


@pytest.fixture
def fleet(told: tuple[Fleet, list[Tokens]]) -> Fleet:
    """Headset i was told i + 1 moments."""
    kind, found = told
    fleet = Fleet(kind.brain, [state.member for state in kind.headsets], Tuning(), torch.float32)
    for row in range(len(PLACES)):
        fleet.learn([(row, x) for x in found[: row + 1]])
    return fleet


def meet(
    fleet: Fleet, coordination: str = "centralized", rule: LearningRule = RULE, number: int = 1
) -> RoundReport:
    seated = {
        row: Profile(member, member.name, "companion", "headset", PLACES[row])
        for row, member in enumerate(s.member for s in fleet.headsets)
    }
    rule = rule.with_round(coordination=coordination, consensus=EXACT)
    batteries = Batteries(dict.fromkeys(fleet.names, 0.0))
    return whole(federated_round.meet(fleet, rule, seated, batteries, number, Pace()))


def total(sums: list[Sums]) -> Sums:
    """The sums added up, the dumb way."""
    return Sums(*(torch.stack([getattr(s, p) for s in sums]).sum(0) for p in "abn"))


def assert_close(mine: Sums, theirs: Sums) -> None:
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
    fleet: Fleet,
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
    names = fleet.names
    report = meet(fleet, coordination)
    for row, (name, who) in enumerate(zip(names, behind, strict=True)):
        if coordination != "pooled":
            assert sorted(report.behind(name)) == [names[i] for i in who]
        others = [fleet.headsets[i].personal["doing"] for i in who if i != row]
        if not others:  # alone: there is no crowd
            assert not fleet.headsets[row].federated
            continue
        crowd, own = fleet.headsets[row].federated["doing"], fleet.headsets[row].personal["doing"]
        assert_close(crowd, total(others))
        both = float(crowd.plus(own).n.sum())
        assert both == pytest.approx(sum(i + 1 for i in who), rel=1e-4)
        assert {FEDERATED, JOINT} <= set(fleet.present(row, "doing"))


def doubt(fleet: Fleet, row: int) -> None:
    """The headset's user has contradicted the checkpoint for long."""
    fleet.headsets[row].trusts["doing"].odds = torch.full((2,), 100.0)
    assert fleet.headsets[row].trusts["doing"].doubted


@pytest.mark.parametrize("coordination", ["semi-decentralized", "centralized", "pooled"])
def test_who_is_doubted_gives_nothing_and_listens(fleet: Fleet, coordination: str) -> None:
    """Headset 4 is doubted: the others get the sums of 0 to 3 but for their own, and it gets all
    four. Its lessons are not trained on: it makes no steps."""
    doubt(fleet, 4)
    meet(fleet, coordination)
    sums = [s.personal["doing"] for s in fleet.headsets]
    for row in range(5):
        assert_close(
            fleet.headsets[row].federated["doing"], total([sums[i] for i in range(4) if i != row])
        )
    steps = fleet.momentum.steps.tolist()
    assert steps[:4] == [1] * 4
    if coordination != "pooled":
        assert steps[4] == 0
    shared = fleet.cohort.theta[:, : fleet.cohort.shared]
    assert not torch.equal(shared[4], fleet.start[0, : fleet.cohort.shared])
    torch.testing.assert_close(shared[4], shared[0], atol=1e-6, rtol=0)


def test_who_has_said_nothing_listens(fleet: Fleet) -> None:
    """A sixth headset without a label, and one that is asked another task."""
    channels = fleet.headsets[0].member.channels
    fleet.add(4, Member("listener", channels, ("doing",)))
    meet(fleet)
    assert_close(
        fleet.headsets[4].federated["doing"],
        total([s.personal["doing"] for s in fleet.headsets[:4]]),
    )
    assert "doing" not in fleet.headsets[4].personal
    assert fleet.present(4, "doing")[1] == FEDERATED
    assert JOINT not in fleet.present(4, "doing")


def test_a_second_round_replaces_the_crowd(fleet: Fleet, told: tuple[Fleet, list[Tokens]]) -> None:
    """What a label adds counts once, however often all meet."""
    meet(fleet)
    fleet.learn([(0, told[1][5])])
    meet(fleet, number=2)
    sums = [s.personal["doing"] for s in fleet.headsets]
    assert float(sums[0].n.sum()) == 2
    for row in range(5):
        assert_close(
            fleet.headsets[row].federated["doing"], total([sums[i] for i in range(5) if i != row])
        )


def test_without_power_a_headset_takes_no_part(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps what it knows; the others' crowds are without it."""

    def tired(*args: object) -> list:
        return [
            replace(h, battery=0.0 if i == 4 else 1.0)
            for i, h in enumerate(network(*args))  # type: ignore[arg-type]
        ]

    for coordination in ("centralized", "pooled"):
        for row in range(5):
            fleet.headsets[row].federated = {}
        before = fleet.cohort.theta[4].clone()
        monkeypatch.setattr(federated_round, "network", tired)
        report = meet(fleet, coordination)
        assert report.awake == ("h0", "h1", "h2", "h3")
        assert torch.equal(fleet.cohort.theta[4], before)
        assert not fleet.headsets[4].federated
        sums = [s.personal["doing"] for s in fleet.headsets]
        for row in range(4):
            assert_close(
                fleet.headsets[row].federated["doing"],
                total([sums[i] for i in range(4) if i != row]),
            )


def test_what_is_said_during_a_round_is_no_part_of_it(
    fleet: Fleet, told: tuple[Fleet, list[Tokens]]
) -> None:
    """The sums that were offered when it began are what others get, and what is left out of one's
    own crowd; the new label stays in one's own sums."""
    before = [s.personal["doing"] for s in fleet.headsets]
    seated = {
        row: Profile(member, member.name, "companion", "headset", PLACES[row])
        for row, member in enumerate(s.member for s in fleet.headsets)
    }
    rule = RULE.with_round(coordination="centralized")
    batteries = Batteries(dict.fromkeys(fleet.names, 0.0))
    slices = federated_round.meet(fleet, rule, seated, batteries, 1, Pace())
    next(slices)
    fleet.learn([(row, told[1][6]) for row in range(5)])
    whole(slices)
    for row in range(5):
        assert_close(
            fleet.headsets[row].federated["doing"], total([before[i] for i in range(5) if i != row])
        )
        assert float(fleet.headsets[row].personal["doing"].n.sum()) == row + 2


def test_who_gives_no_longer_is_forgotten(fleet: Fleet) -> None:
    """All others are doubted in the second round: they answer, and give no sums."""
    meet(fleet)
    assert "doing" in fleet.headsets[0].federated
    for row in range(1, 5):
        doubt(fleet, row)
    meet(fleet, number=2)
    assert "doing" not in fleet.headsets[0].federated
    assert FEDERATED not in fleet.present(0, "doing")
    for row in range(1, 5):
        assert_close(fleet.headsets[row].federated["doing"], fleet.headsets[0].personal["doing"])


def test_who_is_cut_off_keeps_what_others_gave(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last has no way to the server and, alone in its room, to nobody: no answer, no news."""
    meet(fleet, "semi-decentralized")
    before = fleet.headsets[4].federated["doing"]

    def linked(*args: object) -> list:
        return [
            replace(h, server_link=0.0, position=(500.0, 500.0, 0.0)) if i == 4 else h
            for i, h in enumerate(network(*args))  # type: ignore[arg-type]
        ]

    monkeypatch.setattr(federated_round, "network", linked)
    report = meet(fleet, "semi-decentralized", number=2)
    assert set(report.behind(fleet.names[4])) <= {fleet.names[4]}
    assert fleet.headsets[4].federated["doing"] is before


@pytest.mark.parametrize("ownership", ["tasks", "samples"])
def test_ownership_decides_who_is_in_a_mean(fleet: Fleet, ownership: str) -> None:
    """Headset 4 has told nothing. By ``tasks`` it takes the others' adapters, by ``samples`` it has
    no part in them and keeps its own; the others' are the same either way."""
    fleet.add(4, Member("listener", fleet.headsets[0].member.channels, ("doing",)))
    meet(fleet, rule=replace(RULE, ownership=ownership))
    shared = fleet.cohort.theta[:, : fleet.cohort.shared]
    start = fleet.start[0, : fleet.cohort.shared]
    assert not torch.equal(shared[0], start)
    torch.testing.assert_close(shared[1], shared[0], atol=1e-6, rtol=0)
    if ownership == "tasks":
        torch.testing.assert_close(shared[4], shared[0], atol=1e-6, rtol=0)
    else:
        assert torch.equal(shared[4], start)


def test_a_member_alone_is_its_own_federation(told: tuple[Fleet, list[Tokens]]) -> None:
    """The model that is everybody's has learned what the only member was told."""
    kind, found = told
    fleet = Fleet(
        kind.brain, [state.member for state in kind.headsets][:1], Tuning(), torch.float32
    )
    some = [replace(x, asks=(replace(x.asks[0], label=2),)) for x in found[:4]]
    before = fleet.common(0, "doing", some)
    fleet.learn([(0, x) for x in some])
    after = fleet.common(0, "doing", some)
    assert (after[:, 2] > before[:, 2]).all()
    doubt(fleet, 0)
    assert torch.equal(fleet.common(0, "doing", some), before)


def test_people_of_other_tasks_are_no_news_of_this_one(
    fleet: Fleet, told: tuple[Fleet, list[Tokens]]
) -> None:
    """Those who taught the first headset have gone; who is there now is asked something else: what
    others gave is kept."""
    meet(fleet)
    before = fleet.headsets[0].federated["doing"]
    for row in range(1, 5):
        fleet.add(row, Member(f"other {row}", fleet.headsets[0].member.channels, ("mood",)))
    report = meet(fleet, number=2)
    assert len(report.behind(fleet.names[0])) == 5
    assert fleet.headsets[0].federated["doing"] is before


def test_sums_of_a_task_that_is_not_asked_now_are_not_given(fleet: Fleet) -> None:
    """Who comes back with another device still has them."""
    kept = fleet.headsets[4].personal
    fleet.add(4, Member("h4", fleet.headsets[0].member.channels, ("mood",)))
    fleet.headsets[4].personal = kept
    assert not fleet.headsets[4].offered()
    meet(fleet)
    assert_close(
        fleet.headsets[0].federated["doing"],
        total([s.personal["doing"] for s in fleet.headsets[1:4]]),
    )
