"""Trackers of others: each writes a run's points by the library's own calls, and nothing that the
user has not asked for leaves the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fedxr.experiments.progress import Point

_BATCH = 100
"""Options that MLflow takes at once."""


def flat(config: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, object]]:
    """Nested options by their path: ``learning.guard``."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{at}{name}.")
        else:
            yield f"{at}{name}", value


class TensorBoard:
    """Scalars by seed, set and kind; read by ``tensorboard --logdir`` the run's folder."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder / "tensorboard"))
        self._writer.add_text("config", "\n".join(f"    {k}: {v}" for k, v in flat(config)))

    def log(self, point: Point) -> None:
        for tag, value in point.tags().items():
            self._writer.add_scalar(tag, value, point.step)
        self._writer.flush()

    def close(self, figures: Mapping[str, float]) -> None:
        for figure, value in figures.items():
            self._writer.add_scalar(f"run/{figure}", value, 0)
        self._writer.close()


class MLflow:
    """A run of the experiment ``fedxr``, at $MLFLOW_TRACKING_URI or in the run's folder."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # The newest versions ask for this before they write to files.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient
        from mlflow.entities import Param

        uri = os.environ.get("MLFLOW_TRACKING_URI") or (folder / "mlruns").absolute().as_uri()
        self._client: Any = MlflowClient(tracking_uri=uri)
        known = self._client.get_experiment_by_name("fedxr")
        experiment = known.experiment_id if known else self._client.create_experiment("fedxr")
        self._run: str = self._client.create_run(experiment, run_name=folder.name).info.run_id
        params = [Param(name, str(value)[:500]) for name, value in flat(config)]
        for start in range(0, len(params), _BATCH):
            self._client.log_batch(self._run, params=params[start : start + _BATCH])

    def log(self, point: Point) -> None:
        for tag, value in point.tags().items():
            self._client.log_metric(self._run, tag, value, step=point.step)

    def close(self, figures: Mapping[str, float]) -> None:
        for figure, value in figures.items():
            self._client.log_metric(self._run, f"run/{figure}", value)
        self._client.set_terminated(self._run)


class WeightsAndBiases:
    """A run of the project ``fedxr``: offline, in the run's folder (``wandb sync`` uploads it),
    unless $WANDB_MODE says otherwise."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        self._run: Any = wandb.init(
            project="fedxr",
            name=folder.name,
            dir=str(folder),
            config=dict(config),
            mode=os.environ.get("WANDB_MODE", "offline"),  # type: ignore[arg-type]
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
        )
        self._run.define_metric("*", step_metric="step")

    def log(self, point: Point) -> None:
        self._run.log({**point.tags(), "step": point.step})

    def close(self, figures: Mapping[str, float]) -> None:
        self._run.summary.update({f"run/{figure}": value for figure, value in figures.items()})
        self._run.finish()
