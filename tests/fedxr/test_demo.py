"""The demo from end to end on a tiny made checkpoint; scripts and casts."""

from __future__ import annotations

import asyncio
from io import StringIO
from pathlib import Path

import live_rig
import numpy as np
import pytest
from rich.console import Console

from fedxr.agent.inputs.tokens import tick_of
from fedxr.bridge.channels import TICK_US
from fedxr.cli.compared import REPLAYED, Replay, comparisons, outcomes, replays, rows
from fedxr.cli.demo import Demo, demo
from fedxr.cli.demo_result import gathered
from fedxr.dashboard.judged import Judged, Question, questions
from fedxr.evaluation.result import Result, read_result
from fedxr.federation import AGGREGATIONS, AggregationRule
from fedxr.learning.feedback import Given
from fedxr.scenarios.personas import persona_of
from fedxr.scenarios.users import User
from fedxr.virtual.headsets import recorded_cast, simulated_cast
from fedxr.virtual.timeline import PersonaVoice, beats


def test_a_script_plays_episodes_gapless_and_feedback_late() -> None:
    """Every sample and question of the first 6 s once; feedback after its question, none twice."""
    (actor,) = live_rig.cast_of(("voice-glasses",), 6.0)
    script = list(beats(actor.user, actor.voice, 6.0))
    assert len(script) == round(6e6 / TICK_US)
    first, second = actor.user.episodes[:2]
    ticks = round(first.seconds * 1e6 / TICK_US)
    played = np.concatenate([b.samples["wrist"].t_us for b in script if b.episode == 0])
    np.testing.assert_array_equal(played, first.samples["wrist"].between(0, ticks * TICK_US).t_us)
    asked = [(b.episode, q.task, q.t_us) for b in script for q in b.asked]
    wanted = [(0, q.task, q.t_us) for q in first.queries]
    wanted += [(1, q.task, q.t_us) for q in second.queries if ticks + tick_of(q.t_us) < len(script)]
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


def judged(
    task: str, tick: int, truth: int, given: Given | None, headset: str = "ann", at: float = 1.0
) -> Judged:
    return Judged(Question(headset, task, 0, tick, at, truth), given)


def test_arms_are_compared_on_the_same_questions() -> None:
    """Live was asked three of four questions and did not answer one; the state is each run's own:
    live had learned label 3 a tick later than the replay."""
    live = [
        judged("doing", 1, 2, Given(best=2, generic=9, newest=None)),
        judged("doing", 2, 3, Given(best=2, generic=2, newest=2)),
        judged("doing", 3, 3, None),
    ]
    replayed = [
        judged("doing", 1, 2, Given(best=1, generic=1, newest=None)),
        judged("doing", 2, 3, Given(best=3, generic=2, newest=3)),
        judged("doing", 3, 3, Given(best=3, generic=3, newest=3)),
        judged("doing", 4, 0, Given(best=0, generic=0, newest=3)),  # live was not asked
    ]
    arms = outcomes(live, {"local": replayed})
    assert {arm: [o.right for o in some] for arm, some in arms.items()} == {
        "generic": [False, False, True],
        "last_label": [False, True, True],  # before a label: as generic
        "local": [False, True, True],
        "live": [True, False, False],
    }
    assert [o.state for o in arms["local"]] == ["", "as last told", "as last told"]
    assert [o.state for o in arms["live"]] == ["", "changed", ""]
    assert [o.generic for o in arms["live"]] == [False, False, True]  # as replayed
    alone = outcomes(live, {})
    assert [o.right for o in alone["generic"]] == [False, False, False]


def test_a_comparison_pools_over_tasks_then_users() -> None:
    """ann: doing 1 of 1 late, mood 1 of 2; ben: doing 0 of 1. The early question is in the whole
    run alone."""
    ok, no = Given(1, 0, 1), Given(0, 1, 0)
    live = [
        judged("doing", 1, 1, no, at=1.0),
        judged("doing", 2, 1, ok, at=6.0),
        judged("mood", 3, 1, ok, at=6.0),
        judged("mood", 4, 1, no, at=7.0),
        judged("doing", 2, 1, no, "ben", at=6.0),
    ]
    arms = outcomes(live, {})
    found = {(c.window, c.state): c.arms for c in comparisons(arms, lived=10.0)}
    late = found["second half", "all"]["live"]
    assert late.mean == pytest.approx(((1 / 1 + 1 / 2) / 2 + 0) / 2)
    assert (late.questions, late.users) == (4, 2)
    assert late.gain is not None
    assert late.gain.mean == pytest.approx(((1 + (1 - 1) / 2) / 2 - 1) / 2)
    assert found["whole run", "all"]["live"].mean == pytest.approx(((1 / 2 + 1 / 2) / 2 + 0) / 2)
    assert found["second half", "as last told"]["last_label"].mean == 1.0
    assert found["second half", "changed"]["last_label"].mean == 0.0
    (doing, mood) = rows(arms)
    assert (doing.name, doing.test_windows, doing.users) == ("doing", 3, 2)
    assert mood.arms["live"].mean == 0.5


