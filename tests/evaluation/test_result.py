"""result.json: what is written is read back; what does not fit is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from fedxr.evaluation import result as schema
from fedxr.evaluation.intervals import Cell
from fedxr.evaluation.result import (
    Result,
    ResultError,
    interval_over_rows,
    label_delay,
    read_result,
    score,
    score_of,
    write_result,
)

DOCS = Path(__file__).parents[2] / "docs" / "result.md"


def test_written_is_read_back(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "result.json"
    write_result(result, path)
    assert read_result(path) == result
    assert [p.name for p in path.parent.iterdir()] == ["result.json"]
    plain = json.loads(path.read_text())
    assert plain["schema"] == schema.SCHEMA
    assert plain["curves"]["activity"] == [[0.0, 0.8, 0.8, None], [5.0, 0.8, 0.95, None]]


def test_score_is_mean_of_seed_means() -> None:
    # seed 0: users 0.5 and 0.7, mean 0.6, deviation 0.1; seed 1: one user 0.9, deviation 0
    got = score([{"a": 0.5, "b": 0.7}, {"c": 0.9}])
    assert got.per_seed == pytest.approx([0.6, 0.9])
    assert got.mean == pytest.approx(0.75)
    assert got.spread == pytest.approx(0.05)
    assert got.users == 1.5
    assert (got.low, got.high) == (None, None), "c alone does not show how users differ"
    two = score([{"a": 0.5, "b": 0.7}, {"c": 0.9, "d": 0.9}])
    # a and b share seed 0 evenly at random, seed 1 is 0.9 whoever counts: 95 % of 0.7 to 0.8
    assert (two.low, two.high) == pytest.approx((0.7025, 0.7975), abs=0.002)
    with pytest.raises(ResultError, match="every seed"):
        score([{"a": 1.0}, {}])


def test_score_of_pools_over_tasks_then_users() -> None:
    """ann 0.8 and 0.4, ben 0.5; generic got ann's first task right twice less and once more."""
    users = {"ann": [Cell(5, 4), Cell(5, 2)], "ben": [Cell(2, 1)]}
    over = {"ann": [Cell(5, 2, 1), Cell(5, 0)], "ben": [Cell(2, 0)]}
    got = score_of(users, over)
    assert got.mean == pytest.approx(((0.8 + 0.4) / 2 + 0.5) / 2)
    assert (got.questions, got.users) == (12, 2)
    assert got.gain is not None
    assert got.gain.mean == pytest.approx((0.2 / 2 + 0) / 2)
    assert got.gain.low < got.gain.mean < got.gain.high
    assert score_of(users, over) == got  # seeded
    with pytest.raises(ResultError, match="nobody was asked"):
        score_of({})


def test_a_demo_is_read_back(demo: Result, tmp_path: Path) -> None:
    write_result(demo, tmp_path / "result.json")
    assert read_result(tmp_path / "result.json") == demo
    unknown = msgspec.structs.replace(demo.compared[0], arms={"magic": score([{"a": 1.0}])})
    with pytest.raises(ResultError, match="whole run, all: unknown arm 'magic'"):
        write_result(msgspec.structs.replace(demo, compared=[unknown]), tmp_path / "r.json")


def test_a_mean_over_sets_has_an_interval(result: Result) -> None:
    """Half widths 3 and 4 % of two independent sets: 5 / 2 % of their mean."""
    rows = [
        msgspec.structs.replace(
            row, arms={"live": msgspec.structs.replace(row.arms["generic"], low=m - w, high=m + w)}
        )
        for row, m, w in zip(result.rows, (0.8, 0.4), (0.03, 0.04), strict=True)
    ]
    assert interval_over_rows(rows, "live") == pytest.approx((0.575, 0.625))
    assert interval_over_rows(rows, "local") is None


def test_label_delays() -> None:
    assert label_delay([]) is None
    got = label_delay([0.1 * k for k in range(1, 22)])  # 0.1 to 2.1 s, 20 steps
    assert got is not None
    assert (got.count, got.p50_s, got.p95_s, got.max_s) == (
        21, pytest.approx(1.1), pytest.approx(2.0), pytest.approx(2.1)
    )  # fmt: skip


def test_numbers_must_be_finite(result: Result, tmp_path: Path) -> None:
    broken = msgspec.structs.replace(result, joules=float("nan"))
    with pytest.raises(ResultError, match=r"\$\.joules is nan"):
        write_result(broken, tmp_path / "result.json")
    assert not list(tmp_path.iterdir())


def test_unknown_arm_is_named(result: Result, tmp_path: Path) -> None:
    row = msgspec.structs.replace(result.rows[0], arms={"magic": result.rows[0].arms["generic"]})
    broken = msgspec.structs.replace(result, rows=[row])
    with pytest.raises(ResultError, match=r"set har: unknown arm 'magic'; known are generic"):
        write_result(broken, tmp_path / "result.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, r"schema 99; this fedxr reads 2"),
        ({"seeds": "zero"}, r"not a result\.json: Expected `array`, got `str` - at `\$.seeds`"),
        ({"rows": [{"name": "har"}]}, r"missing required field .* at `\$.rows\[0\]`"),
    ],
)
def test_reading_says_what_is_wrong(
    result: Result, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "result.json"
    write_result(result, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ResultError, match=message) as caught:
        read_result(path)
    assert str(path) in str(caught.value)


def test_truncated_file(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_result(result, path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ResultError, match=r"not a result\.json"):
        read_result(path)


def test_every_field_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    structs = (
        schema.Result,
        schema.Row,
        schema.Cost,
        schema.Score,
        schema.Gain,
        schema.Comparison,
        schema.LabelDelay,
        schema.Latency,
        schema.Traffic,
        schema.Round,
        schema.Cluster,
        schema.Requirement,
        schema.CurvePoint,
        schema.LabelCurves,
        schema.LabelRole,
        schema.LabelPoint,
    )
    for struct in structs:
        for field in msgspec.structs.fields(struct):
            assert f"`{field.name}`" in text, f"{struct.__name__}.{field.name}"
    for arm in schema.ARMS:
        assert f"`{arm}`" in text
