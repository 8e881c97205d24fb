"""Tables of a result, each as a page, a paper and a program want it: HTML, LaTeX (booktabs), CSV.

Cells are text with its interval, as in the terminal; the CSV has the numbers behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import fmean

from fedxr.evaluation.compared import figure, full, lines
from fedxr.evaluation.csv_file import write_csv
from fedxr.evaluation.headline import base_of, change, points
from fedxr.evaluation.intervals import over_seeds
from fedxr.evaluation.label_curves import ticks
from fedxr.evaluation.result import COLD_ARMS, LabelCurves, LabelPoint, Result, Row, mean_over_rows
from fedxr.evaluation.tables import SHORT, UNCERTAIN, arms_of, mean_percent, percent, totals

_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$",
    "−": "$-$", "–": "--", "Γ": r"$\Gamma$", "λ": r"$\lambda$", "→": r"$\to$", "\n": " ",
}  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """``name`` is that of its files; the column ``strong`` is set off; ``numbers`` are the lines of
    the CSV."""

    name: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[Mapping[str, object]]
    strong: int = -1

    def html(self) -> str:
        """All cells are escaped; what is wider than the page scrolls, and can be by keyboard."""

        def line(cells: Sequence[str], tag: str) -> str:
            out = []
            for i, text in enumerate(cells):
                if tag == "th" and not text:
                    out.append("<td></td>")  # a head says something
                    continue
                mark = ' class="strong"' if i == self.strong else ""
                scope = ' scope="col"' if tag == "th" else ""
                out.append(f"<{tag}{scope}{mark}>{escape(text)}</{tag}>")
            return f"<tr>{''.join(out)}</tr>"

        label = escape(self.caption, quote=True)
        return (
            f'<div class="wide{" many" if len(self.head) > 4 else ""}" tabindex="0" role="region" '
            f'aria-label="{label}"><table><thead>{line(self.head, "th")}</thead>'
            f"<tbody>{''.join(line(row, 'td') for row in self.rows)}</tbody></table></div>"
        )

    def latex(self) -> str:
        """A tabular for ``\\usepackage{booktabs}``; all that LaTeX would read is escaped."""
        body = "".join(f"{' & '.join(map(_tex, row))} \\\\\n" for row in self.rows)
        return (
            f"% {_tex(self.caption)}\n\\begin{{tabular}}{{l{'r' * (len(self.head) - 1)}}}\n"
            f"\\toprule\n{' & '.join(map(_tex, self.head))} \\\\\n\\midrule\n{body}"
            "\\bottomrule\n\\end{tabular}\n"
        )

    def write(self, folder: Path) -> list[Path]:
        """``name`` as LaTeX and CSV in ``folder``."""
        paths = [folder / f"{self.name}.{kind}" for kind in ("tex", "csv")]
        paths[0].write_text(self.latex(), encoding="utf-8")
        write_csv(self.numbers, paths[1])
        return paths


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in text)


def plain(name: str, caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Sheet:
    """One whose CSV has the same cells."""
    keys = [text.replace("\n", " ") or "what" for text in head]
    return Sheet(name, caption, head, rows, [dict(zip(keys, row, strict=True)) for row in rows])


WHOSE = {"federation": "Users of the federation", "unseen": "Unseen users"}


def quality(result: Result, role: str, rows: Sequence[Row]) -> Sheet:
    """Every arm of every set. Of a demo without spreads, which one run has none of, and without the
    mean over sets, which hides how few questions some have."""
    arms, demo = arms_of(rows), bool(result.compared)
    cells = [
        [row.name]
        + [(figure(row.arms.get(arm)) if demo else percent(row.arms.get(arm), "\n"))
           for arm in arms]
        + [f"{100 * row.chance:.1f}", str(row.users), str(row.test_windows),
           row.metric.replace(" ", "\n")]
        for row in rows
    ]  # fmt: skip
    if not demo and len(rows) > 1:
        windows = str(sum(row.test_windows for row in rows))
        means = [mean_percent(rows, arm, "\n") for arm in arms]
        cells.append(["mean over sets", *means, "", "", windows, ""])
    numbers = [
        {"set": row.name, "metric": row.metric, "test windows": row.test_windows,
         "users": row.users, "chance": row.chance, "arm": arm, "mean": score.mean,
         "low": score.low, "high": score.high, "spread": score.spread}
        for row in rows
        for arm in arms
        if (score := row.arms.get(arm)) is not None
    ]  # fmt: skip
    head = ["set", *(SHORT[arm] for arm in arms), "chance", "users", "test windows", "metric"]
    strong = 1 + arms.index(result.headline) if result.headline in arms else -1
    caption = f"{WHOSE[role]}, {'percent [95 % interval]' if demo else UNCERTAIN}"
    return Sheet(f"table_{role}", caption, head, cells, numbers, strong)


def gains(result: Result, role: str, rows: Sequence[Row]) -> Sheet | None:
    """The headline arm less the others, paired by user, over all sets and in each."""
    arm = result.headline
    some: list[tuple[str, Sequence[Row]]] = [(row.name, [row]) for row in rows]
    if len(rows) > 1:
        some.append(("all sets", rows))
    bases = [b for b in ("local", "generic", "federated", "classical_own", "classical_everyone")
             if b != arm and any(b in row.arms for row in rows)]  # fmt: skip
    cells, numbers = [], []
    for name, mine in some:
        line = [name]
        for base in bases:
            one = change(mine, arm, base)
            line.append("–" if one is None else interval(one.mean, one.low, one.high))
            if one is not None:
                numbers.append({"set": name, "arm": arm, "less": base, "mean": one.mean,
                                "low": one.low, "high": one.high, "users": one.users})  # fmt: skip
        cells.append(line)
    if not numbers:
        return None
    caption = f"{WHOSE[role]}, {SHORT[arm]} less others: points [95 % interval], paired by user"
    return Sheet(f"gains_{role}", caption, ["set", *(f"less {SHORT[b]}" for b in bases)], cells,
                 numbers)  # fmt: skip


def seeds(result: Result) -> Sheet | None:
    """The means over sets of each seed, and how far seeds differ; None where there is one."""
    rows, arm = result.rows, result.headline
    if len(result.seeds) < 2 or mean_over_rows(rows, arm) is None:
        return None
    base = base_of(rows, arm)
    count = min(len(row.arms[x].per_seed) for row in rows for x in (arm, base))
    if count < 2:  # a demo is one run
        return None
    means = [[sum(row.arms[x].per_seed[i] for row in rows) / len(rows) for x in (base, arm)]
             for i in range(count)]  # fmt: skip
    cells = [[str(seed), *(f"{100 * x:.1f}" for x in both), points(both[1] - both[0])]
             for seed, both in zip(result.seeds, means, strict=False)]  # fmt: skip
    numbers = [{"seed": seed, base: both[0], arm: both[1], "gain": both[1] - both[0]}
               for seed, both in zip(result.seeds, means, strict=False)]  # fmt: skip
    over = [_over([m[0] for m in means]), _over([m[1] for m in means])]
    gain = _over([m[1] - m[0] for m in means])
    cells.append(["mean", *(f"{100 * m:.1f} [{100 * a:.1f}, {100 * b:.1f}]" for m, a, b in over),
                  interval(*gain)])  # fmt: skip
    caption = (
        "Mean over sets of each seed, percent; last line: mean and Student's 95 % interval over "
        "seeds"
    )
    head = ["seed", SHORT[base], SHORT[arm], "gain, points"]
    return Sheet("seeds", caption, head, cells, numbers)


def _over(figures: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its interval; of two seeds at least."""
    low, high = over_seeds(figures) or (figures[0], figures[0])
    return fmean(figures), low, high


