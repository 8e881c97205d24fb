"""That the worlds are learnable, not trivial, and personal, by models that are not ours."""

from __future__ import annotations

import pytest

from benchmarks.simulated_worlds import PAIRS, Figures, measure
from fedxr.agent.tasks import TASKS, USE_CASES


@pytest.fixture(scope="module")
def figures() -> dict[str, Figures]:
    return {
        task: measure(task, device, train=10, unseen=5, episodes=20) for task, device in PAIRS[:8]
    }


def test_a_linear_model_on_raw_samples_stays_near_chance(figures: dict[str, Figures]) -> None:
    for f in figures.values():
        assert f.raw.mean() < f.chance + 0.25 * (1 - f.chance), f


def test_statistics_answer_unseen_users_well_above_chance(figures: dict[str, Figures]) -> None:
    for f in figures.values():
        assert f.generic.mean() > f.chance + 0.2 * (1 - f.chance), f
        assert f.generic.mean() > f.raw.mean() + 0.1, f


@pytest.mark.parametrize("use_case", USE_CASES)
def test_knowing_the_user_pays(use_case: str, figures: dict[str, Figures]) -> None:
    gains = {
        task: (f.personalised - f.generic).mean()
        for task, f in figures.items()
        if TASKS[task].use_case == use_case
    }
    assert max(gains.values()) > 0.04, gains
