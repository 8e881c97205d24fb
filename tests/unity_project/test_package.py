"""The Unity project and its package say the same as the rest of the repository."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from unity_project.scenes import Project
from unity_project.scenes.documents import read
from unity_project.scenes.known import VERSION_DEFINES, Library

ROOT = Project().root
PACKAGE = ROOT / "Packages/com.fedxr.bridge"
VERSIONS = {
    "com.unity.ml-agents": "4.1.0",
    "com.unity.xr.openxr": "1.16.1",
    "com.unity.xr.arfoundation": "6.3.3",
    "com.unity.xr.hands": "1.7.3",
    "com.unity.xr.interaction.toolkit": "3.3.2",
    "com.unity.inputsystem": "1.19.0",
}


def load(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def test_the_project_asks_for_the_versions_of_unity_6_3() -> None:
    version = (ROOT / "ProjectSettings/ProjectVersion.txt").read_text()
    assert re.match(r"m_EditorVersion: 6000\.3\.\d+f1\n", version)
    asked = load(ROOT / "Packages/manifest.json")["dependencies"]
    assert {name: asked.get(name) for name in VERSIONS} == VERSIONS
    assert "com.fedxr.bridge" not in asked, "it is embedded: its folder is in Packages"


def test_the_package_has_one_version_licence_and_name() -> None:
    told = load(PACKAGE / "package.json")
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    assert told["name"] == PACKAGE.name
    assert told["version"] == project["version"]
    assert told["license"] == project["license"]
    assert told["unity"] == "2022.3"
    assert f"## [{told['version']}]" in (PACKAGE / "CHANGELOG.md").read_text()
    assert (PACKAGE / "LICENSE.md").read_text() == (ROOT.parent / "LICENSE").read_text()


def test_the_package_needs_no_other_package() -> None:
    """Only modules of the engine, so that it installs by git URL into any project."""
    needed = load(PACKAGE / "package.json")["dependencies"]
    assert all(name.startswith("com.unity.modules.") for name in needed)


def test_the_readme_lists_the_optional_packages() -> None:
    """Its table, the assemblies of the package and the validator name the same."""
    listed = re.findall(
        r"^\| `(com\S+)`.*`(FEDXR_\w+)` \|$", (PACKAGE / "README.md").read_text(), re.M
    )
    defined = [one.defines for one in Library(Project()).assemblies if one.name != "Fedxr.Scenes"]
    assert dict(listed) == VERSION_DEFINES
    assert {package: symbol for one in defined for package, symbol in one.items()} == dict(listed)


@pytest.mark.parametrize(
    ("assembly", "key", "value"),
    [
        ("Fedxr.Core", "noEngineReferences", True),
        ("Fedxr.MLAgents", "defineConstraints", ["FEDXR_MLAGENTS"]),
        ("Fedxr.Editor", "includePlatforms", ["Editor"]),
        ("Fedxr.Tests.Editor", "includePlatforms", ["Editor"]),
        ("Fedxr.Tests.Editor", "defineConstraints", ["UNITY_INCLUDE_TESTS"]),
        ("Fedxr.Tests.Runtime", "defineConstraints", ["UNITY_INCLUDE_TESTS"]),
        # What needs an assembly that is not built for the web is not built for it either.
        ("Fedxr", "excludePlatforms", ["WebGL"]),
        ("Fedxr.MLAgents", "excludePlatforms", ["WebGL"]),
        ("Fedxr.Scenes", "excludePlatforms", ["WebGL"]),
        ("Fedxr.Tests.Runtime", "excludePlatforms", ["WebGL"]),
    ],
)
def test_assemblies_are_kept_apart(assembly: str, key: str, value: object) -> None:
    [found] = [one for one in Library(Project()).assemblies if one.name == assembly]
    assert found.told[key] == value


def test_every_settings_file_is_text_that_unity_reads() -> None:
    settings = {path.name: read(path.read_text()) for path in ROOT.glob("ProjectSettings/*.asset")}
    [player] = settings["ProjectSettings.asset"]
    # The Input System alone (1): a build for Android is refused both (2). Its package is there.
    assert player.fields.get("activeInputHandler").text == "1"
    manifest = load(ROOT / "Packages/manifest.json")
    assert "com.unity.inputsystem" in manifest["dependencies"]
    assert player.fields.get("runInBackground").text == "1"
    [control] = settings["VersionControlSettings.asset"]
    assert control.fields.get("m_Mode").text == "Visible Meta Files"
