"""The stub, our scripts and the player as assemblies; scenes played against a real server."""

from __future__ import annotations

from pathlib import Path

from toolchain import PACKAGE, ROOT, Assemblies

HERE = Path(__file__).parent
STUB = HERE / "stub"
SCRIPTS = ROOT / "unity_project" / "Assets" / "Scripts"


def stub_of(assemblies: Assemblies) -> Path:
    """UnityEngine.dll, ours."""
    return assemblies.build("UnityEngine", [STUB])


def player_of(assemblies: Assemblies) -> Path:
    """Player.exe, with the package and the scenes' scripts beside it."""
    ground = [stub_of(assemblies), assemblies.core]
    package = assemblies.build("Fedxr", [PACKAGE / "Runtime"], ground)
    scripts = assemblies.build("Fedxr.Scenes", [SCRIPTS], [*ground, package])
    return assemblies.build("Player", [HERE / "player"], [*ground, package, scripts], target="exe")
