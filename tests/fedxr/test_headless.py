"""The headless federation on small made-up users: every coordination, the bridge, the command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import ClassVar

import numpy as np
import pytest
import torch
from made_users import users as made_users

from fedxr.agent.adaptation.adapter_stack import TUNINGS, NamedTuning, Tuning
from fedxr.agent.adaptation.experts import FEDERATED, GENERIC, PERSONAL
from fedxr.agent.adaptation.trainer import TrainSteps
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.cli.main import main
from fedxr.cli.stream import Stream
from fedxr.evaluation.result import ARMS, read_result
from fedxr.experiments import gathering, headless, study
from fedxr.experiments.answering import evaluate, evenly
from fedxr.experiments.bridged import through_bridge
from fedxr.experiments.config_file import with_changes
from fedxr.experiments.latency import latency_of, latency_rows
from fedxr.experiments.pretraining import pretrain_on
from fedxr.experiments.progress import Point, Progress
from fedxr.experiments.protocol import Protocol
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import Split, TokenizedUser, meet, split_users
from fedxr.experiments.tables import rounds_of, rows_of
from fedxr.experiments.teaching import EarlyEnd, in_order, seated, teach, tell
from fedxr.federation import RoundReport, ServerOptimizer
from fedxr.learning.learner import Learner
from fedxr.learning.learning_rule import TrainSchedule
from fedxr.learning.learning_rule import headless as headless_rule
from fedxr.scenarios.recorded import RECORDED
from fedxr.scenarios.recorded.formats.folder.example import write_example
from fedxr.scenarios.users import DataError, Users

LIVED = {"live", "last_label", "centralized", "decentralized", "semi-decentralized"}
STUDIED = set(ARMS) - LIVED
"""The arms of a headless run; a demo has the others."""


@pytest.fixture(scope="module")
def split() -> Split:
    return split_users("made", made_users(9), 0, 12)


@pytest.fixture(scope="module")
def checkpoint(split: Split) -> Checkpoint:
    return pretrain_on([split], RunConfig(steps=12), lambda _: None)


def _people(split: Split, checkpoint: Checkpoint, role: str = "federation") -> list[TokenizedUser]:
    return [meet(u, checkpoint.population, role == "pretraining") for u in getattr(split, role)]


def _federate(
    split: Split, checkpoint: Checkpoint, coordination: str
) -> tuple[Learner, list[RoundReport]]:
    """Two rounds, each after half of what the federation's users have to say; as they leave it."""
    people, reports = _people(split, checkpoint), []
    learner = seated(checkpoint, people, Protocol(rounds=2, coordination=coordination))
    for part in (slice(0, 6), slice(6, 12)):
        tell(learner, [p.adapt[part] for p in people], personal=False)
        report = learner.round(range(len(people)))
        assert report is not None
        reports.append(report)
    return learner, reports


def test_users_are_split_by_seed_and_never_shared() -> None:
    users = made_users(10)
    one, same, other = (split_users("made", users, seed, 12) for seed in (0, 0, 1))
    roles = [{u.name for u in r} for r in (one.pretraining, one.federation, one.unseen)]
    assert [len(r) for r in roles] == [4, 4, 2]
    assert len(set.union(*roles)) == 10
    assert [u.name for u in same.federation] == [u.name for u in one.federation]
    assert [u.name for u in other.pretraining] != [u.name for u in one.pretraining]
    with pytest.raises(ValueError, match="2 users; at least 3"):
        split_users("made", users[:2], 0, 12)


def test_the_halves_of_a_user_share_nothing(split: Split, checkpoint: Checkpoint) -> None:
    person = meet(split.federation[0], checkpoint.population)
    assert {t.key for t in person.adapt} & {t.key for t in person.test} == set()
    assert len(person.adapt) == 12
    assert len(person.test) == 6


