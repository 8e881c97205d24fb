"""Values as Unity's YAML spells them: vectors, colours, references, lists, nested classes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, radians, sin
from typing import Any, NamedTuple, Protocol, runtime_checkable


class Vector2(NamedTuple):
    x: float
    y: float


class Vector3(NamedTuple):
    x: float
    y: float
    z: float


class Quaternion(NamedTuple):
    x: float
    y: float
    z: float
    w: float

    @classmethod
    def euler(cls, x: float, y: float, z: float) -> Quaternion:
        """The rotation by ``z``, then ``x``, then ``y`` degrees about Unity's axes, as it shows."""
        sx, sy, sz = (sin(radians(angle) / 2) for angle in (x, y, z))
        cx, cy, cz = (cos(radians(angle) / 2) for angle in (x, y, z))
        return cls(
            sx * cy * cz + cx * sy * sz,
            cx * sy * cz - sx * cy * sz,
            cx * cy * sz - sx * sy * cz,
            cx * cy * cz + sx * sy * sz,
        )


class Color(NamedTuple):
    """Each part from 0 to 1, as in the editor's colour picker (gamma); more than 1 for glow."""

    r: float
    g: float
    b: float
    a: float = 1.0


@dataclass(frozen=True)
class Asset:
    """A reference to a file of the project, or to one of Unity's own by its ``guid``."""

    path: str  # relative to the project, "Assets/Scenarios/overlays.json"
    file_id: int
    type: int
    guid: str = ""


def text_asset(path: str) -> Asset:
    """A file that a script receives as TextAsset, for example a scenario's JSON."""
    return Asset(path, 4900000, 3)


@runtime_checkable
class InScene(Protocol):
    """What a field may refer to in its own scene: a game object or a component."""

    @property
    def file_id(self) -> int: ...


GuidOf = Callable[[str], str]

# What YAML reads back as the same string without quotes. Numbers and yes/no/null must be quoted.
_PLAIN = re.compile(r"(?!(?:true|false|yes|no|on|off|null)$)[A-Za-z_/<][A-Za-z0-9_./<>() -]*", re.I)


def mapping(fields: dict[str, Any], guid_of: GuidOf, depth: int = 1) -> Iterator[str]:
    """The lines of a block mapping, indented by ``depth`` steps of two blanks."""
    for key, value in fields.items():
        yield from _entry(f"{'  ' * depth}{key}:", value, guid_of, depth)


def _entry(head: str, value: Any, guid_of: GuidOf, depth: int) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield head
        yield from mapping(value, guid_of, depth + 1)
    elif _is_list(value) and value:
        yield head
        for item in value:
            yield from _item(item, guid_of, depth)
    else:
        yield f"{head} {_inline(value, guid_of)}"


def _item(item: Any, guid_of: GuidOf, depth: int) -> Iterator[str]:
    dash = "  " * depth + "- "
    if isinstance(item, dict) and item:
        first, *rest = mapping(item, guid_of, depth + 1)
        yield dash + first.lstrip()
        yield from rest
    elif _is_list(item):
        raise TypeError(f"a list inside a list, {item!r}: Unity saves none; wrap it in a class")
    else:
        yield dash + _inline(item, guid_of)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and not hasattr(value, "_fields")


def _inline(value: Any, guid_of: GuidOf) -> str:
    match value:
        case None:
            return "{fileID: 0}"
        case bool():
            return "1" if value else "0"
        case int():
            return str(int(value))
        case float():
            return _number(value)
        case str():
            return _string(value)
        case Asset():
            guid = value.guid or guid_of(value.path)
            return f"{{fileID: {value.file_id}, guid: {guid}, type: {value.type}}}"
        case Vector2() | Vector3() | Quaternion() | Color():
            parts = (f"{name}: {_number(part)}" for name, part in value._asdict().items())
            return f"{{{', '.join(parts)}}}"
        case InScene():
            return f"{{fileID: {value.file_id}}}"
        case dict():
            return "{}"
        case list() | tuple():
            return "[]"
    raise TypeError(
        f"cannot write {value!r} ({type(value).__name__}) into a scene; allowed are None, bool, "
        "int, float, str, Vector2, Vector3, Quaternion, Color, Asset, game objects, components, "
        "and lists and dicts of these"
    )


def _number(value: float) -> str:
    number = f"{value:.7g}"  # float32, as Unity keeps it
    if number in {"inf", "-inf", "nan"}:
        raise ValueError(f"{number} is no value for a scene; give a finite number")
    return "0" if number == "-0" else number


def _string(value: str) -> str:
    if value == "" or (_PLAIN.fullmatch(value) and not value.endswith(" ")):
        return value
    ascii_only = "".join(c if ord(c) < 0x10000 else f"\\U{ord(c):08X}" for c in value)
    return json.dumps(ascii_only).replace("\\\\U", "\\U")
