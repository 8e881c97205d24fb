"""Handedness, scenario files, cue dispatch and pacing: the runtime's NUnit tests under Mono."""

from __future__ import annotations

from scene_rig import stub_of
from toolchain import PACKAGE, Assemblies, nunit_framework

TESTS = ("HandednessTests", "ScenarioTests", "ConnectionTests")


def test_the_runtimes_parts(assemblies: Assemblies) -> None:
    ground = [assemblies.core, stub_of(assemblies)]
    runtime = assemblies.build("Fedxr", [PACKAGE / "Runtime"], ground)
    tests = assemblies.build(
        "Fedxr.Tests.Editor",
        [PACKAGE / "Tests" / "Editor" / f"{name}.cs" for name in TESTS],
        [*ground, runtime, nunit_framework()],
    )
    assert "Tests run: 20" in assemblies.nunit(tests)
