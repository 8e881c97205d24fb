"""How sure an accuracy is: 95 % intervals over users and their questions.

An accuracy is pooled as the mean over a user's tasks, then over users, so that no user counts more
for having been asked more. Its interval is the percentile bootstrap on two levels (Davison and
Hinkley, Bootstrap Methods, 1997, section 3.8): users are drawn with replacement, then the questions
of each of their tasks. Where all answers were right, or all wrong, drawing again says nothing, and
Wilson's interval of the count stands in (JASA 22, 1927).

Drawing n questions with replacement, of which k were right, is drawing from Binomial(n, k/n); no
question has to be kept. One thousand draws of eight users take some 2 ms.

Shape legend: B draws, U users, T most tasks of a user.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

Z = 1.959964
"""Of the normal distribution, 95 % lie within so many standard deviations."""


@dataclass(frozen=True)
class Cell:
    """The questions of one user's task: ``asked``, of which ``plus`` count 1 and ``minus`` −1.

    ``plus`` alone is what was answered rightly; both are what one answerer got right that another
    did not, and the other way round."""

    asked: int
    plus: int
    minus: int = 0

    @property
    def mean(self) -> float:
        return (self.plus - self.minus) / self.asked


Users = Mapping[str, Sequence[Cell]]
"""Of each user, a cell a task, none of them empty."""


@dataclass(frozen=True)
class Figure:
    """A mean with its 95 % interval, over so many ``questions`` of so many ``users``."""

    mean: float
    low: float
    high: float
    questions: int
    users: int


def pooled(users: Users, draws: int = 2000, seed: int = 0) -> Figure | None:
    """Mean over each user's tasks, then over ``users``; None where nobody was asked anything."""
    cells = [cell for mine in users.values() for cell in mine]
    if not cells:
        return None
    mean = fmean(fmean(cell.mean for cell in mine) for mine in users.values())
    asked, right = sum(c.asked for c in cells), sum(c.plus for c in cells)
    if right in (0, asked) and not any(c.minus for c in cells):
        low, high = wilson(right / asked, asked)
    else:
        low, high = np.quantile(_drawn(list(users.values()), draws, seed), (0.025, 0.975)).tolist()
    return Figure(mean, low, high, asked, len(users))


def _drawn(users: Sequence[Sequence[Cell]], draws: int, seed: int) -> np.ndarray:
    """(B,) means of users and questions drawn anew."""
    rng = np.random.default_rng(seed)
    n_UT, plus_UT, minus_UT = np.zeros((3, len(users), max(map(len, users))), np.int64)
    for u, mine in enumerate(users):
        n_UT[u, : len(mine)] = [c.asked for c in mine]
        plus_UT[u, : len(mine)] = [c.plus for c in mine]
        minus_UT[u, : len(mine)] = [c.minus for c in mine]
    some_BU = rng.integers(len(users), size=(draws, len(users)))
    sums_BU = np.zeros(some_BU.shape)
    for t in range(n_UT.shape[1]):
        n, plus = n_UT[some_BU, t], plus_UT[some_BU, t]
        got = rng.binomial(n, plus / np.maximum(n, 1)) * 1.0
        if minus_UT.any():
            rest = np.maximum(n - plus, 1)
            got -= rng.binomial(n - got.astype(np.int64), minus_UT[some_BU, t] / rest)
        sums_BU += got / np.maximum(n, 1)
    tasks_U = (n_UT > 0).sum(1)
    means: np.ndarray = (sums_BU / tasks_U[some_BU]).mean(1)
    return means


def wilson(share: float, asked: int) -> tuple[float, float]:
    """The interval of a ``share`` of ``asked`` questions, in closed form."""
    z2 = Z * Z
    middle = (share + z2 / (2 * asked)) / (1 + z2 / asked)
    half = Z * math.sqrt(share * (1 - share) / asked + z2 / (4 * asked * asked)) / (1 + z2 / asked)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)


def mean_of(tasks: Sequence[tuple[int, int]]) -> tuple[float, float, float]:
    """The mean of the shares of tasks, (right, asked) each, of one user; and its interval: those of
    the shares by square and add (Newcombe, Statistics in Medicine 17, 1998, method 10)."""
    shares = [(right / asked, *wilson(right / asked, asked)) for right, asked in tasks]
    mean = sum(share for share, _, _ in shares) / len(shares)
    below = math.sqrt(sum((share - low) ** 2 for share, low, _ in shares)) / len(shares)
    above = math.sqrt(sum((high - share) ** 2 for share, _, high in shares)) / len(shares)
    return mean, mean - below, mean + above


def over_seeds(means: Sequence[float]) -> tuple[float, float] | None:
    """The interval of the mean of several seeds' ``means``, by Student's t: what another seed of
    the same configuration would change. None where there are not two."""
    from scipy.special import stdtrit  # a fifth of a second, which a server need not spend

    if len(means) < 2:
        return None
    t = float(stdtrit(len(means) - 1, 0.975))
    half = t * stdev(means) / math.sqrt(len(means))
    return fmean(means) - half, fmean(means) + half


def over_users(
    by_seed: Sequence[Mapping[str, float]], draws: int = 2000, seed: int = 0
) -> tuple[float, float] | None:
    """The interval of the mean over seeds of the mean over users, where only each user's figure is
    known (it has the chance of its questions in it). None where a seed has only one user: what
    differs between users does not show there.

    A Bayesian bootstrap (Rubin, Annals of Statistics 9, 1981): a user weighs by the same random
    number in all seeds, which never leaves a seed without users.
    """
    if not by_seed or min(map(len, by_seed)) < 2:
        return None
    names = sorted({name for users in by_seed for name in users})
    weights = dict(zip(names, np.random.default_rng(seed).exponential(size=(len(names), draws)),
                       strict=True))  # fmt: skip
    means = np.zeros(draws)
    for users in by_seed:
        weight = np.stack([weights[name] for name in users])
        means += np.array(list(users.values())) @ weight / weight.sum(0)
    low, high = np.quantile(means / len(by_seed), (0.025, 0.975)).tolist()
    return low, high
