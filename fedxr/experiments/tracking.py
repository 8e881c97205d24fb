"""Where a run's figures are written while it works: one small protocol, and who speaks it.

``metrics.jsonl`` in the run's folder is written always; ``--track`` names more. A plug-in adds one
by ``TRACKERS.add(NamedTracker(…))`` (docs/extending.md)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from fedxr.experiments.progress import Point, Progress
from fedxr.extras import MissingExtraError, install_line
from fedxr.plugins import Registry


class Tracker(Protocol):
    """Takes a run's points in the order in which they are measured, from one thread at a time."""

    def log(self, point: Point) -> None:
        """A pretraining step, a round or a finished set; ``point.figures`` are finite."""
        ...

    def close(self, figures: Mapping[str, float]) -> None:
        """The run is over, or was stopped; ``figures`` are those of ``--require``."""
        ...


@dataclass(frozen=True)
class NamedTracker:
    """``open(folder, config)`` begins to track the run whose files are in ``folder`` and whose
    options are ``config``, nested; ``needs`` is the module that it imports, ``extra`` what of
    fedxr's brings it."""

    name: str
    about: str
    open: Callable[[Path, Mapping[str, Any]], Tracker]
    needs: str = ""
    extra: str = ""

    def check(self) -> None:
        """Raises MissingExtraError where its library is missing."""
        if self.needs and find_spec(self.needs) is None:
            how = install_line(self.extra) if self.extra else f"pip install {self.needs}"
            raise MissingExtraError(f"--track {self.name} needs {self.needs}: {how}")


class JsonLines:
    """One JSON object a line: ``time`` (UTC), ``seconds`` since the run began, ``kind``, ``seed``,
    ``set``, ``step``, and the figures."""

    def __init__(self, path: Path) -> None:
        self._path, self._began = path, time.monotonic()

    def log(self, point: Point) -> None:
        self._write(
            {"kind": point.kind, "seed": point.seed, "set": point.set, "step": point.step}
            | dict(point.figures)
        )

    def close(self, figures: Mapping[str, float]) -> None:
        self._write({"kind": "run", **figures})

    def _write(self, line: dict[str, object]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        stamp = {"time": now, "seconds": round(time.monotonic() - self._began, 3)}
        with self._path.open("a") as file:
            file.write(json.dumps({**stamp, **line, **stamp}) + "\n")


class Tracked(Progress):
    """Passes on what it hears to ``shown``, and points to all ``trackers``, by name. One that fails
    is said and left out; the run goes on."""

    def __init__(self, shown: Progress, trackers: Mapping[str, Tracker]) -> None:
        super().__init__(shown)
        self._shown, self._trackers = shown, dict(trackers)
        self._lock = threading.Lock()  # domains are heard from another thread

    def stage(self, name: str, done: int, total: int) -> None:
        self._shown.stage(name, done, total)

    def log(self, point: Point) -> None:
        self._shown.log(point)
        self._each(lambda tracker: tracker.log(point))

    def close(self, figures: Mapping[str, float]) -> None:
        """The run is over."""
        self._each(lambda tracker: tracker.close(figures))

    def _each(self, do: Callable[[Tracker], None]) -> None:
        with self._lock:
            for name, tracker in list(self._trackers.items()):
                try:
                    do(tracker)
                except Exception as error:  # noqa: BLE001 - of a library that only looks on
                    del self._trackers[name]
                    self._shown(f"tracker {name} has failed and is left out: {error}")


def _tensorboard(folder: Path, config: Mapping[str, Any]) -> Tracker:
    from fedxr.experiments.trackers import TensorBoard

    return TensorBoard(folder, config)


def _mlflow(folder: Path, config: Mapping[str, Any]) -> Tracker:
    from fedxr.experiments.trackers import MLflow

    return MLflow(folder, config)


def _wandb(folder: Path, config: Mapping[str, Any]) -> Tracker:
    from fedxr.experiments.trackers import WeightsAndBiases

    return WeightsAndBiases(folder, config)


TRACKERS: Registry[NamedTracker] = Registry(
    "tracker",
    (
        NamedTracker(
            "tensorboard",
            "event files in tensorboard/ of the run's folder",
            _tensorboard,
            "tensorboard",
            "tensorboard",
        ),
        NamedTracker(
            "mlflow",
            "$MLFLOW_TRACKING_URI, or mlruns/ of the run's folder",
            _mlflow,
            "mlflow",
            "mlflow",
        ),
        NamedTracker(
            "wandb",
            "Weights & Biases: wandb/ of the run's folder, unless $WANDB_MODE says otherwise",
            _wandb,
            "wandb",
            "wandb",
        ),
    ),
)
