"""Headless: the whole way for many headsets on one machine, from users to a table.

:func:`federate` is the composition: gather users, split them, pretrain, run the study of every
domain, compare with classical baselines, and write the result. See :mod:`fedxr.experiments.study`
for the arms."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from fedxr.agent.checkpoints.checkpoint_file import Card, make_checkpoint
from fedxr.agent.encoders import encoder_for
from fedxr.agent.encoders.base import EncoderSpec
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.backbone import BACKBONES
from fedxr.agent.model.checkpoint import Checkpoint, Population
from fedxr.agent.model.m3t import Plan
from fedxr.agent.tasks import USE_CASES, task_named
from fedxr.evaluation.requirements import figures, judge, parse
from fedxr.evaluation.result import Result, write_result
from fedxr.experiments.bridged import through_bridge
from fedxr.experiments.choices import told_of
from fedxr.experiments.config_file import as_mapping
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_info import empty_result
from fedxr.experiments.side_by_side import Say, on_each
from fedxr.experiments.splits import (
    Split,
    TokenizedUser,
    copies_of,
    meet,
    population_of,
    raw_tokens,
    split_users,
)
from fedxr.experiments.study import Study, study
from fedxr.experiments.tables import joules_of, rounds_of, rows_of, traffic_of
from fedxr.scenarios.devices import devices_for
from fedxr.scenarios.personas import for_pretraining
from fedxr.scenarios.recorded import RECORDED, find
from fedxr.scenarios.simulated import simulate
from fedxr.scenarios.users import DataError, FoundSet, User

PROTOCOL = (
    "Users of a set are split by seed into pretraining, federation and unseen (about 40/40/20). A "
    "federation or unseen user's time runs forward: adapt on the first half, test on the second; "
    "where a set forbids that, by the split stated beside it. Standardisation by a user's own "
    "unlabelled adaptation half is part of every column, the classical ones included. Unseen users "
    "get the federation's model and may personalise on their own adaptation half."
)


def gather(config: RunConfig, data: Path | None, say: Say) -> list[Split]:
    """The users of every domain, split. Who cannot be read, and a set of which too few can, is said
    and left out, the others go on. Raises DataError, ValueError when no set is left."""
    if config.source == "simulated":
        cases = USE_CASES if config.scenario == "all" else (config.scenario,)
        return [_simulated(config, case) for case in cases]
    found = find(data)
    more = find(config.unseen_data) if config.unseen_data else {}
    names = _wanted(config, found, data)
    if config.unseen_data:
        lacking = [n for n in names if n not in more]
        if len(lacking) == len(names):
            raise DataError(
                f"{config.unseen_data}: none of {', '.join(names)} is here; unseen data need the "
                "same folders as --data (`fedxr data` lists them)"
            )
        if lacking:
            say(f"no unseen data in {config.unseen_data} of {', '.join(lacking)}")
    splits, lost = [], list[str]()
    for name in names:
        say(f"reading {name}")
        try:
            split = _recorded(config, found[name], more.get(name))
        except (ValueError, OSError) as error:  # DataError among them
            lost.append(f"{name} is left out: {error}")
            say(lost[-1])
            continue
        splits.append(split)
        for note in split.notes:
            say(note)
    if not splits:
        raise DataError("; ".join(lost))
    splits[0] = replace(splits[0], notes=(*splits[0].notes, *lost))
    return splits


def _wanted(config: RunConfig, found: Mapping[str, FoundSet], data: Path | None) -> list[str]:
    """The names of the sets that ``config`` asks for; DataError where none of them is here."""
    unknown = set(config.sets) - {*RECORDED, *found}
    if unknown:
        known = ", ".join(dict.fromkeys((*RECORDED, *found)))
        raise DataError(f"unknown set {min(unknown)!r}; known are {known}")
    named = [n for n in found if not config.sets or n in config.sets]
    names = [n for n in named if config.scenario in ("all", found[n].known.use_case)]
    if names:
        return names
    if named:
        theirs = ", ".join(f"{n} ({found[n].known.use_case})" for n in named)
        raise DataError(
            f"{data}: no set of use case {config.scenario!r}; here are {theirs}: take their use "
            "case, or leave --scenario out"
        )
    raise DataError(
        f"{data}: none of the wanted recorded sets is here; run `fedxr data --data {data}` "
        "to see which are known, and where to get them"
    )


def _recorded(config: RunConfig, here: FoundSet, second: FoundSet | None) -> Split:
    """The users of the set ``here``, split; those of a ``second`` folder of it are unseen, too.
    Raises DataError, ValueError where nobody, or too few, can be read."""
    name, users = here.known.name, here.load()
    said, extra = [f"{name}: {text}" for text in users.said], list[User]()
    if second is not None:
        try:
            others = second.load()
            extra = [replace(u, name=f"{u.name}@second") for u in others]  # names may repeat there
            said += [f"{name} in {second.folder}: {text}" for text in others.said]
        except (DataError, OSError) as error:
            said.append(f"no unseen data of {name}: {error}")
    return split_users(name, users, config.seed, config.headsets, extra, said)


def _simulated(config: RunConfig, case: str) -> Split:
    """Pretraining users, who are a population of their own, federation users and unseen ones; each
    group alternates between the case's devices."""
    devices = devices_for(case)
    count, seed = config.headsets, config.seed

    def some(population: int, start: int, n: int) -> tuple[User, ...]:
        return tuple(
            simulate(case, devices[i % len(devices)], population, start + i) for i in range(n)
        )

    pretraining = some(for_pretraining(seed), 0, 2 * count)
    return Split(case, pretraining, some(seed, 1000, count), some(seed, 2000, max(2, count // 2)))


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
    on_each(splits, partial(material_of, config), config.workers, say, found)
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
            say(f"pretraining: step {step} of {steps}, loss {loss:.2f}")

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


def run_seed(
    config: RunConfig,
    data: Path | None,
    say: Say,
    done: list[Study],
    notes: list[str] | None = None,
) -> None:
    """Everything for ``config.seed``; finished studies are appended to ``done`` as they come, and
    what is to be said of the data to ``notes``."""
    splits = gather(config, data, say)
    if notes is not None:
        notes += [note for split in splits for note in split.notes]
    if config.bridge:
        splits = [through_bridge(split, say) for split in splits]
    checkpoint = pretrain_on(splits, config, say)
    found: dict[int, list[Study]] = {}
    try:
        on_each(splits, partial(studies_of, config, checkpoint), config.workers, say, found)
    finally:
        done += [study for _, studies in sorted(found.items()) for study in studies]


def studies_of(config: RunConfig, checkpoint: Checkpoint, split: Split, say: Say) -> list[Study]:
    """The study of every task of one domain."""
    people = [meet(u, checkpoint.population) for u in split.federation]
    unseen = [meet(u, checkpoint.population) for u in split.unseen]
    pretraining = [meet(u, checkpoint.population, everything=True) for u in split.pretraining]
    out, tasks = [], sorted({t for p in people for t in p.user.tasks})
    alone = config.source == "recorded" and len(tasks) == 1
    for task in tasks:
        if task not in checkpoint.model.plan.tasks:
            say(f"{split.name}: nobody who is pretrained on has labels of {task}; it is left out")
            continue
        told, new, known = (_about(task, group) for group in (people, unseen, pretraining))
        name = split.name if alone else f"{split.name}/{task}"
        out.append(study(name, task, told, new, known, checkpoint, config.warm_protocol(), say))
    return out


def _about(task: str, people: Sequence[TokenizedUser]) -> list[TokenizedUser]:
    """Those who are asked ``task``, with their moments of it."""
    return [p.only(task) for p in people if task in p.user.tasks]


def federate(config: RunConfig, data: Path | None, say: Say = lambda _: None) -> Result:
    """Run ``config``, write result.json and report.html, and return the result.

    An interrupt keeps the studies that are finished and marks the result.
    """
    if config.protocol != "warm":
        raise ValueError(
            f"protocol {config.protocol!r}: fedxr.experiments.cold_run.federate_cold runs it"
        )
    conditions = [parse(text) for text in config.require]
    done: list[Study] = []
    notes: list[str] = told_of(config.aggregation)

    def whole(started: str, seconds: float, interrupted: bool) -> Result:
        result = result_of(config, [done], started, seconds, interrupted)
        result = msgspec.structs.replace(result, notes=notes)
        if not conditions:
            return result
        return msgspec.structs.replace(result, requirements=judge(conditions, figures(result)))

    return written(config, lambda: run_seed(config, data, say, done, notes), whole, say)


def written(
    config: RunConfig,
    run: Callable[[], None],
    result_from: Callable[[str, float, bool], Result],
    say: Say,
) -> Result:
    """``run``, then write the result that comes ``from`` the start, the seconds and whether it was
    interrupted."""
    started, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    interrupted = False
    try:
        run()
    except KeyboardInterrupt:
        interrupted = True
    result = result_from(started, time.monotonic() - began, interrupted)
    out = config.out or Path("runs") / started.replace(":", "-").replace("+00-00", "")
    write_result(result, out / "result.json")
    from fedxr.evaluation.report import write_report  # half a second, at the end

    write_report(result, out / "report.html")
    say(f"wrote {out}/result.json and {out}/report.html")
    return result


def result_of(
    config: RunConfig,
    by_seed: Sequence[Sequence[Study]],
    started: str,
    seconds: float,
    interrupted: bool = False,
) -> Result:
    """One Result from the studies of one or more seeds."""
    last = by_seed[-1]
    reports = [r for s in last for r in s.reports]
    seeds = [config.seed + i for i in range(len(by_seed))]
    run = empty_result(as_mapping(config), seeds, PROTOCOL, started, seconds, interrupted)
    tuning = config.warm_protocol().adapters()  # what its name means may be a plug-in's matter
    named = {f"tuning.{n}": getattr(tuning, n) for n in ("r", "personal_r", "lora_alpha")}
    return msgspec.structs.replace(
        run,
        constants={**run.constants, **named},
        rows=rows_of(by_seed, unseen=False),
        unseen=rows_of(by_seed, unseen=True),
        traffic=traffic_of(reports),
        joules=joules_of(reports),
        energy_source="radio only, transmit powers of MH-FL (arXiv:2007.09511)",
        rounds=rounds_of(last),
    )
