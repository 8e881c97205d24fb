"""The four scenes under Mono (NUnit): what they decide (story, companion, launcher, pace), and that
every cue of each scenario changes what one sees or hears, until it is taken back."""

from __future__ import annotations

import pytest
from scene_rig import HERE, PROJECT, stub_of
from test_stub_player import LOADING
from toolchain import PACKAGE, Assemblies, nunit_framework

PANEL = ("PanelButtons", "PanelParts", "PanelPointer")
"""The panel's inner parts, which only an assembly of their own can see."""


def test_the_scenes_decide_as_they_should(
    assemblies: Assemblies, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = stub_of(assemblies)
    runtime = assemblies.build("Fedxr", [PACKAGE / "Runtime"], [assemblies.core, stub])
    under = [runtime, assemblies.core, stub]
    scenes = assemblies.build("Fedxr.Scenes", [PROJECT / "Assets" / "Scripts"], under)
    sources = [HERE / "scenes", *(HERE / "player" / f"{name}.cs" for name in LOADING)]
    sources += [PACKAGE / "Runtime" / f"{name}.cs" for name in PANEL]
    tests = assemblies.build("Fedxr.Scenes.Tests", sources, [scenes, *under, nunit_framework()])
    monkeypatch.setenv("FEDXR_PROJECT", str(PROJECT))
    summary = assemblies.nunit(tests)
    assert "Errors: 0" in summary
    assert int(summary.split()[2].rstrip(",")) >= 47, summary
