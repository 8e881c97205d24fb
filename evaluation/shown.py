"""A result as a notebook has it: what was saved, and its table and figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fedxr.evaluation import result as saved
from fedxr.extras import need_study

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Result(saved.Result, frozen=True, kw_only=True):
    """One run: every field of result.json (docs/result.md), and

    result.to_pandas()  # a row for each arm of each set and role, with its interval
    result.plot()       # the first figure of its report: arms by set, or curves over labels
    """

    @classmethod
    def of(cls, result: saved.Result) -> Result:
        """``result`` with its table and figure."""
        return cls(**{name: getattr(result, name) for name in saved.Result.__struct_fields__})

    def to_pandas(self) -> pd.DataFrame:
        """The columns are those of :func:`fedxr.evaluation.frame.frame_of`."""
        need_study("a table")
        from fedxr.evaluation.frame import frame_of

        return frame_of(self)

    def plot(self, name: str | None = None, width: float | None = None) -> Figure:
        """A figure that a notebook shows and ``savefig`` writes: that of the report which is called
        ``name`` (default: the first), ``width`` inches wide (default: 6.9, both columns of a
        paper). Raises ResultError where the run has no such figure, or ended before it had any."""
        need_study("a figure")
        from fedxr.evaluation.figures.all_plots import figure_of

        return figure_of(self, name, width)


def read_result(path: str | Path) -> Result:
    """The result of a run from its result.json; raises ResultError that names what is wrong."""
    return Result.of(saved.read_result(Path(path)))
