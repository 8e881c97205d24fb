"""``fedxr federate``: a headless run from options, or from the file of another."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from fedxr.experiments.run_config import RunConfig


def federate_command(config: RunConfig, console: Console) -> int:
    """Run it and print its table; 1 where a requirement failed, 130 where it was stopped."""
    from fedxr.cli.progress import shown
    from fedxr.evaluation.ci import markdown
    from fedxr.evaluation.tables import print_table
    from fedxr.experiments.run import federate

    config = replace(config, config=None)  # it has been read
    with shown(console) as progress:
        result = federate(config, say=progress)
    print_table(result, console)
    if console.is_terminal:  # where it is; a pipe has that line already
        console.print(progress.text, highlight=False, markup=False, soft_wrap=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown(result))
        except OSError as error:  # the run is none the worse for it
            console.print(f"no step summary: {error}", highlight=False, markup=False)
    if result.interrupted:
        return 130
    return 0 if all(r.passed for r in result.requirements) else 1
