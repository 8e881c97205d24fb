from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fedxr.agent.tasks import TASKS, USE_CASES
from fedxr.bridge.channels import Channel, ChannelError, layout_of
from fedxr.scenarios.devices import DEVICES, device_named, devices_for
from fedxr.scenarios.personas import persona_of, stream
from fedxr.scenarios.simulated import demo_users, simulate
from fedxr.scenarios.users import User
from fedxr.scenarios.worlds import WORLDS
from fedxr.scenarios.worlds.base import Course, Moment, paths


@pytest.fixture(scope="module")
def users() -> dict[str, User]:
    return {d.name: simulate(d.use_case, d, seed=3, index=0, episodes=24) for d in DEVICES.values()}


@pytest.mark.parametrize("device", DEVICES)
def test_every_channel_records_samples_of_its_layout_within_the_episode(
    device: str, users: dict[str, User]
) -> None:
    user = users[device]
    for episode in user.episodes:
        assert set(episode.samples) == {channel.name for channel in user.channels}
        for channel in user.channels:
            seen = episode.samples[channel.name]
            layout = layout_of(channel.layout)
            layout.check(seen.values.shape[1:])
            assert seen.values.dtype == layout.dtype
            assert np.isfinite(seen.values.astype(float)).all()
            assert seen.t_us[0] >= 0
            assert seen.t_us[-1] < episode.seconds * 1e6
            assert (np.diff(seen.t_us) > 0).all()
            # at most one second of at least four is ever lost
            assert len(seen) >= 0.7 * channel.rate_hz * episode.seconds


@pytest.mark.parametrize("device", DEVICES)
def test_queries_lie_within_the_episode_and_every_label_occurs_in_both_halves(
    device: str, users: dict[str, User]
) -> None:
    user = users[device]
    assert user.tasks
    for task in user.tasks:
        assert TASKS[task].use_case == user.use_case
        assert set(TASKS[task].modalities) & {channel.modality for channel in user.channels}
        for half in (True, False):
            labels = {
                query.label
                for episode in user.episodes
                if episode.adapt is half
                for query in episode.queries
                if query.task == task
            }
            assert labels == set(range(len(TASKS[task].classes)))
    for episode in user.episodes:
        times = [query.t_us for query in episode.queries]
        assert times == sorted(times)
        assert all(0 < t <= episode.seconds * 1e6 for t in times)


def test_time_runs_forward_from_the_half_to_adapt_to_the_half_to_test(
    users: dict[str, User],
) -> None:
    assert [episode.adapt for episode in users["quest-3"].episodes] == [True] * 12 + [False] * 12


def _same(a: User, b: User, channel: str, episodes: int) -> bool:
    return all(
        np.array_equal(x.samples[channel].values, y.samples[channel].values)
        and np.array_equal(x.samples[channel].t_us, y.samples[channel].t_us)
        for x, y in zip(a.episodes[:episodes], b.episodes[:episodes], strict=True)
    )


@pytest.mark.parametrize("use_case", USE_CASES)
def test_same_seed_and_index_give_the_same_samples_whatever_else_is_simulated(
    use_case: str,
) -> None:
    device = devices_for(use_case)[0]
    alone = simulate(use_case, device, seed=7, index=2, episodes=4)
    for index in (5, 0, 1):
        other = simulate(use_case, device, seed=7, index=index, episodes=2)
    again = simulate(use_case, device, seed=7, index=2, episodes=4)
    longer = simulate(use_case, device, seed=7, index=2, episodes=6)
    for channel in device.channels:
        assert _same(alone, again, channel.name, 4)
        assert _same(alone, longer, channel.name, 4)
        assert not _same(alone, other, channel.name, 2)
    assert [e.queries for e in alone.episodes] == [e.queries for e in again.episodes]


def test_a_channel_that_two_devices_share_records_the_same_on_both(
    users: dict[str, User],
) -> None:
    assert _same(users["neuro-band"], users["vision-pro-band"], "eeg", 24)
    assert _same(users["quest-3"], users["vision-pro-band"], "hand", 24)


def test_demo_has_two_headsets_per_use_case_with_different_channels() -> None:
    demo = demo_users(seed=1)
    assert [use_case for use_case, _, _ in demo] == [u for u in USE_CASES for _ in (0, 1)]
    assert len({device.channels for _, device, _ in demo}) == 8
    assert len({persona.index for _, _, persona in demo}) == 8
    asked = {task for _, device, _ in demo for task in device.tasks}
    assert asked == {course.task for world in WORLDS.values() for course in world.courses}


def test_hand_bones_keep_their_length_and_orientations_are_unit(users: dict[str, User]) -> None:
    hand = users["quest-3"].episodes[0].samples["hand"].values.astype(float)
    # index finger: metacarpal to proximal joint, 55 mm times the hand's scale
    bone = np.linalg.norm(hand[:, 6, :3] - hand[:, 5, :3], axis=1)
    assert abs(bone.mean() - 0.055 * persona_of(3, 0).hand_scale) < 0.001
    assert bone.std() < 0.004  # tracking noise of 1.2 mm per coordinate
    assert np.allclose(np.linalg.norm(hand[..., 3:], axis=-1), 1.0, atol=1e-5)