def interval(mean: float, low: float | None, high: float | None) -> str:
    """``+3.1 [+1.0, +5.2]``, in points."""
    if low is None or high is None:
        return points(mean)
    return f"{points(mean)} [{points(low)}, {points(high)}]"


def labels(one: LabelCurves, number: int) -> list[Sheet]:
    """Of a cold start: a line an arm and a difference, a column a number of labels."""
    out = []
    for role, found in one.roles.items():
        head, cells, numbers = ticks(found.arms["generic"]), [], []
        for curves, cell in ((found.arms, _level), (found.gains, _difference)):
            for name, points_ in curves.items():
                by = dict(zip(ticks(points_), points_, strict=True))
                text = [cell(by[t]) if t in by else "–" for t in head]
                cells.append([COLD_ARMS.get(name, name.replace("_", " ")), *text])
                numbers += [
                    {"arm": name, "labels": t, "mean": p.mean, "low": p.low, "high": p.high}
                    for t, p in by.items()
                ]
        caption = f"{one.name}, {role}: {found.users} users, percent [95 % interval]"
        out.append(Sheet(f"labels_{number}_{role}", caption, ["labels a class", *head], cells,
                         numbers))  # fmt: skip
    return out


def _level(p: LabelPoint) -> str:
    return f"{100 * p.mean:.1f}\n[{100 * p.low:.1f}, {100 * p.high:.1f}]"


def _difference(p: LabelPoint) -> str:
    return interval(p.mean, p.low, p.high).replace(" ", "\n", 1)


def demo(result: Result) -> list[Sheet]:
    """A demo beside its replays: what stands on the page, and everything."""
    if not result.compared:
        return []
    head, body = lines(result.compared)
    return [plain("compared", "Right answers, percent [95 % interval]", head, body),
            plain("compared_all", "All windows and states", *full(result))]  # fmt: skip


def latency(result: Result) -> Sheet | None:
    """Capture to reply by task."""
    if not result.latency:
        return None
    cells = []
    for row in result.latency:
        p50, p99 = ("–" if v is None else f"{v:.1f}" for v in (row.p50_ms, row.p99_ms))
        cells.append([row.task, f"{row.deadline_ms:g}", p50, p99, str(row.replies), str(row.late)])
    head = ["task", "deadline ms", "p50 ms", "p99 ms", "replies", "late"]
    return plain("latency", "Capture to reply", head, cells)


def whole(result: Result) -> Sheet:
    """The figures of the run that are one number each."""
    return plain("totals", "The whole run", ["whole run", ""], totals(result))
