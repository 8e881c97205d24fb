"""``fedxr unity --player`` as a user runs it: player, bridge and agents are all real."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rich.console import Console
from unity_rig import StandIn

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.cli.main import main
from fedxr.cli.unity import Unity, parameters_of, unity_command
from fedxr.learning.learning_rule import LIVE
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.loops import Tempo
from fedxr.live.serving import serving


@pytest.mark.slow
async def test_a_player_is_answered_by_agents(
    stand_in: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tempo = Tempo(round=3600.0)
    learning = LIVE.with_round(coordination="local", seed=0)
    config = ServerConfig(port=0, token="t0ken")
    checkpoint = load_checkpoint(CHECKPOINT)
    async with serving(checkpoint, tmp_path / "s.db", config, learning, tempo) as running:
        report = stand_in.arguments(
            "--stamps", "--hz", "30", "--episode", "45", "--layout", "chw", "--end", "quit:answered"
        )
        told = [
            "unity",
            "--player",
            str(stand_in.path),
            "--url",
            running.server.url,
            "--token",
            "t0ken",
            "--no-graphics",
            "--seconds",
            "240",
            "--seed",
            "5",
            "--parameters",
            "gaze_noise",
            "0.25",
            f"--arguments={' '.join(report)}",
        ]
        code = await asyncio.to_thread(main, told)
    out = capsys.readouterr().out
    assert code == 0, out
    seen = stand_in.report()
    # every answer names a task of the checkpoint that these sensors can answer
    answers = [m for m in seen["scene"] if m["type"] == "answers"]
    by_agent = {
        a: {x["task"] for m in answers if m["agent"] == a for x in m["answers"]}
        for a in ("overlays/0", "neuroadaptive/0", "neuroadaptive/1")
    }
    assert by_agent == {
        "overlays/0": {"target"},
        "neuroadaptive/0": {"intent"},
        "neuroadaptive/1": {"intent"},
    }, out
    for message in answers:
        for answer in message["answers"]:
            assert sum(answer["p"]) == pytest.approx(1.0, abs=1e-3)
    # target has six classes: their probabilities fill the six continuous actions
    last = [a for a in seen["actions"] if a[0] == "overlays"][-1]
    assert sum(last[2]) == pytest.approx(1.0, abs=1e-3)
    assert seen["seed"] == 5
    assert seen["parameters"]["gaze_noise"] == 0.25
    assert seen["parameters"]["overlays/target/enter"] == pytest.approx(0.6)
    assert "overlays/0: " in out
    assert "branch 0 (7): cues of target" in out
    assert "ended: the player" in out


def test_failures_are_told_and_make_the_exit_code(
    stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["unity", "--player", str(stand_in.path), "--url", "ws://127.0.0.1:9"])
    assert code == 2
    assert "cannot reach a bridge at ws://127.0.0.1:9" in capsys.readouterr().out


def test_bad_options_say_what_is_allowed(stand_in: StandIn) -> None:
    with pytest.raises(ValueError, match="got neither; give one of them"):
        Unity()
    with pytest.raises(ValueError, match="got both"):
        Unity(stand_in.path, editor=True)
    with pytest.raises(ValueError, match=r"--steps-hz 0.0; allowed are 0\.1 to 1000"):
        Unity(stand_in.path, steps_hz=0.0)
    console = Console(record=True, width=200)
    with pytest.raises(BridgeError, match="give the program that Unity built"):
        unity_command(Unity(stand_in.folder / "none"), console)
    assert "give the program" not in console.export_text(), "said once, by the error"


def test_every_number_of_a_use_case_is_a_parameter() -> None:
    found = parameters_of("neuroadaptive")
    assert found["neuroadaptive/intent/classes"] == 4.0
    assert found["neuroadaptive/intent/enter"] == 0.75
    assert all(isinstance(value, float) for value in found.values())
