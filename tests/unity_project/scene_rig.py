"""The stub, our scripts and the player as assemblies; scenes played by them against a real server."""

from __future__ import annotations

from pathlib import Path

from toolchain import Assemblies

HERE = Path(__file__).parent
STUB = HERE / "stub"


def stub_of(assemblies: Assemblies) -> Path:
    """UnityEngine.dll, ours."""
    return assemblies.build("UnityEngine", [STUB])
