"""How the words after a command become its options, and how ``--help`` writes them.

Over what tyro makes of a dataclass: choices stand in the order in which they were written, and a
wrong one is told the nearest; a file is a ``PATH`` whether it may be left out or not; of yes and no
only the word that changes something is an option; what may be given several times may also be given
its values in a row (``--sets har shrec``).
"""

from __future__ import annotations

import types
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Union, get_args

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from fedxr.experiments.choices import one_of

SHIPPED = "shipped checkpoint"
_CHECKPOINTS = Path(__file__).resolve().parents[1] / "checkpoints"
_RULES = ConstructorRegistry()


def parse(options: type[Any], words: Sequence[str], prog: str, start: object | None = None) -> Any:
    """The ``options`` that ``words`` are, from ``start`` on where that is given. Raises SystemExit:
    0 after ``--help``, 2 where the words are none; and what the options themselves raise."""
    repeatable = {f.name for f in fields(options) if f.default == ()}
    more: dict[str, Any] = {} if start is None else {"default": start}
    return tyro.cli(
        options,
        args=spread(words, repeatable),
        prog=prog,
        config=(tyro.conf.FlagCreatePairsOff,),
        registry=_RULES,
        **more,
    )


def spread(words: Sequence[str], repeatable: Collection[str]) -> list[str]:
    """``--sets har shrec`` as ``--sets har --sets shrec``, for options that are ``repeatable``."""
    out: list[str] = []
    option, values = "", 0
    for word in words:
        if word.startswith("--"):
            option = word if word[2:].replace("-", "_") in repeatable else ""
            values = 0
        elif option:
            if values:
                out.append(option)
            values += 1
        out.append(word)
    return out


@_RULES.primitive_rule
def _choice(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[str] | None:
    allowed = get_args(info.type)
    origin: object = info.type_origin
    if origin is not Literal or not all(isinstance(one, str) for one in allowed):
        return None
    return one_of(allowed)


@_RULES.primitive_rule
def _path(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Path] | None:
    if info.type is not Path:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=lambda given: Path(given[0]),
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda path: [SHIPPED if path.parent == _CHECKPOINTS else str(path)],
    )


@_RULES.primitive_rule
def _may_be_left_out(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """``Path | None`` and ``str | None``."""
    if info.type_origin not in (types.UnionType, Union):
        return None
    kinds = [kind for kind in get_args(info.type) if kind is not type(None)]
    if len(kinds) == len(get_args(info.type)) or kinds not in ([Path], [str]):
        return None
    make = kinds[0]
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH" if make is Path else "TEXT",
        instance_from_str=lambda given: None if given[0] == "None" else make(given[0]),
        is_instance=lambda value: value is None or isinstance(value, make),
        str_from_instance=lambda value: ["none" if value is None else str(value)],
    )