@pytest.mark.parametrize(
    ("coordination", "links"),
    [
        ("local", set()),
        ("centralized", {"uplink", "downlink"}),
        ("decentralized", {"d2d"}),
        ("semi-decentralized", {"d2d", "uplink", "downlink"}),
        ("pooled", {"uplink", "downlink"}),
    ],
)
def test_each_coordination_uses_its_links(
    split: Split, checkpoint: Checkpoint, coordination: str, links: set[str]
) -> None:
    learner, reports = _federate(split, checkpoint, coordination)
    used = {r.link for report in reports for r in report.rows if r.bytes}
    assert used - {"compute"} == links
    stack = learner.cohort.stack
    shared = stack.theta[:, : stack.shared]
    together = bool((shared - shared[:1]).abs().max() < 1e-6)
    assert together == (coordination in ("centralized", "semi-decentralized", "pooled"))


def test_every_arm_is_measured_and_a_seed_repeats(split: Split, checkpoint: Checkpoint) -> None:
    points: list[Point] = []
    pieces: list[int] = []

    class Hearing(Progress):
        def log(self, point: Point) -> None:
            points.append(point)

        def pieces(self, count: int) -> None:
            pieces.append(count)

    def run() -> study.Study:
        groups = [_people(split, checkpoint, r) for r in ("federation", "unseen", "pretraining")]
        return study.study(
            study.Part("made", "doing", *groups), checkpoint, Protocol(rounds=1), Hearing()
        )

    one, two = run(), run()
    first, again = points  # one round each, which is told as it was
    assert first == again
    assert sum(pieces) == 2 * study.pieces_of(1, Protocol(rounds=1), together=False)
    assert (first.kind, first.set, first.step) == ("round", "made", 1)
    assert first.figures["accuracy"] == pytest.approx(fmean(one.after[0].values()))
    spent = sum(r.bytes for r in one.reports[0].rows if r.link != "compute")
    assert sum(v for k, v in first.figures.items() if k.startswith("bytes_")) == spent > 0
    assert set(one.federation) == set(one.unseen) == STUDIED
    assert all(len(users) == 4 for users in one.federation.values())
    assert one.federation == two.federation
    assert one.unseen == two.unseen
    for role, scores in (("federation", one.federation), ("unseen", one.unseen)):
        assert sum(one.trust[role]) == pytest.approx(1)
        for user, (change, error) in one.cost[role].items():
            arms = (scores[a][user] for a in ("federated_personalised", "federated"))
            assert change == pytest.approx(next(arms) - next(arms))
            assert error >= 0
        for arm, counts in one.confusion[role].items():  # all users are asked equally often
            assert counts.sum() == sum(len(p.test) for p in _people(split, checkpoint, role))
            right = counts.trace() / counts.sum()
            assert right == pytest.approx(fmean(scores[arm].values())), (role, arm)
    assert set(one.confusion["federation"]) > {"generic", "local", "federated_personalised"}


def test_asking_after_a_round_changes_nothing(split: Split, checkpoint: Checkpoint) -> None:
    people = _people(split, checkpoint)[:2]
    after: list[dict[str, float]] = []

    def note(learner: Learner, report: RoundReport) -> None:
        after.append(evaluate(learner, people, "doing"))

    asked, _ = teach(checkpoint, people, Protocol(rounds=1), after=note)
    quiet, _ = teach(checkpoint, people, Protocol(rounds=1))
    assert torch.equal(asked.cohort.stack.theta, quiet.cohort.stack.theta)
    assert evaluate(asked, people, "doing") == evaluate(quiet, people, "doing")
    assert [set(users) for users in after] == [{p.user.name for p in people}]


class Scripted:
    """Stands where a learner is asked: the loss of each round's adapters, as they were said."""

    seated: ClassVar = {0: None}

    def __init__(self, losses: Sequence[float | None]) -> None:
        self.losses, self.number = losses, -1

    def shared(self, rows: Sequence[int]) -> int:
        self.number += 1
        return self.number

    def held_loss(self, shared: int) -> float | None:
        return self.losses[shared]


