"""What the project's files may refer to: its own assets, scripts and assemblies, and Unity's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from unity_project.scenes.csharp import Type
from unity_project.scenes.project import Project
from unity_project.scenes.serialization import Sources

CLASSES = {
    1: "GameObject", 4: "Transform", 20: "Camera", 21: "Material", 23: "MeshRenderer",
    29: "OcclusionCullingSettings", 33: "MeshFilter", 65: "BoxCollider", 81: "AudioListener",
    82: "AudioSource", 102: "TextMesh", 104: "RenderSettings", 108: "Light",
    114: "MonoBehaviour", 157: "LightmapSettings", 196: "NavMeshSettings",
    1660057539: "SceneRoots",
}  # fmt: skip
# GUID -> the file IDs in it that are known: meshes, font and its material; shaders and materials.
BUILTIN_GUIDS = {
    "0000000000000000e000000000000000": {
        10001, 10100, 10102, 10202, 10206, 10207, 10208, 10209, 10210,
    },
    "0000000000000000f000000000000000": {46, 10303, 10304},
}  # fmt: skip
ASSET_IDS = {
    ".cs": (11500000, "3"),
    ".mat": (2100000, "2"),
    ".json": (4900000, "3"),
    ".txt": (4900000, "3"),
}
# The assemblies of Unity and of the optional packages that ours refer to.
ASSEMBLIES = frozenset(
    {
        "Unity.InputSystem",
        "Unity.ML-Agents",
        "Unity.XR.ARFoundation",
        "Unity.XR.ARSubsystems",
        "Unity.XR.CoreUtils",
        "Unity.XR.Hands",
        "Unity.XR.Interaction.Toolkit",
        "Unity.XR.Management",
        "Unity.XR.OpenXR",
        "UnityEditor.TestRunner",
        "UnityEngine.TestRunner",
    }
)
VERSION_DEFINES = {
    "com.unity.inputsystem": "FEDXR_INPUTSYSTEM",
    "com.unity.ml-agents": "FEDXR_MLAGENTS",
    "com.unity.modules.xr": "FEDXR_XR",
    "com.unity.xr.arfoundation": "FEDXR_ARFOUNDATION",
    "com.unity.xr.hands": "FEDXR_XRHANDS",
}


@dataclass(frozen=True)
class Assembly:
    """An .asmdef: the C# files in its folder and below, except in folders with their own."""

    name: str
    path: str
    told: dict[str, Any]

    @property
    def editor_only(self) -> bool:
        return bool(self.told.get("includePlatforms") == ["Editor"])

    @property
    def defines(self) -> dict[str, str]:
        """Package -> the symbol that is defined where that package is installed."""
        return {one["name"]: one["define"] for one in self.told.get("versionDefines", [])}


class Library:
    """The project as its files may refer to it, read once for all checks."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.files = [project.relative(path) for path in project.assets()]
        self.paths = {project.guid(path): path for path in self.files}

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.project)

    @cached_property
    def behaviours(self) -> dict[str, Type]:
        """The MonoBehaviours whose class is named as its file, by that name."""
        return {
            one.name: one
            for path, found in self.sources.by_path.items()
            for one in found
            if one.name == PurePosixPath(path).stem
            and not one.outer
            and "MonoBehaviour" in self.sources.lineage(one.name)
        }

    @cached_property
    def assemblies(self) -> list[Assembly]:
        """Those whose file is readable; `check_project` tells of the others."""
        found = []
        for path in self.files:
            if path.endswith(".asmdef"):
                try:
                    told = json.loads((self.project.root / path).read_text(encoding="utf-8-sig"))
                    found.append(Assembly(str(told["name"]), path, told))
                except (ValueError, KeyError, TypeError):
                    continue
        return found

    def assembly(self, path: str) -> Assembly:
        """The assembly that a C# file is compiled into."""
        above = [
            one
            for one in self.assemblies
            if PurePosixPath(one.path).parent in PurePosixPath(path).parents
        ]
        unnamed = Assembly("Assembly-CSharp", "", {})
        return max(above, key=lambda one: len(PurePosixPath(one.path).parts), default=unnamed)
