"""Handedness, scenario files, cue dispatch and pacing: the runtime's NUnit tests under Mono."""

from __future__ import annotations

import pytest
from scene_rig import HERE, stub_of
from test_stub_packages import STAND_INS
from toolchain import PACKAGE, ROOT, Assemblies, nunit_framework

TESTS_CORE = PACKAGE / "Tests" / "Editor" / "Core"
TESTS = ("HandednessTests", "ScenarioTests", "ConnectionTests")


def test_the_runtimes_parts(assemblies: Assemblies) -> None:
    ground = [assemblies.core, stub_of(assemblies)]
    runtime = assemblies.build("Fedxr", [PACKAGE / "Runtime"], ground)
    framework = assemblies.build("UnityEditor", [HERE / "stub_editor"], ground[1:])
    tests = assemblies.build(
        "Fedxr.Tests.Editor",
        [PACKAGE / "Tests" / "Editor" / f"{name}.cs" for name in TESTS],
        [*ground, runtime, framework, nunit_framework()],
    )
    assert "Tests run: 21" in assemblies.nunit(tests)


def test_what_optional_packages_say_is_read_rightly(
    assemblies: Assemblies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eye gaze, controllers, hands, depth, meshes, with stand-ins of the packages; and what a
    sample allocates."""
    monkeypatch.setenv("FEDXR_ROOT", str(ROOT))
    stub = stub_of(assemblies)
    packages = [assemblies.build(f"Unity.{d}", [HERE / d], [stub]) for d in STAND_INS.values()]
    ground = [assemblies.core, stub, *packages]
    runtime = assemblies.build("Fedxr", [PACKAGE / "Runtime"], ground, defines=[*STAND_INS])
    tests = assemblies.build(
        "Fedxr.Tests.Editor",
        [HERE / "sensors_devices", TESTS_CORE / "Offline.cs"],
        [*ground, runtime, nunit_framework()],
    )
    assert "Tests run: 28" in assemblies.nunit(tests)
