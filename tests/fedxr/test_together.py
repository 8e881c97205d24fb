"""One federation of everybody: two domains with other senses and tasks, in the same rounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from made_users import users as made_users

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.experiments.config_file import with_changes
from fedxr.experiments.gathering import gather
from fedxr.experiments.headless import parts_of, studies_together
from fedxr.experiments.kept_models import KeptModels
from fedxr.experiments.pretraining import card_for, pretrain_on
from fedxr.experiments.progress import Progress
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_info import empty_result
from fedxr.experiments.splits import Split, split_users, told_apart
from fedxr.experiments.study import TOGETHER
from fedxr.experiments.tables import reports_of, rounds_of, traffic_of
from fedxr.experiments.teaching import teach
from fedxr.scenarios.simulated import simulate

FEW = {"shared": {"by_labels": False}, "personal": {"by_labels": False}}


@pytest.fixture(scope="module")
def splits() -> list[Split]:
    worlds = [simulate("storytelling", "vision-pro", 0, i, 2) for i in range(3000, 3005)]
    return told_apart(
        [
            split_users("made", made_users(5), 0, 12),
            split_users("storytelling", worlds, 0, 12),
        ]
    )


@pytest.fixture(scope="module")
def config() -> RunConfig:
    said = {"rounds": 1, "steps": 4, "workers": 1, "together": True, "source": "recorded"}
    return with_changes(RunConfig(), {**said, "learning": FEW})


@pytest.fixture(scope="module")
def checkpoint(splits: list[Split], config: RunConfig) -> Checkpoint:
    return pretrain_on(splits, config, lambda _: None)


def test_each_part_is_judged_by_itself_and_what_moved_is_counted_once(
    splits: list[Split], config: RunConfig, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    models = KeptModels(tmp_path, card_for(splits, config))
    by_set = studies_together(config, checkpoint, models, splits, Progress())
    found = [one for some in by_set for one in some]
    assert {one.together for one in found} == {TOGETHER}
    for split, some in zip(splits, by_set, strict=True):
        names = {u.name for u in split.federation}
        for one in some:
            assert set(one.federation["federated_personalised"]) == names
            assert set(one.unseen["federated_personalised"]) == {u.name for u in split.unseen}
            assert [set(users) for users in one.after] == [names]
    everyone = {f"{u.source}/{u.name}" for s in splits for u in s.federation}
    assert {name for report in found[0].reports for name in report.awake} == everyone
    assert reports_of(found) == found[0].reports
    assert traffic_of(reports_of(found)) == traffic_of(found[-1].reports)
    told = msgspec.structs.replace(empty_result({}, [0], ""), rounds=rounds_of(found))
    assert (len(told.rounds), told.rounds_held) == (len(found), 1)
    model = load_checkpoint(tmp_path / TOGETHER / "federated.safetensors").federated
    assert model is not None
    assert set(model.sums) == {one.task for one in found}
    kept = {f"{p.parent.name}/{p.name}" for p in tmp_path.glob(f"{TOGETHER}/headsets/*/*")}
    assert kept == everyone


def test_sums_of_a_task_are_those_of_who_has_it(
    splits: list[Split], config: RunConfig, checkpoint: Checkpoint
) -> None:
    """Of each task everybody holds the sums of all others who have it, and of nobody else."""
    how = replace(config.warm_protocol(), coordination="centralized")
    how = replace(how, learning=how.learning.with_round(codec="float32"))
    found = [parts_of(config, checkpoint, split, lambda _: None) for split in splits]
    together, _ = teach(checkpoint, [p for people, _ in found for p in people], how)
    states, seen = together.cohort.headsets, set[str]()
    for state in states:
        assert state.federated.keys() == set(state.identity.tasks)
        for task, sums in state.federated.items():
            parts = [s.personal[task].sums.a for s in states if task in s.identity.tasks]
            total = torch.stack([a.double() for a in parts]).sum(0)
            wrong = float((sums.sums.a - (total - state.personal[task].sums.a)).abs().max())
            assert wrong <= 4 * len(parts) * torch.finfo(torch.float32).eps * float(total.max())
            seen.add(task)
    assert len(seen) == 3


def test_a_cold_start_is_never_of_all_at_once() -> None:
    with pytest.raises(ValueError, match="together: of no use with --protocol cold"):
        with_changes(RunConfig(), {"protocol": "cold", "together": True})


def test_personas_of_two_use_cases_have_names_apart() -> None:
    splits = gather(RunConfig(together=True, headsets=2), None, lambda _: None)
    people = [p for split in told_apart(splits) for p in (*split.federation, *split.unseen)]
    names = [f"{p.source}/{p.name}" for p in people]
    assert len(set(names)) == len(names)
    assert len({p.name for p in people}) < len(names), "else this shows nothing"
