"""The editor's menus and inspectors compile; their rules are tested; the connection test knocks at
real servers. What windows look like, only the real editor shows."""

from __future__ import annotations

from pathlib import Path

from toolchain import PACKAGE, Assemblies, nunit_framework

HERE = Path(__file__).parent
TESTS = PACKAGE / "Tests" / "Editor"


def stub(assemblies: Assemblies) -> Path:
    return assemblies.build("UnityEngine", [HERE / "stub"])


def runtime(assemblies: Assemblies) -> Path:
    return assemblies.build(
        "Fedxr", [PACKAGE / "Runtime"], [assemblies.core, stub(assemblies)], documented=True
    )


def editor(assemblies: Assemblies) -> Path:
    """With every public member documented."""
    engine = stub(assemblies)
    windows = assemblies.build("UnityEditor", [HERE / "stub_editor"], [engine])
    references = [runtime(assemblies), assemblies.core, engine, windows]
    return assemblies.build("Fedxr.Editor", [PACKAGE / "Editor"], references, documented=True)


def test_the_scene_s_rules(assemblies: Assemblies) -> None:
    references = [editor(assemblies), runtime(assemblies), assemblies.core, stub(assemblies)]
    tests = assemblies.build(
        "Fedxr.Tests.Rules", [TESTS / "SceneRulesTests.cs"], [*references, nunit_framework()]
    )
    assert "Tests run: 8" in assemblies.nunit(tests)