@pytest.mark.parametrize(
    ("losses", "held"),
    [
        ([3, 2, 1, 0.5], 4),
        ([1, 2, 3, 4], 3),
        ([1, 2, 0.5, 1, 1, 0], 5),
        ([None, None, None, 2], 4),  # nothing to compare by is no reason to end
        ([None, 1, None, 2, 2, 0], 5),
    ],
)
def test_rounds_end_where_they_stall(losses: list[float | None], held: int) -> None:
    end, said, rounds = EarlyEnd(2), Scripted(losses), 0
    while not end.reached and rounds < len(losses):
        end.look(said)  # type: ignore[arg-type]
        rounds += 1
    assert rounds == held
    never = EarlyEnd(None)
    never.look(said)  # type: ignore[arg-type]
    assert not never.reached


def test_labels_are_learned_from_after_an_early_end(split: Split, checkpoint: Checkpoint) -> None:
    people = _people(split, checkpoint)[:2]
    up = TrainSchedule(TrainSteps(steps=8, rate=3.0))  # no round is better than the first
    rule = replace(headless_rule(6), shared=up, best_round=False)
    learner, reports = teach(checkpoint, people, Protocol(rounds=6, patience=1, learning=rule))
    assert len(reports) < 6
    counts = [len(p.adapt) for p in people]
    assert [s.replay.count("doing") for s in learner.cohort.headsets] == counts


def test_baselines_have_nothing_that_only_a_federation_has() -> None:
    said = with_changes(RunConfig(), {
        "patience": 2, "learning": {"round": {"server": {"rule": "yogi"}},
                                    "shared": {"train": {"proximal": 0.1}}},
    })  # fmt: skip
    how = said.warm_protocol()
    assert how.rule().round.server.rule == "yogi"
    for name in ("local", "pooled"):
        rule = how.beside(name).rule()
        assert (rule.round.server, rule.shared.train.proximal) == (ServerOptimizer(), 0.0)
        assert how.beside(name).patience is None
    cold = {"protocol": "cold", "learning": {"round": {"server": {"rule": "yogi"}}}}
    with pytest.raises(ValueError, match=r"round\.server: of no use with --protocol cold"):
        with_changes(RunConfig(), cold)


def test_a_federation_with_an_optimiser_has_every_arm(split: Split, checkpoint: Checkpoint) -> None:
    groups = [_people(split, checkpoint, r)[:2] for r in ("federation", "unseen", "pretraining")]
    part, rule = study.Part("made", "doing", *groups), replace(headless_rule(1), each=1000)
    learners: list[Learner] = []
    for server in (ServerOptimizer(), ServerOptimizer("yogi")):
        how = Protocol(rounds=1, learning=rule.with_round(server=server))
        found = study.study(part, checkpoint, how, keep=lambda _, one: learners.append(one))
        assert set(found.federation) == set(found.unseen) == STUDIED
    mean, yogi = (one.shared([0])[0] for one in learners)
    assert not torch.equal(mean, yogi)


def test_figures_are_taken_every_so_many_rounds(split: Split, checkpoint: Checkpoint) -> None:
    part = study.Part("made", "doing", _people(split, checkpoint)[:2], [], [])
    out = study.Study("made", "doing", "accuracy")
    how = Protocol(rounds=3, evaluate_every=2)
    study.federated([out], [part], part.people, checkpoint, how)
    assert [bool(users) for users in out.after] == [False, True, True], "the last always"
    assert [r.accuracy is None for r in rounds_of([out])] == [True, False, False]


def test_some_questions_are_spread_over_all() -> None:
    assert evenly(range(100), 4) == (0, 25, 50, 75)  # type: ignore[arg-type]
    assert evenly(range(3), 4) == (0, 1, 2)  # type: ignore[arg-type]
    assert evenly([], 4) == ()


