"""What each part of the learning rule changes on recorded people: one part left out at a time.

    python -m benchmarks.corrections --data DIR [--seed 0] [--sets har fsdd …] [--workers 2]

Pretrains once for the seed, as `fedxr federate` does (kept in the folder, so that a run that was
stopped goes on), then teaches the federation and its strangers under the rule as it is and under
each variant of it. Prints federated + personalised of each, mean over sets, and what the variant
changed: paired by user, with one standard error over users. Figures are of test halves: they say
what the parts are worth, and nothing is chosen by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table

from fedxr.agent.adaptation.experts import Mixing
from fedxr.agent.adaptation.trainer import TrainSteps
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint, save_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.experiments.answering import Scores, evaluate
from fedxr.experiments.gathering import gather
from fedxr.experiments.pretraining import card_for, pretrain_on
from fedxr.experiments.protocol import Protocol
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import TokenizedUser, meet
from fedxr.experiments.teaching import in_order, seated, teach, tell
from fedxr.learning.learning_rule import LearningRule, TrainSchedule
from fedxr.scenarios.recorded import data_folder, find
from fedxr.scenarios.users import DataError

NO_STEPS = TrainSchedule(TrainSteps(steps=0))
NEVER = Mixing(doubt=(-1e9, -1e9))
EQUAL = Mixing(start=(0.2,) * 5)
RULES: dict[str, Callable[[LearningRule], LearningRule]] = {
    "as it is": lambda rule: rule,
    "sums alone, no adapter": lambda rule: replace(rule, shared=NO_STEPS, personal=NO_STEPS),
    "no best round": lambda rule: replace(rule, best_round=False),
    "personal steps unless worse": lambda rule: replace(rule, guard=0.0),
    "Adam's moments anew": lambda rule: replace(rule, moments="anew"),
    "owners have samples": lambda rule: replace(rule, ownership="samples"),
    "nobody is doubted": lambda rule: replace(rule, mixing=NEVER),
    "experts start alike": lambda rule: replace(rule, mixing=EQUAL),
    "others' sums weigh 1": lambda rule: rule,
}
"""The last differs in the checkpoint: its weight of the crowd is not the fitted one."""
UNFITTED = "others' sums weigh 1"


@dataclass(frozen=True)
class Corrections:
    """One part of the rule left out at a time."""

    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    seed: int = 0
    """Of the split and of everything random."""
    sets: tuple[str, ...] = ()
    """Only these sets."""
    headsets: int = 12
    """Most federation users of a set, and most unseen ones."""
    workers: int = 2
    """Variants side by side, one thread each."""
    out: Path = Path("runs/corrections")
    """Where the pretrained checkpoint is kept."""


@dataclass(frozen=True)
class Changed(Protocol):
    """A protocol whose rule is the headless one, but for one part."""

    variant: str = "as it is"

    def rule(self) -> LearningRule:
        return RULES[self.variant](super().rule())


def run_variant(
    config: Corrections, federate: RunConfig, data: Path, variant: str
) -> dict[str, dict[str, Scores]]:
    """set -> role -> {"federated_personalised": user -> figure}."""
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(kept(config))
    if variant == UNFITTED:
        ridges = {task: replace(ridge, federated=1.0) for task, ridge in checkpoint.ridges.items()}
        checkpoint = Checkpoint(checkpoint.model, ridges, checkpoint.population)
    how, out = Changed(seed=config.seed, variant=variant), {}
    for split in gather(federate, data, lambda _: None):
        people, strangers = (
            [meet(u, checkpoint.population) for u in role]
            for role in (split.federation, split.unseen)
        )
        out[split.name] = one_set(people, strangers, checkpoint, how)
        print(f"{variant}: {split.name}", flush=True)
    return out


def one_set(
    people: list[TokenizedUser],
    strangers: list[TokenizedUser],
    checkpoint: Checkpoint,
    how: Protocol,
) -> dict[str, Scores]:
    (task,) = {t for p in people for t in p.user.tasks}
    together, _ = teach(checkpoint, people, how)
    newcomers = seated(checkpoint, strangers, how, together.cohort.federated)
    tell(newcomers, [in_order(p, how.seed) for p in strangers])
    return {
        "federation": {"figure": evaluate(together, people, task)},
        "unseen": {"figure": evaluate(newcomers, strangers, task)},
    }


def kept(config: Corrections) -> Path:
    return config.out / f"checkpoint-{config.seed}-{'-'.join(config.sets) or 'all'}.safetensors"


def row(
    found: Mapping[str, dict[str, Scores]], base: Mapping[str, dict[str, Scores]], role: str
) -> str:
    """Mean over sets, and the paired change: its mean over sets and standard error."""
    figures = [fmean(sets[role]["figure"].values()) for sets in found.values()]
    changes, variances = [], []
    for name, sets in found.items():
        mine, theirs = sets[role]["figure"], base[name][role]["figure"]
        change = np.array([mine[user] - theirs[user] for user in mine])
        changes.append(change.mean())
        variances.append(change.var(ddof=1) / len(change) if len(change) > 1 else 0.0)
    error = float(np.sum(variances)) ** 0.5 / len(changes)
    return f"{100 * fmean(figures):.1f} ({100 * fmean(changes):+.2f} ± {100 * error:.2f})"


def main(config: Corrections) -> None:
    console, data = Console(width=100), data_folder(config.data)
    try:
        find(data)
    except DataError as error:
        raise SystemExit(str(error)) from None
    federate = RunConfig(
        source="recorded", sets=config.sets, seed=config.seed, headsets=config.headsets
    )
    if not kept(config).exists():
        splits = gather(federate, data, print)
        checkpoint = pretrain_on(splits, federate, lambda _: None)
        save_checkpoint(checkpoint, kept(config), card_for(splits, federate))
    with ProcessPoolExecutor(config.workers, mp_context=get_context("spawn")) as pool:
        jobs = {v: pool.submit(run_variant, config, federate, data, v) for v in RULES}
        found = {variant: job.result() for variant, job in jobs.items()}
    base = found["as it is"]
    table = Table(title=f"Federated + personalised, mean over {len(base)} sets, seed {config.seed}")
    for heading in ("rule", "federation users", "unseen users"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for variant, sets in found.items():
        table.add_row(variant, *(row(sets, base, role) for role in ("federation", "unseen")))
    console.print(table)


if __name__ == "__main__":
    main(tyro.cli(Corrections, description=__doc__))
