"""The stub player reads scenes as Unity does, and names what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest
from scene_rig import HERE, play, stub_of
from toolchain import Assemblies, nunit_framework

TESTS = HERE / "player_tests"
LOADING = ("Assets", "Inline", "Natives", "SceneFile", "Values", "Yaml")


def test_a_small_scene_is_loaded_as_it_stands(
    assemblies: Assemblies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDXR_PROJECT", str(TESTS / "project"))
    sources = [TESTS, *(HERE / "player" / f"{name}.cs" for name in LOADING)]
    tests = assemblies.build("Player.Tests", sources, [stub_of(assemblies), nunit_framework()])
    assert "Tests run: 13" in assemblies.nunit(tests)


def test_an_error_in_the_log_is_in_the_report(assemblies: Assemblies, tmp_path: Path) -> None:
    """A scene whose headset is given no address ends at once."""
    report = play(assemblies, "nowhere", "Companion", tmp_path, 0.5)
    assert report["frames"] > 0
    assert report["frames_sent"] == 0
    [error] = report["errors"]
    assert "url 'nowhere': give it as ws://host:port" in error
