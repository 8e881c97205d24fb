"""Runs that keep what is finished: outputs checked first, seeds, an interrupt, going on."""

from __future__ import annotations

import errno
import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_users import users as made_users
from rich.console import Console

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.federated import tuning_of
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.checkpoints.peft_format import load_peft
from fedxr.cli import progress as progress_
from fedxr.cli.main import main
from fedxr.cli.progress import Shown, Stage, in_words, shown
from fedxr.evaluation.requirements import RequirementError
from fedxr.evaluation.result import read_result, write_result
from fedxr.experiments import headless
from fedxr.experiments.cold import ColdStudy, Point
from fedxr.experiments.config_file import as_mapping
from fedxr.experiments.headless import SeedRun, federate, required, result_of
from fedxr.experiments.outputs import OutputError, check_file
from fedxr.experiments.progress import Counted, Progress
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_folder import RunFolder
from fedxr.experiments.splits import split_users
from fedxr.experiments.study import Study
from fedxr.experiments.tables import rows_of
from fedxr.federation.ledger import Row
from fedxr.federation.report import ClusterReport, RoundReport

NOWHERE = Path("/proc/nope")
needs_proc = pytest.mark.skipif(not NOWHERE.parent.exists(), reason="no /proc here")


def a_study(name: str, score: float) -> Study:
    """With all that a real one holds, an infinite deadline among it."""
    cluster = ClusterReport(("ann", "bob"), 0.5, 3, True, 1.0, 0.1, "ann", ("ann", "bob"))
    row = Row(0, "uplink", "ann", "server", 1, 1000, 0.25, 0.1 + 0.2)
    report = RoundReport(1, ("ann", "bob"), (), (cluster,), (row,), 1.5, float("inf"))
    out = Study(name, "doing", "accuracy", windows=8, unseen_windows=4, reports=[report])
    for scores in (out.federation, out.unseen):
        scores["generic"] = {"ann": 0.5, "bob": 0.25}
        scores["federated_personalised"] = {"ann": score, "bob": score - 0.1}
    out.cost = {"federation": {"ann": (0.1, 0.05)}}
    return out


