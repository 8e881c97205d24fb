"""Nobody whom a checkpoint has learned from is ever shown, taught or tested."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import live_rig
import pytest
from rich.console import Console

from fedxr.agent.checkpoints.checkpoint_file import card_of, save_checkpoint
from fedxr.agent.tasks import TASKS, USE_CASES
from fedxr.cli import main as cli
from fedxr.cli import pretrain as pretraining
from fedxr.cli.stream import Stream, actor_of
from fedxr.experiments import gathering
from fedxr.experiments.gathering import gather
from fedxr.experiments.pretraining import card_for
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import Split, split_users
from fedxr.learning.shipped import CHECKPOINT
from fedxr.scenarios.devices import device_named, devices_for
from fedxr.scenarios.personas import PRETRAINING, for_pretraining, persona_of
from fedxr.scenarios.recorded.formats.folder.example import write_example
from fedxr.scenarios.simulated import simulate
from fedxr.scenarios.users import DataError, User
from fedxr.virtual.headsets import simulated_actor, simulated_cast
from fedxr.virtual.streaming import VirtualHeadset
from fedxr.virtual.timeline import PersonaVoice

SEEDS = (0, 1, 7, PRETRAINING - 1)
KNOWN = {name for people in card_of(CHECKPOINT).people.values() for name in people}
"""Whom the shipped checkpoint has learned from, as ``<population>/<name>``."""


def names(actors: Iterable[VirtualHeadset]) -> set[str]:
    found = set()
    for actor in actors:
        assert isinstance(actor.voice, PersonaVoice)
        persona = actor.voice.persona
        assert persona.name == actor.user.name
        found.add(f"{persona.seed}/{persona.name}")
    return found


def test_the_shipped_checkpoint_names_whom_it_has_learned_from() -> None:
    """16 people of each use case, of a population that is for pretraining alone."""
    people = card_of(CHECKPOINT).people
    assert set(people) == set(USE_CASES)
    assert {len(some) for some in people.values()} == {16}
    assert {name.split("/")[0] for name in KNOWN} == {str(for_pretraining(0))}


@pytest.mark.parametrize("seed", SEEDS)
def test_whom_a_demo_and_a_stream_show_is_none_of_them(seed: int) -> None:
    shown = names(simulated_cast(8, 12.0, seed))
    for case in USE_CASES:
        for user in ("0", "15"):
            config = Stream(scenario=case, user=user, seconds=12.0, seed=seed)  # type: ignore[arg-type]
            shown |= names([actor_of(config, None)])
    assert len(shown) == 9  # 0 to 7 of the demo, and 15
    assert not shown & KNOWN


def test_nobody_of_the_tests_casts_is_one_of_them() -> None:
    assert not names(live_rig.cast_of(seconds=8.0)) & KNOWN


def gathered(
    monkeypatch: pytest.MonkeyPatch, config: RunConfig
) -> tuple[list[Split], dict[int, set[str]]]:
    """The splits of ``config`` with two episodes each, and the names by population."""
    by_population: dict[int, set[str]] = {}

    def short(case: str, device: object, population: int, index: int) -> User:
        user = simulate(case, device, population, index, 2)  # type: ignore[arg-type]
        by_population.setdefault(population, set()).add(f"{population}/{user.name}")
        return user

    monkeypatch.setattr(gathering, "simulate", short)
    return gather(config, None, lambda _: None), by_population


@pytest.mark.parametrize("seed", SEEDS)
def test_whom_a_federation_is_tested_on_is_none_whom_any_checkpoint_has_learned_from(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    config = RunConfig(scenario="storytelling", headsets=2, seed=seed)
    (split,), found = gathered(monkeypatch, config)
    assert set(found) == {seed, for_pretraining(seed)}
    card = card_for([split], config)
    assert set(card.people["storytelling"]) == found[for_pretraining(seed)]
    assert len(found[seed]) == len(split.federation) + len(split.unseen)
    assert not found[seed] & (KNOWN | set(card.people["storytelling"]))
    assert not {u.name for u in split.federation} & {u.name for u in split.unseen}


def refuse(shown: Callable[[], object]) -> None:
    allowed = rf"seed {PRETRAINING}; allowed are 0 to {PRETRAINING - 1}: .* pretrained on"
    with pytest.raises(ValueError, match=allowed):
        shown()


def test_populations_that_are_pretrained_on_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    refuse(lambda: for_pretraining(PRETRAINING))
    refuse(lambda: simulated_actor(device_named("quest-3"), PRETRAINING, 0, 8.0))
    refuse(lambda: simulated_cast(8, 8.0, PRETRAINING))
    refuse(lambda: actor_of(Stream(seed=PRETRAINING), None))
    refuse(lambda: gather(RunConfig(seed=PRETRAINING), None, lambda _: None))
    with pytest.raises(ValueError, match="seed -1; allowed are 0 to"):
        simulated_actor(device_named("quest-3"), -1, 0, 8.0)
    for words in (
        ["demo", "--no-open", "--port", "0", "--seconds", "2"],
        ["stream", "--url", "ws://127.0.0.1:1"],
        ["federate", "--headsets", "1", "--out", str(tmp_path / "federate")],
        ["pretrain", "--headsets", "1", "--out", str(tmp_path / "brain")],
    ):
        assert cli.main([*words, "--seed", str(PRETRAINING)]) == 2, words
        assert "pretrained on" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_two_populations_are_other_people() -> None:
    """Whose seed differs by what sets pretraining apart: the same numbers, nobody alike."""
    mine, theirs = (persona_of(seed, 0) for seed in (0, for_pretraining(0)))
    assert mine.name == theirs.name
    assert mine.height_m != theirs.height_m
    device = devices_for("companion")[0]
    one, two = (simulate("companion", device, p.seed, 0, 2) for p in (mine, theirs))
    for channel, samples in one.episodes[0].samples.items():
        other = two.episodes[0].samples[channel]
        assert samples.values.shape != other.values.shape or (samples.values != other.values).any()


def _recorded(n: int) -> list[User]:
    return [User("har", f"u{i}", "companion", (), ("doing",), ()) for i in range(n)]


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_recorded_people_whom_a_checkpoint_has_learned_from_are_none_of_the_others(
    seed: int,
) -> None:
    second = [User("har", "u0@second", "companion", (), ("doing",), ())]
    split = split_users("har", _recorded(20), seed, 12, second)
    card = card_for([split], RunConfig(source="recorded", seed=seed))
    others = {f"{u.source}/{u.name}" for u in (*split.federation, *split.unseen)}
    known = set(card.people["har"])
    assert len(known) == len(split.pretraining) == 8
    assert len(others) == 8 + 4 + 1
    assert not known & others


def test_a_kept_checkpoint_that_has_learned_from_who_would_be_shown_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The checkpoint of recorded people is made once and kept. It was made of 20 people; with one
    more in the folder, others are drawn: some of those it has learned from would be tested."""
    monkeypatch.chdir(tmp_path)
    before, now = (split_users("har", _recorded(n), 0, 12) for n in (20, 21))
    (actor,) = live_rig.cast_of(("voice-glasses",), 8.0)
    kept = tmp_path / "runs" / "recorded-har-0.safetensors"
    card = card_for([before], RunConfig(source="recorded"))
    save_checkpoint(live_rig.checkpoint_of([actor]), kept, card)
    said = Console(file=io.StringIO())
    monkeypatch.setattr(pretraining, "gather", lambda *_: [before])
    _, others = pretraining.recorded_checkpoint(None, said)
    assert {u.name for u in others["har"]} == {u.name for u in (*before.federation, *before.unseen)}
    monkeypatch.setattr(pretraining, "gather", lambda *_: [now])
    with pytest.raises(DataError, match=r"recorded-har-0\.safetensors: has learned from har/u\d+ "):
        pretraining.recorded_checkpoint(None, said)


def test_a_checkpoint_of_ones_own_set_is_kept_for_what_is_in_it(tmp_path: Path) -> None:
    """Two sets from `fedxr data new` have one name and the same people."""
    write_example(tmp_path)
    before = TASKS.snapshot()

    def called() -> str:
        return pretraining._called(
            gather(RunConfig(source="recorded"), tmp_path, lambda _: None)[0]
        )

    try:
        first = called()
        assert first == called()
        assert first.startswith("workbench-")
        told = tmp_path / "set.toml"
        told.write_text(told.read_text().replace('"g, deg/s"', '"m/s2, deg/s"'))
        assert called() not in (first, "workbench")
    finally:
        TASKS.restore(before)
