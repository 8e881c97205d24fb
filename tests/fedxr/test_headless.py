"""The headless federation on small made-up users: every coordination, the bridge, the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fedxr.rounds import Protocol

from agent.fleet import Brain, Fleet
from agent.tasks import Episode, Query
from bridge.channels import TICK_US, Channel, Samples
from evaluation.result import ARMS, read_result
from federation import RoundReport
from fedxr import headless, study
from fedxr.bridged import through_bridge
from fedxr.commands import Stream
from fedxr.headless import Federate, pretrain_on
from fedxr.people import Split, meet, split_users
from scenarios.users import DataError, User

WATCH = Channel("watch", "motion/wrist", 100)


def _episode(user: int, number: int) -> Episode:
    """A wave whose tempo is the label, upside down for odd users."""
    rng = np.random.default_rng((user, number))
    label = number % 3
    t = np.arange(120) * 10_000
    wave = np.sin(2 * np.pi * (1 + 3 * label) * t / 1e6 + rng.uniform(0, 6))
    values = wave[:, None] * (1 - 2 * (user % 2)) + 0.5 * rng.standard_normal((120, 6))
    asked = Query("doing", 36 * TICK_US, label)
    samples = {"watch": Samples(t.astype(np.int64), values.astype(np.float32))}
    return Episode(f"{user}-{number}", samples, (asked,), number < 12, 1.2)


def _users(n: int) -> list[User]:
    return [
        User(
            "made",
            f"u{i}",
            "companion",
            (WATCH,),
            ("doing",),
            tuple(_episode(i, k) for k in range(18)),
        )
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def split() -> Split:
    return split_users("made", _users(9), 0, 12)


@pytest.fixture(scope="module")
def brain(split: Split) -> Brain:
    return pretrain_on([split], Federate(steps=12), lambda _: None)


def _federate(split: Split, brain: Brain, coordination: str) -> tuple[Fleet, list[RoundReport]]:
    people = [meet(u, brain.population) for u in split.federation]
    fleet = study._taught(brain, people, Protocol())
    how = Protocol(rounds=2, coordination=coordination)
    return fleet, study.federate(fleet, people, how)


def test_users_are_split_by_seed_and_never_shared() -> None:
    users = _users(10)
    one, same, other = (split_users("made", users, seed, 12) for seed in (0, 0, 1))
    roles = [{u.name for u in r} for r in (one.pretraining, one.federation, one.unseen)]
    assert [len(r) for r in roles] == [4, 4, 2]
    assert len(set.union(*roles)) == 10
    assert [u.name for u in same.federation] == [u.name for u in one.federation]
    assert [u.name for u in other.pretraining] != [u.name for u in one.pretraining]
    with pytest.raises(ValueError, match="2 users; at least 3"):
        split_users("made", users[:2], 0, 12)


def test_the_halves_of_a_user_share_nothing(split: Split, brain: Brain) -> None:
    person = meet(split.federation[0], brain.population)
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
    split: Split, brain: Brain, coordination: str, links: set[str]
) -> None:
    fleet, reports = _federate(split, brain, coordination)
    used = {r.link for report in reports for r in report.rows if r.bytes}
    assert used - {"compute"} == links
    shared = fleet.cohort.theta[:, : fleet.cohort.shared]
    together = bool((shared - shared[:1]).abs().max() < 1e-6)
    assert together == (coordination in ("centralized", "semi-decentralized", "pooled"))


def test_every_arm_is_measured_and_a_seed_repeats(split: Split, brain: Brain) -> None:
    def run() -> study.Study:
        groups = [
            [meet(u, brain.population, role == "pretraining") for u in getattr(split, role)]
            for role in ("federation", "unseen", "pretraining")
        ]
        return study.study("made", "doing", *groups, brain, Protocol(rounds=1))

    one, two = run(), run()
    assert set(one.federation) == set(one.unseen) == set(ARMS)
    assert all(len(users) == 4 for users in one.federation.values())
    assert one.federation == two.federation
    assert one.unseen == two.unseen


def test_newcomers_get_no_model_where_there_is_no_common_one(split: Split, brain: Brain) -> None:
    groups = [
        [meet(u, brain.population, role == "pretraining") for u in getattr(split, role)[:2]]
        for role in ("federation", "unseen", "pretraining")
    ]
    how = Protocol(rounds=1, coordination="decentralized")
    one = study.study("made", "doing", *groups, brain, how)
    assert set(ARMS) - set(one.unseen) == {"federated", "federated_personalised"}
    assert set(one.federation) == set(ARMS)


def test_the_federation_learns_something_from_its_users(split: Split, brain: Brain) -> None:
    """Nobody's feedback reaches the model without a federation or a personal step."""
    people = [meet(u, brain.population) for u in split.federation]
    before = study._taught(brain, people, Protocol()).cohort.theta
    fleet, _ = _federate(split, brain, "semi-decentralized")
    shared = fleet.cohort.shared
    assert (fleet.cohort.theta[:, :shared] - before[:, :shared]).abs().max() > 1e-4
    torch.testing.assert_close(fleet.cohort.theta[:, shared:], before[:, shared:])
    total = sum(float(s["doing"].n.sum()) for s in fleet.sums)
    assert abs(float(fleet.crowd[0]["doing"].n.sum()) - total) < 0.01 * total