def test_rounds_of_a_result_know_their_set_and_cost(split: Split, checkpoint: Checkpoint) -> None:
    _, reports = _federate(split, checkpoint, "centralized")
    one = study.Study("made", "doing", "accuracy", reports=reports, pooled=reports[:1])
    one.federation = {arm: {"a": 0.5, "b": 0.7} for arm in ("generic", "federated_personalised")}
    one.after = [{"a": 0.4, "b": 0.6}, {"a": 0.5, "b": 0.7}]
    first, second = rounds_of([one])
    assert (first.row, first.accuracy, second.number) == ("made", pytest.approx(0.5), 1)
    assert first.low is not None
    assert 0.4 < first.low < 0.5
    (row,) = rows_of([[one]], unseen=False)
    assert row.costs["federated_personalised"].bytes == first.bytes + second.bytes > 0
    assert row.costs["pooled"].bytes == first.bytes
    assert row.costs["local"].bytes == 0


def test_newcomers_get_no_model_where_there_is_no_common_one(
    split: Split, checkpoint: Checkpoint
) -> None:
    groups = [_people(split, checkpoint, r)[:2] for r in ("federation", "unseen", "pretraining")]
    how = Protocol(rounds=1, coordination="decentralized")
    one = study.study(study.Part("made", "doing", *groups), checkpoint, how)
    assert STUDIED - set(one.unseen) == {"federated", "federated_personalised"}
    assert set(one.federation) == STUDIED


def test_what_is_filed_by_class_is_told_in_a_drawn_order(
    split: Split, checkpoint: Checkpoint
) -> None:
    (person, *_) = _people(split, checkpoint)
    filed = replace(person, user=replace(person.user, ordered=False))
    lived, one, same, other = (
        [t.key for t in in_order(who, seed)]
        for who, seed in ((person, 0), (filed, 0), (filed, 0), (filed, 1))
    )
    assert lived == [t.key for t in person.adapt]
    assert one == same
    assert len({tuple(order) for order in (lived, one, other)}) == 3
    assert sorted(one) == sorted(other) == sorted(lived)


def test_the_federation_learns_something_from_itsusers(
    split: Split, checkpoint: Checkpoint
) -> None:
    """Nobody's feedback reaches the adapters without a federation or a personal step."""
    people = _people(split, checkpoint)
    learner = seated(checkpoint, people, Protocol())
    tell(learner, [p.adapt for p in people], personal=False)
    start = learner.cohort.start
    assert torch.equal(learner.cohort.stack.theta, start.expand(len(people), -1))
    cohort = _federate(split, checkpoint, "semi-decentralized")[0].cohort
    shared = cohort.stack.shared
    assert (cohort.stack.theta[:, :shared] - start[:, :shared]).abs().max() > 1e-4
    assert torch.equal(cohort.stack.theta[:, shared:], start[:, shared:].expand(len(people), -1))
    others = sum(float(s.personal["doing"].sums.n.sum()) for s in cohort.headsets[1:])
    assert abs(float(cohort.headsets[0].federated["doing"].sums.n.sum()) - others) < 0.01 * others


def test_everybody_is_told_label_by_label(split: Split, checkpoint: Checkpoint) -> None:
    """Each label is scored before it is learned, and nobody's personal steps are forgotten where
    another's were not adopted: with such a guard nobody's are."""
    people = _people(split, checkpoint)
    how = Protocol(rounds=2)
    learner = seated(checkpoint, people, how)
    learner.rule = replace(learner.rule, guard=1e9)
    tell(learner, [p.adapt[: 12 - 4 * (i == 0)] for i, p in enumerate(people)])
    assert [s.replay.count("doing") for s in learner.cohort.headsets] == [8, 12, 12, 12]
    assert [float(s.personal["doing"].sums.n.sum()) for s in learner.cohort.headsets] == [
        8,
        12,
        12,
        12,
    ]
    assert (learner.cohort.adam.draws > 0).all(), "everybody's turn has come"
    assert not learner.cohort.adam.steps.any()
    assert not learner.personalise()
    # Episode i's label is i % 3: each is a stretch of its own, and the first was scored when nobody
    # had learned anything, so that only the generic expert was there.
    one = seated(checkpoint, people[:1], how)
    tell(one, [people[0].adapt[:1]], personal=False)
    trust = one.cohort.headsets[0].expert_weights["doing"]
    assert (trust.count, trust.classes) == (1, {0})
    assert trust.losses.tolist() == pytest.approx([float(trust.losses[0])] * 5, rel=1e-5)


