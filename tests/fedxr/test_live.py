"""The live path over real websockets: equal to lockstep, whoever comes or goes."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import live_rig
import numpy as np
import pytest
import torch
from torch import Tensor

from fedxr.agent.adaptation.own_sums import OwnSums
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import TICK_US, Channel
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import BridgeError, Notice
from fedxr.learning.agents import Agents
from fedxr.live.lockstep import lockstep
from fedxr.virtual.headsets import profile_of_actor
from fedxr.virtual.streaming import Player, VirtualHeadset, open_player
from fedxr.virtual.timeline import beats

START = 10**15
SECONDS = 8.0
ROUND = 150
LEARN = 30


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=SECONDS)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


async def until(what: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, f"still waiting after {seconds} s"
        await asyncio.sleep(0.002)


async def beat_together(rig: live_rig.Rig, players: list[Player], n: int, rows: list) -> None:
    """Every player's frame of beat ``n`` arrives, then all are answered in one pass."""
    for player, beat in zip(players, rows, strict=True):
        await player.beat(beat, START + n * TICK_US)
    sent = {p.played.name: p.client._seq for p in players}

    def arrived() -> bool:
        seqs = {h.session.user: h.session.last_seq for h in rig.live._here.values()}
        return all(seqs.get(name.split("/")[0]) == seq for name, seq in sent.items())

    await until(arrived)
    await rig.live.tick_once()
    await rig.live.tell_once()


Heard = dict[tuple[str, int, str], np.ndarray]
"""(headset, capture time, task) -> probabilities"""


async def live_answers(
    rig: live_rig.Rig, cast: list[VirtualHeadset]
) -> tuple[Heard, list[dict], Tensor]:
    """All answers, the crowd's sums and theta after ``SECONDS`` over websockets in lockstep."""
    heard: Heard = {}

    async def listen(player: Player) -> None:
        async for message in player.client:
            for task, answer in getattr(message, "answers", {}).items():
                heard[player.played.name, message.capture_us, task] = answer.probabilities

    players = [await open_player(rig.server.url, actor) for actor in cast]
    listening = [asyncio.create_task(listen(p)) for p in players]
    scripts = [list(beats(a.user, a.voice, SECONDS)) for a in cast]
    for n, rows in enumerate(zip(*scripts, strict=True), 1):
        await beat_together(rig, players, n, list(rows))
        if n % LEARN == 0:
            await rig.live.learn_once()
            await rig.personalise()
        if n % ROUND == 0:
            await rig.meet()
    cohort = rig.live.agents.learner.cohort
    assert bool((cohort.adam.steps > 0).any()), "somebody must have taken personal steps"
    federated = [dict(s.federated) for s in cohort.headsets]
    theta = cohort.stack.theta.clone()
    for player in players:
        await player.client.close()
    await asyncio.gather(*listening)
    return heard, federated, theta


def lockstep_answers(agents: Agents, cast: list[VirtualHeadset]) -> Heard:
    """All answers in lockstep, noted as they are given."""
    told: Heard = {}
    tick, capture_us = agents.tick, START

    def keep(due: dict[int, int]) -> dict[int, dict[str, np.ndarray]]:
        nonlocal capture_us
        capture_us += TICK_US
        out = tick(due)
        for row, answers in out.items():
            for task, p in answers.items():
                told[agents.seated[row].identity.name, capture_us, task] = p
        return out

    agents.tick = keep  # type: ignore[method-assign]
    script = [(profile_of_actor(a, a.user.tasks), beats(a.user, a.voice, SECONDS)) for a in cast]
    lockstep(agents, script, learn=LEARN, round_=ROUND, every_tick=True)
    return told


