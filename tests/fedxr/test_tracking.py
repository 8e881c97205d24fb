"""Trackers, each read back by its own library."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from fedxr.experiments import tracking
from fedxr.experiments.config_file import as_mapping
from fedxr.experiments.outputs import OutputError
from fedxr.experiments.progress import Point, Progress, Told, repeated
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.tracking import TRACKERS, JsonLines, NamedTracker, Tracked, Tracker
from fedxr.experiments.writing import written
from fedxr.extras import MissingExtraError

ROUNDS = [
    Point("round", 1, k, {"accuracy": 0.5 + k / 10, "joules": k * 2.0}, "har") for k in (1, 2)
]
TAG = "seed1/har/round/accuracy"
CONFIG = as_mapping(RunConfig(rounds=7))


def tracked(tracker: Tracker) -> None:
    for point in ROUNDS:
        tracker.log(point)
    tracker.close({"accuracy": 0.75})


def test_a_line_of_json_a_point_with_its_time(tmp_path: Path) -> None:
    tracked(JsonLines(tmp_path / "metrics.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    first = lines[0]
    assert first.pop("time").endswith("+00:00")
    assert first.pop("seconds") >= 0
    assert first == {
        "kind": "round", "seed": 1, "set": "har", "step": 1, "accuracy": 0.6, "joules": 2.0,
    }  # fmt: skip
    assert [line["kind"] for line in lines] == ["round", "round", "run"]


@pytest.mark.slow
def test_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracked(TRACKERS["tensorboard"].open(tmp_path, CONFIG))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert {e.step: e.value for e in events.Scalars(TAG)} == pytest.approx({1: 0.6, 2: 0.7})
    assert [e.value for e in events.Scalars("run/accuracy")] == [0.75]
    (text,) = events.Tensors("config/text_summary")
    assert b"rounds: 7" in text.tensor_proto.string_val[0]


@pytest.mark.slow
def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    more = {"pretraining": {**CONFIG["pretraining"], "more": {f"task{n}": 1 for n in range(9)}}}
    tracked(TRACKERS["mlflow"].open(tmp_path / "first", CONFIG | more))  # over a hundred options
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=(tmp_path / "first" / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("fedxr")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("first", "FINISHED")
    assert (run.data.params["rounds"], run.data.params["learning.kept.hold"]) == ("7", "4")
    history = client.get_metric_history(run.info.run_id, TAG)
    assert {m.step: m.value for m in history} == pytest.approx({1: 0.6, 2: 0.7})
    assert run.data.params["pretraining.more.task8"] == "1"
    assert run.data.metrics["run/accuracy"] == 0.75


@pytest.mark.slow
def test_wandb_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    tracked(TRACKERS["wandb"].open(tmp_path, CONFIG))
    (log,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    deadline = time.monotonic() + 30
    while "exit" not in (kinds := wandb_records(log)) and time.monotonic() < deadline:
        time.sleep(0.1)  # its own process writes the end of the file
    assert "exit" in kinds
    assert kinds["history"] == pytest.approx([0.6, 0.7])


def wandb_records(log: Path) -> dict[str, list[float]]:
    """What kinds of record the file has, and of ``history`` the values of TAG."""
    from wandb.proto.wandb_internal_pb2 import Record
    from wandb.sdk.internal.datastore import DataStore

    store, found = DataStore(), dict[str, list[float]]()
    store.open_for_scan(str(log))
    while data := store.scan_data():
        record = Record()
        record.ParseFromString(data)
        values = [i.value_json for i in record.history.item if list(i.nested_key) == [TAG]]
        found.setdefault(record.WhichOneof("record_type"), []).extend(map(float, values))
    return found


def test_one_of_a_plug_in_is_an_entry_and_what_fails_is_left_out(tmp_path: Path) -> None:
    class Full(JsonLines):
        def log(self, point: Point) -> None:
            raise OSError("no space left on device")

    said: list[str] = []
    every = {"full": Full(tmp_path / "a"), "other": JsonLines(tmp_path / "b")}
    run = Tracked(Progress(said.append), every)
    for point in ROUNDS:
        run.log(point)
    run.close({})
    assert said == ["tracker full has failed and is left out: no space left on device"]
    assert len((tmp_path / "b").read_text().splitlines()) == 3
    assert not (tmp_path / "a").exists()
    before = TRACKERS.snapshot()
    try:
        mine = TRACKERS.add(NamedTracker("mine", "a file", lambda f, _: JsonLines(f / "mine")))
        assert TRACKERS.named("mine") is mine
    finally:
        TRACKERS.restore(before)
    with pytest.raises(ValueError, match="unknown tracker 'mine'; known are tensorboard, mlflow"):
        TRACKERS.named("mine")


def test_one_that_cannot_begin_is_said_before_the_work(tmp_path: Path) -> None:
    def broken(folder: Path, config: object) -> Tracker:
        raise RuntimeError("nobody is logged in")

    def never(*_: object) -> None:
        raise AssertionError("the work has begun")

    before = TRACKERS.snapshot()
    try:
        TRACKERS.add(NamedTracker("broken", "nothing", broken))
        config = RunConfig(track=("broken",), out=tmp_path / "run")
        with pytest.raises(OutputError, match="--track broken cannot begin: nobody is logged in;"):
            written(config, never, never, print)  # type: ignore[arg-type]  # neither is called
    finally:
        TRACKERS.restore(before)
    assert not (tmp_path / "run").exists()


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"--track wandb needs wandb: pip .*wandb\]"):
        TRACKERS["wandb"].check()
    other = replace(TRACKERS["wandb"], name="x", needs="xlib", extra="")
    with pytest.raises(MissingExtraError, match="needs xlib: pip install xlib"):
        other.check()


def test_what_a_worker_tells_arrives_as_it_was() -> None:
    heard: list[object] = []

    class Hearing(Progress):
        def stage(self, name: str, done: int, total: int) -> None:
            heard.append((name, done, total))

        def log(self, point: Point) -> None:
            heard.append(point)

    main = Hearing(heard.append)
    worker = Told(lambda one: repeated(one, main))
    worker("har: federation")
    worker.stage("sets", 1, 2)
    worker.log(ROUNDS[0])
    assert heard == ["har: federation", ("sets", 1, 2), ROUNDS[0]]