def test_teaching_takes_up_the_best_of_its_rounds(split: Split, checkpoint: Checkpoint) -> None:
    """By parts of the adaptation half, one round after each; all that was said is in the sums."""
    people = _people(split, checkpoint)
    learner, reports = teach(checkpoint, people, Protocol(rounds=3), personal=False)
    assert [r.number for r in reports] == [1, 2, 3]
    assert [float(s.personal["doing"].sums.n.sum()) for s in learner.cohort.headsets] == [12] * 4
    assert not learner._rounds
    alone, none = teach(checkpoint, people[:1], Protocol(rounds=3), personal=False)
    assert none == []
    assert torch.equal(alone.cohort.stack.theta, alone.cohort.start)


def test_newcomers_get_everybodys_sums_and_the_shared_adapters(
    split: Split, checkpoint: Checkpoint
) -> None:
    learner, _ = _federate(split, checkpoint, "centralized")
    unseen = _people(split, checkpoint, "unseen")
    newcomers = seated(checkpoint, unseen, Protocol(), learner.cohort.federated)
    cohort, shared = newcomers.cohort, learner.cohort.stack.shared
    every = sum(float(s.personal["doing"].sums.n.sum()) for s in learner.cohort.headsets)
    for row in range(len(unseen)):
        assert torch.equal(cohort.stack.theta[row, :shared], learner.cohort.stack.theta[0, :shared])
        assert torch.equal(cohort.stack.theta[row, shared:], cohort.start[0, shared:])
        assert float(cohort.headsets[row].federated["doing"].sums.n.sum()) == pytest.approx(
            every, rel=0.01
        )
        assert FEDERATED in cohort.present(row, "doing")
        assert PERSONAL not in cohort.present(row, "doing")
        assert not learner.cohort.headsets[row].expert_weights["doing"].doubted


def test_the_common_model_is_everybodys(split: Split, checkpoint: Checkpoint) -> None:
    """Before anybody was told anything it is the checkpoint; then it is the same whatever a headset
    has learned for itself."""
    people = _people(split, checkpoint)
    fresh = seated(checkpoint, people, Protocol())
    asked = list(people[0].test)
    answers = fresh.cohort.answers([(0, t) for t in asked], fresh.cohort.features(asked))
    generic = torch.stack([a[GENERIC] for a in answers])
    torch.testing.assert_close(fresh.cohort.common(0, "doing", asked), generic, atol=1e-4, rtol=0)
    right = [int(p.argmax()) == t.queries[-1].label for p, t in zip(generic, asked, strict=True)]
    found = evaluate(fresh, people, "doing", common=True)
    assert found[people[0].user.name] == pytest.approx(sum(right) / len(right))
    learner, _ = _federate(split, checkpoint, "centralized")
    cohort, shared = learner.cohort, learner.cohort.stack.shared
    before = cohort.common(0, "doing", asked)
    cohort.stack.theta[0, shared:] += 0.1
    assert torch.equal(cohort.common(0, "doing", asked), before)
    # Every row's own sums and those of the others make the same whole.
    other = cohort.common(1, "doing", asked)
    assert (other - before).abs().max() < 0.05  # what travels has the 8 bits of bf16
    assert (before - generic).abs().max() > 0.05


