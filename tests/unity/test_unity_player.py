"""`UnityPlayer` against a real process over real gRPC."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import unity_rig
from mlagents_envs import rpc_utils
from mlagents_envs.communicator_objects.observation_pb2 import PNG, ObservationProto
from PIL import Image
from unity_rig import StandIn, expected, sensors

from fedxr.bridge.unity.environment import to_hwc
from fedxr.bridge.unity.player import Launch, UnityPlayer
from fedxr.bridge.unity.turns import Action, PlayerError, PlayerQuitError, Turn


def play(player: UnityPlayer) -> None:
    player.reset()
    for _ in range(5):
        player.step({})


def shows(turn: Turn, episode: int, step: int) -> None:
    """Every sensor of the turn shows what the stand-in put there, to the last bit."""
    index = int(turn.agent.rsplit("/", 1)[1])
    assert list(turn.observations) == list(sensors(turn.behaviour))
    for sensor, got in turn.observations.items():
        wanted = expected(sensor, index, episode, step)
        assert got.dtype == wanted.dtype, sensor
        np.testing.assert_array_equal(got, wanted, err_msg=f"{turn.agent} {sensor}")


@pytest.mark.parametrize(
    "options",
    [
        ("--layout", "hwc"),
        ("--layout", "chw"),
        ("--layout", "hwc", "--uncompressed"),
        ("--layout", "chw", "--uncompressed"),
    ],
    ids=" ".join,
)
def test_both_camera_layouts_show_the_same(stand_in: StandIn, options: tuple[str, ...]) -> None:
    player = stand_in.launch(*options, "--behaviours", "overlays")
    turns = player.reset()
    behaviour = player.behaviours["overlays"]
    assert [(s.name, s.shape, s.dtype) for s in behaviour.sensors] == [
        ("vision/gray", (1, 28, 36), "uint8"),
        ("gaze/point2@60", (2, 2), "float32"),
        ("stamina", (3,), "float32"),
    ]
    assert (behaviour.continuous, behaviour.branches) == (6, (7, 3))
    for step in range(4):
        shows(turns[0], 0, step)
        turns = player.step({})
    player.close()


def test_stacked_pictures_with_channels_first() -> None:
    """Two stacked RGB frames are two PNGs one after the other; channels first only in what is said
    of them. Expected: six channels last, in the order of the frames."""
    frames = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    pngs = []
    for frame in frames:
        png = io.BytesIO()
        Image.fromarray(frame).save(png, "PNG")
        pngs.append(png.getvalue())
    proto = ObservationProto(
        shape=[6, 4, 5],
        dimension_properties=[1, 2, 2],
        compression_type=PNG,
        compressed_data=b"".join(pngs),
        compressed_channel_mapping=range(6),
    )
    to_hwc(proto)
    assert list(proto.shape) == [4, 5, 6]
    got = np.rint(255 * rpc_utils._observation_to_np_array(proto))
    np.testing.assert_array_equal(got, np.concatenate(frames, axis=2))


def test_actions_masks_and_last_turns_of_several_agents(stand_in: StandIn) -> None:
    """Ten steps of everyone, with episodes of 4 (overlays, neuroadaptive/0) and 7 steps."""
    player = stand_in.launch("--episode", "4")
    turns = player.reset()
    assert [t.agent for t in turns] == ["overlays/0", "neuroadaptive/0", "neuroadaptive/1"]
    sent: list[list] = []
    clock = {turn.agent: (0, 0) for turn in turns}
    lengths = {"overlays/0": 4, "neuroadaptive/0": 4, "neuroadaptive/1": 7}
    kinds = set()
    for n in range(10):
        actions = {}
        for turn in turns:
            if turn.over:
                continue
            episode, step = clock[turn.agent]
            shows(turn, episode, step)
            if turn.behaviour == "neuroadaptive":
                # The stand-in forbids 2 in the first branch at every third step.
                assert turn.allowed[0].tolist() == [True, True, step % 3 != 0, True, True]
            first = int(np.flatnonzero(turn.allowed[0])[-1])
            continuous = np.full(6 if turn.behaviour == "overlays" else 0, 0.1 * n, np.float32)
            actions[turn.agent] = Action(continuous, np.array([first, n % 3], np.int32))
            index = int(turn.agent[-1])
            sent.append([turn.behaviour, index, continuous.tolist(), [first, n % 3]])
        turns = player.step(actions)
        for agent, (episode, step) in list(clock.items()):
            if step + 1 < lengths[agent]:
                clock[agent] = (episode, step + 1)
                continue
            last, first_turn = (t for t in turns if t.agent == agent)
            shows(last, episode, step + 1)
            # the stand-in rewards with the first branch's choice and interrupts odd episodes
            assert last.over == ("interrupted" if episode % 2 else "ended")
            assert first_turn.over == ""
            kinds.add(last.over)
            clock[agent] = (episode + 1, 0)
        wanted = {a for a, (_, step) in clock.items() if step % (int(a[-1]) + 1) == 0}
        assert {t.agent for t in turns if not t.over} == wanted
    assert kinds == {"ended", "interrupted"}
    player.close()
    report = stand_in.report()
    done = sorted(map(str, report["actions"]))
    assert done == sorted(map(str, sent))


def test_rewards_come_with_the_next_turn(stand_in: StandIn) -> None:
    player = stand_in.launch("--behaviours", "overlays")
    player.reset()
    turns = player.step({"overlays/0": Action(np.zeros(6, np.float32), np.array([5, 0], np.int32))})
    assert turns[0].reward == 5.0
    player.close()


def test_seed_parameters_and_reset_reach_the_scene(stand_in: StandIn) -> None:
    player = stand_in.launch("--behaviours", "overlays", seed=11)
    player.set_parameters({"overlays/episode_s": 8.0})
    player.reset()
    player.step({})
    assert player.reset(seed=77)[0].agent == "overlays/0"
    with pytest.raises(PlayerError, match="takes 0 to 16777215"):
        player.reset(seed=2**24)
    player.close()
    report = stand_in.report()
    assert report["parameters"] == {"overlays/episode_s": 8.0, "seed": 77.0}
    assert (report["resets"], report["seed"]) == (2, 11)
    assert "-nographics" in report["arguments"]
    player.close()
    with pytest.raises(PlayerError, match="closed; open a new one"):
        player.reset()


def test_an_action_that_does_not_fit_says_what_would(stand_in: StandIn) -> None:
    player = stand_in.launch()
    player.reset()
    right, fits = np.zeros(6, np.float32), np.zeros(2, np.int32)
    for agent, action, said in (
        (
            "overlays/0",
            Action(right[:3], fits),
            r"shape \(3,\) and discrete of \(2,\); it takes 6 and 2",
        ),
        ("overlays/0", Action(right * np.nan, fits), "NaN and infinity are not allowed"),
        ("overlays/0", Action(right, fits + 9), r"choice 9 in branch 0; allowed .* are \[0, 1"),
        ("neuroadaptive/0", Action(right[:0], fits + 2), r"choice 2 in branch 0; .* \[0, 1, 3, 4]"),
        ("overlays/7", Action(right, fits), "has no turn; those that have one: overlays/0"),
    ):
        with pytest.raises(PlayerError, match=said):
            player.step({agent: action})
    assert len(player.step({})) == 2  # nothing was lost: the second of the hands asks later
    player.close()


@pytest.mark.parametrize("when", ["start", "init", "3"])
def test_a_crash_is_told_with_the_log(stand_in: StandIn, when: str) -> None:
    player = stand_in.launch("--end", f"crash:{when}")
    with pytest.raises(PlayerError) as caught:
        play(player)
    text = str(caught.value)
    assert "return code 7" in text
    assert str(stand_in.path) in text
    assert f"stand-in: crash at {when}" in text  # from the player's own log
    player.close()


@pytest.mark.parametrize(("when", "timeout_s"), [("start", 0.5), ("init", 1.0), ("2", 2.0)])
def test_a_hang_is_told_and_the_process_ended(
    stand_in: StandIn, when: str, timeout_s: float
) -> None:
    player = stand_in.launch("--end", f"hang:{when}", timeout_s=timeout_s)
    with pytest.raises(PlayerError, match=f"did not answer within {timeout_s:g} s.*--no-graphics"):
        play(player)
    gone(stand_in)


def gone(stand_in: StandIn) -> None:
    """No process of the stand-in is left, not even as a zombie (looked at where /proc is)."""
    if not Path("/proc").is_dir():
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            assert str(stand_in.folder).encode() not in line, line


def test_a_wait_can_be_ended_from_another_thread(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fedxr.bridge.unity.player.QUIT_S", 0.1
    )  # seconds given to quit before a kill
    player = stand_in.launch("--end", "hang:1")
    player.reset()
    threading.Timer(0.2, player.interrupt).start()
    start = time.monotonic()
    with pytest.raises(PlayerError, match="was left"):
        player.step({})
    assert time.monotonic() - start < unity_rig.TIMEOUT_S / 2
    gone(stand_in)


def test_a_player_that_quits_is_no_failure(stand_in: StandIn) -> None:
    player = stand_in.launch("--end", "quit:3")
    with pytest.raises(PlayerQuitError, match="has ended the session"):
        play(player)


def test_what_cannot_be_started_is_said(stand_in: StandIn, tmp_path: Path) -> None:
    with pytest.raises(PlayerError, match=r"no player at .*nowhere.*x86_64"):
        UnityPlayer(Launch(tmp_path / "nowhere")).reset()
    stand_in.path.chmod(0o644)
    with pytest.raises(PlayerError, match="may not be executed; chmod"):
        stand_in.launch().reset()
    stand_in.path.chmod(0o755)
    stand_in.path.write_bytes(b"\x7fELF no program")
    with pytest.raises(PlayerError, match="Exec format error"):
        stand_in.launch().reset()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PlayerError, match=f"port {port} is in use"):
            UnityPlayer(Launch(None, port, timeout_s=1.0)).reset()


def test_an_editor_is_waited_for_and_missed(stand_in: StandIn) -> None:
    """The stand-in dials by itself, as an editor does on Play, and crashes at the third step: no
    process is ours to look at, so its silence is all that tells."""
    port = free_port()
    player = UnityPlayer(Launch(None, port, timeout_s=unity_rig.TIMEOUT_S))
    dial = [str(stand_in.path), "--mlagents-port", str(port), "--end", "crash:3"]
    with subprocess.Popen(dial, stdout=subprocess.DEVNULL):
        assert player.reset()[0].agent == "overlays/0"
        player.step({})
        player.step({})
        player._env._communicator.timeout_wait = 0.5  # patience enough: it is up and running
        with pytest.raises(PlayerError, match=r"the editor on port .* did not answer"):
            player.step({})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_an_editor_that_nobody_starts() -> None:
    port = free_port()
    with pytest.raises(PlayerError, match=f"port {port} did not answer within 0.3 s. Press"):
        UnityPlayer(Launch(None, port, timeout_s=0.3)).reset()