def test_two_replays_at_once_are_as_one_alone() -> None:
    cast = live_rig.cast_of(("quest-3",), 4.0)
    replay = Replay(live_rig.checkpoint_of(cast), cast, 4.0, 2.0, seed=3)
    names = ("local", "semi-decentralized")
    found = dict(replays(replay, names))
    assert list(found) == list(names)
    assert found["local"].judged == replay("local")[1].judged
    assert found["local"].judged == found["semi-decentralized"].judged  # one alone does not meet
    asked = {q.key for q in questions(cast[0], 4.0)}
    assert {j.question.key for j in found["local"].judged} == asked


def test_a_replay_takes_the_mean_where_the_rule_of_the_demo_cannot_act() -> None:
    before = AGGREGATIONS.snapshot()
    try:
        rule = AggregationRule("last", "", frozenset({"head"}), lambda values, weights: values[-1])
        AGGREGATIONS.add(rule)
        replay = Replay(None, (), 4.0, 2.0, seed=3, aggregation="last")  # type: ignore[arg-type]
        used = {name: replay.rule(name).round.aggregation for name in REPLAYED}
        assert used == {
            "local": "mean",
            "semi-decentralized": "last",
            "centralized": "last",
            "decentralized": "mean",
        }
        assert Demo(aggregation="last").learning().round.aggregation == "last"
    finally:
        AGGREGATIONS.restore(before)


def lived(folder: Path, seconds: float) -> tuple[Result, set[str], str]:
    """A demo's result, the tasks of its cast, and what it printed."""
    cast = simulated_cast(4, seconds, seed=3)
    checkpoint = live_rig.checkpoint_of(cast)
    config = Demo(headsets=4, seconds=seconds, port=0, round_s=2.0, out=folder, open=False,
                  compare=("local", "centralized"))  # fmt: skip
    out = StringIO()
    found = asyncio.run(demo(config, checkpoint, cast, Console(file=out, width=80)))
    return found, {t for a in cast for t in a.user.tasks}, out.getvalue()


def test_demo_from_end_to_end(tmp_path: Path) -> None:
    for seconds in (6.0, 20.0, 60.0):  # a busy machine gets through less in the same time
        folder = tmp_path / f"{seconds:g}"
        found, tasks, said = lived(folder, seconds)
        if found.traffic.d2d and found.labels and all(row.replies > 20 for row in found.latency):
            break
    assert read_result(folder / "result.json") == found
    assert "<html" in (folder / "report.html").read_text()
    assert {row.task for row in found.latency} == tasks
    assert all(row.replies > 20 for row in found.latency)
    assert found.rounds
    assert found.traffic.d2d > 0
    assert found.traffic.up > 0
    assert not found.interrupted
    assert max(map(len, said.splitlines())) <= 80
    assert "not replayed: semi-decentralized, decentralized" in " ".join(said.split())
    whole = found.compared[0].arms
    assert list(whole) == ["generic", "last_label", "local", "centralized", "live"]
    counts = {score.questions for score in whole.values()}
    assert counts == {sum(row.test_windows for row in found.rows)}
    for arms in (whole, *(row.arms for row in found.rows)):
        assert all(s.low <= s.mean <= s.high for s in arms.values())  # type: ignore[operator]
    for one in found.compared:
        if one.state != "all" and "last_label" in one.arms:
            assert one.arms["last_label"].mean == (one.state == "as last told")
    assert found.labels is not None
    assert found.labels.count > 0
    assert found.labels.p50_s <= found.labels.p95_s <= found.labels.max_s
    assert all(point.questions for points in found.curves.values() for point in points)
    assert "device to device" in said
    assert not [note for note in found.notes if "ended" in note]


def test_notices_that_differ_in_numbers_are_told_once() -> None:
    told = ["dropped: late 7", "absent: head", "dropped: late 9", "dropped: lost 1"]
    assert gathered(told) == [
        "dropped: late 7 (and 1 more like it)",
        "absent: head",
        "dropped: lost 1",
    ]
