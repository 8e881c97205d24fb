"""Runs beside each other: paired where users are the same, refused where figures mean other
things."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest

from fedxr.evaluation.comparison import (
    Run,
    common_sets,
    difference,
    left_out,
    read_runs,
    sentences,
    settings,
)
from fedxr.evaluation.comparison_page import write_comparison
from fedxr.evaluation.result import Result, ResultError, Row, score, write_result


def _run(called: str, result: Result, figures: dict[str, float], **changes: object) -> Run:
    """One set, one seed; the headline arm's figure of each user."""
    arms = {arm: score([figures]) for arm in ("generic", "local", "federated_personalised")}
    row = msgspec.structs.replace(result.rows[0], arms=arms, **changes)
    return Run(called, msgspec.structs.replace(result, rows=[row], unseen=[], seeds=[0]))


BEFORE = {"a": 0.2, "b": 0.5, "c": 0.9}
AFTER = {"a": 0.3, "b": 0.6, "c": 1.0}


def test_the_same_users_are_paired(result: Result) -> None:
    """Each gains a tenth, so there is no doubt, however much they differ."""
    runs = [_run("old", result, BEFORE), _run("new", result, AFTER)]
    one = difference(*runs, common_sets(runs))
    assert one is not None
    assert (one.mean, one.low, one.high) == pytest.approx((0.1, 0.1, 0.1))
    (text,) = sentences(runs, ["har"])
    assert text == "new gains +10.0 points [+10.0, +10.0] against old: the same 3 users, har."


@pytest.mark.parametrize(
    "other",
    [
        lambda r: _run("new", r, {"a": 0.3, "b": 0.6, "d": 1.0}),
        lambda r: _run("new", r, AFTER, test_windows=41),
        lambda r: Run("new", msgspec.structs.replace(_run("", r, AFTER).result, seeds=[1])),
    ],
)
def test_other_users_are_not(result: Result, other) -> None:
    runs = [_run("old", result, BEFORE), other(result)]
    assert difference(*runs, common_sets(runs)) is None
    (text,) = sentences(runs, ["har"])
    assert "no interval of the difference" in text


@pytest.mark.parametrize("field", ["task", "metric", "halves"])
def test_a_set_that_is_another_is_refused(result: Result, field: str) -> None:
    runs = [_run("old", result, BEFORE), _run("new", result, AFTER, **{field: "other"})]
    with pytest.raises(ResultError, match=f"har is not the same in old and new: {field}"):
        common_sets(runs)


def test_what_has_nothing_in_common_is_refused(result: Result, demo: Result) -> None:
    one = _run("old", result, BEFORE)
    with pytest.raises(ResultError, match="no set is in all of these runs"):
        common_sets([one, _run("new", result, AFTER, name="gaze")])
    with pytest.raises(ResultError, match="old is a federation, live is a demo"):
        common_sets([one, Run("live", demo)])
    empty = Run("cut", msgspec.structs.replace(result, rows=[]))
    with pytest.raises(ResultError, match="cut has no figures"):
        common_sets([one, empty])


def test_sets_that_not_all_have_are_said(result: Result) -> None:
    runs = [Run("two sets", result), _run("one", result, AFTER)]
    assert common_sets(runs) == ["har"]
    assert left_out(runs, ["har"]) == ["two sets also has gaze, which not all have: not compared."]


def test_settings_that_differ(result: Result) -> None:
    other = msgspec.structs.replace(
        result, config={"headsets": 8, "tuning": {"rank": 4}, "workers": 2}, seeds=[0]
    )
    assert settings([Run("a", result), Run("b", other)]) == [
        ("tuning.rank", ["8", "4"]),
        ("seeds", ["0, 1, 2", "0"]),
    ]


def test_runs_are_read_from_folders_and_files(result: Result, tmp_path: Path) -> None:
    for place in ("x/run", "y/run"):
        write_result(result, tmp_path / place / "result.json")
    runs = read_runs([tmp_path / "x/run", tmp_path / "y/run/result.json"])
    assert [run.name for run in runs] == ["x/run", "y/run"]
    with pytest.raises(ResultError, match="the same run twice"):
        read_runs([tmp_path / "x/run", tmp_path / "x/run/result.json"])
    with pytest.raises(ResultError, match=r"z: no result\.json here"):
        read_runs([tmp_path / "z"])


def test_the_page(result: Result, tmp_path: Path) -> None:
    runs = [_run("old", result, BEFORE), _run("<new>", result, AFTER)]
    files = write_comparison(runs, tmp_path / "comparison.html")
    text = files[0].read_text(encoding="utf-8")
    assert "&lt;new&gt; gains +10.0 points" in text
    assert "<new>" not in text
    drawn = list(csv.DictReader((tmp_path / "figures" / "runs_federation.csv").open()))
    assert [(d["run"], round(float(d["mean"]), 3)) for d in drawn] == [
        ("old", 53.333), ("<new>", 63.333),
    ]  # fmt: skip
    assert len({path.name for path in files}) == len(files)


def test_rows_without_the_headline_arm_are_left_out(result: Result) -> None:
    row: Row = msgspec.structs.replace(result.rows[0], arms={"generic": score([BEFORE])})
    runs = [
        Run("old", msgspec.structs.replace(result, rows=[row], unseen=[])),
        _run("new", result, AFTER),
    ]
    assert difference(*runs, common_sets(runs)) is None
