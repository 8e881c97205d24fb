"""What of ours and of plug-ins an option takes, for its line of ``--help``.

The names are asked for when that help is shown and at no other time: who runs a command does not
wait for plug-ins that it has no use for. What is unknown is refused where it is looked up.
"""

from __future__ import annotations

from typing import Annotated

import tyro

from agent.tasks import TASKS
from plugins import Registry
from scenarios.recorded import RECORDED


def _known(registry: Registry) -> object:  # type: ignore[type-arg]  # of any kind
    return tyro.conf.arg(help_behavior_hint=lambda _: f"(repeatable; known: {', '.join(registry)})")


SetNames = Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], _known(RECORDED)]
TaskNames = Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], _known(TASKS)]
