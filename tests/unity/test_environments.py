"""Gymnasium and PettingZoo over simulated users and over a Unity player: the same classes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="needs the extra 'unity': pip install -e .[unity]")
pytest.importorskip("pettingzoo", reason="needs the extra 'unity': pip install -e .[unity]")

from gymnasium.spaces import Box, Dict, MultiDiscrete
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

from fedxr.bridge.unity.turns import Action, Behaviour, PlayerError
from fedxr.scenarios.simulated import simulate
from fedxr.virtual.environments import ParallelPlayerEnv, PlayerEnv, action_space
from fedxr.virtual.player import SimulatedPlayer


@pytest.mark.filterwarnings("ignore:.*A Box observation space")  # poses have no natural bounds
def test_a_simulated_user_is_a_gymnasium_environment() -> None:
    env = PlayerEnv(SimulatedPlayer("quest-3", episodes=2))
    assert set(env.observation_space.spaces) == {"hands/webxr25:hand@30"}
    assert env.observation_space["hands/webxr25:hand@30"].shape == (1, 25, 7)
    assert env.action_space == MultiDiscrete([5])  # intent has 4 classes, and silence
    check_env(env, skip_render_check=True)
    env.close()
    with pytest.raises(PlayerError, match="closed"):
        env.reset(seed=1)


def test_who_knows_the_truth_earns_every_question_and_who_does_not_loses() -> None:
    """The reward of an episode is the number of its questions, or minus that, or nothing."""
    user = simulate("neuroadaptive", "quest-3", 3, 0, 2)
    for number, episode in enumerate(user.episodes):
        asked = {q.t_us // 33_333: q.label for q in episode.queries}
        assert len(asked) == len(episode.queries) > 0
        for says, worth in (
            (lambda k: k + 1, 1),
            (lambda k: (k + 1) % 4 + 1, -1),
            (lambda k: 0, 0),
        ):
            env = PlayerEnv(SimulatedPlayer("quest-3", seed=3, episodes=2))
            env.reset()
            for _ in range(number):  # live through the earlier episodes in silence
                over = False
                while not over:
                    *_, over, _, _ = env.step([0])
                env.reset()
            total, ticks, over = 0.0, 0, False
            while not over:
                _, reward, over, cut, _ = env.step([says(asked.get(ticks, 0))])
                total, ticks = total + reward, ticks + 1
                assert not cut
            assert ticks == round(episode.seconds * 1e6 / 33_333)
            assert total == worth * len(episode.queries)


def test_sensors_show_the_newest_samples_of_each_tick() -> None:
    """Gaze at 60 Hz: two samples a tick; the camera at 1 Hz: its last picture. Worked out from the
    recording, tick by tick."""
    episode = simulate("overlays", "hololens-2", 0, 0, 2).episodes[0]
    gaze, camera = episode.samples["gaze"], episode.samples["camera"]
    player = SimulatedPlayer("hololens-2", seed=0, episodes=2)
    turns = player.reset()
    for tick in range(60):
        end_us = (tick + 1) * 33_333
        seen = turns[-1].observations
        before = gaze.values[gaze.t_us < end_us][-2:]
        if len(before) == 2:
            np.testing.assert_array_equal(seen["gaze/point2:gaze@60"], before)
        picture = camera.values[camera.t_us < end_us][-1]
        np.testing.assert_array_equal(seen["vision/gray:camera@1"][0], picture)
        turns = player.step({})


def test_simulated_users_are_a_pettingzoo_environment() -> None:
    env = ParallelPlayerEnv(SimulatedPlayer("quest-3-watch", agents=2, episodes=2))
    assert env.possible_agents == ["companion/0", "companion/1"]
    parallel_api_test(env, num_cycles=200)
    observations, _ = env.reset(seed=1)
    again, _ = env.reset(seed=1)
    other, _ = env.reset(seed=2)
    head = "motion/head:head@72"
    np.testing.assert_array_equal(observations["companion/0"][head], again["companion/0"][head])
    assert not np.array_equal(observations["companion/0"][head], other["companion/0"][head])
    assert not np.array_equal(observations["companion/0"][head], observations["companion/1"][head])


def test_several_agents_are_too_many_for_gymnasium() -> None:
    with pytest.raises(PlayerError, match="companion/0, companion/1; use ParallelPlayerEnv"):
        PlayerEnv(SimulatedPlayer("quest-3-watch", agents=2))


def test_a_simulated_player_refuses_what_a_unity_player_refuses() -> None:
    player = SimulatedPlayer("quest-3")
    player.reset()
    nothing = np.zeros(0, np.float32)
    with pytest.raises(PlayerError, match=r"choice 5 in branch 0; allowed .* \[0, 1, 2, 3, 4]"):
        player.step({"neuroadaptive/0": Action(nothing, np.array([5], np.int32))})
    with pytest.raises(PlayerError, match="'neuroadaptive/1' has no turn"):
        player.step({"neuroadaptive/1": Action(nothing, np.array([0], np.int32))})
    with pytest.raises(PlayerError, match="takes no actions"):
        action_space(Behaviour("b", (), 0, ()))


def test_a_unity_player_is_a_gymnasium_environment(stand_in) -> None:
    """Hybrid actions, and two episodes of five steps."""
    options = ("--behaviours", "overlays", "--episode", "5", "--layout", "chw")
    env = PlayerEnv(stand_in.launch(*options))
    assert env.action_space == Dict(
        {"discrete": MultiDiscrete([7, 3]), "continuous": Box(-1.0, 1.0, (6,), np.float32)}
    )
    for episode in range(2):
        observation, info = env.reset()
        assert env.observation_space.contains(observation)
        assert [mask.tolist() for mask in info["action_mask"]] == [[1] * 7, [1] * 3]
        for step in range(1, 6):
            action = {"discrete": np.array([step, 1]), "continuous": np.full(6, 0.5)}
            observation, reward, over, cut, _ = env.step(action)
            assert env.observation_space.contains(observation)
            assert reward == step  # the stand-in pays what the first branch says
            assert (over, cut) == (step == 5 and episode == 0, step == 5 and episode == 1)
    env.close()
    assert stand_in.report()["resets"] == 1  # the second episode began by itself


def test_a_unity_player_is_a_pettingzoo_environment(stand_in) -> None:
    """Three agents with episodes of 4, 4 and 7 steps, the third asking at every other step."""
    env = ParallelPlayerEnv(stand_in.launch("--episode", "4"))
    agents = ["overlays/0", "neuroadaptive/0", "neuroadaptive/1"]
    observations, infos = env.reset()
    assert env.agents == agents == list(observations)
    for step in range(1, 8):
        actions = {
            agent: env.action_space(agent).sample()
            if agent == "overlays/0"
            else env.action_space(agent).sample(mask=infos[agent]["action_mask"])
            for agent in env.agents
        }
        observations, _, over, cut, infos = env.step(actions)
        for agent, observation in observations.items():
            assert env.observation_space(agent).contains(observation)
        assert not any(cut.values())
        if step == 4:
            assert {a for a in over if over[a]} == {"overlays/0", "neuroadaptive/0"}
            assert env.agents == ["neuroadaptive/1"]
        if step < 7:
            assert ("waiting" in infos["neuroadaptive/1"]) == (step % 2 == 1)
    assert over == {"neuroadaptive/1": True}
    with pytest.raises(PlayerError, match=r"call reset\(\)"):
        env.step({})
    env.reset()  # the others began anew meanwhile: only a reset of the scene brings them together
    assert env.agents == agents
    env.close()
    assert stand_in.report()["resets"] == 2
