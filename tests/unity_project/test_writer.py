"""Scenes, materials, metas and scenarios as they are written."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from fedxr.scenarios.export import definition
from unity_project.scenes import (
    Camera,
    Color,
    Cube,
    GameObject,
    Material,
    Project,
    Quaternion,
    Scene,
    Text,
    Vector3,
    text_asset,
)
from unity_project.scenes.__main__ import USE_CASES, main, write_scenes
from unity_project.scenes.metas import write_missing

STEEL = Material("Steel", Color(0.5, 0.5, 0.55), metallic=0.8)
GLASS = Material("Glass", Color(0.6, 0.8, 1, 0.3))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project with one script and one scenario."""
    for path in ("Assets/Scripts/Machine.cs", "Assets/Scenarios/small.json"):
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    return Project(tmp_path)


def workshop() -> Scene:
    """Every kind of value that a description can hold."""
    scene = Scene("Workshop", fog=Color(0.1, 0.2, 0.3))
    head = scene.object("Head", position=(0, 1.6, 0), rotation=(0, 90, 0), tag="MainCamera")
    camera = head.add(Camera(near=0.01))
    machine = scene.object("Machine", scale=2, active=False)
    label = scene.object("Label", parent=machine)
    text = label.add(Text("1: größer 😀\nyes", color=Color(1, 0.5, 0, 1)))
    machine.add(Cube(STEEL, solid=True))
    machine.script(
        "Fedxr.Machine",
        enabled=False,
        title="yes",
        count=3,
        weight=0.1,
        loud=True,
        anchor=head,
        eye=camera,
        labels=[text, None],
        hinge=Vector3(0, 1, 2),
        glow=Color(1, 0, 0),
        scenario=text_asset("Assets/Scenarios/small.json"),
        parts=[{"name": "lid", "weights": [1.5, 2]}, {"name": "", "weights": []}],
        shape={"width": 1, "steps": {}},
    )
    return scene


def documents(text: str) -> dict[int, tuple[str, dict[str, object]]]:
    """File ID -> (Unity's class, fields), read by PyYAML and not by our own reader."""
    head, *rest = text.split("--- !u!")
    assert head == "%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n"
    read = {}
    for document in rest:
        line, body = document.split("\n", 1)
        [(name, fields)] = yaml.safe_load(body).items()
        read[int(line.split("&")[1])] = (name, fields)
    assert len(read) == len(rest), "file IDs are unique"
    return read


def test_every_kind_of_value_is_read_back(project: Project) -> None:
    scene = workshop()
    read = documents(scene.text(project))
    machine = scene.objects["Machine"]
    script = next(c for c in machine.components if c.name == "Fedxr.Machine")
    name, fields = read[script.file_id]
    assert name == "MonoBehaviour"
    assert fields["m_Enabled"] == 0
    assert fields["m_GameObject"] == {"fileID": machine.file_id}
    guid = project.guid("Assets/Scripts/Machine.cs")
    assert fields["m_Script"] == {"fileID": 11500000, "guid": guid, "type": 3}
    assert (fields["title"], fields["count"], fields["weight"], fields["loud"]) == (
        "yes",
        3,
        0.1,
        1,
    )
    assert read[fields["anchor"]["fileID"]][1]["m_Name"] == "Head"
    assert read[fields["eye"]["fileID"]][0] == "Camera"
    assert [read[r["fileID"]][0] if r["fileID"] else 0 for r in fields["labels"]] == ["TextMesh", 0]
    assert fields["hinge"] == {"x": 0, "y": 1, "z": 2}
    assert fields["glow"] == {"r": 1, "g": 0, "b": 0, "a": 1}
    assert fields["scenario"]["fileID"] == 4900000
    assert fields["parts"] == [{"name": "lid", "weights": [1.5, 2]}, {"name": None, "weights": []}]
    assert fields["shape"] == {"width": 1, "steps": {}}


def test_objects_transforms_and_roots_agree(project: Project) -> None:
    scene = workshop()
    read = documents(scene.text(project))
    machine, label = scene.objects["Machine"], scene.objects["Machine/Label"]
    assert read[machine.file_id][1]["m_IsActive"] == 0
    assert read[machine.transform.file_id][1]["m_Children"] == [{"fileID": label.transform.file_id}]
    assert read[label.transform.file_id][1]["m_Father"] == {"fileID": machine.transform.file_id}
    components = [c["component"]["fileID"] for c in read[machine.file_id][1]["m_Component"]]
    assert [read[c][0] for c in components] == [
        "Transform", "MeshFilter", "BoxCollider", "MeshRenderer", "MonoBehaviour",
    ]  # fmt: skip
    last_id, (last, roots) = list(read.items())[-1]
    assert (last, last_id) == ("SceneRoots", 9223372036854775807)
    assert [read[r["fileID"]][1]["m_Father"]["fileID"] for r in roots["m_Roots"]] == [0, 0]
    assert read[2][1]["m_FogColor"] == {"r": 0.1, "g": 0.2, "b": 0.3, "a": 1}


def test_text_keeps_its_words_and_its_colour(project: Project) -> None:
    scene = workshop()
    [fields] = [f for name, f in documents(scene.text(project)).values() if name == "TextMesh"]
    assert fields["m_Text"] == "1: größer 😀\nyes"
    assert fields["m_Color"]["rgba"] == int.from_bytes(bytes([255, 128, 0, 255]), "little")


