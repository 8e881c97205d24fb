"""The table over seeds: means, and Student's interval by hand."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from fedxr.evaluation.intervals import over_seeds
from fedxr.evaluation.result import Result
from fedxr.evaluation.seeds import seeds_table
from fedxr.evaluation.tables import print_table


def test_the_interval_is_students() -> None:
    # Mean 2, standard deviation 1, t of 2 degrees of freedom 4.3027: 2 ± 4.3027 / √3.
    assert over_seeds([1, 2, 3]) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-3)
    assert over_seeds([0.5]) is None


def test_a_line_a_set_with_the_gain_of_each_seed(result: Result) -> None:
    """har: ours 0.9 in all seeds, generic 0.78, 0.8 and 0.82, so that the gain is 0.1 with a
    standard deviation of 0.02: ± 4.3027 × 0.02 / √3 = 0.0497."""
    out = io.StringIO()
    Console(file=out, width=80).print(seeds_table(result))
    (har,) = [line for line in out.getvalue().splitlines() if "har" in line]
    assert "90.0 [90, 90]" in har
    assert "80.0 [75, 85]" in har
    assert "+10.0 [+5, +15]" in har
    assert "mean over sets" in out.getvalue()
    assert "…" not in out.getvalue(), "fits 80 columns"
    shown = io.StringIO()
    print_table(result, Console(file=shown, width=120))
    assert "Over 3 seeds" in shown.getvalue()
