"""The cold protocol on small made-up users, by real code: what is told, what is read, what comes
of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_users import users as made_users

from fedxr.agent.adaptation.experts import ADAPTED, GENERIC, PERSONAL
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.cli import main as cli
from fedxr.evaluation.result import COLD_ARMS, read_result
from fedxr.experiments import cold, cold_run
from fedxr.experiments.answering import answered
from fedxr.experiments.cold import (
    ColdProtocol,
    ColdStudy,
    Draw,
    Known,
    Point,
    all_known,
    cold_study,
    drawn,
    expected,
    known,
    split,
    suits,
)
from fedxr.experiments.cold_checkpoint import (
    ColdFit,
    fitted_alone,
    fitted_together,
    parts_of,
    told_by,
)
from fedxr.experiments.progress import Progress
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_folder import RunFolder
from fedxr.experiments.splits import TokenizedUser
from fedxr.experiments.teaching import seated, teach, tell
from fedxr.experiments.tracking import Tracked
from fedxr.experiments.writing import Run
from fedxr.scenarios.recorded import RECORDED
from fedxr.scenarios.users import Users

CLASSES = 5  # of the task "doing", of which three are shown
HOW = ColdProtocol(rounds=2, coordination="centralized", draws=1)


@pytest.fixture(scope="module")
def people() -> list[Known]:
    return [known(u, "doing") for u in made_users(7)]


@pytest.fixture(scope="module")
def one(people: list[Known]) -> Draw:
    return Draw("made", "doing", split("made", people, 0, 0, 12), HOW, ordered=True)


@pytest.fixture(scope="module")
def study(people: list[Known]) -> ColdStudy:
    return cold_study("made", people, HOW, 12)


def _names(group: list[Known]) -> set[str]:
    return {p.user.name for p in group}


def _labels(person: TokenizedUser) -> list[int]:
    return [t.queries[-1].label for t in person.adapt]


def test_members_and_strangers_share_nobody_and_every_draw_is_another(people: list[Known]) -> None:
    members, strangers = split("made", people, 0, 0, 12)
    assert (len(members), len(strangers)) == (5, 2)  # two in three of seven
    assert _names(members) | _names(strangers) == _names(people)
    assert not _names(members) & _names(strangers)
    assert any(_names(split("made", people, 0, d, 12)[0]) != _names(members) for d in (1, 2, 3))
    few = split("made", people, 0, 0, 2)
    assert [len(group) for group in few] == [2, 2]


@pytest.mark.parametrize("ordered", [True, False])
def test_so_many_labels_a_class_are_told_as_were_asked_for(one: Draw, ordered: bool) -> None:
    person = one.groups[0][0]  # four of each of the three classes
    before: set[str] = set()
    for count in (0, 1, 2, 5, None):
        told = drawn(person, count, 3, ordered)
        per_class = np.bincount(_labels(told), minlength=3)
        assert per_class.tolist() == [min(4, 4 if count is None else count)] * 3
        keys = [t.key for t in told.adapt]
        assert before <= set(keys) <= {t.key for t in person.adapt}
        before = set(keys)
        if ordered:
            assert keys == [t.key for t in person.adapt if t.key in before]
        assert told.test == person.test
    assert drawn(person, 1, 3, ordered) == drawn(person, 1, 3, ordered)
    chosen = {tuple(t.key for t in drawn(person, 1, seed, ordered).adapt) for seed in range(6)}
    assert len(chosen) > 1


def _spoilt(person: Known) -> Known:
    """The same adaptation half; a test half of other numbers and other labels."""

    def other(t: TokenizedEpisode) -> TokenizedEpisode:
        queries = tuple(
            replace(
                a, label=(a.label + 1) % 3, summary={k: 9 * v + 5 for k, v in a.summary.items()}
            )
            for a in t.queries
        )
        return t if t.adapt else replace(t, queries=queries)

    return Known(person.user, tuple(other(t) for t in person.raw))


def test_no_test_half_is_read_before_it_is_asked(people: list[Known]) -> None:
    """Two worlds that differ in test halves only learn the same, bit for bit."""
    found = []
    for world in (people, [_spoilt(p) for p in people]):
        draw = Draw("made", "doing", split("made", world, 0, 0, 12), HOW, ordered=True)
        members, _ = draw.told(2)
        told = [told_by(draw.checkpoint, "doing", p) for p in members]
        checkpoint = fitted_together(draw.checkpoint, "doing", told, ColdFit())
        learner, _ = teach(checkpoint, members, HOW, personal=False)
        own, federated = (
            learner.cohort.headsets[0].personal["doing"].sums,
            learner.cohort.headsets[0].federated["doing"].sums,
        )
        ridge = checkpoint.ridges["doing"]
        found.append(
            (draw.checkpoint.digest, ridge.fits, ridge.own, own.a, federated.a, members[0].test)
        )
    (*one, test), (*two, other) = found
    assert one[:3] == two[:3]
    assert torch.equal(one[3], two[3])
    assert torch.equal(one[4], two[4])
    assert [t.queries for t in test] != [t.queries for t in other]  # and they do differ


def test_strangers_have_no_say_in_the_checkpoint(people: list[Known]) -> None:
    members, strangers = split("made", people, 0, 0, 12)
    changed = [replace(p, raw=p.raw[:3]) for p in strangers]
    checkpoints = [
        Draw("made", "doing", (members, s), HOW, True).checkpoint for s in (strangers, changed)
    ]
    assert checkpoints[0].digest == checkpoints[1].digest


def test_the_generic_answer_is_uniform_and_worth_chance(one: Draw) -> None:
    members, _ = one.told(0)
    learner = seated(one.checkpoint, members, HOW)
    answers = answered(learner, 0, members[0].test)
    torch.testing.assert_close(answers, torch.full((6, CLASSES), 1 / CLASSES))
    assert expected([0, 0, 1], torch.full((3, CLASSES), 0.2), "accuracy") == pytest.approx(0.2)
    assert expected([0, 1], torch.tensor([[0.5, 0.5, 0], [0, 1.0, 0]]), "accuracy") == 0.75
    # two of class 0, one of them right; one of class 1, right
    three = torch.eye(2)[[0, 1, 1]]
    assert expected([0, 0, 1], three, "balanced accuracy") == 0.75


def test_the_sums_of_a_federation_are_those_of_all_labels_in_one_place(one: Draw) -> None:
    members, _ = one.told(None)
    learner, _ = teach(one.checkpoint, members, HOW, personal=False)
    said = [told_by(one.checkpoint, "doing", p) for p in members]
    z, label = torch.cat([z for z, _ in said]), torch.cat([y for _, y in said])
    pooled = RidgeStats.of(z.double(), label, CLASSES)
    # Every number of the total passed at most one rounding (2⁻²⁴ of the largest partial sum, which
    # is at most the total's) a label, and four a headset: into the mean, times the count, less
    # one's own, plus one's own.
    steps = len(label) + 4 * len(members)
    for row in range(len(members)):
        cohort = learner.cohort
        total = (
            cohort.headsets[row]
            .federated["doing"]
            .sums.plus(cohort.headsets[row].personal["doing"].sums)
        )
        for ours, theirs in ((total.a, pooled.a), (total.b, pooled.b), (total.n, pooled.n)):
            bound = steps * 2.0**-24 * float(theirs.abs().max())
            assert float((ours.double() - theirs).abs().max()) <= bound


@pytest.mark.parametrize("coordination", ["centralized", "semi-decentralized"])
def test_federated_answers_are_those_of_pooled_ridge(
    people: list[Known], coordination: str
) -> None:
    how = replace(HOW, coordination=coordination)
    draw = Draw("made", "doing", split("made", people, 0, 0, 12), how, ordered=True)
    point = draw.point(draw.told(2), 0)
    assert 0 < point.apart < 1e-4  # probabilities; zero would say that nothing was compared
    for role in cold.ROLES:
        assert point.figures[role]["federated"] == point.figures[role]["pooled"]


def test_strangers_without_a_label_get_the_answer_of_the_federation(one: Draw) -> None:
    members, strangers = one.told(None)
    learner, _ = teach(one.checkpoint, members, HOW, personal=False)
    before = answered(seated(one.checkpoint, strangers, HOW), 0, strangers[0].test)
    new = seated(one.checkpoint, strangers, HOW, learner.cohort.federated)
    mixed, common = (answered(new, 0, strangers[0].test, common=c) for c in (False, True))
    assert torch.equal(mixed.argmax(1), common.argmax(1))
    assert float((common - before).abs().max()) > 0.1
    w = cold.pooled_ridge(
        one.checkpoint, "doing", [told_by(one.checkpoint, "doing", p) for p in members]
    )
    z, _ = told_by(one.checkpoint, "doing", replace(strangers[0], adapt=strangers[0].test))
    torch.testing.assert_close(common, torch.softmax(z @ w, -1), atol=1e-4, rtol=0)


def test_nothing_but_sums_is_learned(one: Draw) -> None:
    members, _ = one.told(2)
    learner, _ = teach(one.checkpoint, members, HOW, personal=False)
    cohort = learner.cohort
    assert torch.equal(cohort.stack.theta, cohort.start.expand_as(cohort.stack.theta))
    assert all(ADAPTED not in cohort.present(r, "doing") for r in range(len(members)))


def test_knowing_nothing_pushes_no_expert_out(one: Draw) -> None:
    """With one label a class whatever is learned is surprised by each class once, and the uniform
    answer never is; the mixture must answer with what was learned all the same."""
    _, strangers = one.told(1)
    alone = replace(HOW, coordination="local")
    learner = seated(one.checkpoint, strangers[:1], alone)
    tell(learner, [strangers[0].adapt], personal=False)
    trust = learner.cohort.trust(0, "doing")
    assert trust[GENERIC] == 0
    assert trust[PERSONAL] > 0
    z, _ = told_by(one.checkpoint, "doing", replace(strangers[0], adapt=strangers[0].test))
    personal = z @ learner.cohort.headsets[0].head("doing", PERSONAL)
    assert torch.equal(answered(learner, 0, strangers[0].test).argmax(1), personal.argmax(1))


def test_what_is_left_out_leaves_an_example_of_its_class() -> None:
    label = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2])
    parts = list(parts_of(label, 3))
    assert len(parts) == ColdFit.folds
    for out in parts:
        assert set(label[out].tolist()) <= set(label[~out].tolist())
        at = torch.nonzero(out & (label == 0))[:, 0].tolist()
        assert at == list(range(at[0], at[0] + 2))  # neighbours go together
    asked = torch.stack(parts).sum(0)
    assert asked.tolist() == [1] * 8 + [0]  # each once, the only one of its class never
    assert list(parts_of(torch.tensor([0, 1, 2]), 3)) == []


def test_fits_follow_the_labels_there_are(one: Draw) -> None:
    few, many = (
        fitted_together(
            one.checkpoint, "doing", [told_by(one.checkpoint, "doing", p) for p in told], ColdFit()
        )
        for told in (one.told(1)[0], one.told(None)[0])
    )
    assert few.ridges["doing"].own == ColdFit.untried  # one label a class: no second to ask
    assert set(many.ridges["doing"].fits) == {0.0, many.ridges["doing"].own}
    nobody = fitted_together(one.checkpoint, "doing", [], ColdFit())
    assert nobody.ridges["doing"].fits[0.0] == nobody.ridges["doing"].fits[ColdFit.untried]
    person = one.told(None)[0][0]
    mine = told_by(one.checkpoint, "doing", person)
    alone = fitted_alone(one.checkpoint, "doing", mine, ColdFit())
    assert len(set(alone.ridges["doing"].fits.values())) == 1


def test_every_arm_is_there_and_none_without_what_it_needs(study: ColdStudy) -> None:
    first, *_, last = study.points
    assert [p.labels for p in study.points] == list(HOW.cold.labels)
    none = {"classical_own", "classical_everyone", "fedavg", "pooled_softmax"}
    for role, users in (("members", 5), ("strangers", 2)):
        assert set(first.figures[role]) == set(COLD_ARMS) - none
        assert set(last.figures[role]) == set(COLD_ARMS)
        for figures in first.figures[role].values():
            assert list(figures.values()) == pytest.approx([1 / CLASSES] * users)
        assert all(len(figures) == users for figures in last.figures[role].values())
        mean = np.mean([*last.figures[role]["federated_personalised"].values()])
        assert mean > 0.6  # a third is what three classes are worth


def test_a_seed_repeats_and_another_does_not(people: list[Known]) -> None:
    def point(seed: int) -> Point:
        how = replace(HOW, seed=seed)
        draw = Draw("made", "doing", split("made", people, 0, 0, 12), how, ordered=True)
        return draw.point(draw.told(1), 0)

    one = point(3)
    assert point(3) == one
    assert point(4) != one


def test_sets_without_users_or_shared_classes_are_left_out(people: list[Known]) -> None:
    assert suits(people) == ""
    assert "4 users; at least 5" in suits(people[:4])
    apart = [
        replace(p, raw=tuple(t for t in p.raw if t.adapt == (t.queries[0].label == 0)))
        for p in people
    ]
    assert "share no class" in suits(apart)


def test_who_was_asked_in_one_half_only_is_left_out() -> None:
    users = made_users(3)
    users[1] = replace(users[1], episodes=users[1].episodes[:12])  # all to adapt
    users[2] = replace(users[2], tasks=("mood",))
    assert [p.user.name for p in all_known(users, "doing")] == ["u0"]


def test_each_task_of_a_set_is_a_study_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a folder of recordings, whose users were asked several things."""
    users = [replace(user, tasks=("doing", "mood")) for user in made_users(6)]
    monkeypatch.setattr(cold_run, "everybody", lambda *_: [("recordings", users)])
    monkeypatch.setattr(cold_run, "suits", lambda _: "")
    monkeypatch.setattr(cold_run, "all_known", lambda users, _: [Known(u, ()) for u in users])
    monkeypatch.setattr(
        cold_run, "cold_study", lambda title, *_: ColdStudy(title, title.split("/")[1], "accuracy")
    )
    folder = RunFolder(tmp_path)
    run, done = Run(Tracked(Progress(), {}), folder, lambda: None), list[ColdStudy]()
    config = RunConfig(protocol="cold", source="recorded")
    for _ in range(2):  # and again, as a run that is resumed
        done.clear()
        cold_run.run_cold(config, None, run.progress, done, run=run)
        assert [(one.name, one.task) for one in done] == [
            ("recordings/doing", "doing"), ("recordings/mood", "mood")
        ]  # fmt: skip


