"""The one reader of ``set.toml``: what stands in it, in which line, and which keys cannot be.

A format says what it takes as frozen dataclasses: a field is a key, a dataclass a table, a list of
dataclasses an array of tables (``[[channels]]``). All that is wrong is said at once, each with its
line, and the nearest key that there is. Blanks around a text are left out, and that is said.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from fedxr.plugins.nearest import did_you_mean
from fedxr.scenarios.users import DataError

FILE = "set.toml"
T = TypeVar("T")
Complain = Callable[[str, str], None]
"""Takes a key, such as ``task.window`` or ``channels[1].rate``, and what is wrong there."""
NO_KEY = {"key": False}
"""Metadata of a field that is none of the file's keys."""

_AS_IT_STANDS = ("files.separator",)
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_WORD = r"(?:\"[^\"]*\"|'[^']*'|[\w-]+)"
_KEY = re.compile(rf"\s*({_WORD}(?:\s*\.\s*{_WORD})*)\s*=")
_TOKEN = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*|[\[\]{}]")
_WORDS = {
    "str": "text in quotes", "float": "a number", "int": "a whole number", "bool": "true or false",
    "str | int": "a column's name in quotes, or its number", "list[str]": "a list of texts",
    "str | int | None": "a column's name in quotes, or its number",
    "list[str | int]": "a list of columns", "list[float]": "a list of numbers",
    "dict[str, str]": "a table of texts",
}  # fmt: skip
"""What a value of each type is called."""


@dataclass(frozen=True)
class SetToml:
    """``values`` as TOML has them; ``lines`` (from 1) of keys and tables, as far as they have one
    of their own; ``notes`` on what is read otherwise than it stands."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def place(self, key: str) -> str:
        """The file, and the line of ``key`` or of the table that it belongs to."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.path}: line {self.lines[key]}" if key else str(self.path)

    def named(self, key: str) -> str:
        """``key`` with where it stands, or where it would be written."""
        table = key.rpartition(".")[0]
        if key in self.lines:
            where = f"line {self.lines[key]}"
        elif table in self.lines:
            where = f"below line {self.lines[table]}, [{table}]"
        else:
            where = f"in a new table [{table}]" if table else "above the first table"
        return f"{key} ({FILE}, {where})"

    def read(self, kind: type[T], problems: list[str]) -> T | None:
        """The whole file as ``kind``, a dataclass; None where there are ``problems``."""

        def complain(key: str, text: str) -> None:
            problems.append(f"{self.place(key)}: {text}")

        return _table(kind, self.values, "", complain)


def read_set_toml(folder: Path, needed: bool = True) -> SetToml:
    """What stands in the set.toml of ``folder``; nothing where there is none and it isn't
    ``needed``. Raises DataError for what is no TOML."""
    path = folder / FILE
    if not needed and not path.exists():
        return SetToml(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        raw = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}: line {line}: no UTF-8; save the file as UTF-8") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(
            f"{path}: {error}; correct it: `fedxr data new DIR` writes one to compare with"
        ) from None
    lines, around = _lines(text), dict[str, list[str]]()
    values = {key: _trimmed(value, key, around) for key, value in raw.items()}
    toml = SetToml(path, values, lines)
    notes = tuple(
        f"{toml.place(key)}: {key}: blanks around {', '.join(map(repr, texts))} are left out"
        for key, texts in around.items()
    )
    return dataclasses.replace(toml, notes=notes)


def _trimmed(value: Any, key: str, around: dict[str, list[str]]) -> Any:
    """``value`` without blanks around its texts, which are kept by their keys in ``around``."""
    if isinstance(value, str) and key not in _AS_IT_STANDS:
        if value != value.strip():
            around.setdefault(key, []).append(value)
        return value.strip()
    if isinstance(value, list):
        tables = all(isinstance(one, dict) for one in value)
        return [
            _trimmed(one, f"{key}[{i}]" if tables else key, around)
            for i, one in enumerate(value, 1)
        ]
    if isinstance(value, dict):
        out = {}
        for name, one in value.items():
            if name != name.strip():
                around.setdefault(key, []).append(name)
            out[name.strip()] = _trimmed(one, f"{key}.{name.strip()}", around)
        return out
    return value


def _table(kind: type[T], raw: Mapping[str, Any], where: str, complain: Complain) -> T | None:
    """``kind`` from the table of the file called ``where``; None where a key is missing or wrong.
    Every such key is complained of."""
    hints, given, wrong = get_type_hints(kind), dict[str, Any](), list[str]()
    known = {f.name: f for f in dataclasses.fields(kind) if f.metadata.get("key", True)}  # type: ignore[arg-type]

    def say(key: str, text: str) -> None:
        wrong.append(key)
        complain(key, text)

    for key, value in raw.items():
        at = f"{where}.{key}" if where else key
        if key in known:
            given[key] = _value(hints[key], value, at, say)
        else:
            hint = did_you_mean(key, known).strip() or f"known are {', '.join(known)}"
            say(at, f"key {at!r} is not known; {hint}")
    for name, one in known.items():
        if name not in raw and one.default is MISSING and one.default_factory is MISSING:
            at = f"{where}.{name}" if where else name
            say(at, f"key {at!r} is missing; write it")
    return None if wrong else kind(**given)


def _value(hint: Any, value: Any, at: str, say: Complain) -> Any:
    """``value`` of key ``at`` as ``hint`` has it; what cannot be is said."""
    (inner, *_) = get_args(hint) or (None,)
    if dataclasses.is_dataclass(hint):
        if isinstance(value, dict):
            return _table(hint, value, at, say)  # type: ignore[arg-type]
        return say(at, f"{at} is {value!r}; write a table: [{at}]")
    if dataclasses.is_dataclass(inner):
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            return [_table(inner, one, f"{at}[{i}]", say) for i, one in enumerate(value, 1)]  # type: ignore[arg-type]
        return say(at, f"{at} is no list of tables; write [[{at}]], with two brackets, above each")
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError:
        name = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
        return say(at, f"{at} is {value!r}; write {_WORDS.get(name, name)}")


def _lines(text: str) -> dict[str, int]:
    """The line of each table and each key that begins one; those in braces have none."""
    lines, counts = dict[str, int](), Counter[str]()
    table, depth, quote = "", 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        rest, header, key = line, _HEADER.match(line), _KEY.match(line)
        if not depth and not quote and header:
            table = _plain(header[2])
            if header[1] == "[[":
                counts[table] += 1
                table = f"{table}[{counts[table]}]"
            lines.setdefault(table, number)
            continue
        if not depth and not quote and key:
            lines.setdefault(".".join(filter(None, (table, _plain(key[1])))), number)
            rest = line[key.end() :]
        depth, quote = _still_open(rest, depth, quote)
    return lines


def _still_open(text: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets are open after ``text``, and the triple quotes that are."""
    while True:
        if quote:
            _, found, text = text.partition(quote)
            if not found:
                return depth, quote
            quote = ""
        token = _TOKEN.search(text)
        if token is None:
            return depth, ""
        text = text[token.end() :]
        if token[0] in ('"""', "'''"):
            quote = token[0]
        else:
            depth += (token[0] in "[{") - (token[0] in "]}")


def _plain(key: str) -> str:
    """A key without quotes and blanks, as they stand between its parts."""
    return ".".join(part.strip().strip("\"'").strip() for part in key.split("."))
