"""The UnityEngine stub compiles with the base compiler."""

from __future__ import annotations

from pathlib import Path

from toolchain import Assemblies

STUB = Path(__file__).parent / "stub"


def test_the_stub_compiles(assemblies: Assemblies) -> None:
    assert assemblies.build("UnityEngine", [STUB]).exists()
