"""Accuracy against bytes: what is exchanged of adapters, in which number format, at which ranks.

    python -m benchmarks.exchange_rules --data DIR [--sets shrec gazegraph har] [--seed 0]

Pretrains once for the seed, as `fedxr federate` does (kept in the folder, so that a run that was
stopped goes on), then teaches the same people semi-decentralised under each way to exchange.
Printed are the figure of the federation (mean over sets of the mean over users, all experts) and
that of the common model alone, which stands on what was exchanged; each with its change to the
first line, paired by user, with one standard error over users; and the kilobytes that a headset has
sent to the server and to its neighbours, a round. Figures are of test halves: nothing is chosen by
them.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import torch
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.corrections import Corrections, kept, row
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint, save_checkpoint
from fedxr.experiments.answering import Scores, evaluate
from fedxr.experiments.gathering import gather
from fedxr.experiments.pretraining import card_for, pretrain_on
from fedxr.experiments.protocol import Protocol, Ranks
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import meet
from fedxr.experiments.teaching import teach
from fedxr.federation.codec import NumberFormat
from fedxr.federation.exchange import Exchange
from fedxr.scenarios.recorded import data_folder

UNEQUAL = Ranks(r=16, each=(4, 8, 16))


@dataclass(frozen=True)
class Way:
    """One way to exchange."""

    exchange: Exchange
    codec: NumberFormat
    ranks: Ranks = field(default_factory=Ranks)
    top: float = 1.0

    @property
    def name(self) -> str:
        ranks = "/".join(map(str, self.ranks.each)) or "8"
        top = f", top {self.top:.0%}" if self.top < 1 else ""
        return f"{self.exchange}, {self.codec}, rank {ranks}{top}"

    def protocol(self, seed: int) -> Protocol:
        """As headless runs are, but for this."""
        how = Protocol(seed=seed, exchange=self.exchange, ranks=self.ranks)
        return replace(how, learning=how.learning.with_round(codec=self.codec, top=self.top))


WAYS = (
    Way("ffa", "float32"),
    Way("ffa", "bf16"),
    Way("ffa", "int8"),
    Way("ffa", "bf16", top=0.1),
    Way("ffa", "int8", top=0.01),
    Way("fedsa", "bf16"),
    Way("stacked", "bf16"),
    Way("naive", "bf16"),
    Way("ffa", "bf16", UNEQUAL),
    Way("stacked", "bf16", UNEQUAL),
    Way("naive", "bf16", UNEQUAL),
)


@dataclass(frozen=True)
class Found:
    """set -> role -> user -> figure; and kilobytes by link, a round and headset."""

    figures: dict[str, dict[str, Scores]]
    kilobytes: dict[str, float]


def run_way(config: Corrections, federate: RunConfig, data: Path, way: Way) -> Found:
    torch.set_num_threads(1)
    checkpoint, how = load_checkpoint(kept(config)), way.protocol(config.seed)
    figures, sent = dict[str, dict[str, Scores]](), dict[str, list[float]]()
    for split in gather(federate, data, lambda _: None):
        people = [meet(u, checkpoint.population) for u in split.federation]
        (task,) = {t for p in people for t in p.user.tasks}
        together, reports = teach(checkpoint, people, how)
        figures[split.name] = {
            "all experts": {"figure": evaluate(together, people, task)},
            "common model": {"figure": evaluate(together, people, task, common=True)},
        }
        for link in ("uplink", "d2d"):
            total = sum(r.bytes for one in reports for r in one.rows if r.link == link)
            sent.setdefault(link, []).append(total / len(reports) / len(people) / 1e3)
        print(f"{way.name}: {split.name}", flush=True)
    return Found(figures, {link: fmean(each) for link, each in sent.items()})


def main(config: Corrections) -> None:
    console, data = Console(width=110), data_folder(config.data)
    federate = RunConfig(
        source="recorded", sets=config.sets, seed=config.seed, headsets=config.headsets
    )
    if not kept(config).exists():
        splits = gather(federate, data, print)
        checkpoint = pretrain_on(splits, federate, lambda _: None)
        save_checkpoint(checkpoint, kept(config), card_for(splits, federate))
    with ProcessPoolExecutor(config.workers, mp_context=get_context("spawn")) as pool:
        jobs = {w.name: pool.submit(run_way, config, federate, data, w) for w in WAYS}
        found = {name: job.result() for name, job in jobs.items()}
    base = found[WAYS[0].name].figures
    users = sum(len(roles["all experts"]["figure"]) for roles in base.values())
    table = Table(title=f"{users} users of {len(base)} sets, seed {config.seed}")
    for heading in ("exchange", "all experts", "common model", "kB up", "kB to neighbours"):
        table.add_column(heading, justify="left" if heading == "exchange" else "right")
    for name, one in found.items():
        figures = (row(one.figures, base, role) for role in ("all experts", "common model"))
        table.add_row(name, *figures, *(f"{one.kilobytes[k]:.1f}" for k in ("uplink", "d2d")))
    console.print(table)


if __name__ == "__main__":
    main(tyro.cli(Corrections, description=__doc__))
