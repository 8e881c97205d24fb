"""``--require "accuracy>=0.8"``: a run that promises something and fails when it does not hold."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from fedxr.evaluation.result import ARMS, Requirement, Result, Row, mean_over_rows

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_EXPRESSION = re.compile(
    r"\s*(?P<figure>[A-Za-z][\w./+-]*)\s*(?P<compare>>=|<=|==|>|<)\s*(?P<bound>\S+)\s*"
)
NAMES = (
    "accuracy, accuracy.<set>, accuracy.<arm>, accuracy.<arm>.<set>, the same after 'unseen.', "
    "gain, gain.<set>, p50_ms, p50_ms.<task>, p99_ms, p99_ms.<task>, late, "
    "bytes_up, bytes_down, bytes_d2d, joules, seconds, rounds"
)
"""The figures that an expression can name; a run has those that it measured."""
HEADLINE = "federated_personalised"
"""The arm that ``accuracy`` means in a headless run."""
_ROOTS = frozenset(re.findall(r"(?:^|, )(\w+)(?=,|$)", NAMES))


class RequirementError(ValueError):
    """An expression cannot be read; the message says what can."""


@dataclass(frozen=True)
class Expression:
    """``figure compare bound``, as in ``p99_ms<50``."""

    text: str
    figure: str
    compare: str
    bound: float


def parse(text: str) -> Expression:
    """Read one expression; raises RequirementError with an example and the known figures."""
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise RequirementError(
            f"cannot read requirement {text!r}: write FIGURE>=NUMBER (or <=, >, <, ==), "
            f"for example 'accuracy>=0.8' or 'p99_ms.gesture<50'; figures are {NAMES}"
        )
    try:
        bound = float(match["bound"])
    except ValueError:
        raise RequirementError(
            f"requirement {text!r}: {match['bound']!r} is no number; accuracies are fractions, "
            "so write 0.8 for 80 %"
        ) from None
    figure = match["figure"]
    root = figure.removeprefix("unseen.").split(".", 1)[0]
    if root not in _ROOTS:
        raise RequirementError(
            f"requirement {text!r}: no figure {figure!r}; near are {nearest(figure, _ROOTS)}"
        )
    return Expression(text.strip(), figure, match["compare"], bound)


def nearest(figure: str, known: Collection[str]) -> str:
    """The five names of ``known`` that are most like ``figure``."""
    return ", ".join(get_close_matches(figure, sorted(known), 5, cutoff=0.0))


def refuse_unmeasured(wanted: Sequence[Expression], known: Collection[str], why: str = "") -> None:
    """Raises RequirementError where an expression names none of the figures ``known`` to be
    measured, before anything is; ``why`` is said with it."""
    for one in wanted:
        if one.figure not in known:
            raise RequirementError(
                f"requirement {one.text!r}: this run measures no {one.figure!r}; near are "
                f"{nearest(one.figure, known)}{why}"
            )


def names_of(
    sets: Sequence[str], arms: Sequence[str], unseen: Sequence[str], tasks: Sequence[str] = ()
) -> set[str]:
    """The figures that a headless run has: of ``sets`` under the ``arms``, those of ``unseen``
    users' arms, and latency of ``tasks``."""
    found = {"bytes_up", "bytes_down", "bytes_d2d", "joules", "seconds", "rounds"}
    for prefix, some in (("", arms), ("unseen.", unseen)):
        for of_set in ("", *(f".{name}" for name in sets)):
            found |= {f"{prefix}accuracy.{arm}{of_set}" for arm in some}
            if HEADLINE in some:
                found |= {f"{prefix}accuracy{of_set}", f"{prefix}gain{of_set}"}
    if tasks:
        found |= {"p50_ms", "p99_ms", "late"}
        found |= {f"{name}.{task}" for name in ("p50_ms", "p99_ms") for task in tasks}
    return found


def _accuracies(rows: Sequence[Row], headline: str, prefix: str) -> dict[str, float]:
    """``accuracy…`` and ``gain…`` of ``rows``, each name after ``prefix``."""
    found: dict[str, float] = {}
    for arm in ARMS:
        overall = mean_over_rows(rows, arm)
        if overall is not None:
            found[f"{prefix}accuracy.{arm}"] = overall
        for row in rows:
            if arm in row.arms:
                found[f"{prefix}accuracy.{arm}.{row.name}"] = row.arms[arm].mean
    for name in ("", *(f".{row.name}" for row in rows)):
        of_headline = found.get(f"{prefix}accuracy.{headline}{name}")
        of_generic = found.get(f"{prefix}accuracy.generic{name}")
        if of_headline is not None:
            found[f"{prefix}accuracy{name}"] = of_headline
            if of_generic is not None:
                found[f"{prefix}gain{name}"] = of_headline - of_generic
    return found


def figures(result: Result) -> dict[str, float]:
    """Every figure of ``result`` that a requirement can name.

    ``accuracy`` is the mean over sets of the headline arm; ``gain`` is that less ``generic``;
    ``p50_ms`` and ``p99_ms`` without a task are those of the slowest task.
    """
    found = _accuracies(result.rows, result.headline, "")
    found |= _accuracies(result.unseen, result.headline, "unseen.")
    for name in ("p50_ms", "p99_ms"):
        per_task = {row.task: getattr(row, name) for row in result.latency}
        known = {task: value for task, value in per_task.items() if value is not None}
        found |= {f"{name}.{task}": value for task, value in known.items()}
        if known:
            found[name] = max(known.values())
    if result.latency:
        found["late"] = float(sum(row.late for row in result.latency))
    found["bytes_up"] = float(result.traffic.up)
    found["bytes_down"] = float(result.traffic.down)
    found["bytes_d2d"] = float(result.traffic.d2d)
    if result.joules is not None:
        found["joules"] = result.joules
    found["seconds"] = result.seconds
    found["rounds"] = float(result.rounds_held)
    return found


def judge(expressions: Sequence[Expression], found: Mapping[str, float]) -> list[Requirement]:
    """The outcome of each expression; a figure that was not measured counts as failed."""
    outcomes = []
    for wanted in expressions:
        value = found.get(wanted.figure)
        if value is None:
            reason = f"not measured in this run; near are {nearest(wanted.figure, found)}"
            outcomes.append(
                Requirement(expression=wanted.text, value=None, passed=False, reason=reason)
            )
        else:
            passed = _COMPARE[wanted.compare](value, wanted.bound)
            outcomes.append(Requirement(expression=wanted.text, value=value, passed=passed))
    return outcomes
