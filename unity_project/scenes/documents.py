"""Unity's YAML read back, every value with its line.

Unity writes a dialect: many documents with a class number and a file ID in their separator, and
numbers that YAML would read as something else (a GUID such as 1234e567…). So values stay text
here, as written; who reads one says what it should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

HEADER = ("%YAML 1.1", "%TAG !u! tag:unity3d.com,2011:")
_SEPARATOR = re.compile(r"--- !u!(\d+) &(-?\d+)( stripped)?\s*")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UnityYamlError(ValueError):
    """The file at ``line`` is not what Unity writes."""

    def __init__(self, line: int, found: str, allowed: str) -> None:
        super().__init__(f"line {line}: {found}; {allowed}")
        self.line, self.found, self.allowed = line, found, allowed


@dataclass(frozen=True)
class Reference:
    """``{fileID: 7}`` in the same file, or ``{fileID: 7, guid: …, type: 3}`` in another."""

    file_id: int
    guid: str
    type: str
    line: int


@dataclass(frozen=True)
class Value:
    """One of a mapping, a list and a text; the other two are empty."""

    line: int
    entries: dict[str, Value] | None = None
    items: list[Value] | None = None
    text: str = ""
    quoted: bool = False

    def get(self, key: str) -> Value:
        """The entry ``key``, or an empty text where there is none."""
        return (self.entries or {}).get(key) or Value(self.line)

    @property
    def reference(self) -> Reference | None:
        if self.entries is None or "fileID" not in self.entries:
            return None
        number = self.get("fileID").text
        if not re.fullmatch(r"-?\d+", number):
            raise UnityYamlError(self.line, f"fileID {number!r}", "a file ID is an integer")
        return Reference(int(number), self.get("guid").text, self.get("type").text, self.line)

    def references(self, path: str = "") -> Iterator[tuple[str, Reference]]:
        """Every reference inside, with the path of fields that leads to it."""
        if self.reference is not None:
            yield path, self.reference
        else:
            for key, entry in (self.entries or {}).items():
                yield from entry.references(f"{path}.{key}" if path else key)
            for index, item in enumerate(self.items or []):
                yield from item.references(f"{path}[{index}]")


@dataclass(frozen=True)
class Document:
    """One object of a file: a game object, a component, a settings block, a material."""

    class_id: int
    file_id: int
    line: int
    name: str  # Unity's class, "Transform"
    fields: Value
    stripped: bool = False  # only stands for an object of a prefab


def read(text: str) -> list[Document]:
    """The documents of a scene, material or settings file.

    Raises UnityYamlError where the header, a separator or the YAML is wrong.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if tuple(lines[:2]) != HEADER:
        raise UnityYamlError(
            1, f"the first lines {lines[:2]}", f"Unity's files begin with {HEADER}"
        )
    starts = [number for number, line in enumerate(lines) if line.startswith("---")]
    if not starts or starts[0] != 2:
        raise UnityYamlError(
            3, "no document", "the third line is a separator: --- !u!<class> &<file ID>"
        )
    ends = [*starts[1:], len(lines)]
    return [_document(lines, start, end) for start, end in zip(starts, ends, strict=True)]


def _document(lines: list[str], start: int, end: int) -> Document:
    separator = _SEPARATOR.fullmatch(lines[start])
    if separator is None:
        raise UnityYamlError(
            start + 1, f"the separator {lines[start]!r}", "one reads --- !u!<class> &<file ID>"
        )
    body = parse("\n".join(lines[start + 1 : end]), start + 1)
    if body.entries is None or len(body.entries) != 1:
        raise UnityYamlError(
            start + 2, "no single class name", "a document is one mapping, `Transform:`"
        )
    [(name, fields)] = body.entries.items()
    class_id, file_id, stripped = separator.groups()
    return Document(int(class_id), int(file_id), start + 1, name, fields, bool(stripped))


def parse(text: str, line: int = 0) -> Value:
    """One YAML document; ``line`` is the number of lines before it. Raises UnityYamlError."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as trouble:
        at = trouble.problem_mark.line if trouble.problem_mark else 0
        raise UnityYamlError(line + at + 1, f"{trouble.problem}", "this is no YAML") from trouble
    return _value(node, line) if node is not None else Value(line + 1)


def _value(node: yaml.Node, before: int) -> Value:
    line = before + node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, Value] = {}
        for key, value in node.value:
            if key.value in entries:
                at = before + key.start_mark.line + 1
                raise UnityYamlError(at, f"{key.value} a second time", "a field has one value")
            entries[key.value] = _value(value, before)
        return Value(line, entries=entries)
    if isinstance(node, yaml.SequenceNode):
        return Value(line, items=[_value(item, before) for item in node.value])
    return Value(line, text=node.value, quoted=bool(node.style))
