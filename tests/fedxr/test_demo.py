"""The demo from end to end on a tiny made brain; scripts and casts."""

from __future__ import annotations

import asyncio
from io import StringIO
from pathlib import Path

import live_rig
import numpy as np
import pytest
from rich.console import Console

from agent.tokens import tick_of
from bridge.channels import TICK_US
from evaluation.result import Result, read_result
from fedxr.cast import recorded_cast, simulated_cast
from fedxr.demo import Demo, demo, quality, right
from fedxr.script import PersonaVoice, beats
from fedxr.told import Score
from scenarios.personas import persona_of
from scenarios.users import User


def test_a_script_plays_episodes_gapless_and_feedback_late() -> None:
    """Every sample and question of the first 6 s once; feedback after its question, none twice."""
    (actor,) = live_rig.cast_of(("voice-glasses",), 6.0)
    script = list(beats(actor.user, actor.voice, 6.0))
    assert len(script) == round(6e6 / TICK_US)
    first, second = actor.user.episodes[:2]
    ticks = round(first.seconds * 1e6 / TICK_US)
    played = np.concatenate([b.samples["wrist"].t_us for b in script if b.episode == 0])
    np.testing.assert_array_equal(
        played, first.samples["wrist"].between(0, ticks * TICK_US).t_us
    )
    asked = [(b.episode, q.task, q.t_us) for b in script for q in b.asked]
    wanted = [(0, q.task, q.t_us) for q in first.queries]
    wanted += [
        (1, q.task, q.t_us) for q in second.queries if ticks + tick_of(q.t_us) < len(script)
    ]
    assert asked == wanted
    said = [(n, s) for n, b in enumerate(script) for s in b.said]
    assert len({(s.task, s.episode, s.t_us) for _, s in said}) == len(said) > 0
    for n, s in said:
        assert n > s.episode * ticks + tick_of(s.t_us)


def test_a_persona_gives_the_same_feedback_each_time() -> None:
    (actor,) = live_rig.cast_of(("quest-3",), 8.0)
    episode = actor.user.episodes[0]
    voices = [PersonaVoice(persona_of(3, 0)) for _ in range(2)]
    answers = [[v(episode.key, q) for q in episode.queries] for v in voices]
    assert answers[0] == answers[1]


def test_a_recorded_cast_takes_use_cases_in_turn() -> None:
    def people(source: str, use_case: str, n: int) -> list[User]:
        return [User(source, f"p{i}", use_case, (), (), ()) for i in range(n)]

    users = {
        "speech": people("speech", "overlays", 3),
        "pictures": people("pictures", "overlays", 3),
        "gaze": people("gaze", "storytelling", 1),
    }
    cast = recorded_cast(users, 5, seed=0)
    assert [a.user.source for a in cast] == ["pictures", "gaze", "speech", "pictures", "speech"]
    assert len({a.name for a in cast}) == 5
    with pytest.raises(ValueError, match="7 recorded people for 8 headsets"):
        recorded_cast(users, 8, seed=0)


def test_quality_counts_the_late_half_against_the_truth() -> None:
    """Two users: u1 right before and wrong after; u2 the other way round on one of two."""
    truth = {("u1", "doing", 0, 9): (2, 6.0), ("u1", "doing", 0, 3): (1, 1.0),
             ("u2", "doing", 0, 9): (1, 6.0), ("u2", "doing", 1, 9): (0, 9.0)}  # fmt: skip
    scores = [
        Score("u1", "doing", 0, 9, label=0, answered=3, generic=2),
        Score("u1", "doing", 0, 3, label=1, answered=1, generic=1),  # too early
        Score("u2", "doing", 0, 9, label=1, answered=1, generic=0),
        Score("u2", "doing", 1, 9, label=0, answered=4, generic=4),
    ]
    assert quality(right(scores, truth, 5.0)) == {"doing": (0.5, 0.25, 3)}


def lived(folder: Path, seconds: float) -> tuple[Result, set[str], str]:
    """A demo's result, the tasks of its cast, and what it printed."""
    cast = simulated_cast(4, seconds, seed=3)
    brain = live_rig.brain_of(cast)
    config = Demo(headsets=4, seconds=seconds, port=0, round_s=2.0, out=folder, open=False)
    out = StringIO()
    found = asyncio.run(demo(config, brain, cast, Console(file=out, width=160)))
    return found, {t for a in cast for t in a.user.tasks}, out.getvalue()


def test_demo_from_end_to_end(tmp_path: Path) -> None:
    for seconds in (6.0, 20.0, 60.0):  # a busy machine gets through less in the same time
        folder = tmp_path / f"{seconds:g}"
        found, tasks, said = lived(folder, seconds)
        if found.traffic.d2d and all(row.replies > 20 for row in found.latency):
            break
    assert read_result(folder / "result.json") == found
    assert "<html" in (folder / "report.html").read_text()
    assert {row.task for row in found.latency} == tasks
    assert all(row.replies > 20 for row in found.latency)
    assert found.rounds
    assert found.traffic.d2d > 0
    assert found.traffic.up > 0
    assert not found.interrupted
    assert "centralized" in said
    assert "MB device to device" in said
    assert not [note for note in found.notes if "ended" in note]
