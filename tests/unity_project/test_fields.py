"""The validator's reading of C# sources, against what Mono's compiler made of them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from scene_rig import PROJECT, stub_of
from toolchain import PACKAGE, Assemblies

from unity_project.scenes import Project
from unity_project.scenes.known import Library

HERE = Path(__file__).parent


def test_every_serialized_field_is_found(assemblies: Assemblies) -> None:
    ground = [stub_of(assemblies), assemblies.core]
    package = assemblies.build("Fedxr", [PACKAGE / "Runtime"], ground)
    scripts = assemblies.build("Fedxr.Scenes", [PROJECT / "Assets" / "Scripts"], [*ground, package])
    program = assemblies.build(
        "Fields", [HERE / "fields"], [*ground, package, scripts], target="exe"
    )
    compiled: dict[str, set[str]] = defaultdict(set)
    for line in assemblies.run(program, "Fedxr", "Fedxr.Scenes").stdout.splitlines():
        behaviour, _, name = line.partition(" ")
        compiled[behaviour] |= {name} - {""}

    library = Library(Project())
    read = {
        name: set(library.sources.fields(behaviour))
        for name, behaviour in library.behaviours.items()
        if library.assembly(behaviour.path).name in {"Fedxr", "Fedxr.Scenes"}
    }
    assert len(compiled) > 20
    assert read == compiled
