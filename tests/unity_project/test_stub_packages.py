"""Every piece of our code that waits for an optional package is compiled here, once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scene_rig import HERE, stub_of
from toolchain import PACKAGE, Assemblies, source_files

STAND_INS = {
    "FEDXR_INPUTSYSTEM": "stub_inputsystem",
    "FEDXR_XR": "stub_xr",
    "FEDXR_XRHANDS": "stub_xrhands",
    "FEDXR_ARFOUNDATION": "stub_arfoundation",
}
"""What the package's versionDefines are tried with."""


@pytest.mark.parametrize("define", STAND_INS)
def test_the_runtime_compiles_with_the_package(assemblies: Assemblies, define: str) -> None:
    stub = stub_of(assemblies)
    package = assemblies.build(f"Unity.{define}", [HERE / STAND_INS[define]], [stub])
    ground = [stub, package, assemblies.core]
    assert assemblies.build("Fedxr", [PACKAGE / "Runtime"], ground, defines=[define]).exists()


def test_the_runtime_compiles_for_android(assemblies: Assemblies) -> None:
    ground = [stub_of(assemblies), assemblies.core]
    assert assemblies.build(
        "Fedxr", [PACKAGE / "Runtime"], ground, defines=["UNITY_ANDROID"]
    ).exists()


def test_no_define_is_left_out() -> None:
    """Nobody adds an `#if` for a package that is not compiled above."""
    found: set[str] = set()
    for file in source_files([PACKAGE / "Runtime"]):
        found |= set(re.findall(r"\bFEDXR_\w+", Path(file).read_text(encoding="utf-8")))
    assert found <= set(STAND_INS)
