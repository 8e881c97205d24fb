"""From the words of the command line to one command, of which alone the modules are imported."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fedxr.cli.command_table import Command, named
from fedxr.cli.overview import overview
from fedxr.extras import MissingExtraError, need_study

if TYPE_CHECKING:
    from rich.console import Console


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 where what was asked is done, 1 where what it
    found is not as required, 2 where it cannot be done, 130 after Ctrl-C (docs/commands.md).

    Raises SystemExit as tyro does: 0 after a command's help, 2 for words that are no options."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"fedxr {version('fedxr')}")
        return 0
    from rich.console import Console

    from fedxr.cli.logs import log_to_stderr, loudness

    try:
        loud, words = loudness(words)
        command, words = named(words)
        log_to_stderr(loud)
        return _run(command, words, Console(quiet=loud == "quiet"))
    except (KeyboardInterrupt, asyncio.CancelledError):
        Console().print("stopped")
        return 130
    except Exception as error:
        if not _expected(error):
            raise
        say_error(error, Console())
        return 2


def parsed(command: Command, words: list[str]) -> Any:
    """The options that ``words`` are. Raises SystemExit after ``--help`` and where they are none,
    ValueError where they do not go together."""
    from fedxr.cli.options import parse

    start = command.starting_options(words)
    options = command.options_type()
    return parse(options, with_source(options, words), f"fedxr {command.name}", start)


def with_source(options: type[Any], words: list[str]) -> list[str]:
    """``--data DIR`` of a command that can do without recordings means those in DIR, where no
    ``--source`` says otherwise."""
    from dataclasses import fields

    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    both = {"data", "source"} <= {field.name for field in fields(options)}
    if both and "--data" in given and "--source" not in given:
        return [*words, "--source", "recorded"]
    return words


def _run(command: Command, words: list[str], console: Console) -> int:
    chosen = parsed(command, words)
    if command.studies:
        need_study(f"fedxr {command.name}")
    if command.computes:
        import torch

        from fedxr.agent.allocation import keep_freed_memory

        keep_freed_memory()
        torch.set_num_threads(1)  # two threads on two shared cores stall each other
    return command.runner()(chosen, console)


def _expected(error: Exception) -> bool:
    """Whether it is the user's to mend, and said in one line; all else is a defect, with a
    traceback."""
    if isinstance(error, (MissingExtraError, ValueError, OSError)):
        return True
    from fedxr.bridge.protocol import BridgeError
    from fedxr.learning.walls import SaidError

    return isinstance(error, (BridgeError, SaidError))


def say_error(error: Exception, console: Console) -> None:
    """In one line that begins with the program's name, however wide the terminal; what a system
    call says, without its number."""
    from rich.markup import escape

    text = str(error)
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{error.filename}: {error.strerror.lower()}"
    console.print(f"[bold red]fedxr:[/] {escape(text)}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
