"""What a scene may store in a field of a C# class, judged by the field's type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from unity_project.scenes.csharp import Field, Type, types
from unity_project.scenes.documents import Reference, Value
from unity_project.scenes.project import Project

INTEGERS = {
    "byte": (0, 2**8 - 1), "sbyte": (-(2**7), 2**7 - 1), "char": (0, 2**16 - 1),
    "short": (-(2**15), 2**15 - 1), "ushort": (0, 2**16 - 1), "int": (-(2**31), 2**31 - 1),
    "uint": (0, 2**32 - 1), "long": (-(2**63), 2**63 - 1), "ulong": (0, 2**64 - 1),
}  # fmt: skip
STRUCTS = {
    "Vector2": "xy",
    "Vector3": "xyz",
    "Vector4": "xyzw",
    "Quaternion": "xyzw",
    "Color": "rgba",
}
# Field type -> the components of a scene that it can hold.
COMPONENTS = {
    "GameObject": {"GameObject"},
    "Transform": {"Transform"},
    "Camera": {"Camera"},
    "Light": {"Light"},
    "AudioSource": {"AudioSource"},
    "AudioListener": {"AudioListener"},
    "TextMesh": {"TextMesh"},
    "MeshFilter": {"MeshFilter"},
    "MeshRenderer": {"MeshRenderer"},
    "Renderer": {"MeshRenderer"},
    "BoxCollider": {"BoxCollider"},
    "Collider": {"BoxCollider"},
}
# Field type -> the file ID by which its assets are known inside their file.
ASSETS = {"Material": 2100000, "TextAsset": 4900000, "AudioClip": 8300000, "Texture2D": 2800000}
BASES = {"MonoBehaviour": "Behaviour", "Behaviour": "Component", "Component": "Object"}
_NEVER = re.compile(r"Dictionary<|HashSet<|Queue<|Func<|Action|object$|\(|.*\[,")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class Sources:
    """Every type that the project's C# files declare; of two with one name, the first counts."""

    def __init__(self, project: Project) -> None:
        self.by_path = {
            path: types((project.root / path).read_text(encoding="utf-8-sig"), path)
            for path in (
                project.relative(file) for file in project.assets() if file.suffix == ".cs"
            )
        }
        self.by_name: dict[str, Type] = {}
        for declared in (one for found in self.by_path.values() for one in found):
            self.by_name.setdefault(declared.name, declared)

    def find(self, name: str) -> Type | None:
        """The type that a source means by ``name``; None for one of Unity's or of a package."""
        return self.by_name.get(re.sub(r"<.*", "", name).rpartition(".")[2])

    def lineage(self, name: str) -> Iterator[str]:
        """``name`` and the classes it derives from, ours and then Unity's."""
        seen: set[str] = set()  # a class may be named as the class of a package it derives from
        while name and name not in seen:
            yield name
            seen.add(name)
            known = self.find(name)
            name = (known.bases[0] if known.bases else "") if known else BASES.get(name, "")

    def is_component(self, name: str) -> bool:
        return "Component" in self.lineage(name)

    def fields(self, of: Type) -> dict[str, Field]:
        """The serialized fields of a class, its bases' included."""
        found: dict[str, Field] = {}
        for name in self.lineage(of.name):
            known = self.find(name)
            found |= {one.name: one for one in known.fields} if known else {}
        return found


class Targets(Protocol):
    """What a validator knows of a scene's objects."""

    def kind(self, reference: Reference) -> str | None:
        """Unity's or the script's class of what is referred to; None where that is unknown."""


@dataclass(frozen=True)
class Misfit:
    """A value that its field cannot hold."""

    line: int
    found: str
    allowed: str


def misfits(
    sources: Sources, targets: Targets, kind: str, value: Value, name: str
) -> Iterator[Misfit]:
    """What is wrong with ``value`` in the field ``name`` of C# type ``kind``, if anything."""
    kind = kind.removeprefix("UnityEngine.")
    element = _element(kind)
    known = sources.find(kind)
    if _NEVER.match(kind):
        yield Misfit(value.line, f"{name} of type {kind}", "a type that Unity serializes")
    elif element is not None:
        yield from _list_misfits(sources, targets, element, value, name)
    elif known is not None and known.kind == "enum":
        yield from _enum_misfits(known, value, name)
    elif known is not None and not sources.is_component(known.name):
        yield from _nested_misfits(sources, targets, known, value, name)
    elif (
        known is not None
        or kind in COMPONENTS
        or kind in ASSETS
        or "Object" in sources.lineage(kind)
    ):
        yield from _reference_misfits(sources, targets, kind, value, name)
    else:
        allowed = _plain_allowed(kind, value)
        if allowed:
            yield Misfit(value.line, f"{name}: {_shown(value)}", f"{kind}: {allowed}")