def test_the_command_writes_its_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = replace(RECORDED["har"], load=lambda _: Users(made_users(7)))
    monkeypatch.setitem(RECORDED, "har", made)
    (tmp_path / "data" / made.folder).mkdir(parents=True)
    words = ["federate", "--protocol", "cold", "--source", "recorded", "--sets", "har",
             "--data", str(tmp_path / "data"), "--out", str(tmp_path), "--draws", "2",
             "--cold.labels", "0", "1"]  # fmt: skip
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert all(f"draws and labels a class: {n} of 4\n" in said for n in (0, 4)), "2 draws of 2"
    result = read_result(tmp_path / "result.json")
    assert result.rows == []
    (curves,) = result.cold
    assert curves.name == "har"
    assert {p.draws for p in curves.roles["members"].arms["local"]} == {2}
    page = (tmp_path / "report.html").read_text()
    assert "Cold start" in page
    assert "federated + personalised" in page
    with pytest.raises(SystemExit, match="2"):
        cli.main([*words, "--steps", "5"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 5, "bridge": True}, "steps, bridge: of no use with --protocol cold"),
        ({"aggregation": "other"}, "aggregation: of no use with --protocol cold"),
        ({"coordination": "local"}, "'local' makes no model for strangers"),
        ({"draws": 0}, "draws 0; take at least 1"),
        ({"protocol": "warm", "draws": 5}, "draws: of no use with --protocol warm"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunConfig(**{"protocol": "cold", **wrong})  # type: ignore[arg-type]
