"""What the ridge head may read: kernels and augmented copies, on pretraining users left out.

    python -m benchmarks.ridge_features --data DIR [--seed 10] [--sets har fsdd …]

Every pretraining user of a split is answered from the sums of the others, in four ways: random
Fourier features of the same kernel and number, landmarks (what the code uses), landmarks with
augmented copies in the sums (ours), and logistic regression on the same summaries. λ and sharpness
of the ridge ways have the least log-loss over these users. No federation or unseen user is read.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from fedxr.agent.checkpoints.ridge_fit import UserExamples, best_fit, left_out
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.nystroem import FEATURES, WIDTH, Nystroem, landmarks_from
from fedxr.agent.tasks import task_named
from fedxr.experiments.splits import copies_of, meet, population_of, raw_tokens, split_users
from fedxr.scenarios.recorded import data_folder, find
from fedxr.scenarios.users import DataError


@dataclass(frozen=True)
class RidgeFeatures:
    """Kernels of the ridge head on pretraining users left out."""

    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    seed: int = 10
    """Seed of the split."""
    sets: tuple[str, ...] = ("har", "ssvep", "fsdd", "ravdess", "shrec", "omniglot")
    """Recorded sets."""
    copies: int = 1500
    """Augmented episodes of each set, about."""


class Fourier:
    """Random Fourier features (Rahimi and Recht 2007) of the same kernel: (M, Z)."""

    def __init__(self, size: int, seed: int = 0) -> None:
        g = torch.Generator().manual_seed(seed)
        self.omega = torch.randn(size, FEATURES - 1, generator=g) * WIDTH * size**-0.5
        self.phase = 2 * torch.pi * torch.rand(FEATURES - 1, generator=g)

    def of(self, x: Tensor) -> Tensor:
        z = torch.cos(x[:, :-1] @ self.omega + self.phase) * (2 / FEATURES) ** 0.5
        return torch.cat((z, torch.ones(len(x), 1)), 1)


def rows_of(tokens: Sequence[TokenizedEpisode], sizes: dict[str, int]) -> tuple[Tensor, Tensor]:
    """Summaries side by side (M, X), nan where a channel was absent, and labels (M,)."""
    x = np.full((len(tokens), sum(sizes.values())), np.nan, np.float32)
    for i, one in enumerate(tokens):
        start = 0
        for layout, size in sizes.items():
            if layout in one.queries[-1].summary:
                x[i, start : start + size] = one.queries[-1].summary[layout]
            start += size
    return torch.from_numpy(x), torch.tensor([t.queries[-1].label for t in tokens])


def told_of(name: str, config: RidgeFeatures) -> tuple[list[UserExamples], int]:
    """The pretraining users of a set, standardised by their common mean, and the classes."""
    users = find(data_folder(config.data))[name].load()
    split = split_users(name, users, config.seed, 12)
    raw = [raw_tokens(u) for u in split.pretraining]
    population = population_of(raw)
    count = max(1, min(10, config.copies // max(1, sum(len(r) for r in raw))))
    people = [
        meet(u, population, everything=True, raw=r)
        for u, r in zip(split.pretraining, raw, strict=True)
    ]
    first = [(*p.adapt, *p.test) for p in people]
    sizes = {k: len(v) for t in first for e in t for k, v in e.queries[-1].summary.items()}
    sizes = dict(sorted(sizes.items()))
    told = []
    for user, r, mine in zip(split.pretraining, raw, first, strict=True):
        x, label = rows_of(mine, sizes)
        more = rows_of(copies_of(user, r, population, count, config.seed), sizes)
        told.append(UserExamples(x, label, torch.tensor([e.adapt for e in mine]), *more))
    every = torch.cat([t.x for t in told])
    mean, deviation = every.nanmean(0), torch.from_numpy(np.nanstd(every.numpy(), axis=0))
    deviation = deviation.clamp_min(1e-3 * float(deviation.max()))

    def standard(x: Tensor) -> Tensor:
        z = ((x - mean) / deviation).clamp(-8, 8).nan_to_num(0.0)
        return torch.cat((z, torch.ones(len(x), 1)), 1)

    told = [replace(t, x=standard(t.x), copies=standard(t.copies)) for t in told]
    return told, len(task_named(people[0].user.tasks[0]).classes)


def ridge(
    features: Nystroem | Fourier, told: Sequence[UserExamples], classes: int
) -> tuple[float, float]:
    """Mean accuracy over users, and log-loss, of users answered from the sums of the others."""
    _, users = left_out(features, told, classes)
    asked = [(u.z, u.label, u.others) for u in users]
    loss, fit = best_fit(asked)
    right = [
        float(((z @ sums.solve(fit.ridge)).argmax(1) == y).float().mean()) for z, y, sums in asked
    ]
    return float(np.mean(right)), loss


def logistic(told: Sequence[UserExamples]) -> float:
    """Mean accuracy over users of logistic regression (C = 0.05) trained on the others."""
    right = []
    for i, one in enumerate(told):
        others = [t for j, t in enumerate(told) if j != i]
        model = LogisticRegression(C=0.05, max_iter=300)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(
                torch.cat([t.x[:, :-1] for t in others]).numpy(),
                torch.cat([t.label for t in others]).numpy(),
            )
        answers = model.predict(one.x[:, :-1].numpy())
        right.append(float((answers == one.label.numpy()).mean()))
    return float(np.mean(right))


def main() -> None:
    config = tyro.cli(RidgeFeatures)
    try:
        here = find(data_folder(config.data))
    except DataError as error:
        raise SystemExit(str(error)) from None
    if lacking := set(config.sets) - set(here):
        raise SystemExit(f"not there: {', '.join(sorted(lacking))}; name others with --sets")
    torch.set_num_threads(1)
    table = Table(title=f"Pretraining users left out, split {config.seed}: accuracy % (log-loss)")
    ways = ("random Fourier", "landmarks", "landmarks + copies", "logistic regression")
    for heading in ("set", "users", *ways):
        table.add_column(heading, justify="left" if heading == "set" else "right")
    for name in config.sets:
        told, classes = told_of(name, config)
        size = told[0].x.shape[1] - 1
        plain = [replace(t, copies=t.copies[:0], copy_label=t.copy_label[:0]) for t in told]
        both = torch.cat([x for t in told for x in (t.x, t.copies)])
        alone = torch.cat([t.x for t in told])
        found = [
            ridge(Fourier(size), plain, classes),
            ridge(Nystroem(("all",), (size,), landmarks_from(alone, 0)), plain, classes),
            ridge(Nystroem(("all",), (size,), landmarks_from(both, 0)), told, classes),
        ]
        cells = [f"{100 * right:.1f} ({loss:.2f})" for right, loss in found]
        table.add_row(name, str(len(told)), *cells, f"{100 * logistic(told):.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
