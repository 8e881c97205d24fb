"""A small Unity project for the validator's tests, without a fault until one is sown."""

from __future__ import annotations

import json
from pathlib import Path

from unity_project.scenes import (
    AudioListener,
    Camera,
    Color,
    Cube,
    Material,
    Project,
    Scene,
    Text,
    Vector3,
    text_asset,
)
from unity_project.scenes.__main__ import write_scenes
from unity_project.scenes.metas import write_missing

PACKAGE = "Packages/com.fedxr.bridge"
SCENE = "Assets/Scenes/Hall.unity"
MACHINE = """
using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    [Serializable]
    public class Part { public string name; public float[] weights; }

    /* Not serialized: Mark(s) public int fake; */
    public sealed class Machine : Moving
    {
        public enum Mood { Calm, Busy = 4 }

        [Tooltip("a \\" ; { in a text"), SerializeField] string title = "{;";
        [SerializeField] int count, wear;
        public bool loud;
        public Mood mood;
        public Vector3 hinge;
        public Color[] glow;
        public List<Part> parts = new List<Part>();
        public Part spare;
        [SerializeField] Transform anchor;
        [SerializeField] TextMesh label;
        [SerializeField] Moving next;
        [SerializeField] TextAsset scenario;
        public static int made;
        public readonly int fixedCount = 1;
        [NonSerialized] public int unsaved;
        public Dictionary<string, int> table;
        public int Wear { get { return wear; } set { wear = value; } }
        public event Action<int> Turned;
        void Update() { if (count < wear) { title = $"{count}"; } }
#if FEDXR_XRHANDS
        public float reach = 1f;
#endif
    }
}
"""
SOURCES = {
    "Assets/Scripts/Machine.cs": MACHINE,
    f"{PACKAGE}/Runtime/Moving.cs": "using UnityEngine; namespace Fedxr { public abstract class "
    "Moving : MonoBehaviour { [SerializeField] protected double speed; } }",
    f"{PACKAGE}/Runtime/HeadsetConnection.cs": "using UnityEngine; namespace Fedxr { public sealed "
    "class HeadsetConnection : MonoBehaviour { [SerializeField] string url; } }",
    f"{PACKAGE}/Editor/Inspector.cs": "using UnityEngine; namespace Fedxr { public sealed class "
    "Inspector : MonoBehaviour { } }",
    "Assets/Scenarios/hall.json": "{}",
}
JSONS: dict[str, dict[str, object]] = {
    "Assets/Scripts/Fedxr.Scenes.asmdef": {
        "name": "Fedxr.Scenes",
        "references": ["Fedxr", "Unity.XR.Hands"],
        "versionDefines": [
            {"name": "com.unity.xr.hands", "expression": "1.3.0", "define": "FEDXR_XRHANDS"}
        ],
    },
    f"{PACKAGE}/Runtime/Fedxr.asmdef": {"name": "Fedxr"},
    f"{PACKAGE}/Editor/Fedxr.Editor.asmdef": {
        "name": "Fedxr.Editor",
        "includePlatforms": ["Editor"],
    },
    f"{PACKAGE}/package.json": {
        "name": "com.fedxr.bridge",
        "samples": [{"path": "Samples~/Minimal"}],
    },
    "Packages/manifest.json": {"dependencies": {}, "testables": ["com.fedxr.bridge"]},
}


def hall() -> Scene:
    """Every kind of reference and field, once."""
    scene = Scene("Hall")
    head = scene.object("Head", position=(0, 1.6, 0))
    head.add(Camera())
    head.add(AudioListener())
    head.script("Fedxr.HeadsetConnection", url="ws://127.0.0.1:8765")
    hall = scene.object("Machines")
    label = scene.object("Label", parent=hall).add(Text("pump"))
    pump = scene.object("Pump", parent=hall)
    pump.add(Cube(Material("Steel", Color(0.5, 0.5, 0.5))))
    other = scene.object("Mill", parent=hall).script("Fedxr.Machine", speed=2.5)
    pump.script(
        "Fedxr.Machine",
        title="pump",
        count=3,
        loud=True,
        mood=4,
        hinge=Vector3(0, 1, 0),
        glow=[Color(1, 0, 0), Color(0, 1, 0)],
        parts=[{"name": "lid", "weights": [1, 2.5]}],
        spare={"name": "seal", "weights": []},
        anchor=head.transform,
        label=label,
        next=other,
        scenario=text_asset("Assets/Scenarios/hall.json"),
        speed=0.5,
        reach=0.7,
    )
    return scene


def plant(root: Path) -> Project:
    """Write the whole project below ``root``."""
    for path, text in SOURCES.items():
        _write(root / path, text)
    for path, told in JSONS.items():
        _write(root / path, json.dumps(told, indent=2))
    (root / PACKAGE / "Samples~/Minimal").mkdir(parents=True)
    project = Project(root)
    write_scenes(project, [hall()])
    write_missing(Project(root))
    header = "%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n"
    listed = f"  - enabled: 1\n    path: {SCENE}\n    guid: {project.guid(SCENE)}\n"
    _write(
        root / "ProjectSettings/EditorBuildSettings.asset",
        f"{header}--- !u!1045 &1\nEditorBuildSettings:\n  m_Scenes:\n{listed}",
    )
    _write(
        root / "ProjectSettings/EditorSettings.asset",
        f"{header}--- !u!159 &1\nEditorSettings:\n  m_SerializationMode: 2\n",
    )
    return Project(root)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