def test_a_resting_watch_feels_gravity() -> None:
    user = simulate("companion", "voice-glasses", seed=3, index=1, episodes=20)
    sitting = [e for e in user.episodes if {q.label for q in e.queries if q.task == "doing"} == {0}]
    assert sitting
    for episode in sitting:
        force = np.linalg.norm(episode.samples["wrist"].values[:100, :3].astype(float), axis=1)
        assert abs(np.median(force) - 9.81) < 0.6


def test_the_flicker_that_is_looked_at_stands_out_in_the_eeg() -> None:
    user = simulate("neuroadaptive", "neuro-band", seed=3, index=4, episodes=40)
    swapped = persona_of(3, 4).habit("buttons exchanged", 0.45)
    line = {1: 13.0, 2: 21.0 if swapped else 17.0, 3: 17.0 if swapped else 21.0}
    strength: dict[bool, list[float]] = {True: [], False: []}
    for episode in user.episodes:
        for query in [q for q in episode.queries if q.task == "intent" and q.label > 0]:
            seen = episode.samples["eeg"].between(query.t_us - 3_500_000, query.t_us)
            t = seen.t_us / 1e6
            x = seen.values[:, 0].astype(float) / seen.values[:, 0].std()
            for label, hz in line.items():
                power = abs((x * np.exp(-2j * np.pi * hz * t)).mean())
                strength[label == query.label].append(float(power))
    assert np.mean(strength[True]) > 2 * np.mean(strength[False])


def test_sensors_lose_stretches_now_and_then() -> None:
    lost = [
        len(episode.samples["wrist"]) < 400
        for index in range(8)
        for episode in simulate("companion", "quest-3-watch", 11, index, episodes=20).episodes
    ]
    assert 0.02 < np.mean(lost) < 0.15  # dropout is drawn from 2 to 12 % per channel and episode


def test_a_quick_path_holds_each_state_long_enough_and_never_repeats_it() -> None:
    course = Course("intent", 4, 2.0, 1.0, needs=(("hands",),), held_s=1.5, quick=True)
    for path in paths(course, persona_of(1, 0), stream(1, "test"), episodes=50, seconds=12.0):
        assert all(a != b for a, b in pairwise(path.states))
        assert all(end - start >= 1.5 for start, end, _ in path.spans(12.0))
        assert path.at(0.0) == path.states[0]
        assert path.over(np.array([0.0, 11.9])).tolist() == [path.states[0], path.states[-1]]


def test_drift_grows_with_time_and_its_direction_is_the_persons_own() -> None:
    def drift(index: int, elapsed_s: float) -> float:
        return Moment(persona_of(3, index), "overlays", 0, elapsed_s, 8.0, {}).drift("light")

    for index in range(10):
        early, middle, late = (abs(drift(index, s)) for s in (0.0, 120.0, 300.0))
        assert early == 0.0
        assert middle == pytest.approx(persona_of(3, index).drift * np.tanh(1.0))
        assert middle < late <= persona_of(3, index).drift
    assert {drift(index, 120.0) > 0 for index in range(10)} == {True, False}


def test_feedback_is_repeatable_and_wrong_as_often_as_the_persona_says() -> None:
    wrong, asked, due = 0, 0, 0.0
    for index in range(20):
        persona = persona_of(2, index)
        for n in range(50):
            label, delay_us = persona.feedback(1, 4, f"q{n}")
            assert (label, delay_us) == persona.feedback(1, 4, f"q{n}")
            assert 0 <= label < 4
            assert delay_us > 0
            wrong += label != 1
            asked += 1
            due += persona.label_noise
    # binomial: 1000 questions at about 4 % give a standard deviation of 0.6 points
    assert abs(wrong / asked - due / asked) < 0.025


def test_errors_say_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"unknown use case 'cooking'; known are overlays"):
        simulate("cooking", "quest-3", 1, 0)
    with pytest.raises(ValueError, match=r"device 'quest-3' is for 'neuroadaptive'; 'overlays'"):
        simulate("overlays", "quest-3", 1, 0)
    with pytest.raises(ValueError, match=r"unknown device 'toaster'; known are hololens-2"):
        device_named("toaster")
    with pytest.raises(ValueError, match="take 2 or more"):
        simulate("overlays", "hololens-2", 1, 0, episodes=1)
    with pytest.raises(ValueError, match="must be 0 or more"):
        persona_of(-1, 0)
    device = device_named("quest-3")
    moment_channel = Channel("depth", "depth/map", 5.0)
    odd = type(device)(**{**vars(device), "channels": (moment_channel,)})
    with pytest.raises(ChannelError, match="layout depth/map has no sensor in the world"):
        simulate("neuroadaptive", odd, 1, 0, episodes=2)
