"""result.json: what is written is read back; what does not fit is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from evaluation import result as schema
from evaluation.result import Result, ResultError, read_result, score, write_result

DOCS = Path(__file__).parents[2] / "docs" / "result.md"


def test_written_is_read_back(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "result.json"
    write_result(result, path)
    assert read_result(path) == result
    assert [p.name for p in path.parent.iterdir()] == ["result.json"]
    plain = json.loads(path.read_text())
    assert plain["schema"] == schema.SCHEMA
    assert plain["curves"]["activity"] == [[0.0, 0.8, 0.8], [5.0, 0.8, 0.95]]


def test_score_is_mean_of_seed_means() -> None:
    # seed 0: users 0.5 and 0.7, mean 0.6, deviation 0.1; seed 1: one user 0.9, deviation 0
    got = score([{"a": 0.5, "b": 0.7}, {"c": 0.9}])
    assert got.per_seed == pytest.approx([0.6, 0.9])
    assert got.mean == pytest.approx(0.75)
    assert got.spread == pytest.approx(0.05)
    assert got.users == 1.5
    with pytest.raises(ResultError, match="every seed"):
        score([{"a": 1.0}, {}])


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
        ({"schema": 99}, r"schema 99; this fedxr reads 1"),
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
        schema.Score,
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
