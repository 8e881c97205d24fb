"""Every kind of fault that the validator knows, each as a change of the small project."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from seeded import PACKAGE, SCENE, hall

Sow = Callable[[Path], object]
HALL = hall()
IDS = {
    path: (thing.file_id, *(component.file_id for component in thing.components))
    for path, thing in HALL.objects.items()
}
HEAD, HEAD_TRANSFORM, CAMERA, LISTENER, CONNECTION = IDS["Head"]
PUMP, PUMP_TRANSFORM, MESH, RENDERER, PUMP_SCRIPT = IDS["Machines/Pump"]
LABEL = IDS["Machines/Label"][-1]
MILL_SCRIPT = IDS["Machines/Mill"][-1]


def guid(path: str) -> str:
    """The rule of the project: the MD5 of `fedxr:` and the path."""
    return hashlib.md5(f"fedxr:{path}".encode(), usedforsecurity=False).hexdigest()


def swap(path: str, old: str, new: str) -> Sow:
    """Replace ``old`` where it first stands in ``path``."""

    def sow(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r} to replace"
        (root / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    return sow


def field(line: str, new: str) -> Sow:
    return swap(SCENE, f"\n  {line}\n", f"\n  {new}\n")


def delete(path: str) -> Sow:
    return lambda root: (root / path).unlink()


def add(path: str, text: str) -> Sow:
    def sow(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")

    return sow


SCRIPT = "Assets/Scripts/Machine.cs"
ASMDEF = "Assets/Scripts/Fedxr.Scenes.asmdef"
STEEL = "Assets/Materials/Steel.mat"
BUILD = "ProjectSettings/EditorBuildSettings.asset"
CAMERA_HEAD = "  m_Enabled: 1\n  serializedVersion: 2\n  m_ClearFlags"
RED = "{r: 1, g: 0, b: 0, a: 1}"
GREEN = "{r: 0, g: 1, b: 0, a: 1}"
COMPONENT = "  - component: {{fileID: {}}}\n"

# The hall's Transform becomes a child of its own child, and no root any more.
HALL_TRANSFORM, LABEL_TRANSFORM = IDS["Machines"][1], IDS["Machines/Label"][1]
CIRCLE = (
    swap(
        SCENE,
        f"m_Children: []\n  m_Father: {{fileID: {HALL_TRANSFORM}}}",
        f"m_Children:\n  - {{fileID: {HALL_TRANSFORM}}}\n  m_Father: {{fileID: {HALL_TRANSFORM}}}",
    ),
    swap(
        SCENE,
        f"  - {{fileID: {IDS['Machines/Mill'][1]}}}\n  m_Father: {{fileID: 0}}",
        f"  - {{fileID: {IDS['Machines/Mill'][1]}}}\n  m_Father: {{fileID: {LABEL_TRANSFORM}}}",
    ),
    swap(
        SCENE,
        f"m_Roots:\n  - {{fileID: {HEAD_TRANSFORM}}}\n  - {{fileID: {HALL_TRANSFORM}}}\n",
        f"m_Roots:\n  - {{fileID: {HEAD_TRANSFORM}}}\n",
    ),
)

# name: (how it is sown, the file it is told of, a part of what is found, a part of what is allowed)
FAULTS: dict[str, tuple[Sow, str, str, str]] = {
    # the file
    "header": (swap(SCENE, "%YAML 1.1", "%YAML 1.2"), SCENE, "%YAML 1.2", "begin with"),
    "separator": (swap(SCENE, f"--- !u!20 &{CAMERA}", "--- !u!20 & x"), SCENE, "& x", "--- !u!"),
    "no YAML": (swap(SCENE, "m_Name: Pump", "m_Name: [Pump"), SCENE, "expected", "no YAML"),
    "field twice": (
        swap(SCENE, "  m_Fog: 0\n", "  m_Fog: 0\n  m_Fog: 1\n"),
        SCENE,
        "m_Fog",
        "one value",
    ),
    "file ID twice": (
        swap(SCENE, f"&{MESH}\n", f"&{CAMERA}\n"),
        SCENE,
        f"file ID {CAMERA} again",
        "one",
    ),
    "class number": (
        swap(SCENE, f"!u!20 &{CAMERA}", f"!u!108 &{CAMERA}"),
        SCENE,
        "name Camera",
        "Light",
    ),
    # references
    "dangling": (
        swap(SCENE, f"label: {{fileID: {LABEL}}}", "label: {fileID: 5}"),
        SCENE,
        "file ID 5",
        "0",
    ),
    "unknown GUID": (swap(SCENE, guid(STEEL), "e" * 32), SCENE, "e" * 32, "asset of this project"),
    "unknown built-in": (
        swap(SCENE, "fileID: 10202", "fileID: 77"),
        SCENE,
        "fileID 77",
        "built-in",
    ),
    "asset's file ID": (
        swap(SCENE, "fileID: 4900000", "fileID: 4900001"),
        SCENE,
        "fileID 4900001, type 3 of Assets",
        "4900000",
    ),
    # objects
    "component points elsewhere": (
        swap(
            SCENE,
            f"m_GameObject: {{fileID: {HEAD}}}\n{CAMERA_HEAD}",
            f"m_GameObject: {{fileID: {PUMP}}}\n{CAMERA_HEAD}",
        ),
        SCENE,
        f"Camera {CAMERA} points to {PUMP}",
        f"{HEAD}: Head",
    ),
    "component not listed": (
        swap(SCENE, COMPONENT.format(LISTENER), ""),
        SCENE,
        "stands 0 times",
        "once",
    ),
    "no Transform": (
        swap(SCENE, COMPONENT.format(PUMP_TRANSFORM), ""),
        SCENE,
        "Pump has MeshFilter",
        "first",
    ),
    "father does not list": (
        swap(SCENE, f"  - {{fileID: {PUMP_TRANSFORM}}}\n", ""),
        SCENE,
        "does not list it",
        "each of its",
    ),
    "child with another father": (
        field(
            f"m_Father: {{fileID: {IDS['Machines'][1]}}}", f"m_Father: {{fileID: {HEAD_TRANSFORM}}}"
        ),
        SCENE,
        "lists the child",
        "the father that lists it",
    ),
    "root not listed": (
        swap(SCENE, f"m_Roots:\n  - {{fileID: {HEAD_TRANSFORM}}}\n", "m_Roots:\n"),
        SCENE,
        "1 of 2 roots",
        "every",
    ),
    "circle of fathers": (
        lambda root: [sow(root) for sow in CIRCLE],
        SCENE,
        "hangs on no root",
        "ends at a root",
    ),
    # the scene as a whole
    "two listeners": (
        swap(SCENE, f"!u!33 &{MESH}\nMeshFilter:", f"!u!81 &{MESH}\nAudioListener:"),
        SCENE,
        "2 AudioListener",
        "one",
    ),
    "no camera": (
        swap(SCENE, f"!u!20 &{CAMERA}\nCamera:", f"!u!108 &{CAMERA}\nLight:"),
        SCENE,
        "no Camera",
        "at least one",
    ),
    "no connection": (
        swap(SCENE, guid(f"{PACKAGE}/Runtime/HeadsetConnection.cs"), guid(SCRIPT)),
        SCENE,
        "0 HeadsetConnection",
        "connects a scene",
    ),
    # what scripts receive
    "unknown field": (field("count: 3", "counts: 3"), SCENE, "Machine.counts", "count, wear"),
    "static field": (field("count: 3", "made: 3"), SCENE, "Machine.made", "title"),
    "read-only field": (field("count: 3", "fixedCount: 3"), SCENE, "Machine.fixedCount", "title"),
    "field not saved": (field("count: 3", "unsaved: 3"), SCENE, "Machine.unsaved", "title"),
    "property": (field("count: 3", "Wear: 3"), SCENE, "Machine.Wear", "title"),
    "type Unity cannot save": (
        field("count: 3", "table: 3"),
        SCENE,
        "table of type Dict",
        "serializes",
    ),
    "text for a number": (field("count: 3", "count: many"), SCENE, "count: 'many'", "an integer"),
    "fraction for a whole": (field("count: 3", "count: 2.5"), SCENE, "count: '2.5'", "an integer"),
    "number too big": (field("count: 3", "count: 3000000000"), SCENE, "3000000000", "2147483647"),
    "number for a bool": (field("loud: 1", "loud: 2"), SCENE, "loud: '2'", "0 or 1"),
    "text for a base's field": (field("speed: 0.5", 'speed: "0.5"'), SCENE, "speed", "a number"),
    "unknown enum value": (field("mood: 4", "mood: 1"), SCENE, "mood: '1'", "0 (Calm), 4 (Busy)"),
    "vector too short": (
        field("hinge: {x: 0, y: 1, z: 0}", "hinge: {x: 0, y: 1}"),
        SCENE,
        "hinge",
        "x, y, z",
    ),
    "list for one": (field("title: pump", "title:\n  - pump"), SCENE, "a list of 1", "a text"),
    "one for a list": (
        swap(SCENE, f"glow:\n  - {RED}\n  - {GREEN}", f"glow: {RED}"),
        SCENE,
        "glow",
        "a list of Color",
    ),
    "list's item": (
        swap(SCENE, f"- {GREEN}", "- {r: 0, g: 1, b: 0}"),
        SCENE,
        "glow[1]",
        "r, g, b, a",
    ),
    "unknown nested field": (
        swap(SCENE, "  - name: lid", "  - named: lid"),
        SCENE,
        "parts[0].named",
        "name, weights",
    ),
    "nested field's type": (
        swap(SCENE, "    - 2.5\n", "    - heavy\n"),
        SCENE,
        "parts[0].weights[1]",
        "a number",
    ),
    "class not [Serializable]": (
        swap(SCRIPT, "[Serializable]", ""),
        SCENE,
        "of class Part",
        "[Serializable]",
    ),
    "object of another class": (
        swap(SCENE, f"anchor: {{fileID: {HEAD_TRANSFORM}}}", f"anchor: {{fileID: {HEAD}}}"),
        SCENE,
        "anchor refers to a GameObject",
        "a Transform",
    ),
    "script of another class": (
        swap(SCENE, f"next: {{fileID: {MILL_SCRIPT}}}", f"next: {{fileID: {CONNECTION}}}"),
        SCENE,
        "next refers to a HeadsetConnection",
        "a Moving",
    ),
    "material for a text": (
        swap(
            SCENE,
            f"scenario: {{fileID: 4900000, guid: {guid('Assets/Scenarios/hall.json')}, type: 3}}",
            f"scenario: {{fileID: 2100000, guid: {guid(STEEL)}, type: 2}}",
        ),
        SCENE,
        "scenario: fileID 2100000",
        "a TextAsset",
    ),
    "abstract script": (
        swap(SCENE, f"guid: {guid(SCRIPT)}", f"guid: {guid(f'{PACKAGE}/Runtime/Moving.cs')}"),
        SCENE,
        "Moving, which is abstract",
        "a class that Unity can make",
    ),
    "editor's script": (
        swap(SCENE, f"guid: {guid(SCRIPT)}", f"guid: {guid(f'{PACKAGE}/Editor/Inspector.cs')}"),
        SCENE,
        "Inspector of Fedxr.Editor",
        "built into players",
    ),
    "class named unlike its file": (
        swap(SCRIPT, "class Machine ", "class Machines "),
        SCRIPT,
        "the class Machines",
        "Machine, as the file",
    ),
    "script without its class": (
        swap(SCRIPT, "class Machine ", "class Machines "),
        SCENE,
        "no MonoBehaviour is named Machine",
        "Machine",
    ),
    "two scripts of a name": (
        add(f"{PACKAGE}/Runtime/Machine.cs", "class Machine { }"),
        f"{PACKAGE}/Runtime/Machine.cs",
        "a second Machine.cs",
        "one script of a name",
    ),
    # metas
    "missing meta": (delete(f"{SCRIPT}.meta"), SCRIPT, "no .meta", "beside every file"),
    "missing folder meta": (
        delete("Assets/Scripts.meta"),
        "Assets/Scripts",
        "no .meta",
        "and folder",
    ),
    "orphan meta": (
        delete("Assets/Scenarios/hall.json"),
        "Assets/Scenarios/hall.json.meta",
        "of nothing",
        "beside",
    ),
    "GUID twice": (
        swap(f"{STEEL}.meta", guid(STEEL), guid(SCRIPT)),
        f"{SCRIPT}.meta",
        "Steel.mat has too",
        "of its own",
    ),
    "bad GUID": (
        swap(f"{STEEL}.meta", guid(STEEL), "XYZ"),
        f"{STEEL}.meta",
        "guid 'XYZ'",
        "32 of the digits",
    ),
    "meta's version": (
        swap(f"{STEEL}.meta", "Version: 2", "Version: 3"),
        f"{STEEL}.meta",
        "'3'",
        "2",
    ),
    "importer": (
        swap(f"{SCRIPT}.meta", "MonoImporter", "DefaultImporter"),
        f"{SCRIPT}.meta",
        "DefaultImporter",
        "MonoImporter",
    ),
    "unknown kind of file": (
        add("Assets/tone.ogg", ""),
        "Assets/tone.ogg",
        ".ogg",
        "known importer",
    ),
    # materials
    "material's name": (
        swap(STEEL, "m_Name: Steel", "m_Name: Iron"),
        STEEL,
        "the name Iron",
        "Steel",
    ),
    "material's shader": (
        swap(STEEL, "fileID: 46", "fileID: 47"),
        STEEL,
        "m_Shader: fileID 47",
        "46",
    ),
    # assemblies
    "assembly's syntax": (
        swap(ASMDEF, '"Fedxr.Scenes",', '"Fedxr.Scenes"'),
        ASMDEF,
        "no JSON",
        "definition",
    ),
    "assembly's name": (
        swap(ASMDEF, "Fedxr.Scenes", "Fedxr.Scene"),
        ASMDEF,
        "Fedxr.Scene",
        "Fedxr.Scenes, as",
    ),
    "unknown assembly": (
        swap(ASMDEF, '"Fedxr"', '"Fedxr.Cor"'),
        ASMDEF,
        "Fedxr.Cor",
        "Fedxr.Editor",
    ),
    "misspelt define": (
        swap(ASMDEF, "FEDXR_XRHANDS", "FEDXR_HANDS"),
        ASMDEF,
        "FEDXR_HANDS",
        "com.unity.xr.hands: FEDXR_XRHANDS",
    ),
    "constraint nothing defines": (
        swap(
            ASMDEF,
            '"name": "Fedxr.Scenes",',
            '"name": "Fedxr.Scenes", "defineConstraints": ["FEDXR_OPENXR"],',
        ),
        ASMDEF,
        "constraint FEDXR_OPENXR",
        "versionDefines",
    ),
    "symbol nothing defines": (
        swap(SCRIPT, "#if FEDXR_XRHANDS", "#if FEDXR_XRHAND"),
        SCRIPT,
        "#if FEDXR_XRHAND",
        "FEDXR_XRHANDS",
    ),
    # settings and packages
    "scene not built": (
        swap(BUILD, SCENE, "Assets/Scenes/Gone.unity"),
        BUILD,
        "Gone.unity",
        "scenes of Assets",
    ),
    "binary assets": (
        swap("ProjectSettings/EditorSettings.asset", "Mode: 2", "Mode: 1"),
        "ProjectSettings/EditorSettings.asset",
        "m_SerializationMode '1'",
        "2",
    ),
    "no build settings": (delete(BUILD), "ProjectSettings", "No such file", "EditorBuildSettings"),
    "tests not shown": (
        swap("Packages/manifest.json", '"com.fedxr.bridge"', ""),
        "Packages/manifest.json",
        "testables []",
        "among",
    ),
    "manifest's syntax": (
        swap("Packages/manifest.json", "{", "["),
        "Packages/manifest.json",
        "line 2",
        "JSON",
    ),
    "sample missing": (
        lambda root: (root / PACKAGE / "Samples~/Minimal").rmdir(),
        f"{PACKAGE}/package.json",
        "Samples~/Minimal",
        "below Samples~",
    ),
}
