"""The checkpoint of a headless run: from the pretraining users of all domains."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from fedxr.agent.checkpoints.checkpoint_file import Card, make_checkpoint
from fedxr.agent.encoders import encoder_for
from fedxr.agent.encoders.base import EncoderSpec
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.backbone import BACKBONES
from fedxr.agent.model.checkpoint import Checkpoint, Population
from fedxr.agent.model.m3t import Plan
from fedxr.agent.tasks import task_named
from fedxr.experiments.progress import Point, Say, progress_of
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.side_by_side import on_each
from fedxr.experiments.splits import Split, copies_of, meet, population_of, raw_tokens
from fedxr.scenarios.personas import for_pretraining


@dataclass(frozen=True)
class Material:
    """What a domain's pretraining users give: where standardisation starts, their moments and
    augmented ones by task and user, and the shapes of all layouts that anybody there has."""

    population: Population
    users: dict[str, list[list[TokenizedEpisode]]]
    copies: dict[str, list[list[TokenizedEpisode]]]
    layouts: dict[str, EncoderSpec]


def material_of(config: RunConfig, split: Split, say: Say) -> Material:
    """Tokenise a domain's pretraining users and augmented copies of them."""
    say(f"preparing {split.name}")
    raw = [raw_tokens(user) for user in split.pretraining]
    out = Material(population_of(raw), {}, {}, {})
    count = max(1, min(10, config.copies // max(1, sum(len(r) for r in raw))))
    for user, mine in zip(split.pretraining, raw, strict=True):
        person = meet(user, out.population, everything=True, raw=mine)
        _sort(out.users, [*person.adapt, *person.test])
        _sort(out.copies, copies_of(user, mine, out.population, count, config.seed))
    for user in (*split.pretraining, *split.federation, *split.unseen):
        out.layouts.update({c.layout: encoder_for(c).shape(c) for c in user.channels})
    return out


def pretrain_on(splits: Sequence[Split], config: RunConfig, say: Say) -> Checkpoint:
    """A checkpoint from the pretraining users of all ``splits``."""
    found: dict[int, Material] = {}
    progress = progress_of(say)

    def take(number: int, one: Material) -> None:
        found[number] = one
        progress.stage("sets prepared", len(found), len(splits))

    on_each(splits, partial(material_of, config), config.workers, progress, take)
    population: Population = {}
    users: dict[str, list[list[TokenizedEpisode]]] = {}
    copies: dict[str, list[list[TokenizedEpisode]]] = {}
    layouts: dict[str, EncoderSpec] = {}
    for _, one in sorted(found.items()):
        population.update(one.population)
        layouts.update(one.layouts)
        for mine, everybody in ((one.users, users), (one.copies, copies)):
            for task, groups in mine.items():
                everybody.setdefault(task, []).extend(groups)
    plan = Plan.of(config.size, layouts, tuple(sorted(users)))
    shares = {task: task_named(task).pretraining for task in plan.tasks}
    how = config.how_to_pretrain(shares)

    def tell(step: int, steps: int, loss: float) -> None:
        if step % 20 == 0 or step == steps:
            progress(f"pretraining: step {step} of {steps}, loss {loss:.2f}")
            progress.stage("pretraining", step, steps)
            progress.log(Point("pretraining", config.seed, step, {"loss": loss}))

    build = BACKBONES.named(config.size).build
    return make_checkpoint(plan, users, copies, population, how, tell, build)


def card_for(splits: Sequence[Split], config: RunConfig) -> Card:
    """Who a checkpoint of these splits has learned from: by set, or by use case and population."""
    made_up = config.source == "simulated"
    return Card(
        " ".join(["fedxr", *sys.argv[1:]]),
        {
            s.name: [
                f"{for_pretraining(config.seed) if made_up else u.source}/{u.name}"
                for u in s.pretraining
            ]
            for s in splits
        },
    )


def _sort(
    users: dict[str, list[list[TokenizedEpisode]]], episodes: Sequence[TokenizedEpisode]
) -> None:
    """Add one user's episodes to each of their tasks."""
    for task in {e.queries[-1].task for e in episodes}:
        users.setdefault(task, []).append([e for e in episodes if e.queries[-1].task == task])