async def test_live_equals_lockstep(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """Beat by beat: the same answers to every tick (1e-5) and the same adapters after a round."""
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        heard, federated, theta = await live_answers(rig, cast)
    agents = live_rig.agents_of(checkpoint)
    told = lockstep_answers(agents, cast)
    assert heard.keys() == told.keys()
    assert len(heard) > 3 * 200
    for key, p in heard.items():
        np.testing.assert_allclose(p, told[key], atol=1e-5, err_msg=str(key))
    cohort = agents.learner.cohort
    torch.testing.assert_close(cohort.stack.theta, theta, atol=1e-6, rtol=1e-5)
    assert bool((theta != cohort.stack.start(1)).any(1).all()), "all must have learned"
    for mine, theirs in zip(federated, (s.federated for s in cohort.headsets), strict=True):
        assert mine.keys() == theirs.keys()
        for task, sums in mine.items():
            torch.testing.assert_close(sums.sums.b, theirs[task].sums.b, atol=1e-4, rtol=1e-5)


async def test_a_headset_that_is_killed_costs_the_others_nothing(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        players = [await open_player(rig.server.url, actor) for actor in cast]
        scripts = [list(beats(a.user, a.voice, 2.0)) for a in cast]
        for n in range(1, 31):
            await beat_together(rig, players, n, [s[n - 1] for s in scripts])
        cohort = rig.live.agents.learner.cohort
        before = cohort.stack.theta[0].clone()
        players[2].client._connection.transport.abort()
        await until(lambda: len(rig.live._here) == 2)
        for n in range(31, 60):
            await beat_together(rig, players[:2], n, [s[n - 1] for s in scripts[:2]])
        assert await rig.meet() is not None
        assert set(rig.live.agents.seated) == {0, 1}
        assert torch.equal(cohort.stack.theta[0], before)  # nobody was told a thing
        replies = [m async for m in _waiting(players[0])]
        assert len(replies) == 59
        json.dumps(rig.live.metrics.state(rig.live.agents), allow_nan=False)
        await players[1].client.close()


async def _waiting(player: Player):
    await player.client.close()
    try:
        async for message in player.client:
            if hasattr(message, "answers"):
                yield message
    except BridgeError:
        return


async def test_what_cannot_be_read_is_refused_with_the_reason(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        wrist, heat = Channel("wrist", "motion/wrist", 100), Channel("heat", "thermal/map", 5)
        headset = await connect(
            rig.server.url, user="u", scenario="companion", channels=[wrist, heat]
        )
        assert set(headset.welcome.channels) == {"wrist"}
        assert "does not read thermal/map" in headset.welcome.refused["heat"]
        assert set(headset.tasks) == {"doing", "mood"}
        await headset.close()
        for channels, tasks, reason in (
            ([heat], ["doing"], r"none can be answered from no channel.*heat: .*thermal/map"),
            ([wrist], ["stress"], r"of the tasks stress none can be answered from motion"),
        ):
            with pytest.raises(BridgeError, match=reason):
                await connect(
                    rig.server.url, user="u", scenario="companion", channels=channels, tasks=tasks
                )


async def test_a_devices_name_is_not_longer_than_a_name(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """It stands in the live page's state, which every watcher gets again and again."""
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        who = {"user": "u", "scenario": "companion", "device": {"model": "x" * 100_000}}
        wrist = Channel("wrist", "motion/wrist", 100)
        async with await connect(rig.server.url, channels=[wrist], **who):
            assert [p.device for p in rig.live.agents.seated.values()] == ["x" * 64]


async def test_an_unknown_scenario_is_answered_and_told(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        wrist = [Channel("wrist", "motion/wrist", 100)]
        known = await connect(rig.server.url, user="a", scenario="companion", channels=wrist)
        odd = await connect(rig.server.url, user="b", scenario="bogus", channels=wrist)
        # A wrist can be asked the tasks of any scenario that look at motion.
        assert set(odd.tasks) >= set(known.tasks)
        told = await anext(odd)
        assert isinstance(told, Notice)
        assert told.code == "unknown-scenario"
        assert told.text == (
            f"scenario 'bogus' is not known; answering tasks {', '.join(odd.tasks)}; "
            "known are overlays, neuroadaptive, companion, storytelling"
        )
        await known.close()
        await odd.close()
        with pytest.raises(StopAsyncIteration):  # nothing was told to who is known
            await anext(known)


async def test_one_user_and_device_has_one_seat(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        first = await open_player(rig.server.url, cast[0])
        again = await open_player(rig.server.url, cast[0])
        assert set(rig.server.sessions) == {again.client.session}
        with pytest.raises(BridgeError, match="the same key has opened another session"):
            async for _ in first.client:
                pass
        assert set(rig.live.agents.seated) == {0}
        await again.client.close()


async def test_bad_times_and_feedback_are_told_and_cost_nothing(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        player = await open_player(rig.server.url, cast[1])
        client = player.client
        await client.send_frame(START + 2**40, {}, 0, START)  # 12 days into its episode
        await client.send_frame(START + 2**40, {}, 1, START + 2**41)  # before its episode
        await client.send_frame(START + 2**41 + 40_000, {}, 2, START + 2**41)
        await client.send_feedback("doing", START, 99, 2)
        await client.send_feedback("doing", START + 2**42, 1, 2)
        await until(lambda: any(h.feedback[1:] for h in rig.live._here.values()))
        assert await asyncio.wait_for(rig.live.tick_once(), 60) == 1
        await rig.live.tell_once()
        codes = []
        async for message in client:
            if isinstance(message, Notice):
                codes.append(message.code)
                if len(codes) == 4:
                    break
        assert codes == ["bad-time", "bad-time", "bad-label", "unknown-moment"]
        labels = rig.live.metrics.labels
        assert (labels.heard, labels.lost, labels.waiting) == (2, 2, 0)
        await client.close()


def _labels(own: OwnSums | None) -> float:
    return float(own.sums.n.sum()) if own else 0.0


async def test_undo_takes_feedback_back(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        player = await open_player(rig.server.url, cast[1])
        script = list(beats(cast[1].user, cast[1].voice, 3.0))
        for n, beat in enumerate(script, 1):
            await beat_together(rig, [player], n, [beat])
        await rig.live.learn_once()
        cohort = rig.live.agents.learner.cohort
        count, told = (
            cohort.headsets[0].replay.count("doing"),
            cohort.headsets[0].personal.get("doing"),
        )
        n0 = _labels(told)
        for kind in ("label", "undo"):
            await player.client.send_feedback("doing", START + 60 * TICK_US, 1, 0, kind)
            await until(lambda: any(h.feedback for h in rig.live._here.values()))
            await rig.live.learn_once()
            wanted = (count + 1, n0 + 1) if kind == "label" else (count, n0)
            got = (
                cohort.headsets[0].replay.count("doing"),
                _labels(cohort.headsets[0].personal.get("doing")),
            )
            assert got == pytest.approx(wanted)
        await player.client.close()


async def test_a_restart_restores_what_was_learned(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    state = tmp_path / "s.db"
    async with live_rig.Rig(checkpoint, state) as rig:
        player = await open_player(rig.server.url, cast[1])
        for n, beat in enumerate(beats(cast[1].user, cast[1].voice, 6.0), 1):
            await beat_together(rig, [player], n, [beat])
        await rig.live.learn_once()
        assert await rig.personalise()
        await rig.meet()
        await rig.live.save_once()
        cohort = rig.live.agents.learner.cohort
        theta, told = cohort.stack.theta[0].clone(), dict(cohort.headsets[0].replay.label_counts)
        await player.client.close()
    async with live_rig.Rig(checkpoint, state) as rig:
        player = await open_player(rig.server.url, cast[0])
        again = await open_player(rig.server.url, cast[1])
        cohort = rig.live.agents.learner.cohort
        assert torch.equal(cohort.stack.theta[1], theta)
        assert cohort.headsets[1].replay.label_counts == told
        assert not cohort.headsets[0].replay.label_counts
        await player.client.close()
        await again.client.close()
