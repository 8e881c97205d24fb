"""A result as a table of pandas: one row for each arm of each set and role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fedxr.evaluation.result import ARMS, Result, Row, Score

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "set", "task", "metric", "role", "labels", "arm", "mean", "low", "high", "users", "questions",
    "chance", "gain", "gain_low", "gain_high",
)  # fmt: skip

FIGURES = ("mean", "low", "high", "users", "chance", "gain", "gain_low", "gain_high")
COUNTS = ("labels", "questions")
ORDER = list(ARMS)


def frame_of(result: Result) -> pd.DataFrame:
    """One row for each arm of each set and role, and in a cold start of each number of ``labels`` a
    class (missing: all there are).

    ``role`` is ``federation`` or ``unseen``; of a cold start ``members`` or ``strangers``; of a
    demo's comparison its window and state. ``low`` and ``high`` are the 95 % interval of ``mean``,
    over ``users`` (and ``questions``, where single ones are known); ``gain`` is the arm less
    ``generic`` on the same questions. What was not measured is missing, never zero."""
    import pandas as pd

    rows = [*_rows("federation", result.rows), *_rows("unseen", result.unseen)]
    for one in result.compared:
        where = {"set": "all", "role": f"{one.window}, {one.state}"}
        rows += [{**where, **_scored(arm, score)} for arm, score in one.arms.items()]
    rows += _cold(result)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({**dict.fromkeys(FIGURES, "float64"), **dict.fromkeys(COUNTS, "Int64")})


def _rows(role: str, rows: list[Row]) -> Iterator[dict[str, Any]]:
    for row in rows:
        where = {"set": row.name, "task": row.task, "metric": row.metric, "role": role}
        for arm, score in sorted(row.arms.items(), key=lambda item: ORDER.index(item[0])):
            scored = _scored(arm, score)
            asked = row.test_windows if score.questions is None else score.questions
            yield {**where, **scored, "questions": asked, "chance": row.chance}


def _scored(arm: str, score: Score) -> Mapping[str, Any]:
    gain = score.gain
    return {
        "arm": arm,
        "mean": score.mean,
        "low": score.low,
        "high": score.high,
        "users": score.users,
        "questions": score.questions,
        "gain": gain.mean if gain else None,
        "gain_low": gain.low if gain else None,
        "gain_high": gain.high if gain else None,
    }


def _cold(result: Result) -> Iterator[dict[str, Any]]:
    for curves in result.cold:
        where = {"set": curves.name, "task": curves.task, "metric": curves.metric}
        for role, found in curves.roles.items():
            for arm, points in found.arms.items():
                for p in points:
                    figures = {"mean": p.mean, "low": p.low, "high": p.high, "users": p.users}
                    yield {
                        **where, **figures, "role": role, "labels": p.labels, "arm": arm,
                        "questions": round(found.questions), "chance": curves.chance,
                    }  # fmt: skip