def test_what_travelled_through_the_bridge_is_what_was_recorded(split: Split) -> None:
    small = Split("made", split.pretraining[:1], split.federation[:2], split.unseen[:1])
    arrived = through_bridge(small, lambda _: None)
    for mine, theirs in zip(small.federation, arrived.federation, strict=True):
        for a, b in zip(mine.episodes, theirs.episodes, strict=True):
            assert (a.samples["watch"].values == b.samples["watch"].values).all()
            assert np.abs(a.samples["watch"].t_us - b.samples["watch"].t_us).max() <= 1


@pytest.mark.slow
def test_a_bridged_run_measures_latency_by_headsets_in_real_time(
    split: Split, checkpoint: Checkpoint
) -> None:
    small = Split("made", (), split.federation[:2], ())
    found = latency_of(RunConfig(bridge=True, bridge_s=2), checkpoint, small, lambda _: None)
    assert set(found) == {"doing"}
    assert len(found["doing"]) > 10, "of 60 ticks, on whatever machine"
    assert min(found["doing"]) > 0
    (row,) = latency_rows([found, {"doing": [1e6]}])
    every = sorted([*found["doing"], 1e6])
    assert (row.replies, row.late) == (len(every), sum(ms > row.deadline_ms for ms in every))
    assert row.p50_ms == pytest.approx(np.median(every))
    assert row.p99_ms == pytest.approx(np.percentile(every, 99))


