"""What learning gives fresh people, without a clock: the demo's cast, seed by seed, in lockstep.

    python -m benchmarks.fresh_people [--seeds 5] [--first-seed 1] [--seconds 180]
        [--coordinations local semi-decentralized] [--labellers honest]

Everybody answers the same questions under each coordination, against the truth; the checkpoint has
learned from nobody of them. Prints, by window and by whether the newest label that was learned is
still the truth, the gain over the checkpoint with its 95 % interval (bootstrap over users, then
questions), how many users are worse, how many of them by more than one standard error and by more
than chance would give (a paired sign test at 5 %), and the worst. ``--labellers`` makes a third of
the users wrong (30 % of their labels), contrary (all of them) or one-class (always the first); they
are shown apart from others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from statistics import fmean
from typing import Literal

import torch
import tyro
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.tasks import Query
from fedxr.cli.compared import Replay
from fedxr.dashboard.judged import Judged
from fedxr.evaluation.intervals import Cell, pooled
from fedxr.learning.shipped import CHECKPOINT
from fedxr.virtual.headsets import simulated_cast
from fedxr.virtual.streaming import VirtualHeadset
from fedxr.virtual.timeline import PersonaVoice

Labellers = Literal["honest", "wrong", "contrary", "one-class"]
WINDOWS = (("0 to 60 s", 0.0, 60.0), ("90 to 180 s", 90.0, 180.0))
EVERY = 3
"""One of so many users is a bad labeller, where there are any."""


@dataclass(frozen=True)
class FreshPeople:
    """What learning gives fresh people."""

    seeds: int = 5
    """How many populations."""
    first_seed: int = 1
    """The first of them."""
    headsets: int = 8
    """How many of each."""
    seconds: float = 180.0
    """How long they stream."""
    coordinations: tuple[str, ...] = ("local", "semi-decentralized")
    """How they meet."""
    labellers: Labellers = "honest"
    """How a third of them answers."""
    workers: int = 2
    """Runs side by side, one thread each."""


@dataclass(frozen=True)
class OneClassVoice:
    """A user who says the first class whatever was asked."""

    voice: PersonaVoice

    def __call__(self, key: str, query: Query) -> tuple[int, int]:
        return 0, self.voice(key, query)[1]


def bad(number: int) -> bool:
    return number % EVERY == 0


def cast_of(config: FreshPeople, seed: int) -> list[VirtualHeadset]:
    return [
        replace(actor, voice=voice_of(actor, config.labellers)) if bad(i) else actor
        for i, actor in enumerate(simulated_cast(config.headsets, config.seconds, seed))
    ]


def voice_of(actor: VirtualHeadset, labellers: Labellers) -> PersonaVoice | OneClassVoice:
    voice = actor.voice
    if not isinstance(voice, PersonaVoice):
        raise TypeError(f"{actor.name} is no simulated person")
    if labellers == "one-class":
        return OneClassVoice(voice)
    noise = {"wrong": 0.3, "contrary": 1.0}.get(labellers, voice.persona.label_noise)
    return PersonaVoice(replace(voice.persona, label_noise=noise))


def played(job: tuple[FreshPeople, int, str]) -> list[tuple[str, bool, Judged]]:
    """(user, whether a bad labeller, question and answer) of one seed and coordination."""
    config, seed, coordination = job
    torch.set_num_threads(1)
    cast = cast_of(config, seed)
    some = {a.name for i, a in enumerate(cast) if bad(i) and config.labellers != "honest"}
    replay = Replay(load_checkpoint(CHECKPOINT), cast, config.seconds, 10.0, seed)
    found = replay(coordination)[1].judged
    who = [(f"{seed}/{j.question.headset}", j.question.headset in some, j) for j in found]
    print(f"seed {seed} {coordination}: {len(who)} questions", flush=True)
    return who


def gains(some: Iterable[tuple[str, Judged]], best: str) -> dict[str, list[Cell]]:
    """By user, a cell a task: right where the checkpoint was wrong, and the other way round."""
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    for user, judged in some:
        q, given = judged.question, judged.given
        if given is None:
            continue
        mine, theirs = getattr(given, best) == q.truth, given.generic == q.truth
        cell = counts[user][q.task]
        cell[0] += 1
        cell[1] += mine and not theirs
        cell[2] += theirs and not mine
    return {u: [Cell(*cell) for cell in tasks.values()] for u, tasks in counts.items()}


def cell_of(found: dict[str, list[Cell]]) -> str:
    """Gain, interval, users worse (by more than one standard error, significantly), worst."""
    figure = pooled(found)
    if figure is None:
        return "–"
    means = {u: fmean(c.mean for c in cells) for u, cells in found.items()}
    worse = [u for u, mean in means.items() if mean < 0]
    some = sum(means[user] < -error(found[user]) - 1e-9 for user in worse)
    clear = 0
    for user in worse:
        plus, minus = (sum(getattr(c, k) for c in found[user]) for k in ("plus", "minus"))
        clear += binomtest(plus, plus + minus, 0.5, alternative="less").pvalue < 0.05
    interval = f"[{100 * figure.low:+.1f}, {100 * figure.high:+.1f}]"
    return (
        f"{100 * figure.mean:+.1f} {interval} · {len(worse)}/{len(found)} ({some}, {clear}) "
        f"· {100 * min(means.values()):+.0f}"
    )


def error(cells: Sequence[Cell]) -> float:
    """One standard error of a user's mean over tasks; of one answer lost of n, and none won, it is
    just that."""
    spread = [
        ((c.plus + c.minus) / c.asked - c.mean**2) / (c.asked - 1) if c.asked > 1 else 1.0
        for c in cells
    ]
    return sum(spread) ** 0.5 / len(cells)


def show(title: str, arms: dict[str, Sequence[tuple[str, Judged]]], console: Console) -> None:
    """One table: an arm a row, windows and states as columns."""
    table = Table(title=title, title_justify="left")
    table.add_column("arm")
    for name, _, _ in WINDOWS:
        for state in ("all", "as last told", "changed"):
            table.add_column(f"{name}, {state}", justify="right")
    for arm, everything in arms.items():
        cells = []
        for _, begin, end in WINDOWS:
            here = [(u, j) for u, j in everything if j.given and begin <= j.question.at < end]
            told = [x for x in here if x[1].given and x[1].given.newest is not None]
            same = [x for x in told if x[1].given and x[1].given.newest == x[1].question.truth]
            kept = {id(j) for _, j in same}
            other = [x for x in told if id(x[1]) not in kept]
            best = "repeated" if arm == "last label" else "best"
            cells += [cell_of(gains(some, best)) for some in (here, same, other)]
        table.add_row(arm, *cells)
    console.print(table)


def main(config: FreshPeople) -> None:
    console = Console(width=200)
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    jobs = [(config, seed, name) for seed in seeds for name in config.coordinations]
    with ProcessPoolExecutor(config.workers, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(played, jobs))
    arms: dict[str, list[tuple[str, bool, Judged]]] = defaultdict(list)
    for (_, _, name), some in zip(jobs, found, strict=True):
        arms[name] += some
    arms["last label"] = arms[config.coordinations[0]]
    generic = gains(((u, j) for u, _, j in arms["last label"] if j.given), "generic")
    console.print(
        f"{len(generic)} fresh users, seeds {seeds.start} to {seeds.stop - 1}, {config.labellers}; "
        "gain over the checkpoint in points [95 %] · users worse (by one error, significantly) · "
        "worst",
        highlight=False,
    )
    groups = ((False, "everybody"),) if config.labellers == "honest" else (
        (True, f"{config.labellers} labellers themselves"), (False, "the others")
    )  # fmt: skip
    for chosen, title in groups:
        mine = {arm: [(u, j) for u, b, j in some if b == chosen] for arm, some in arms.items()}
        show(title, mine, console)


if __name__ == "__main__":
    main(tyro.cli(FreshPeople, description=__doc__))