def test_what_travelled_through_the_bridge_is_what_was_recorded(split: Split) -> None:
    small = Split("made", split.pretraining[:1], split.federation[:2], split.unseen[:1])
    arrived = through_bridge(small, lambda _: None)
    for mine, theirs in zip(small.federation, arrived.federation, strict=True):
        for a, b in zip(mine.episodes, theirs.episodes, strict=True):
            assert (a.samples["watch"].values == b.samples["watch"].values).all()
            assert np.abs(a.samples["watch"].t_us - b.samples["watch"].t_us).max() <= 1


def test_the_command_writes_its_result_and_fails_on_a_broken_promise(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fedxr import cli

    monkeypatch.setitem(headless.__dict__, "gather", lambda *_: [split])  # nine made-up users
    words = ["federate", "--steps", "5", "--rounds", "1", "--out", str(tmp_path)]
    assert cli.main([*words, "--require", "accuracy>=0.0"]) == 0
    assert cli.main([*words, "--require", "accuracy>=1.01"]) == 1
    result = read_result(tmp_path / "result.json")
    assert result.rows[0].name.startswith("made")
    assert not result.requirements[0].passed
    assert (tmp_path / "report.html").read_text().startswith("<!")
    assert cli.main([*words, "--require", "accuracy>>1"]) == 2


def test_counts_below_one_are_refused_at_once() -> None:
    for wrong in ({"headsets": 0}, {"rounds": -1}, {"steps": 0}, {"copies": 0}):
        ((name, count),) = wrong.items()
        with pytest.raises(ValueError, match=f"{name} {count}; take at least 1"):
            Federate(**wrong)
    with pytest.raises(ValueError, match="headsets 0, rounds 0; take"):
        Federate(headsets=0, rounds=0)


def test_folders_without_the_wanted_sets_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {"har": _users(9), "cwru": _users(9)}
    for name, users in read.items():
        known = replace(headless.RECORDED[name], load=lambda _, users=users: users)
        monkeypatch.setitem(headless.RECORDED, name, known)
        (tmp_path / "one" / known.folder).mkdir(parents=True)
    second = tmp_path / "two"

    def splits(data: Path | None, unseen: Path | None, said: list[str]) -> list[Split]:
        how = Federate(source="recorded", unseen_data=unseen)
        return headless.gather(how, data, said.append)

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
    (second / headless.RECORDED["har"].folder).mkdir()
    alone, both = splits(tmp_path / "one", None, []), splits(tmp_path / "one", second, said)
    assert said[0] == f"no unseen data in {second} of cwru"
    more = [s.name for s, t in zip(both, alone, strict=True) if len(s.unseen) > len(t.unseen)]
    assert more == ["har"]


def test_a_stream_names_what_is_wrong_with_its_address_and_time() -> None:
    with pytest.raises(ValueError, match=r"'http://here:1'; .*ws://HOST:PORT, or wss://"):
        Stream(url="http://here:1")
    with pytest.raises(ValueError, match="-1 seconds; stream for more than 0"):
        Stream(seconds=-1)
