"""--require: expressions are read, figures found by hand-computed value, absence is a failure."""

from __future__ import annotations

import msgspec
import pytest

from fedxr.evaluation.requirements import RequirementError, figures, judge, parse
from fedxr.evaluation.result import Result


@pytest.mark.parametrize(
    ("text", "figure", "compare", "bound"),
    [
        ("accuracy>=0.8", "accuracy", ">=", 0.8),
        (" p99_ms.gesture < 5e1 ", "p99_ms.gesture", "<", 50.0),
        ("unseen.accuracy.generic.har>-1", "unseen.accuracy.generic.har", ">", -1.0),
        ("bytes_up==0", "bytes_up", "==", 0.0),
    ],
)
def test_parse(text: str, figure: str, compare: str, bound: float) -> None:
    got = parse(text)
    assert (got.figure, got.compare, got.bound) == (figure, compare, bound)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accuracy", "cannot read requirement 'accuracy': write FIGURE>=NUMBER"),
        ("accuracy=>0.8", "cannot read|is no number"),
        ("accuracy>=80%", "'80%' is no number; accuracies are fractions"),
        ("acuracy>=0.8", "no figure 'acuracy'; near are accuracy, "),
    ],
)
def test_parse_errors(text: str, message: str) -> None:
    with pytest.raises(RequirementError, match=message):
        parse(text)


def test_figures(result: Result) -> None:
    found = figures(result)
    # har: users 0.95 and 0.85, gaze: 0.85 and 0.75; generic 0.8 and 0.4
    assert found["accuracy.har"] == pytest.approx(0.90)
    assert found["accuracy"] == pytest.approx((0.90 + 0.80) / 2)
    assert found["accuracy.generic"] == pytest.approx(0.6)
    assert found["gain"] == pytest.approx(0.85 - 0.6)
    assert found["gain.gaze"] == pytest.approx(0.4)
    assert found["unseen.accuracy"] == pytest.approx(0.85)
    assert found["accuracy.classical_own"] == pytest.approx(0.82)
    assert "unseen.accuracy.classical_own" not in found
    assert found["p99_ms"] == 61
    assert found["p99_ms.activity"] == 21.5
    assert "p99_ms.stress" not in found
    assert (found["bytes_up"], found["bytes_down"], found["bytes_d2d"]) == (12_300, 4_000_000, 7)
    assert (found["joules"], found["rounds"], found["late"]) == (3.25, 1, 2)


def test_headline_decides_what_accuracy_means(result: Result) -> None:
    found = figures(msgspec.structs.replace(result, headline="generic"))
    assert found["accuracy"] == pytest.approx(0.6)
    assert found["gain"] == 0


def test_judge(result: Result) -> None:
    wanted = [parse(text) for text in ("accuracy>=0.8", "p99_ms<50", "p99_ms.stress<1000")]
    held, failed, absent = judge(wanted, figures(result))
    assert held.passed
    assert (failed.passed, failed.value) == (False, 61)
    assert (absent.passed, absent.value) == (False, None)
    assert "p99_ms.gesture" in absent.reason
