"""Domains of a headless run in processes side by side."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from functools import partial

import msgspec
import pytest
from made_users import users as made_users

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.experiments.answering import evaluate
from fedxr.experiments.pretraining import pretrain_on
from fedxr.experiments.progress import Say
from fedxr.experiments.protocol import Protocol
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.side_by_side import on_each
from fedxr.experiments.splits import Split, meet, split_users
from fedxr.experiments.study import Study
from fedxr.experiments.teaching import teach

pytestmark = pytest.mark.slow  # each process that begins imports torch

HOW = RunConfig(source="recorded", steps=2, rounds=1, copies=1, workers=1)
NAMES = ("small", "large")


@pytest.fixture(scope="module")
def splits() -> list[Split]:
    """Two domains, not in the order of their size."""
    return [
        replace(split_users(name, made_users(n), 0, 2), name=name)
        for name, n in zip(NAMES, (3, 5), strict=True)
    ]


@pytest.fixture(scope="module")
def checkpoint(splits: list[Split]) -> Checkpoint:
    return pretrain_on(splits, HOW, lambda _: None)


def taught(checkpoint: Checkpoint, split: Split, say: Say) -> Study:
    """The federation of a domain without the arms beside it, which only take time."""
    say(f"{split.name}: federation")
    people = [meet(u, checkpoint.population) for u in split.federation]
    learner, reports = teach(checkpoint, people, Protocol(rounds=1))
    out = Study(split.name, "doing", "accuracy", reports=reports)
    out.federation["federated_personalised"] = evaluate(learner, people, "doing")
    return out


def test_what_comes_out_does_not_depend_on_the_number_of_workers(
    splits: list[Split], checkpoint: Checkpoint
) -> None:
    packed = []
    for workers in (1, 2):
        said: list[str] = []
        found: dict[int, Study] = {}
        on_each(splits, partial(taught, checkpoint), workers, said.append, found.__setitem__)
        assert {number: s.name for number, s in found.items()} == dict(enumerate(NAMES))
        assert {text.split(":")[0] for text in said} == set(NAMES)
        packed.append(msgspec.msgpack.encode([found[number] for number in sorted(found)]))
    assert packed[0] == packed[1]


def broken(split: Split, say: Say) -> str:
    """Ends the large domain by an error."""
    say(split.name)
    if split.name == "large":
        raise ValueError(f"{split.name}: no such luck")
    return split.name


def test_an_error_in_one_domain_is_told_and_no_process_is_left(splits: list[Split]) -> None:
    found: dict[int, str] = {}
    with pytest.raises(ValueError, match="large: no such luck"):
        on_each(splits, broken, 2, lambda _: None, found.__setitem__)
    assert "large" not in found.values()
    assert not multiprocessing.active_children()


def test_the_same_checkpoint_comes_of_any_number_of_workers(
    splits: list[Split], checkpoint: Checkpoint
) -> None:
    assert pretrain_on(splits, replace(HOW, workers=2), lambda _: None).digest == checkpoint.digest


def test_fewer_workers_than_none_are_refused() -> None:
    with pytest.raises(ValueError, match="workers -1; take 0"):
        RunConfig(workers=-1)
