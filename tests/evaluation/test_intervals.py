"""Intervals: they hold the truth as often as they say, and come out as when questions are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from fedxr.evaluation.intervals import Cell, mean_of, over_users, pooled, wilson


def test_a_mean_is_over_a_users_tasks_then_over_users() -> None:
    """ann: tasks at 9/10 and 1/2, so 0.7; ben: 0/30, so 0. Pooled questions would say 10/42."""
    found = pooled({"ann": [Cell(10, 9), Cell(2, 1)], "ben": [Cell(30, 0)]})
    assert found is not None
    assert found.mean == pytest.approx((0.7 + 0.0) / 2)
    assert (found.questions, found.users) == (42, 2)
    assert found.low == 0.0  # ben drawn twice, about one draw in four
    assert pooled({}) is None


def test_questions_are_drawn_as_by_hand() -> None:
    """Binomials of counts against indices into lists of answers, the dumb way; a task of a user
    may be worse by some answers and better by others (−1)."""
    users = {"ann": [[1, 1, 0, -1, 0, 1]], "ben": [[0, 1, -1, 0], [1, 1, 1, 0, 0]]}
    rng, means = np.random.default_rng(7), []
    for _ in range(20_000):
        drawn = [list(users.values())[i] for i in rng.integers(2, size=2)]
        means.append(
            np.mean([np.mean([np.mean(rng.choice(t, len(t))) for t in tasks]) for tasks in drawn])
        )
    cells = {u: [Cell(len(t), t.count(1), t.count(-1)) for t in ts] for u, ts in users.items()}
    found = pooled(cells, draws=20_000)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.03)


def test_the_interval_holds_the_truth_some_95_times_in_100() -> None:
    """12 users whose own accuracy spreads around 0.7, two tasks of 15 questions each."""
    rng, held = np.random.default_rng(1), 0
    for trial in range(300):
        skill = np.clip(0.7 + 0.1 * rng.standard_normal(12), 0, 1)
        users = {str(u): [Cell(15, rng.binomial(15, p)) for _ in range(2)]
                 for u, p in enumerate(skill)}  # fmt: skip
        found = pooled(users, draws=400, seed=trial)
        assert found is not None
        held += found.low <= 0.7 <= found.high
    assert 0.89 <= held / 300 <= 0.99  # a standard error is 1.3 %


def test_all_right_is_not_certain() -> None:
    """8 of 8: Wilson's lower end is 1 / (1 + z²/n)."""
    found = pooled({"ann": [Cell(4, 4)], "ben": [Cell(4, 4)]})
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(1 / (1 + 1.959964**2 / 8)), 1.0)
    assert wilson(0, 5)[0] == 0.0
    assert 0 < wilson(0, 5)[1] < 0.5


def test_wilson_solves_its_equation() -> None:
    """Both ends lie z standard errors, as they are there, from the share."""
    for right, asked in ((1, 3), (7, 20), (150, 200)):
        for end in wilson(right / asked, asked):
            error = np.sqrt(end * (1 - end) / asked)
            assert abs(right / asked - end) == pytest.approx(1.959964 * error, rel=1e-9)


def test_over_users() -> None:
    """Two users' weights share 1 evenly, so 95 % of a mean between 0 and 1 lie in the middle; one
    who is in both seeds weighs alike in both."""
    same = over_users([{"a": 0.5, "b": 0.5}, {"c": 0.7, "d": 0.7}])
    assert same == pytest.approx((0.6, 0.6))
    for seeds in ([{"a": 0.0, "b": 1.0}], [{"a": 0.0, "b": 1.0}] * 3):
        assert over_users(seeds) == pytest.approx((0.025, 0.975), abs=0.02)
    for seeds in ([{"a": 1.0}], [{"a": 1.0}, {"b": 0.0}], [{"a": 1.0}, {"a": 0.0, "b": 1.0}], []):
        assert over_users(seeds) is None


def test_the_mean_of_one_task_is_that_task_and_two_extremes_are_not_certain() -> None:
    low, high = wilson(0.75, 20)
    assert mean_of([(15, 20)]) == pytest.approx((0.75, low, high))
    mean, low, high = mean_of([(3, 3), (0, 3)])
    assert mean == 0.5
    assert 0.2 < low < 0.5 < high < 0.8
    # The truth is within in about 95 of 100: two shares, many draws.
    rng, inside = np.random.default_rng(0), 0
    for a, b in rng.binomial(12, (0.8, 0.4), (2000, 2)):
        _, low, high = mean_of([(int(a), 12), (int(b), 12)])
        inside += low <= 0.6 <= high
    assert 0.92 < inside / 2000 < 0.99