def _element(kind: str) -> str | None:
    if kind.endswith("[]"):
        return kind[:-2]
    listed = re.fullmatch(r"(?:System\.Collections\.Generic\.)?List<(.*)>", kind)
    return listed[1] if listed else None


def _list_misfits(
    sources: Sources, targets: Targets, element: str, value: Value, name: str
) -> Iterator[Misfit]:
    if value.items is None:
        yield Misfit(value.line, f"{name}: {_shown(value)}", f"a list of {element}")
    for index, item in enumerate(value.items or []):
        yield from misfits(sources, targets, element, item, f"{name}[{index}]")


def _enum_misfits(known: Type, value: Value, name: str) -> Iterator[Misfit]:
    number = int(value.text) if re.fullmatch(r"-?\d+", value.text) else None
    if number is None or (number not in known.values.values() and "Flags" not in known.attributes):
        allowed = ", ".join(f"{number} ({label})" for label, number in known.values.items())
        yield Misfit(value.line, f"{name}: {_shown(value)}", f"{known.name}: {allowed}")


def _nested_misfits(
    sources: Sources, targets: Targets, known: Type, value: Value, name: str
) -> Iterator[Misfit]:
    if "Serializable" not in known.attributes or known.kind == "interface":
        yield Misfit(
            value.line,
            f"{name} of {known.kind} {known.name}",
            "a class or struct with [Serializable]",
        )
        return
    fields = sources.fields(known)
    if value.entries is None:
        allowed = f"the fields of {known.name}: {', '.join(fields)}"
        yield Misfit(value.line, f"{name}: {_shown(value)}", allowed)
    for key, entry in (value.entries or {}).items():
        if key not in fields:
            yield Misfit(entry.line, f"{name}.{key}", f"{known.name} has {', '.join(fields)}")
        else:
            yield from misfits(sources, targets, fields[key].type, entry, f"{name}.{key}")


def _reference_misfits(
    sources: Sources, targets: Targets, kind: str, value: Value, name: str
) -> Iterator[Misfit]:
    reference = value.reference
    if reference is None:
        yield Misfit(
            value.line, f"{name}: {_shown(value)}", f"a reference to a {kind}, {{fileID: …}}"
        )
        return
    if kind in ASSETS:
        fits = reference.file_id == ASSETS[kind] or (reference.file_id == 0 and not reference.guid)
        if not fits and not reference.guid.startswith("0000000000000000"):
            allowed = f"a {kind}: fileID {ASSETS[kind]} and the asset's guid, or {{fileID: 0}}"
            yield Misfit(value.line, f"{name}: fileID {reference.file_id}", allowed)
        return
    target = targets.kind(reference)
    if target is None:
        return
    fits = target in COMPONENTS[kind] if kind in COMPONENTS else kind in sources.lineage(target)
    if not fits and not (kind == "Object" or (kind == "Component" and target != "GameObject")):
        yield Misfit(value.line, f"{name} refers to a {target}", f"a {kind}")


def _plain_allowed(kind: str, value: Value) -> str:
    """What a value of this type must be if ``value`` is not; empty if it is, or nobody knows."""
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        whole = re.fullmatch(r"-?\d+", value.text) and not value.quoted
        return "" if whole and low <= int(value.text) <= high else f"an integer {low} to {high}"
    if kind in {"float", "double"}:
        return "" if _NUMBER.fullmatch(value.text) and not value.quoted else "a number"
    if kind == "bool":
        return "" if value.text in {"0", "1"} and not value.quoted else "0 or 1"
    if kind == "string":
        return "" if value.entries is None and value.items is None else "a text"
    if kind in STRUCTS:
        parts = value.entries or {}
        fits = "".join(parts) == STRUCTS[kind]
        numbers = all(_NUMBER.fullmatch(part.text) for part in parts.values())
        return "" if fits and numbers else f"numbers {', '.join(STRUCTS[kind])}"
    return ""


def _shown(value: Value) -> str:
    if value.entries is not None:
        return "{" + ", ".join(value.entries) + "}"
    return f"a list of {len(value.items)}" if value.items is not None else repr(value.text)
