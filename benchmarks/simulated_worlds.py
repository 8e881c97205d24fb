"""Prints how hard the simulated worlds are: `python -m benchmarks.simulated_worlds`.

For each task and a device that can answer it, the mean accuracy over unseen users' test halves of

- raw: logistic regression on the raw samples of the training users (must stay near chance),
- generic: a forest on textbook statistics of the training users,
- own: the same on the user's own adapt half alone,
- personalised: the mean of the last two's probabilities, the own one counted twice.

Chance is 1 over the number of classes; ± is the spread over users.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.world_statistics import rows
from fedxr.agent.tasks import TASKS
from fedxr.scenarios.devices import DEVICES
from fedxr.scenarios.simulated import simulate
from fedxr.scenarios.users import User

PAIRS = (
    ("target", "hololens-2"),
    ("warning", "hololens-2"),
    ("intent", "neuro-band"),
    ("workload", "neuro-band"),
    ("doing", "voice-glasses"),
    ("mood", "voice-glasses"),
    ("engagement", "quest-pro"),
    ("tension", "room-hub"),
    ("warning", "ar-glasses"),
    ("intent", "quest-3"),
    ("doing", "quest-3-watch"),
    ("engagement", "room-hub"),
)
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Accuracies per unseen user, each (users,)."""

    task: str
    device: str
    raw: Scores
    generic: Scores
    own: Scores
    personalised: Scores

    @property
    def chance(self) -> float:
        return 1.0 / len(TASKS[self.task].classes)


@cache
def user_of(device: str, seed: int, index: int, episodes: int) -> User:
    return simulate(DEVICES[device].use_case, device, seed, index, episodes)


def measure(
    task: str, device: str, train: int, unseen: int, episodes: int, seed: int = 5
) -> Figures:
    """Figures of ``task`` on ``device`` over ``unseen`` users after ``train`` training users."""
    users = [user_of(device, seed, i, episodes) for i in range(train + unseen)]
    raw = _raw([rows(user, task, raw=True) for user in users], train)
    seen = [rows(user, task, raw=False) for user in users]
    x, y = (np.concatenate([r[i] for r in seen[:train]]) for i in (0, 1))
    generic = _forest(150).fit(x, y)
    scores = []
    for x, y, adapt in seen[train:]:
        own = _forest(100).fit(x[adapt], y[adapt])
        p = generic.predict_proba(x[~adapt])
        q = np.zeros_like(p)
        q[:, own.classes_.astype(int)] = own.predict_proba(x[~adapt])
        scores.append([(z.argmax(axis=1) == y[~adapt]).mean() for z in (p, q, p + 2 * q)])
    return Figures(task, device, raw, *np.array(scores).T)


def _raw(seen: list[tuple[Scores, Scores, NDArray[np.bool_]]], train: int) -> Scores:
    x, y = (np.concatenate([r[i] for r in seen[:train]]) for i in (0, 1))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=60)).fit(x, y)
    return np.array([(model.predict(x) == y).mean() for x, y, _ in seen[train:]])


def _forest(trees: int) -> ExtraTreesClassifier:
    return ExtraTreesClassifier(trees, min_samples_leaf=2, random_state=0)


def main() -> None:
    print("| task | device | chance | raw | generic | own | personalised |")
    print("|---|---|---|---|---|---|---|")
    for task, device in PAIRS:
        f = measure(task, device, train=20, unseen=10, episodes=40)
        cells = [
            f"{100 * s.mean():.0f} ± {100 * s.std():.0f}"
            for s in (f.raw, f.generic, f.own, f.personalised)
        ]
        print(f"| {task} | {device} | {100 * f.chance:.0f} | {' | '.join(cells)} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
