"""What CI systems read: JUnit's XML by a reader of its own, the step summary as GitHub shows it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from junitparser import JUnitXml

from fedxr.evaluation.ci import markdown, write_junit
from fedxr.evaluation.requirements import figures, judge, parse
from fedxr.evaluation.result import Result

WANTED = ("accuracy>=0.8", "p99_ms<50", "joules<=1e9", "accuracy.nowhere>0")


def judged(result: Result) -> Result:
    outcomes = judge([parse(text) for text in WANTED], figures(result))
    return msgspec.structs.replace(result, requirements=outcomes)


def test_a_test_case_a_requirement_with_what_was_measured(result: Result, tmp_path: Path) -> None:
    write_junit(judged(result), tmp_path / "made" / "junit.xml")
    (suite,) = JUnitXml.fromfile(str(tmp_path / "made" / "junit.xml"))
    assert (suite.tests, suite.failures, suite.errors) == (4, 2, 0)
    cases = {case.name: case for case in suite}
    assert list(cases) == list(WANTED)
    said = {name: case.result[0].message if case.result else "" for name, case in cases.items()}
    # The slowest task of the result has a p99 of 61 ms; set "nowhere" is in no row.
    assert said["p99_ms<50"] == "p99_ms<50: is 61"
    assert said["accuracy.nowhere>0"].startswith("accuracy.nowhere>0: not measured in this run;")
    assert said["accuracy>=0.8"] == said["joules<=1e9"] == ""


def test_where_nothing_is_required_a_test_case_is_a_finished_set(
    result: Result, tmp_path: Path
) -> None:
    write_junit(msgspec.structs.replace(result, requirements=[]), tmp_path / "junit.xml")
    (suite,) = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (suite.tests, suite.failures) == (len(result.rows), 0)
    assert [case.name for case in suite] == [row.name for row in result.rows]
    (first, *_), head = suite, result.rows[0].arms[result.headline].mean
    assert f"{100 * head:.1f} %" in first.system_out


def test_the_summary_is_tables_whose_lines_are_whole(result: Result) -> None:
    one = judged(result)
    lines = markdown(one).splitlines()
    assert "| `p99_ms<50` | **no** | is 61 |" in lines
    assert "| `accuracy>=0.8` | yes | is 0.85 |" in lines
    assert "| mean over sets | | 60.0 % | 85.0 % |" in lines
    tables = [line for line in lines if line.startswith("|")]
    assert all(line.count("|") in (4, 5) for line in tables), tables
    assert "Interrupted" not in markdown(one)
    assert "Interrupted" in markdown(msgspec.structs.replace(one, interrupted=True))
