"""Several runs beside each other: which may be, and what they say.

Runs are compared by their headline arm on the sets that all of them have. Where two runs tested the
same users by the same seeds, the difference is taken for each user first; elsewhere both intervals
stand beside each other, and no difference is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from fedxr.evaluation.headline import Change, changed, paired, points, verdict
from fedxr.evaluation.label_curves import MEAN, ticks
from fedxr.evaluation.result import (
    LabelCurves,
    LabelPoint,
    Result,
    ResultError,
    Row,
    Score,
    read_result,
)
from fedxr.evaluation.sheets import Sheet, interval, plain
from fedxr.evaluation.tables import amount, percent

Lines = list[dict[str, object]]


@dataclass(frozen=True)
class Run:
    """A result, as the folder that it lies in is called."""

    name: str
    result: Result

    @property
    def kind(self) -> str:
        if self.result.cold:
            return "a cold start"
        return "a demo" if self.result.compared else "a federation"

    def sets(self) -> dict[str, Row | LabelCurves]:
        """What it measured, by name."""
        found: dict[str, Row | LabelCurves] = {row.name: row for row in self.result.rows}
        return found | {one.name: one for one in self.result.cold if one.name != MEAN}


def read_runs(places: Sequence[Path]) -> list[Run]:
    """The runs in these folders, or of these files. Names that are alike get their parents' before
    them. Raises ResultError."""
    files = [place / "result.json" if place.is_dir() else place for place in places]
    for place, file in zip(places, files, strict=True):
        if not file.is_file():
            raise ResultError(
                f"{place}: no result.json here; give the folder of a run, or its file"
            )
    whole = [file.resolve() for file in files]
    for i, file in enumerate(whole):
        if file in whole[:i]:
            raise ResultError(f"{places[i]}: the same run twice; give each once")
    results = [read_result(file) for file in files]
    depth, names = 1, [file.parent.name for file in whole]
    while len(set(names)) < len(names) and depth < 20:
        depth += 1
        names = ["/".join(file.parts[-depth - 1 : -1]) for file in whole]
    return [Run(name, result) for name, result in zip(names, results, strict=True)]


def common_sets(runs: Sequence[Run]) -> list[str]:
    """The sets that all ``runs`` have. Raises ResultError, with why, where they cannot be
    compared."""
    first = runs[0]
    for run in runs:
        if not run.sets():
            raise ResultError(f"{run.name} has no figures: it ended before its first set was done")
        if run.kind != first.kind:
            raise ResultError(
                f"{first.name} is {first.kind}, {run.name} is {run.kind}: their figures mean "
                "different things; compare runs of one protocol"
            )
    names = [n for n in first.sets() if all(n in run.sets() for run in runs)]
    if not names:
        each = "; ".join(f"{run.name}: {', '.join(run.sets())}" for run in runs)
        raise ResultError(f"no set is in all of these runs ({each}); compare runs that share one")
    for name in names:
        for run in runs[1:]:
            _same(name, first, run)
    return names


def _same(name: str, one: Run, other: Run) -> None:
    """Raises ResultError unless the set ``name`` asks the same of its users in both."""
    for field in ("task", "metric", "chance", "halves"):
        a, b = (getattr(run.sets()[name], field) for run in (one, other))
        if a != b:
            raise ResultError(
                f"{name} is not the same in {one.name} and {other.name}: {field} {a!r} and {b!r}; "
                "compare runs of the same set"
            )


def left_out(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """A sentence a run that has sets which not all have."""
    return [
        f"{run.name} also has {', '.join(more)}, which not all have: not compared."
        for run in runs
        if (more := [n for n in run.sets() if n not in names])
    ]


def rows_of(run: Run, names: Sequence[str], role: str) -> list[Row]:
    """The rows of a ``role`` among the sets ``names``."""
    rows = run.result.rows if role == "federation" else run.result.unseen
    return [row for row in rows if row.name in names]


def score_in(run: Run, row: Row) -> Score | None:
    """Of the headline arm."""
    return row.arms.get(run.result.headline)


def difference(
    first: Run, other: Run, names: Sequence[str], role: str = "federation"
) -> Change | None:
    """``other`` less ``first`` over the sets ``names``; None where they tested other users."""
    if first.result.seeds != other.result.seeds:
        return None
    found = []
    for a, b in zip(rows_of(first, names, role), rows_of(other, names, role), strict=False):
        one, two = score_in(first, a), score_in(other, b)
        if a.name != b.name or a.test_windows != b.test_windows or not one or not two:
            return None
        if [set(users) for users in one.by_user] != [set(users) for users in two.by_user]:
            return None
        found.append((a.name.split("/")[0], paired(two, one)))
    return changed(found, other.name, first.name)


def sentences(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """One for each run but the first, against which they are."""
    first, out = runs[0], []
    where = names[0] if len(names) == 1 else f"mean over {len(names)} sets"
    for run in runs[1:]:
        if run.result.cold:
            out.append(_cold(first, run, names))
            continue
        one = difference(first, run, names)
        if one is not None:
            told = verdict(run.name, first.name, one.mean, one.low, one.high)
            out.append(f"{told}: the same {one.users} users, {where}.")
            continue
        means = [
            fmean(s.mean for row in rows_of(r, names, "federation") if (s := score_in(r, row)))
            for r in (run, first)
        ]
        out.append(
            f"{run.name} {100 * means[0]:.1f} %, {first.name} {100 * means[1]:.1f} % ({where}): "
            "not the same users, or not known who they were, so no interval of the difference."
        )
    return out


def _cold(first: Run, run: Run, names: Sequence[str]) -> str:
    """Of members, with all labels; not paired, for a cold start keeps no single users."""
    means = [fmean(_curve(r, name, "members")[-1].mean for name in names) for r in (run, first)]
    return (
        f"{run.name} {100 * means[0]:.1f} %, {first.name} {100 * means[1]:.1f} % of members with "
        f"all labels ({points(means[0] - means[1])} points, {len(names)} sets): a cold start keeps "
        "no single users, so no interval of the difference."
    )


def _curve(run: Run, name: str, role: str) -> list[LabelPoint]:
    """Of the headline arm of a cold start."""
    (curves,) = (one for one in run.result.cold if one.name == name)
    return curves.roles[role].arms["federated_personalised"]


def level_numbers(runs: Sequence[Run], names: Sequence[str], role: str) -> Lines:
    """Percent; a line a set and run."""
    return [
        {"set": row.name, "metric": row.metric, "run": run.name, "arm": run.result.headline,
         "mean": 100 * score.mean, "low": _percent(score.low), "high": _percent(score.high),
         "users": score.users}
        for run in runs
        for row in rows_of(run, names, role)
        if (score := score_in(run, row)) is not None
    ]  # fmt: skip


def round_numbers(runs: Sequence[Run], names: Sequence[str]) -> Lines:
    """Percent; a line a set, run and round."""
    out: Lines = []
    for name in names:
        for run in runs:
            mine = [r for r in run.result.rounds if r.row == name]
            out += [
                {"panel": name, "run": run.name, "round": i + 1, "mean": _percent(r.accuracy),
                 "low": _percent(r.low), "high": _percent(r.high)}
                for i, r in enumerate(mine)
                if r.accuracy is not None
            ]  # fmt: skip
    return out


def label_numbers(runs: Sequence[Run], names: Sequence[str]) -> Lines:
    """Percent; a line a set, role, run and number of labels."""
    return [
        {"panel": f"{name}, {role}", "run": run.name, "labels": tick, "mean": 100 * p.mean,
         "low": 100 * p.low, "high": 100 * p.high}
        for name in names
        for run in runs
        if run.result.cold
        for role in ("members", "strangers")
        for tick, p in zip(ticks(_curve(run, name, role)), _curve(run, name, role), strict=True)
    ]  # fmt: skip


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def levels_sheet(runs: Sequence[Run], names: Sequence[str], role: str) -> Sheet | None:
    """A line a set, a column a run, and what each is above the first."""
    numbers = level_numbers(runs, names, role)
    if not numbers:
        return None
    cells = []
    for name in names:
        line = [name]
        for run in runs:
            rows = rows_of(run, [name], role)
            line.append(percent(score_in(run, rows[0]), "\n") if rows else "–")
        for run in runs[1:]:
            one = difference(runs[0], run, [name], role)
            line.append("other users" if one is None else interval(one.mean, one.low, one.high))
        cells.append(line)
    whose = "Users of the federation" if role == "federation" else "Unseen users"
    head = ["set", *(run.name for run in runs),
            *(f"{run.name} less {runs[0].name}" for run in runs[1:])]  # fmt: skip
    caption = f"{whose}, headline arm: percent ± spread [95 % interval]; differences in points"
    return Sheet(f"table_runs_{role}", caption, head, cells, numbers)


def cost_sheet(runs: Sequence[Run]) -> Sheet:
    """What each run cost."""
    cells = [
        [run.name, run.result.headline.replace("_", " "), ", ".join(map(str, run.result.seeds)),
         str(run.result.rounds_held), amount(run.result.traffic.up, "B"),
         amount(run.result.traffic.down, "B"), amount(run.result.traffic.d2d, "B"),
         "–" if run.result.joules is None else amount(run.result.joules, "J"),
         f"{run.result.seconds:.0f}"]
        for run in runs
    ]  # fmt: skip
    head = ["run", "headline arm", "seeds", "rounds", "up", "down", "device to device", "energy",
            "seconds"]  # fmt: skip
    return plain("table_runs_cost", "What each run cost", head, cells)


def settings(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Every setting and version in which the runs differ, with the value of each run."""
    flat = [
        {**dict(_flat("", run.result.config)), "seeds": ", ".join(map(str, run.result.seeds)),
         **dict(_flat("version of ", run.result.versions))}
        for run in runs
    ]  # fmt: skip
    keys = [key for key in dict.fromkeys(k for one in flat for k in one) if key not in SAYS_NOTHING]
    found = [(key, [one.get(key, "–") for one in flat]) for key in keys]
    return [(key, values) for key, values in found if len(set(values)) > 1]


SAYS_NOTHING = ("out", "config", "workers", "resume", "junit", "track")
"""Settings by which no figure differs."""


def _flat(before: str, tree: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, item in tree.items():
        if isinstance(item, Mapping):
            yield from _flat(f"{before}{key}.", item)
        else:
            yield f"{before}{key}", str(item)
