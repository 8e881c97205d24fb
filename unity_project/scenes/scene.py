"""A scene, its game objects and their components; ``text`` is what Unity would have saved."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unity_project.scenes import settings
from unity_project.scenes.materials import Material
from unity_project.scenes.parts import Native, Part
from unity_project.scenes.project import Project
from unity_project.scenes.values import Asset, Color, Quaternion, Vector3, mapping

HEADER = "%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n"
SCENE_ROOTS_ID = 2**63 - 1


def _file_id(place: str) -> int:
    """A number of up to 13 digits made of ``place`` alone, so that edits keep diffs small."""
    return int(hashlib.md5(place.encode()).hexdigest()[:10], 16) + 1000  # noqa: S324


@dataclass(frozen=True, eq=False)
class Component:
    """One component of a game object; give it as a field's value to refer to it."""

    owner: GameObject
    native: Native
    name: str  # the class: "Camera", or a script's full name
    nth: int  # among the owner's components of that class

    @property
    def file_id(self) -> int:
        return _file_id(f"{self.owner.path}#{self.name}#{self.nth}")


class GameObject:
    """A named place in the scene. Made by `Scene.object`, filled by `add` and `script`."""

    def __init__(
        self,
        name: str,
        parent: GameObject | None,
        position: Sequence[float],
        rotation: Quaternion,
        scale: Sequence[float],
        *,
        active: bool,
        tag: str,
        layer: int,
    ) -> None:
        self.name, self.parent, self.active, self.tag, self.layer = name, parent, active, tag, layer
        self.path: str = f"{parent.path}/{name}" if parent else name
        self.children: list[GameObject] = []
        self.components: list[Component] = []
        transform = {
            "serializedVersion": 2,
            "m_LocalRotation": rotation,
            "m_LocalPosition": Vector3(*position),
            "m_LocalScale": Vector3(*scale),
            "m_ConstrainProportionsScale": 0,
        }
        self.transform = self._append(Native(4, "Transform", transform, enabled=None), "Transform")

    @property
    def file_id(self) -> int:
        return _file_id(self.path)

    def add(self, part: Part) -> Component:
        """Add what ``part`` stands for; returns the component that others refer to (the last)."""
        return [self._append(native, native.name) for native in part.natives()][-1]

    def script(self, name: str, *, enabled: bool = True, **fields: Any) -> Component:
        """Add the MonoBehaviour ``name`` ("Fedxr.PoseSensor") with the given serialized fields.

        A field that is left out keeps the value of its C# initializer. Lists and tuples become
        arrays, dicts nested [Serializable] classes; use Vector3 and Color for Unity's structs.
        """
        return self._append(Native(114, "MonoBehaviour", fields, enabled), name)

    def _append(self, native: Native, name: str) -> Component:
        nth = sum(other.name == name for other in self.components)
        self.components.append(Component(self, native, name, nth))
        return self.components[-1]


class Scene:
    """Named after its file, ``Assets/Scenes/<name>.unity``."""

    def __init__(
        self,
        name: str,
        *,
        ambient: Color = Color(0.35, 0.37, 0.42),
        fog: Color | None = None,
        fog_density: float = 0.02,  # per metre, exponential squared
        skybox: bool = True,
    ) -> None:
        self.name = name
        self.objects: dict[str, GameObject] = {}
        self._settings = settings.documents(ambient, fog, fog_density, skybox)

    def object(
        self,
        name: str,
        *,
        parent: GameObject | None = None,
        position: Sequence[float] = (0, 0, 0),
        rotation: Sequence[float] | Quaternion = (0, 0, 0),
        scale: Sequence[float] | float = 1.0,
        active: bool = True,
        tag: str = "Untagged",
        layer: int = 0,
    ) -> GameObject:
        """A new game object: metres, degrees (x, y, z as the editor shows them) and scale factors.

        Raises ValueError when ``parent`` has a child of that name already: file IDs are made of
        names, so that each must be unique among its siblings.
        """
        turned = rotation if isinstance(rotation, Quaternion) else Quaternion.euler(*rotation)
        scaled = (scale,) * 3 if isinstance(scale, int | float) else scale
        made = GameObject(
            name, parent, position, turned, scaled, active=active, tag=tag, layer=layer
        )
        if made.path in self.objects:
            raise ValueError(
                f"scene {self.name} has two objects {made.path!r}; give each child of an object a "
                "name of its own"
            )
        self.objects[made.path] = made
        if parent:
            parent.children.append(made)
        return made

    @property
    def materials(self) -> list[Material]:
        """Every material that the scene's renderers use, once each."""
        used = [
            material
            for thing in self.objects.values()
            for component in thing.components
            for material in component.native.materials
        ]
        return list(dict.fromkeys(used))

    def text(self, project: Project) -> str:
        """The scene's file. GUIDs are looked up in ``project``.

        Raises ValueError for a script without a C# file.
        """
        documents = list(self._settings)
        for thing in self.objects.values():
            documents.append((1, thing.file_id, "GameObject", _game_object(thing)))
            documents.extend(_component(component, project) for component in thing.components)
        roots = [thing.transform for thing in self.objects.values() if thing.parent is None]
        documents.append(
            (1660057539, SCENE_ROOTS_ID, "SceneRoots", {"m_ObjectHideFlags": 0, "m_Roots": roots})
        )
        return HEADER + "".join(
            f"{line}\n"
            for class_id, file_id, name, fields in documents
            for line in (
                f"--- !u!{class_id} &{file_id}",
                f"{name}:",
                *mapping(fields, project.guid),
            )
        )


Document = tuple[int, int, str, dict[str, Any]]


def _no_prefab() -> dict[str, Any]:
    return {
        "m_ObjectHideFlags": 0,
        "m_CorrespondingSourceObject": None,
        "m_PrefabInstance": None,
        "m_PrefabAsset": None,
    }


def _game_object(thing: GameObject) -> dict[str, Any]:
    return {
        **_no_prefab(),
        "serializedVersion": 6,
        "m_Component": [{"component": component} for component in thing.components],
        "m_Layer": thing.layer,
        "m_Name": thing.name,
        "m_TagString": thing.tag,
        "m_Icon": None,
        "m_NavMeshLayer": 0,
        "m_StaticEditorFlags": 0,
        "m_IsActive": thing.active,
    }


def _component(component: Component, project: Project) -> Document:
    owner, native = component.owner, component.native
    fields = {**_no_prefab(), "m_GameObject": owner}
    if native.enabled is not None:
        fields["m_Enabled"] = native.enabled
    if native.name == "MonoBehaviour":
        fields["m_EditorHideFlags"] = 0
        fields["m_Script"] = Asset(project.script(component.name), 11500000, 3)
        fields["m_Name"] = fields["m_EditorClassIdentifier"] = ""
    fields |= native.fields
    if native.name == "Transform":
        fields["m_Children"] = [child.transform for child in owner.children]
        fields["m_Father"] = owner.parent.transform if owner.parent else None
        fields["m_LocalEulerAnglesHint"] = Vector3(0, 0, 0)
    return native.class_id, component.file_id, native.name, fields
