"""What a long command says of its progress."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.status import Status


def saying(status: Status, console: Console) -> Callable[[str], None]:
    """Progress in one line on a terminal, line by line elsewhere."""
    last = [""]

    def say(text: str) -> None:
        status.update(text)
        head = text.split(":")[0]
        if not console.is_terminal and head != last[0]:
            console.print(text, highlight=False)
        last[0] = head

    return say
