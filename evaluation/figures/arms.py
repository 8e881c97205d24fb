"""Every arm of every set, as hatched bars with 95 % intervals and a dotted line at chance."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fedxr.evaluation.figures.plot import Numbers, Plot, grouped, value
from fedxr.evaluation.figures.style import FULL, INK, RED, key, look_of, panels, wrapped
from fedxr.evaluation.result import ARMS, Result, Row


def plots(result: Result) -> list[Plot]:
    """Of the users of the federation, and of unseen ones."""
    roles = (("federation", "Users of the federation", result.rows),
             ("unseen", "Unseen users", result.unseen))  # fmt: skip
    return [
        Plot(
            f"arms_{role}",
            f"{title}: every arm",
            "Bars: mean over users; whiskers: 95 % interval over users; dotted: chance.",
            numbers(rows),
            draw,
        )
        for role, title, rows in roles
        if any(row.arms for row in rows)
    ]


def numbers(rows: Sequence[Row]) -> Numbers:
    """Percent."""
    return [
        {
            "set": row.name, "metric": row.metric, "chance": 100 * row.chance, "arm": arm,
            "mean": 100 * score.mean,
            "low": None if score.low is None else 100 * score.low,
            "high": None if score.high is None else 100 * score.high,
            "users": score.users,
        }
        for row in rows
        for arm in ARMS
        if (score := row.arms.get(arm)) is not None
    ]  # fmt: skip


def draw(numbers: Numbers, width: float) -> Figure:
    """A group of bars a set; at full width two columns of them."""
    sets = grouped(numbers, "set")
    arms = [arm for arm in ARMS if any(one["arm"] == arm for one in numbers)]
    across = 2 if width >= FULL and len(sets) > 1 else 1
    share = -(-len(sets) // across)
    tall = share * (0.095 * len(arms) + 0.1) + 0.45
    figure, every = panels(across, width, tall, width / across, sharex=True)
    names = list(sets)
    for i, axes in enumerate(every):
        some = names[i * share : (i + 1) * share]
        step = 0.86 / len(arms)
        for at, name in enumerate(some):
            for one in sets[name]:
                look = look_of(str(one["arm"]))
                y = at - 0.43 + step * (arms.index(str(one["arm"])) + 0.5)
                mean, low, high = (value(one, k) for k in ("mean", "low", "high"))
                axes.barh(y, mean, 0.94 * step, color=look.colour, hatch=look.hatch,
                          edgecolor=INK, lw=0.4)  # fmt: skip
                axes.plot([low, high], [y, y], color=INK, lw=0.9, solid_capstyle="butt")
            at_chance = value(sets[name][0], "chance")
            axes.plot([at_chance] * 2, [at - 0.46, at + 0.46], ":", color=RED, lw=1)
        axes.set(xlim=(0, 100), ylim=(len(some) - 0.5, -0.5))
        axes.set_xlabel(f"{' / '.join(sorted({str(one['metric']) for one in numbers}))}, %")
        axes.set_yticks(range(len(some)), [wrapped(name, 14) for name in some])
        axes.tick_params(axis="y", length=0)
    looks = [look_of(arm) for arm in arms]
    key(figure, [Patch(facecolor=x.colour, hatch=x.hatch, edgecolor=INK, lw=0.4) for x in looks],
        [x.name for x in looks], width)  # fmt: skip
    return figure
