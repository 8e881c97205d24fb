"""What a run says in one sentence: an arm against another on the same users, with its interval.

The difference is taken for each user first, so that who is easy or hard to predict is no part of
it; its interval is the Bayesian bootstrap over users of :mod:`fedxr.evaluation.label_curves`, sets
counting alike. It says how far the mean over other such users may lie off; what another seed of
pretraining would change is in it only as far as there are several seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from fedxr.evaluation.label_curves import estimate, ticks
from fedxr.evaluation.result import LabelPoint, Result, Row, Score

NAMES = {
    "federated_personalised": "federation + personalisation",
    "federated": "federation",
    "generic": "the checkpoint as it came",
    "live": "live answers",
}
"""Arms as a sentence calls them, where not by their own name."""
FEW = 6
"""Users below which an interval over users is too narrow, and said to be rough."""


@dataclass(frozen=True)
class Change:
    """``arm`` less ``base``, a fraction; its interval (None where a set has but one user), over so
    many ``users`` of so many ``sets``; ``per_seed`` the mean of each seed."""

    arm: str
    base: str
    mean: float
    low: float | None
    high: float | None
    users: int
    sets: int
    per_seed: list[float]


def base_of(rows: Sequence[Row], arm: str) -> str:
    """What ``arm`` is measured against: ``local``, or ``generic`` where that lacks."""
    return "local" if arm != "local" and all("local" in row.arms for row in rows) else "generic"


def paired(one: Score | None, other: Score | None) -> list[dict[str, float]]:
    """By seed and user, the figure of ``one`` less that of the ``other``."""
    if one is None or other is None:
        return []
    return [
        {user: a[user] - b[user] for user in a if user in b}
        for a, b in zip(one.by_user, other.by_user, strict=False)
    ]


def change(rows: Sequence[Row], arm: str, base: str) -> Change | None:
    """Over ``rows``, each counting once; None where one of them lacks an arm or who its users
    are."""
    found = [(row.name.split("/")[0], paired(row.arms.get(arm), row.arms.get(base)))
             for row in rows]  # fmt: skip
    return changed(found, arm, base)


def changed(
    found: Sequence[tuple[str, Sequence[Mapping[str, float]]]], arm: str, base: str
) -> Change | None:
    """The mean over sets of differences by seed and user, beside whose users they are."""
    if not found or not all(seeds and all(seeds) for _, seeds in found):
        return None
    point = estimate(None, list(found))
    sure = all(len(users) > 1 for _, seeds in found for users in seeds)
    by_seed = zip(*(seeds for _, seeds in found), strict=False)
    return Change(
        arm, base, point.mean, point.low if sure else None, point.high if sure else None,
        point.users, len(found), [fmean(fmean(u.values()) for u in one) for one in by_seed],
    )  # fmt: skip


def sentences(result: Result) -> list[str]:
    """The headline first; what else a reader should know before the tables, after it. Empty where
    the run has no figures to compare."""
    if result.cold:
        return [text for role in result.cold[-1].roles if (text := _cold(result, role))]
    if result.compared:
        return _live(result)
    out = []
    for whose, rows in (("users of the federation", result.rows), ("unseen users", result.unseen)):
        one = change(rows, result.headline, base_of(rows, result.headline)) if rows else None
        if one is not None:
            out.append(said(one, whose))
    return out


def said(one: Change, whose: str) -> str:
    """``Federation + personalisation gains +3.1 points [1.0, 5.2] against local: 24 users …``"""
    arm, base = (NAMES.get(x, x.replace("_", " ")) for x in (one.arm, one.base))
    people = f"{one.users} {whose if one.users > 1 else whose.replace('users', 'user')}"
    if one.sets > 1:
        people += f", mean over {one.sets} sets"
    seeds = "one seed"
    if len(one.per_seed) > 1:
        seeds = f"{len(one.per_seed)} seeds ({', '.join(map(points, one.per_seed))})"
    told = verdict(arm, base, one.mean, one.low, one.high)
    text = f"{told[:1].upper()}{told[1:]}: {people}, {seeds}."
    if one.low is not None and one.users < FEW:
        text += " Over so few users the interval is rough, and rather too narrow."
    return text


def verdict(arm: str, base: str, mean: float, low: float | None, high: float | None) -> str:
    """What the interval allows to be said."""
    if low is None or high is None:
        return f"{arm} {points(mean)} points against {base}, of one user a set, so without interval"
    figures = f"{points(mean)} points [{points(low)}, {points(high)}] against {base}"
    if low > 0:
        return f"{arm} gains {figures}"
    if high < 0:
        return f"{arm} loses {figures}"
    return f"No clear gain: {arm} {figures}; the interval includes none"


def points(share: float) -> str:
    """``+3.1`` or ``−0.4``: a fraction as percentage points."""
    text = f"{100 * share:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def _cold(result: Result, role: str) -> str:
    """With the fewest labels that were told, and with all."""
    one = result.cold[-1]
    found = one.roles[role]
    gain = [p for p in found.gains.get("federated_personalised - local", []) if p.labels != 0]
    if not gain:
        return ""
    ends = gain if len(gain) == 1 else [gain[0], gain[-1]]
    parts = [f"{points(p.mean)} points [{points(p.low)}, {points(p.high)}] with {_told(p)}"
             for p in ends]  # fmt: skip
    signs = {"gain": [p for p in gain if p.low > 0], "loss": [p for p in gain if p.high < 0]}
    clear = [f"a clear {word} with {_listed(ticks(some))} of them" for word, some in signs.items()
             if some]  # fmt: skip
    sets = f", mean over {len(result.cold) - 1} sets" if len(result.cold) > 1 else ""
    return (
        f"{role.capitalize()}: federation + personalisation {' and '.join(parts)} a class against "
        f"local: {found.users} users{sets}, {_count(gain[0].draws, 'draw')}. Of "
        f"{_listed(ticks(gain))} labels: {', '.join(clear) or 'no clear gain or loss with any'}."
    )


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _told(p: LabelPoint) -> str:
    return "all labels" if p.labels is None else _count(p.labels, "label")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _live(result: Result) -> list[str]:
    """Live answers against the checkpoint, by users and questions; and against the replay in which
    nobody meets, by users."""
    whole = result.compared[0].arms
    live, out = whole.get("live"), []
    if live is None:
        return []
    if live.gain is not None:
        told = verdict(NAMES["live"], NAMES["generic"], live.gain.mean, live.gain.low,
                        live.gain.high)  # fmt: skip
        told = f"{told[:1].upper()}{told[1:]}"
        out.append(f"{told}: {live.questions} questions of {live.users:.0f} users, one run.")
    one = changed([("", paired(live, whole.get("local")))], "live", "local")
    if one is not None:
        out.append(said(one, "users"))
    return out
