"""The engine-free core compiles with the base compiler, its public API documented throughout."""

from __future__ import annotations

from pathlib import Path

import pytest
from toolchain import CORE, Assemblies, CompileError, source_files


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
