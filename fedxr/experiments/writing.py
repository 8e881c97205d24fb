"""Around the work of a run: outputs checked before it, what is finished written at once, the rest
at the end, whatever ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fedxr.evaluation.ci import write_junit
from fedxr.evaluation.requirements import figures
from fedxr.evaluation.result import Result, ResultError, read_result, write_result
from fedxr.experiments.config_file import as_mapping
from fedxr.experiments.outputs import OutputError, check_file
from fedxr.experiments.progress import Say, progress_of
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_folder import RunFolder
from fedxr.experiments.tracking import TRACKERS, JsonLines, Tracked, Tracker

ResultFrom = Callable[[str, float, bool], Result]
"""The result of a run from its start, its seconds and whether it was interrupted."""


@dataclass(frozen=True)
class Run:
    """What the work of a run is given: who listens, its folder, and :attr:`save`, which writes
    result.json as far as it is."""

    progress: Tracked
    folder: RunFolder
    save: Callable[[], None]


def written(
    config: RunConfig, work: Callable[[Run], None], result_from: ResultFrom, say: Say
) -> Result:
    """Do the ``work``, and write what ``result_from`` makes of it; an interrupt keeps what is
    finished. Raises OutputError, before the work, where it could not be written."""
    started, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    folder, before = _folder(config, started)
    shown = progress_of(say)
    tracked = Tracked(shown, _trackers(config, folder))

    def result(interrupted: bool) -> Result:
        return result_from(started, before + time.monotonic() - began, interrupted)

    def save() -> None:
        write_result(result(interrupted=True), folder.result)

    interrupted = False
    try:
        work(Run(tracked, folder, save))
    except KeyboardInterrupt:
        interrupted = True
    except BaseException:
        folder.leave_nothing()
        raise
    from fedxr.evaluation.report import write_report  # half a second, at the end

    found = result(interrupted)
    write_result(found, folder.result)
    write_report(found, folder.report)
    if config.junit is not None:
        write_junit(found, config.junit)
    tracked.close(figures(found))
    if interrupted:
        kept = f"what is finished is in {folder.result} and {folder.report.name}"
        shown(f"stopped; {kept}; `fedxr federate --resume {folder.path}` goes on")
    else:
        shown(f"wrote {folder.result} and {folder.report}")
    return found


def _folder(config: RunConfig, started: str) -> tuple[RunFolder, float]:
    """The folder of the run, and the seconds that it has taken before, where it is resumed."""
    if config.junit is not None:
        check_file(config.junit, "--junit")
    for name in config.track:
        TRACKERS.named(name).check()
    if config.resume is None:
        named = Path("runs") / started.replace(":", "-").replace("+00-00", "")
        return RunFolder(config.out or named), 0.0
    folder, before = RunFolder(config.resume, config), 0.0
    with suppress(ResultError):
        before = read_result(folder.result).seconds
    return folder, before


def _trackers(config: RunConfig, folder: RunFolder) -> dict[str, Tracker]:
    """Raises OutputError where one cannot begin: later it is too late to choose another."""
    found: dict[str, Tracker] = {"metrics.jsonl": JsonLines(folder.path / "metrics.jsonl")}
    for name in dict.fromkeys(config.track):
        try:
            found[name] = TRACKERS.named(name).open(folder.path, as_mapping(config))
        except Exception as error:
            folder.leave_nothing()
            raise OutputError(
                f"--track {name} cannot begin: {error}; correct that, or leave it out"
            ) from error
    return found