def test_file_ids_depend_on_an_objects_path_alone(project: Project) -> None:
    alone, among = Scene("A"), Scene("B")
    among.object("First").add(Cube(STEEL))
    ids = [scene.object("Machine").add(Cube(STEEL)).file_id for scene in (alone, among)]
    assert ids[0] == ids[1]
    assert workshop().text(project) == workshop().text(project)


@pytest.mark.parametrize(
    "angles", [(30, 0, 0), (0, 50, 0), (0, 0, 70), (30, 50, 70), (-80, 200, 5)]
)
def test_euler_angles_turn_about_z_then_x_then_y(angles: tuple[float, float, float]) -> None:
    def matrix(axis: int, degrees: float) -> np.ndarray:
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        plane = [[[1, 0, 0], [0, c, -s], [0, s, c]], [[c, 0, s], [0, 1, 0], [-s, 0, c]],
                 [[c, -s, 0], [s, c, 0], [0, 0, 1]]]  # fmt: skip
        return np.array(plane[axis])

    x, y, z, w = Quaternion.euler(*angles)
    turned = np.array([  # v + 2w(q × v) + 2q × (q × v), column by column
        v + 2 * w * np.cross((x, y, z), v) + 2 * np.cross((x, y, z), np.cross((x, y, z), v))
        for v in np.eye(3)
    ]).T  # fmt: skip
    by_axes = matrix(1, angles[1]) @ matrix(0, angles[0]) @ matrix(2, angles[2])
    np.testing.assert_allclose(turned, by_axes, atol=1e-12)


def test_materials_are_written_once_each_and_see_through_ones_blend(project: Project) -> None:
    scene = Scene("Two")
    for name, material in (("A", STEEL), ("B", STEEL), ("C", GLASS)):
        scene.object(name).add(Cube(material))
    scene.object("D").add(Text("no file: Unity's own font material"))
    written = {Path(path).name for path in write_scenes(project, [scene])}
    assert written == {"Two.unity", "Steel.mat", "Glass.mat"}
    [(_, glass)] = documents((project.root / GLASS.asset.path).read_text()).values()
    floats = {
        key: value for item in glass["m_SavedProperties"]["m_Floats"] for key, value in item.items()
    }
    assert (floats["_Mode"], floats["_ZWrite"], floats["_DstBlend"]) == (3, 0, 10)
    assert glass["m_CustomRenderQueue"] == 3000


def _two_materials(scene: Scene, thing: GameObject, project: Project) -> None:
    thing.add(Cube(Material("Steel", Color(1, 0, 0))))
    scene.object("Other").add(Cube(STEEL))
    write_scenes(project, [scene])


@pytest.mark.parametrize(
    ("mistake", "error", "told"),
    [
        (lambda s, t, p: s.object("Thing"), ValueError, "two objects 'Thing'"),
        (
            lambda s, t, p: t.script("Fedxr.Machines") and s.text(p),
            ValueError,
            "did you mean Machine?",
        ),
        (lambda s, t, p: t.script("Machine", a=object()) and s.text(p), TypeError, "allowed are"),
        (
            lambda s, t, p: t.script("Machine", a=[[1]]) and s.text(p),
            TypeError,
            "wrap it in a class",
        ),
        (lambda s, t, p: t.script("Machine", a=math.inf) and s.text(p), ValueError, "finite"),
        (lambda s, t, p: t.add(Text(anchor="top")), ValueError, "upper left"),
        (_two_materials, ValueError, "rename one"),
    ],
)
def test_mistakes_in_a_description_are_told(project, mistake, error, told) -> None:
    scene = Scene("Wrong")
    thing = scene.object("Thing")
    with pytest.raises(error, match=told):
        mistake(scene, thing, project)


def test_metas_are_written_once_and_by_kind(project: Project) -> None:
    kept = project.root / "Assets/Scripts/Machine.cs.meta"
    kept.write_text(f"fileFormatVersion: 2\nguid: {'ab' * 16}\n")
    hidden = project.root / "Assets/Samples~/Minimal/Some.cs"
    hidden.parent.mkdir(parents=True)
    hidden.write_text("")
    written = write_missing(project)
    assert written == [
        "Assets/Scenarios.meta",
        "Assets/Scenarios/small.json.meta",
        "Assets/Scripts.meta",
    ]
    assert kept.read_text().endswith(f"{'ab' * 16}\n")
    assert project.guid("Assets/Scripts/Machine.cs") == "ab" * 16
    folder = yaml.safe_load((project.root / "Assets/Scripts.meta").read_text())
    # printf %s fedxr:Assets/Scripts | md5sum
    assert folder["guid"] == "c2d38553b8b7d9d1935b602a942e137e"
    assert folder["folderAsset"] is True
    assert "TextScriptImporter" in (project.root / "Assets/Scenarios/small.json.meta").read_text()
    assert write_missing(Project(project.root)) == []


def test_a_kind_of_file_without_importer_is_told(project: Project) -> None:
    (project.root / "Assets/sound.ogg").write_text("")
    with pytest.raises(ValueError, match=r"no importer is known for \.ogg"):
        write_missing(project)


def test_a_folder_that_is_no_project_is_told(tmp_path: Path, capsys) -> None:
    assert main(["write", "--project", str(tmp_path)]) == 2
    assert "no folder Assets" in capsys.readouterr().err


@pytest.mark.parametrize("use_case", USE_CASES)
def test_exported_scenarios_are_those_of_scenarios(use_case: str) -> None:
    """Fails after a change in `scenarios`: run `python -m unity_project.scenes scenarios`."""
    path = Project().root / f"Assets/Scenarios/{use_case}.json"
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(
        json.dumps(definition(use_case))
    )
