"""A RunConfig as plain data: from a YAML file or the ``result.json`` of a run, and back.

A file says what differs; all else is as usual. Unknown keys and values of another type are refused
with the place where they stand and what is allowed there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec
import yaml

from fedxr.experiments.run_config import SAID_AS, RunConfig
from fedxr.plugins.nearest import did_you_mean

T = TypeVar("T")
OF_THE_RUN = ("out", "config", "workers", "resume", "junit", "track")
"""Where a run's files went and on how many cores: nothing to another run."""


class ConfigError(ValueError):
    """A configuration cannot be read; the message says where and what is allowed."""


def read_config(path: Path) -> RunConfig:
    """The RunConfig that ``path`` holds: YAML, or the result.json of ``fedxr federate``. Raises
    ConfigError, OSError."""
    return from_file(path, RunConfig())


def from_file(path: Path, start: T) -> T:
    """``start`` with the options that ``path`` holds: YAML, or the result.json of a run of the same
    command. Raises ConfigError, OSError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        got = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: neither YAML nor JSON: {error}") from None
    if isinstance(got, dict) and "schema" in got and isinstance(got.get("config"), dict):
        got = {k: v for k, v in got["config"].items() if k not in OF_THE_RUN}
    if isinstance(got, dict) and "config" in got:
        raise ConfigError(f"{path}: config: {got['config']!r:.60}; a file reads no other file")
    if got is not None and not isinstance(got, dict):
        raise ConfigError(f"{path}: {got!r:.60}; write one option a line, such as `rounds: 4`")
    try:
        return with_changes(start, got or {})
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def with_changes(start: T, changes: Mapping[str, Any], at: str = "") -> T:
    """The dataclass ``start`` with ``changes`` by field, nested ones by mappings or whole; ``at``
    is where it stands. Raises ConfigError for an unknown field or a value of another type,
    ValueError for what the class itself refuses."""
    hints = get_type_hints(type(start), include_extras=False)
    allowed = [f.name for f in fields(start) if f"{at}{f.name}" not in SAID_AS]  # type: ignore[arg-type]
    found: dict[str, Any] = {}
    for name, value in changes.items():
        place = f"{at}{name}"
        if place in SAID_AS:
            raise ConfigError(f"{place} is what {SAID_AS[place]!r} decides; set that instead")
        if name not in allowed:
            hint = f"{did_you_mean(name, allowed)}allowed here are {', '.join(allowed)}"
            raise ConfigError(f"unknown key {place!r}; {hint}")
        now = getattr(start, name)
        if is_dataclass(now) and isinstance(value, type(now)):
            found[name] = value
        elif not is_dataclass(now):
            found[name] = _leaf(value, hints[name], place)
        elif isinstance(value, Mapping):
            found[name] = with_changes(now, value, f"{place}.")
        else:
            keys = ", ".join(f.name for f in fields(now))
            raise ConfigError(f"{place} is {value!r}; it has keys of its own: {keys}")
    return replace(start, **found)  # type: ignore[type-var]


def _leaf(value: object, hint: object, place: str) -> object:
    try:
        # Not strict: YAML reads 1e-3, which lacks the point that it wants, as text.
        found = msgspec.convert(value, hint, strict=False, dec_hook=_path)
        if isinstance(found, float) and not math.isfinite(found):
            raise ConfigError(f"{place} is {value!r}; give a finite number")
        return found
    except msgspec.ValidationError as error:
        raise ConfigError(f"{place} is {value!r}: {error}") from None


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError(f"a {kind}")


def as_mapping(config: RunConfig) -> dict[str, Any]:
    """``config`` as result.json holds it: every field, but once."""
    out: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(config, enc_hook=str))
    for path in SAID_AS:
        *nest, last = path.split(".")
        inner = out
        for name in nest:
            inner = inner[name]
        del inner[last]
    return out
