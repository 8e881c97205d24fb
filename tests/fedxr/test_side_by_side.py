"""Domains of a headless run in processes side by side."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import msgspec
import pytest
from made_users import users as made_users

from agent.fleet import Brain
from fedxr.headless import Federate, pretrain_on
from fedxr.people import Split, meet, split_users
from fedxr.side_by_side import Say, run_domains
from fedxr.study import Protocol, Study, evaluate, teach

HOW = Federate(source="recorded", steps=2, rounds=1, copies=1)
NAMES = ("small", "large")


@pytest.fixture(scope="module")
def splits() -> list[Split]:
    """Two domains, not in the order of their size."""
    return [
        replace(split_users(name, made_users(n), 0, 2), name=name)
        for name, n in zip(NAMES, (3, 5), strict=True)
    ]


@pytest.fixture(scope="module")
def brain(splits: list[Split]) -> Brain:
    return pretrain_on(splits, HOW, lambda _: None)


def taught(split: Split, brain: Brain, say: Say) -> list[Study]:
    """The federation of a domain without the arms beside it, which only take time."""
    say(f"{split.name}: federation")
    people = [meet(u, brain.population) for u in split.federation]
    learner, reports = teach(brain, people, Protocol(rounds=1))
    out = Study(split.name, "doing", "accuracy", reports=reports)
    out.federation["federated_personalised"] = evaluate(learner, people, "doing")
    return [out]


def test_what_comes_out_does_not_depend_on_the_number_of_workers(
    splits: list[Split], brain: Brain
) -> None:
    found = {}
    for workers in (1, 2):
        said: list[str] = []
        done: list[Study] = []
        run_domains(splits, brain, taught, workers, said.append, done)
        assert [s.name for s in done] == list(NAMES)
        assert {text.split(":")[0] for text in said} == set(NAMES)
        found[workers] = msgspec.msgpack.encode(done)
    assert found[1] == found[2]


def broken(split: Split, _brain: Brain, say: Say) -> list[Study]:
    """Ends the large domain by an error once another is done."""
    say(split.name)
    if split.name == "large":
        raise ValueError(f"{split.name}: no such luck")
    return [Study(split.name, "doing", "accuracy")]


def test_an_error_in_one_domain_is_told_and_no_process_is_left(
    splits: list[Split], brain: Brain
) -> None:
    done: list[Study] = []
    with pytest.raises(ValueError, match="large: no such luck"):
        run_domains(splits, brain, broken, 2, lambda _: None, done)
    assert "large" not in {s.name for s in done}
    assert not multiprocessing.active_children()


def test_fewer_workers_than_none_are_refused() -> None:
    with pytest.raises(ValueError, match="workers -1; take 0"):
        Federate(workers=-1)
