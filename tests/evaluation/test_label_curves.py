"""Curves over labels a class: means, intervals over users, paired gains, the file and the page."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from fedxr.evaluation.label_curves import MEAN, Measured, estimate, mean_curves, role_of
from fedxr.evaluation.report import write_report
from fedxr.evaluation.result import LabelCurves, Result, ResultError, read_result, write_result
from fedxr.evaluation.tables import print_table

EVEN = {"a": 0.2, "b": 0.4, "c": 0.6, "d": 0.8}


def test_a_point_is_the_mean_and_users_decide_its_interval() -> None:
    """Three draws of the same four users say no more of other users than one draw does."""
    one, three = (estimate(1, [("set", [EVEN] * n)]) for n in (1, 3))
    assert one.mean == pytest.approx(0.5)
    assert (one.users, one.draws, three.users, three.draws) == (4, 1, 4, 3)
    assert three.error == pytest.approx(one.error)
    # the Bayesian bootstrap of a mean: population σ / √(n + 1), here √0.05 / √5
    assert one.error == pytest.approx(0.1, rel=0.05)
    assert one.low < 0.5 < one.high
    twice = estimate(1, [("set", [EVEN, {k + "'": v for k, v in EVEN.items()}])])
    assert twice.error < 0.85 * one.error  # twice as many users


def test_users_who_differ_in_the_same_way_leave_no_doubt_about_a_gain() -> None:
    found = Measured(
        "set",
        {
            "federated_personalised": {0: [EVEN], 1: [{u: v + 0.1 for u, v in EVEN.items()}]},
            "local": {0: [EVEN], 1: [EVEN]},
            "classical_own": {1: [{"a": 0.2, "b": 0.4}]},
        },
        40,
    )
    role = role_of([found])
    nothing, tenth = role.gains["federated_personalised - local"]
    assert (nothing.labels, nothing.mean) == (0, 0)
    assert (tenth.mean, tenth.low, tenth.high) == pytest.approx((0.1, 0.1, 0.1))
    assert [p.labels for p in role.arms["classical_own"]] == [1]  # absent without a label
    assert (role.users, role.questions) == (4, 40)


def test_tasks_of_one_world_share_their_users_and_sets_do_not() -> None:
    same = estimate(1, [("world", [EVEN]), ("world", [EVEN])])
    apart = estimate(1, [("one", [EVEN]), ("other", [EVEN])])
    assert (same.users, apart.users) == (4, 8)
    assert apart.error == pytest.approx(same.error / 2**0.5, rel=0.05)


@pytest.fixture
def cold(result: Result) -> Result:
    def role(shift: float) -> Measured:
        arms = {
            arm: {k: [{u: v + shift for u, v in EVEN.items()}] for k in (0, 1, None)}
            for arm in ("generic", "local", "federated_personalised")
        }
        return Measured(f"set {shift}", arms, 9)

    sets = {"members": [role(0.0), role(0.1)], "strangers": [role(0.1), role(0.0)]}
    each = [
        LabelCurves(
            name=f"<set {i}>", task="doing", metric="accuracy", chance=0.2,
            roles={name: role_of([both[i]]) for name, both in sets.items()},
            halves="first half of the time",
        )
        for i in range(2)
    ]  # fmt: skip
    return msgspec.structs.replace(
        result, rows=[], unseen=[], cold=[*each, mean_curves(each, sets)]
    )


def test_curves_are_written_read_and_shown(cold: Result, tmp_path: Path) -> None:
    write_result(cold, tmp_path / "result.json")
    assert read_result(tmp_path / "result.json").cold == cold.cold
    assert cold.cold[-1].name == MEAN
    assert cold.cold[-1].roles["members"].users == 8
    write_report(cold, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") >= 2
    assert "&lt;set 1&gt;, strangers: 4 users" in page
    assert "<set 1>" not in page
    console = Console(width=80, record=True)
    print_table(cold, console)
    text = console.export_text()
    assert "mean over sets, members: 8 users" in text
    assert "+0.0 [+0.0, +0.0]" in text
    assert max(map(len, text.splitlines())) <= 80


def test_an_unknown_arm_is_refused(cold: Result, tmp_path: Path) -> None:
    one = cold.cold[0]
    role = one.roles["members"]
    strange = msgspec.structs.replace(role, arms={"magic": role.arms["local"]})
    wrong = msgspec.structs.replace(one, roles={"members": strange})
    with pytest.raises(ResultError, match="<set 0>: unknown arm 'magic'; known are generic, local"):
        write_result(msgspec.structs.replace(cold, cold=[wrong]), tmp_path / "result.json")
