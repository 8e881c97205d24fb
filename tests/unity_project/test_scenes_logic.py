"""What the four scenes decide, without a scene: story, companion, launcher, pace (NUnit, Mono)."""

from __future__ import annotations

from pathlib import Path

import pytest
from toolchain import PACKAGE, ROOT, Assemblies, nunit_framework

HERE = Path(__file__).parent
ASSETS = ROOT / "unity_project" / "Assets"


def test_the_scenes_decide_as_they_should(
    assemblies: Assemblies, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = assemblies.build("UnityEngine", [HERE / "stub"])
    runtime = assemblies.build("Fedxr", [PACKAGE / "Runtime"], [assemblies.core, stub])
    under = [runtime, assemblies.core, stub]
    scenes = assemblies.build("Fedxr.Scenes", [ASSETS / "Scripts"], under)
    tests = assemblies.build(
        "Fedxr.Scenes.Tests", [HERE / "scenes"], [scenes, *under, nunit_framework()]
    )
    monkeypatch.setenv("FEDXR_STORY", str(ASSETS / "Stories" / "lighthouse.txt"))
    summary = assemblies.nunit(tests)
    assert "Errors: 0" in summary
    assert int(summary.split()[2].rstrip(",")) >= 25, summary
