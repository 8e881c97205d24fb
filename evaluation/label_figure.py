"""The figure of a cold start: quality over labels a class, members and strangers side by side.

The mean over sets comes first and large, with direct labels and 95 % bands on the arms that the
claim is about; then each set small, with the same colours.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedxr.evaluation.label_curves import MEAN, ticks
from fedxr.evaluation.result import LabelCurves, LabelRole

STYLE: dict[str, tuple[str, str, float]] = {
    "generic": ("#9aa3b5", ":", 1.2),
    "local": ("#c98a1b", "-", 2.0),
    "federated": ("#6ea0dc", "-", 2.0),
    "federated_personalised": ("#1f5fbf", "-", 2.6),
    "fedavg": ("#a34fa0", "--", 1.4),
    "classical_own": ("#b08968", "--", 1.4),
    "classical_everyone": ("#6b4226", "--", 1.4),
}
"""Colour, line and width of the arms that are drawn; pooled ridge lies on ``federated``."""
NAMES = {
    "generic": "knows nothing",
    "local": "local",
    "federated": "federated = pooled",
    "federated_personalised": "federated + personalised",
    "fedavg": "softmax FedAvg",
    "classical_own": "classical, own labels",
    "classical_everyone": "classical, everyone's",
}
BANDS = ("local", "federated_personalised")


def draw(every: Sequence[LabelCurves], kind: type[Figure] = Figure) -> list[tuple[str, Figure]]:
    """Title and figure, of a ``kind``: of the mean where there is one, and of all sets."""
    out = []
    for one in every:
        if one.name == MEAN or len(every) == 1:
            figure = kind(figsize=(11, 4.4), layout="constrained")
            _row(list(figure.subplots(1, 2, sharey=True)), one, large=True)
            out.append((f"Cold start, {one.name}", figure))
    sets = [one for one in every if one.name != MEAN]
    if len(sets) > 1:
        figure = kind(figsize=(9, 2.2 * len(sets)), layout="constrained")
        for axes, one in zip(figure.subplots(len(sets), 2, sharey="row"), sets, strict=True):
            _row(list(axes), one, large=False)
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center",
                      ncols=4, frameon=False, fontsize=8)  # fmt: skip
        out.append(("Cold start, each set", figure))
    return out


def _row(both: Sequence[Axes], curves: LabelCurves, large: bool) -> None:
    """Members left, strangers right."""
    for axes, (role, found) in zip(both, curves.roles.items(), strict=True):
        name = curves.name if large else f"{curves.name}: {role}, {found.users}"
        axes.set_title(
            f"{role} ({found.users} users)" if large else name, fontsize=11 if large else 9
        )
        _panel(axes, found, large)
        axes.set_xlabel("labels a class" if large else "")
    both[0].set_ylabel(f"{curves.metric if not large else 'quality'}, %", fontsize=9)


def _panel(axes: Axes, role: LabelRole, large: bool) -> None:
    ends = []
    for arm, (colour, line, width) in STYLE.items():
        points = role.arms.get(arm)
        if not points:
            continue
        known = ticks(role.arms["generic"])
        x = [known.index(t) for t in ticks(points)]
        y = [100 * p.mean for p in points]
        thin = width if large else 0.7 * width
        axes.plot(x, y, line, color=colour, lw=thin, label=NAMES[arm], marker="o", ms=thin + 1)
        if arm in BANDS:
            low, high = [100 * p.low for p in points], [100 * p.high for p in points]
            axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        ends.append((y[-1], colour, NAMES[arm]))
    axes.set_xticks(range(len(known)), known)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e7ee", lw=0.7)
    axes.tick_params(labelsize=9 if large else 8)
    if large:
        _label(axes, ends, len(known) - 1)


def _label(axes: Axes, ends: Sequence[tuple[float, str, str]], right: float) -> None:
    """Names at the ends of the lines, moved apart where lines end close together."""
    low, high = axes.get_ylim()
    room, ordered = 0.055 * (high - low), sorted(ends)
    at = [y for y, _, _ in ordered]
    for _ in range(100):
        for i in range(len(at) - 1):
            short = room - (at[i + 1] - at[i])
            if short > 0:
                at[i], at[i + 1] = at[i] - short / 2, at[i + 1] + short / 2
    for (y, colour, name), place in zip(ordered, at, strict=True):
        axes.annotate(
            name, (right, y), (right + 0.3, place), color=colour, fontsize=9, va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkB": 3},
            annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(-0.2, right + 0.2)
