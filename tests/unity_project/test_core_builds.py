"""The engine-free core compiles with the base compiler, its public API documented throughout."""

from __future__ import annotations

from pathlib import Path

import pytest
from scene_rig import player_of
from toolchain import CORE, PACKAGE, Assemblies, CompileError, nunit_framework, source_files


def test_the_core_compiles(assemblies: Assemblies) -> None:
    assert assemblies.core.name == "Fedxr.Core.dll"
    assert assemblies.core.with_suffix(".xml").exists()


def test_what_is_compiled_once_is_not_compiled_again(assemblies: Assemblies) -> None:
    first = assemblies.core
    before = first.stat().st_mtime_ns
    assert assemblies.core == first
    assert first.stat().st_mtime_ns == before


def test_a_mistake_is_told_in_the_compilers_words(assemblies: Assemblies, tmp_path: Path) -> None:
    wrong = CORE.parents[3] / "no_such.cs"
    with pytest.raises(FileNotFoundError, match="no_such"):
        source_files([wrong])
    program = tmp_path / "Wrong.cs"
    program.write_text("class Wrong { int n = missing; }")
    with pytest.raises(CompileError, match="missing"):
        assemblies.build("Wrong", [program])


def test_roslyn_takes_the_core_and_its_tests_pass(strict_assemblies: Assemblies) -> None:
    tests = strict_assemblies.build(
        "Fedxr.Core.Tests",
        [PACKAGE / "Tests" / "Editor" / "Core"],
        [strict_assemblies.core, nunit_framework()],
    )
    print(strict_assemblies.nunit(tests))


def test_roslyn_takes_the_runtime_the_scenes_and_the_player(strict_assemblies: Assemblies) -> None:
    assert player_of(strict_assemblies).name == "Player.exe"


def test_a_warning_is_an_error_for_both(
    assemblies: Assemblies, strict_assemblies: Assemblies, tmp_path: Path
) -> None:
    program = tmp_path / "Careless.cs"
    program.write_text("class Careless { void F() { int unused = 1; } }")
    for compiler in (assemblies, strict_assemblies):
        with pytest.raises(CompileError, match="CS0219"):
            compiler.build("Careless", [program])
