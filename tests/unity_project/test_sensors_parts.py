"""Handedness, scenario files, cue dispatch and pacing: the runtime's NUnit tests under Mono."""

from __future__ import annotations

from scene_rig import HERE, stub_of
from toolchain import PACKAGE, Assemblies, nunit_framework

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