@needs_proc
@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["--out", "/proc/nope"], "--out"),
        (["--require", "rounds>0", "--junit", "/proc/nope/j.xml"], "--junit"),
        (["--protocol", "cold", "--out", "/proc/nope"], "--out"),
    ],
)
def test_where_nothing_can_be_written_is_said_before_the_work(
    words: list[str],
    option: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(headless, "gather", lambda *_: pytest.fail("the work has begun"))
    assert main(["federate", *words]) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert f"/proc/nope: {os.strerror(errno.ENOENT)}; name a folder that you may write" in said
    assert f"with {option}" in said


def test_a_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder; name a file with --junit"):
        check_file(tmp_path, "--junit")


def test_what_is_kept_comes_back_exactly(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    one = a_study("har", 2 / 3)
    folder.keep(3, "har/doing", [one])
    assert folder.kept(3, "har/doing", list[Study]) == [one]
    assert folder.kept(3, "har/doing", ColdStudy) is None, "of another kind"
    assert folder.kept(2, "har/doing", list[Study]) is None
    cold = ColdStudy("har", "doing", "accuracy", points=[Point(None, 0, {"members": {}})])
    folder.keep(0, "cold", cold)
    assert folder.kept(0, "cold", ColdStudy) == cold
    (tmp_path / "parts" / "seed3" / "har-doing.msgpack").write_bytes(b"\x91")
    assert folder.kept(3, "har/doing", list[Study]) is None, "cut short"
    RunFolder(tmp_path)  # a new run in the same folder begins anew
    assert folder.kept(0, "cold", ColdStudy) is None


def test_another_run_than_the_one_there_is_refused_by_what_differs(tmp_path: Path) -> None:
    how = RunConfig(rounds=4, out=tmp_path)
    with pytest.raises(OutputError, match="no run to resume"):
        RunFolder(tmp_path, how)
    write_result(result_of(how, [SeedRun(0)], "now", 0.0), tmp_path / "result.json")
    here = replace(how, out=None, resume=tmp_path)
    RunFolder(tmp_path, replace(here, workers=1, seeds=3, require=("rounds>1",)))
    with pytest.raises(OutputError) as refused:
        RunFolder(tmp_path, replace(here, rounds=5, learning=replace(how.learning, guard=9.0)))
    usual = how.learning.guard
    differs = f"learning.guard {usual} there and 9.0 here; rounds 4 there and 5 here."
    assert differs in str(refused.value)


def test_figures_that_this_run_does_not_measure_are_refused_with_the_nearest() -> None:
    how = RunConfig(scenario="companion")

    def refused(**options: object) -> str:
        with pytest.raises(RequirementError) as error:
            required(replace(how, **options), None)  # type: ignore[arg-type]
        return str(error.value)

    said = refused(require=("p99_ms<50",))
    assert "latency (p50_ms, p99_ms, late) is measured with --bridge" in said
    said = refused(require=("accuracy.companion/dong>0.5",))
    near = said.partition("near are ")[2].partition(";")[0].split(", ")
    assert len(near) == 5
    assert "accuracy.companion/doing" in near
    # A decentralized federation has no model for those who took no part.
    assert required(replace(how, require=("unseen.gain>0",)), None)
    assert "measures no" in refused(coordination="decentralized", require=("unseen.gain>0",))
    assert required(replace(how, bridge=True, require=("p99_ms.doing<50", "late<9")), None)


def test_several_seeds_are_one_row_with_their_interval() -> None:
    """Two seeds of means 0.75 and 0.55: 0.65 ± 12.706 × 0.1, by Student's t of one degree."""
    row = rows_of([[a_study("har", 0.8)], [a_study("har", 0.6)]], unseen=False)
    score = row[0].arms["federated_personalised"]
    assert score.per_seed == pytest.approx([0.75, 0.55])
    assert score.mean == pytest.approx(0.65)
    assert score.over_seeds is not None
    assert score.over_seeds.low == pytest.approx(0.65 - 12.7062 * 0.1, abs=1e-4)
    assert score.over_seeds.high == pytest.approx(0.65 + 12.7062 * 0.1, abs=1e-4)
    assert rows_of([[a_study("har", 0.8)]], unseen=False)[0].arms["generic"].over_seeds is None


class Hearing(Progress):
    """Hears sentences, and presses Ctrl-C at the ``number``-th that begins with ``text``."""

    def __init__(self, text: str = "", number: int = 0) -> None:
        super().__init__(self.hear)
        self.heard: list[str] = []
        self.text, self.number = text, number

    def hear(self, text: str) -> None:
        self.heard.append(text)
        if self.text and text.startswith(self.text):
            self.number -= 1
            if self.number == 0:
                raise KeyboardInterrupt


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_was_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sets, two seeds; stopped in the second set of the second seed."""
    splits = [replace(split_users(name, made_users(5), 0, 2), name=name) for name in ("one", "two")]
    monkeypatch.setattr(headless, "gather", lambda *_: splits)
    how = RunConfig(
        source="recorded", steps=2, rounds=1, copies=1, workers=1, seeds=2, out=tmp_path / "run"
    )
    whole = federate(replace(how, out=tmp_path / "whole"), None)
    assert whole.seeds == [0, 1]
    assert [len(row.arms["generic"].per_seed) for row in whole.rows] == [2, 2]

    stopped = federate(how, None, Hearing("two: generic", 2))
    assert stopped.interrupted
    assert [len(row.arms["generic"].per_seed) for row in stopped.rows] == [2, 1]
    assert read_result(tmp_path / "run" / "result.json").rows == stopped.rows
    assert (tmp_path / "run" / "report.html").exists()
    assert not (tmp_path / "run" / "parts" / "seed0" / "checkpoint.safetensors").exists()
    assert (tmp_path / "run" / "parts" / "seed1" / "checkpoint.safetensors").exists()

    resumed = Hearing()
    again = federate(replace(how, out=None, resume=tmp_path / "run"), None, resumed)
    assert not again.interrupted
    assert (again.rows, again.unseen, again.rounds) == (whole.rows, whole.unseen, whole.rounds)
    assert "seed 0 is finished" in resumed.heard
    assert "one is finished" in resumed.heard
    assert not any("pretraining" in text or "one: generic" in text for text in resumed.heard)
    lines = [json.loads(x) for x in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    done = [(x["seed"], x["set"]) for x in lines if x["kind"] == "set"]
    assert done == [(0, "one"), (0, "two"), (1, "one"), (1, "two")], "each once"

    # What was learned, and every round, are there as in the run that was never stopped.
    for name in (tmp_path / "whole", tmp_path / "run"):
        assert_models_and_rounds(name)
    rounds = [(tmp_path / name / "rounds.jsonl").read_text() for name in ("whole", "run")]
    assert rounds[0] == rounds[1]


def assert_models_and_rounds(run: Path) -> None:
    lines = [json.loads(x) for x in (run / "rounds.jsonl").read_text().splitlines()]
    assert [(x["seed"], x["set"], x["round"]) for x in lines] == [
        (0, "one", 1), (0, "two", 1), (1, "one", 1), (1, "two", 1),
    ]  # fmt: skip
    for line in lines:
        assert 0 <= line["accuracy"] <= 1 < line["bytes_up"]
        assert line["loss"] > 0
        assert {m for c in line["clusters"] for m in c["members"]} == set(line["awake"])
    for seed in (0, 1):
        for name in ("one", "two"):
            home = run / "models" / f"seed{seed}" / name
            found = load_checkpoint(home / "federated.safetensors")
            assert found.federated is not None
            assert found.federated.rounds == 1
            assert found.federated.tuning["seed"] == seed
            (headset, *_) = sorted((home / "headsets").iterdir())
            cohort = Cohort(found, [HeadsetIdentity("a", (), ())], tuning_of(found.federated))
            load_peft(cohort.stack, 0, headset)
            theta, shared = cohort.stack.theta[0], cohort.stack.shared
            blocks = [b for b in cohort.stack.blocks.values() if b.kind == "lora_B"]
            for block in (b for b in blocks if b.stop <= shared):
                torch.testing.assert_close(
                    theta[block.start : block.stop], found.federated.blocks[block.name]
                )


def test_a_pipe_has_plain_lines_with_the_time_and_what_is_left() -> None:
    out = io.StringIO()
    with shown(Console(file=out, width=80)) as progress:
        progress("har: generic and local")
        progress("har: federation [bold]")  # of one set: said once
        progress.stage("sets", 0, 4)
        for _ in range(3):  # whoever waits for something else goes on telling
            progress.stage("sets", 4, 4)
    lines = out.getvalue().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "har: generic and local",
        "sets: 0 of 4",
        "sets: 4 of 4",
    ]
    assert all(len(line.split()[0].split(":")) == 3 for line in lines), "hours, minutes, seconds"
    assert "\x1b" not in out.getvalue()


def test_a_pipe_is_told_what_is_left_while_one_piece_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(progress_, "QUIET_S", 0.06)
    with shown(Console(file=out, width=80)) as progress:
        counted = Counted(progress, "work", 9)
        time.sleep(0.1)  # nothing is known of how long a piece takes, so nothing is said again
        counted.pieces(2)
        deadline = time.monotonic() + 10
        while out.getvalue().count("work: 2 of 9, about 5 s left") < 3:
            assert time.monotonic() < deadline, out.getvalue()
            time.sleep(0.01)
    assert out.getvalue().count("work: 0 of 9") == 1


def test_a_terminal_has_bars_that_leave_nothing_behind() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True)
    with shown(console) as progress:
        assert isinstance(progress, Shown)
        progress("har: federation [x]")
        progress.stage("sets", 1, 4)
    assert progress.text == "har: federation [x]"
    assert "har: federation [x]" in out.getvalue()
    assert "1 of 4" in out.getvalue()


def test_what_is_left_is_reckoned_from_what_was_done_here() -> None:
    stage = Stage(10, first=4, done=4, began=100.0, moved=100.0)
    assert stage.seconds_left(130.0) is None
    stage.done, stage.moved = 6, 160.0  # two pieces in a minute, four are left
    assert stage.seconds_left(160.0) == pytest.approx(120.0)
    assert stage.seconds_left(170.0) == pytest.approx(110.0)
    assert stage.seconds_left(999.0) == 0.0
    assert [in_words(s) for s in (None, 3.0, 42.0, 118.0, 7200.0)] == [
        "", "about 5 s left", "about 40 s left", "about 2 min left", "about 2 h left",
    ]  # fmt: skip


def test_the_config_of_a_run_has_its_outputs() -> None:
    for protocol in ("warm", "cold"):
        assert RunConfig(protocol=protocol, junit=Path("j.xml")).junit, "needs no --require"
    with pytest.raises(ValueError, match="out a and resume b"):
        RunConfig(out=Path("a"), resume=Path("b"))
    with pytest.raises(ValueError, match="seeds 0; take at least 1"):
        RunConfig(seeds=0)
    assert as_mapping(RunConfig(seeds=3))["seeds"] == 3
    assert np.isfinite(RunConfig().bridge_s)
