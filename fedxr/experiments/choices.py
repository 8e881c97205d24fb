"""What of ours and of plug-ins an option takes: its choices, and its line of ``--help``.

Names are asked for when a command line is built or its help is shown, and at no other time: who
imports fedxr does not load plug-ins that it has no use for. What is unknown is refused where it is
looked up. Registries of modules that need torch are imported where they are asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from fedxr.agent.tasks import TASKS, use_cases
from fedxr.plugins import Registry
from fedxr.plugins.nearest import did_you_mean
from fedxr.scenarios.recorded import RECORDED


def known(registry: Registry) -> object:  # type: ignore[type-arg]  # of any kind
    """Annotates a repeatable option that takes names of ``registry``."""
    return tyro.conf.arg(help_behavior_hint=lambda _: f"(repeatable; known: {', '.join(registry)})")


Source = Literal["simulated", "recorded"]
"""Simulated people, or those of recorded sets."""
SetNames = Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], known(RECORDED)]
TaskNames = Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], known(TASKS)]


UseCase = Annotated[
    str,
    tyro.conf.arg(
        metavar="NAME",
        help_behavior_hint=lambda default: (
            f"(default: {default}; known: {', '.join(use_cases())}, and those of sets in --data)"
        ),
    ),
]
"""A use case by its name. Those of one's own sets are known only once the sets are found."""


def one_of(names: Iterable[str]) -> PrimitiveConstructorSpec[str]:
    """Annotates a field of a command: ``size: Annotated[str, one_of(SIZES)]``.

    In a module that postpones its annotations this is called when the command line is built, not
    when the module is imported. So it may go through a registry, which loads plug-ins.
    """
    allowed = tuple(names)

    def chosen(given: list[str]) -> str:
        if given[0] in allowed:
            return given[0]
        meant = did_you_mean(given[0], allowed)
        raise ValueError(f"{given[0]!r}; {meant}known: {', '.join(allowed)}")

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="{" + ",".join(allowed) + "}",
        instance_from_str=chosen,
        is_instance=lambda value: isinstance(value, str),
        str_from_instance=lambda value: [value],
    )


def live_coordinations() -> list[str]:
    """Those of a live server, where raw samples stay on the headset."""
    from fedxr.federation import COORDINATIONS

    return [name for name, plan in COORDINATIONS.items() if not plan.union]


def told_of(aggregation: str) -> list[str]:
    """What a result's notes say of a rule that is not the mean: which blocks it decides."""
    from fedxr.federation import AGGREGATIONS

    rule = AGGREGATIONS.named(aggregation)
    if rule.combine is None:
        return []
    kinds = ", ".join(sorted(rule.kinds))
    said = f"aggregation {rule.name} ({rule.about}): at the server, over blocks of kind {kinds}"
    return [f"{said}; all others, and all that clusters agree on, are means"]
