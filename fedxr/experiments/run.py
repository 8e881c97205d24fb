"""A federation from Python, as `fedxr federate` runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fedxr.evaluation.shown import Result
from fedxr.experiments.cold_run import federate_cold
from fedxr.experiments.config_file import ConfigError, read_config, with_changes
from fedxr.experiments.headless import federate as federate_warm
from fedxr.experiments.run_config import RunConfig
from fedxr.extras import need_study
from fedxr.scenarios.recorded import data_folder


def federate(
    config: RunConfig | Path | str | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Result:
    """Run a federation of headsets with every baseline beside it, and return its result.

    ``config`` is a RunConfig, or a file of one (YAML, or the result.json of a run); ``options`` are
    its fields, by name, nested ones whole or as mappings, and override it. ``say`` hears what is
    being done.

        result = fedxr.federate(scenario="companion", headsets=6, rounds=2, workers=1)
        result = fedxr.federate("runs/first/result.json", learning={"guard": 2.0})
        result.to_pandas()
        result.plot()

    As of the command, result.json and report.html are written to ``out`` (default runs/<time>), and
    an interrupt keeps what is finished. With more than one of ``workers`` processes are spawned: a
    script then begins with ``if __name__ == "__main__":``. Raises ConfigError for an unknown or
    wrong option, DataError where nobody can be read, MissingExtraError without the extra ``study``.
    """
    need_study("a federation")
    if config is None and options.get("resume") is not None:
        config = Path(options["resume"]) / "result.json"
    start = read_config(Path(config)) if isinstance(config, str | Path) else config or RunConfig()
    if start.config is not None:
        raise ConfigError(f"config {start.config}: give the file itself, fedxr.federate(file, …)")
    start = with_changes(start, options)
    run = federate_cold if start.protocol == "cold" else federate_warm
    return Result.of(run(start, data_folder(start.data), say))
