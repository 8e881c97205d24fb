"""The four scenes play: each ``.unity`` file by the stub player, at 90 frames a second in real
time, against ``fedxr serve`` with the shipped checkpoint. No times are asserted, for machines
differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from scene_rig import PERSON, PLAYED, SCENES, Arrived, agents, arrived, play, player_of
from toolchain import Assemblies


def check(scene: str, report: dict[str, Any], got: Arrived) -> None:
    assert report["errors"] == [], f"{scene}: {report['errors']}"
    assert report["refused"] == {}, scene
    # Every frame is accounted for, by its number: what was handed to the socket has arrived, once;
    # what the client dropped is what is missing. After a stall the scene hurries, and the
    # connection, which has its own rate, leaves frames out.
    made = report["frames_sent"] + report["frames_dropped"]
    assert 0.9 * report["frames_connected"] <= made <= report["frames_connected"] + 1, scene
    assert len(set(got.frames)) == len(got.frames) == report["frames_sent"], scene
    assert got.lost == report["frames_dropped"], scene
    assert report["answered_seq"] <= max(got.frames), scene
    assert report["replies"] > 0, scene
    assert got.feedback, f"{scene}: what its user said never arrived"
    # What the agents asked for has come, in order, somebody does it, and it is seen in the scene
    # (test_scenes_logic.py shows so of each act, where nothing else moves).
    assert [cue["act"] for cue in report["cues"]] == list(got.cues)[: len(report["cues"])], scene
    acts = {cue["act"] for cue in report["cues"]}
    assert acts - {"clear"}, f"{scene}: the agents never asked for anything"
    nobody = {cue["act"] for cue in report["cues"] if cue["act"] != "clear" and not cue["actors"]}
    assert not nobody, f"{scene}: nobody does {nobody}"
    # While the scene is quiet nothing else changes what the first cues change.
    first = [cue for cue in report["cues"] if cue["act"] != "clear"][:2]
    assert any(cue["changes"] for cue in first), f"{scene}: nothing changed after {first}"


def play_all(
    assemblies: Assemblies, folder: Path, scenes: Sequence[str], seconds: float, at_once: int
) -> None:
    player_of(assemblies)  # compiled before the clocks run
    with agents(folder) as url, ThreadPoolExecutor(at_once) as pool:
        plays = [
            pool.submit(play, assemblies, url, scene, folder, seconds, PERSON) for scene in scenes
        ]
        reports = [one.result() for one in plays]
    got = arrived(folder)
    for scene, report in zip(scenes, reports, strict=True):
        PLAYED.append(_words(scene, report, got[scene]))
        check(scene, report, got[scene])


def _words(scene: str, report: dict[str, Any], got: Arrived) -> str:
    cues = Counter(cue["act"] for cue in report["cues"])
    return (
        f"{scene:15}{report['rate_hz']:6.1f} frames/s, {len(got.frames)} arrived, {got.lost} lost, "
        "capture to reply p50 {p50:.1f} ms, p99 {p99:.1f} ms; cues: ".format(**report["latency_ms"])
        + ", ".join(f"{act} {n}" for act, n in sorted(cues.items()))
    )


def test_the_four_scenes_play_side_by_side(assemblies: Assemblies, tmp_path: Path) -> None:
    play_all(assemblies, tmp_path, SCENES, 12.0, at_once=4)


@pytest.mark.slow
def test_the_four_scenes_play_for_a_minute(assemblies: Assemblies, tmp_path: Path) -> None:
    play_all(assemblies, tmp_path, SCENES, 60.0, at_once=4)