def test_the_command_writes_its_result_and_fails_on_a_broken_promise(
    split: Split,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from fedxr.cli import main as cli

    told = replace(split, notes=("made: ann is left out: no file",))
    monkeypatch.setitem(headless.__dict__, "gather", lambda *_: [told])  # nine made-up users
    words = ["federate", "--steps", "5", "--rounds", "1", "--out", str(tmp_path)]
    words += ["--learning.each", "1000", "--workers", "1"]
    assert cli.main([*words, "--require", "accuracy>=0.0"]) == 0
    said = capsys.readouterr().out
    assert "learning and tests: 0 of 5\n" in said, "of one set: before it is done"
    assert "learning and tests: 5 of 5\n" in said
    assert cli.main([*words, "--require", "accuracy>=1.01"]) == 1
    result = read_result(tmp_path / "result.json")
    assert result.rows[0].name.startswith("made")
    assert not result.requirements[0].passed
    assert result.notes == list(told.notes)
    assert (tmp_path / "report.html").read_text().startswith("<!")
    assert "ann is left out: no file" in (tmp_path / "report.html").read_text()
    assert cli.main([*words, "--require", "accuracy>>1"]) == 2


def test_counts_below_one_are_refused_at_once() -> None:
    for wrong in ({"headsets": 0}, {"rounds": -1}, {"steps": 0}, {"copies": 0}):
        ((name, count),) = wrong.items()
        with pytest.raises(ValueError, match=f"{name} {count}; take at least 1"):
            RunConfig(**wrong)
    with pytest.raises(ValueError, match="headsets 0, rounds 0; take"):
        RunConfig(headsets=0, rounds=0)


def test_folders_without_the_wanted_sets_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {"har": made_users(9), "cwru": made_users(9)}
    for name, users in read.items():
        known = replace(RECORDED[name], load=lambda _, users=users: Users(users))
        monkeypatch.setitem(RECORDED, name, known)
        (tmp_path / "one" / known.folder).mkdir(parents=True)
    second = tmp_path / "two"

    def splits(data: Path | None, unseen: Path | None, said: list[str]) -> list[Split]:
        how = RunConfig(source="recorded", unseen_data=unseen)
        return gathering.gather(how, data, said.append)

    said: list[str] = []
    with pytest.raises(DataError, match=r"give --data DIR or set \$FEDXR_DATA"):
        splits(None, None, said)
    with pytest.raises(DataError, match="nope: no such folder"):
        splits(tmp_path / "nope", None, said)
    with pytest.raises(DataError, match="two: no such folder"):
        splits(tmp_path / "one", second, said)
    second.mkdir()
    with pytest.raises(DataError, match="two: none of har, cwru is here"):
        splits(tmp_path / "one", second, said)
    (second / RECORDED["har"].folder).mkdir()
    alone, both = splits(tmp_path / "one", None, []), splits(tmp_path / "one", second, said)
    assert said[0] == f"no unseen data in {second} of cwru"
    more = [s.name for s, t in zip(both, alone, strict=True) if len(s.unseen) > len(t.unseen)]
    assert more == ["har"]


def test_who_cannot_be_read_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One user of one set, and all of another; with nobody of any set there is nothing to run."""

    def broken(folder: Path) -> Users:
        raise DataError(f"{folder}: nobody is left")

    left = Users(made_users(9), {"s77": "s77_01.csv: row 3"}, ["s78: EEG is in volt"])
    loads = {"har": lambda _: left, "cwru": broken, "stress": lambda _: Users(made_users(2))}
    for name, load in loads.items():
        known = replace(RECORDED[name], load=load)
        monkeypatch.setitem(RECORDED, name, known)
        (tmp_path / known.folder).mkdir()
    said: list[str] = []
    how = RunConfig(source="recorded")
    (split,) = gathering.gather(how, tmp_path, said.append)
    assert split.name == "har"
    few = "stress: 2 users; at least 3 are needed (pretraining, federation, unseen)"
    assert sorted(split.notes) == [
        f"cwru is left out: {tmp_path / 'cwru'}: nobody is left",
        "har: s77 is left out: s77_01.csv: row 3",
        "har: s78: EEG is in volt",
        f"stress is left out: {few}",
    ]
    assert set(split.notes) <= set(said)
    only = replace(how, sets=("cwru", "stress"))
    with pytest.raises(DataError, match=r"cwru is left out: .*; stress is left out: stress: 2"):
        gathering.gather(only, tmp_path, said.append)


def test_a_folder_that_is_wrong_is_told_once_and_how_to_check_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    write_example(folder)
    for labels in folder.glob("*/labels.csv"):
        labels.write_text("a,b\n1,2\n")
    words = ["federate", "--data", str(folder), "--out", str(tmp_path / "run")]
    assert main(words) == 2
    said = capsys.readouterr().out
    assert said.count("labels.start: no column 'start'") == said.count("/labels.csv: labels.start")
    assert said.count("nobody is left") == 1
    assert f"`fedxr data check {folder}`" in said
    (folder / "set.toml").write_text("nonsense")
    assert main(words) == 2
    assert f"`fedxr data check {folder}`" in capsys.readouterr().out
    assert main(["federate", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().out
    assert said.count("set.toml") == 1
    assert f"`fedxr data check {folder}`" in said


def test_a_stream_names_what_is_wrong_with_its_address_and_time() -> None:
    with pytest.raises(ValueError, match=r"'http://here:1'; .*ws://HOST:PORT, or wss://"):
        Stream(url="http://here:1")
    with pytest.raises(ValueError, match="-1 seconds; stream for more than 0"):
        Stream(seconds=-1)


def test_what_is_chosen_by_name_is_what_runs() -> None:
    before = TUNINGS.snapshot()
    try:
        TUNINGS.add(NamedTuning("wide", "rank 16", Tuning(r=16)))
        how = RunConfig(tuning="wide", exchange="naive", seed=3).warm_protocol()
        assert how.adapters() == Tuning(r=16, exchange="naive", seed=3)
    finally:
        TUNINGS.restore(before)
    assert how.rule().round.aggregation == how.beside("local").aggregation == "mean"
    for wrong, words in (
        ({"aggregation": "mode"}, "unknown aggregation rule 'mode'; known are mean"),
        ({"coordination": "peer"}, "unknown coordination 'peer'; known are local"),
        ({"tuning": "narrow"}, "unknown tuning 'narrow'; known are lora"),
        ({"size": "huge"}, "unknown model size 'huge'; known are tiny"),
    ):
        with pytest.raises(ValueError, match=words):
            RunConfig(**wrong)  # type: ignore[arg-type]
