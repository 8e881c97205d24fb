"""``fedxr`` and ``fedxr --help``: what it is, where to begin, and every command in a line."""

from __future__ import annotations

import shutil
import textwrap

from fedxr.cli.command_table import COMMANDS

WHAT = (
    "fedxr: agents of XR headsets that answer in real time, learn from their users, and improve "
    "each other without any recording leaving a headset."
)
BEGIN = (
    ("fedxr demo", "a minute of eight simulated headsets, live at http://127.0.0.1:8765"),
    ("fedxr serve", "then open the page that it names, in a browser or a headset"),
    ("fedxr doctor", "what is installed, what lacks, and how to get it"),
)
LEARN_MORE = "README.md and docs/ (docs/commands.md: exit status, --verbose, --quiet)."


def overview(columns: int | None = None) -> str:
    """The text, wrapped for a terminal of ``columns``; None: of this one."""
    width = max(40, min(columns or shutil.get_terminal_size().columns, 100))
    paragraphs = [textwrap.fill(WHAT, width), "usage: fedxr COMMAND [OPTIONS]"]
    commands = tuple((command.name, command.about) for command in COMMANDS)
    for head, pairs in (
        ("To begin:", BEGIN),
        ("Commands (fedxr COMMAND --help lists the options):", commands),
    ):
        indent = max(len(name) for name, _ in pairs) + 4
        lines = [
            textwrap.fill(f"  {name:<{indent - 4}}  {about}", width, subsequent_indent=" " * indent)
            for name, about in pairs
        ]
        paragraphs.append("\n".join([textwrap.fill(head, width), *lines]))
    paragraphs.append(textwrap.fill(f"More: {LEARN_MORE}", width))
    return "\n\n".join(paragraphs)
