"""Headless: the whole way for many headsets on one machine, from users to a table.

:func:`federate` is the composition: gather users, split them, pretrain, run the study of every
domain, compare with classical baselines, and write the result. See :mod:`fedxr.experiments.study`
for the arms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import USE_CASES
from fedxr.evaluation.requirements import (
    Expression,
    figures,
    judge,
    names_of,
    parse,
    refuse_unmeasured,
)
from fedxr.evaluation.result import Result
from fedxr.experiments.bridged import through_bridge
from fedxr.experiments.choices import told_of
from fedxr.experiments.config_file import as_mapping
from fedxr.experiments.gathering import gather, wanted_sets
from fedxr.experiments.kept_models import KeptModels, nowhere
from fedxr.experiments.latency import Latencies, latency_of, latency_rows, told_of_latency
from fedxr.experiments.pretraining import card_for, pretrain_on
from fedxr.experiments.progress import Counted, Point, Progress, Say, progress_of
from fedxr.experiments.round_lines import write_rounds
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_folder import RunFolder
from fedxr.experiments.run_info import ENERGY, empty_result
from fedxr.experiments.side_by_side import on_each
from fedxr.experiments.splits import Split, TokenizedUser, meet, told_apart
from fedxr.experiments.study import MEASURED, Part, Study, alone, federated, pieces_of, study
from fedxr.experiments.tables import (
    joules_of,
    means_of,
    reports_of,
    rounds_of,
    rows_of,
    traffic_of,
)
from fedxr.experiments.writing import Run, written
from fedxr.federation import COORDINATIONS
from fedxr.scenarios.devices import devices_for
from fedxr.scenarios.recorded import find

PROTOCOL = (
    "Users of a set are split by seed into pretraining, federation and unseen (about 40/40/20). A "
    "federation or unseen user's time runs forward: adapt on the first half, test on the second; "
    "where a set forbids that, by the split stated beside it. Standardisation by a user's own "
    "unlabelled adaptation half is part of every column, the classical ones included. Unseen users "
    "get the federation's model and may personalise on their own adaptation half."
)


@dataclass
class SeedRun:
    """What one seed has given so far: studies and latencies by set, in the order of ``names``."""

    seed: int
    names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    studies: dict[str, list[Study]] = field(default_factory=dict)
    latency: dict[str, Latencies] = field(default_factory=dict)

    def finished(self) -> list[Study]:
        return [one for name in self.names for one in self.studies.get(name, [])]


def run_seed(
    config: RunConfig,
    data: Path | None,
    say: Say,
    seed_run: SeedRun,
    folder: RunFolder | None = None,
    finished: Callable[[], None] = lambda: None,
) -> None:
    """Everything for ``config.seed``, put into ``seed_run`` as it comes; ``finished`` is called
    when there is something new to keep. What ``folder`` has of it is not done again."""
    progress, seed = progress_of(say), config.seed
    if folder is not None and _was_finished(folder, seed_run):
        progress(f"seed {seed} is finished")
        return
    splits = gather(config, data, say)
    seed_run.names = [split.name for split in splits]
    seed_run.notes = [note for split in splits for note in split.notes]
    if config.bridge:
        splits = [through_bridge(split, say) for split in splits]
    if config.together:
        splits = told_apart(splits)
    checkpoint = _checkpoint(config, splits, progress, folder)
    finished()  # from here on it can be resumed
    # Of one federation of all, some would be another.
    left = splits if config.together else _left(folder, seed_run, splits, progress)
    if config.bridge:
        _measure_latency(config, checkpoint, splits, progress, seed_run, folder)
        finished()
    progress.stage("sets", len(splits) - len(left), len(splits))
    work_on = Counted(progress, "learning and tests", _pieces_of(config, checkpoint, left))

    def take(number: int, studies: list[Study]) -> None:
        name = left[number].name
        seed_run.studies[name] = studies
        if folder is not None:
            folder.keep(seed, name, studies)
        for one in studies:
            progress.log(Point("set", seed, len(seed_run.studies), means_of(one), one.name))
        progress.stage("sets", len(seed_run.studies), len(splits))
        finished()

    models = None if folder is None else KeptModels(folder.models(seed), card_for(splits, config))
    if config.together:
        for number, some in enumerate(studies_together(config, checkpoint, models, left, work_on)):
            take(number, some)
    else:
        work = partial(studies_of, config, checkpoint, models)
        on_each(left, work, config.workers, work_on, take)
    if folder is not None:
        folder.keep(seed, "finished", (seed_run.names, seed_run.notes))
        folder.drop_checkpoint(seed)


def _pieces_of(config: RunConfig, checkpoint: Checkpoint, splits: Sequence[Split]) -> int:
    """Of the work on ``splits``: a part for each task that people of the federation have."""
    known = set(checkpoint.model.plan.tasks)
    parts = sum(len(known & {t for u in s.federation for t in u.tasks}) for s in splits)
    return pieces_of(parts, config.warm_protocol(), config.together)


def _left(
    folder: RunFolder | None, seed_run: SeedRun, splits: Sequence[Split], progress: Progress
) -> list[Split]:
    """Those of ``splits`` that are not finished; what the folder has of the others is taken."""
    left = []
    for split in splits:
        kept = folder.kept(seed_run.seed, split.name, list[Study]) if folder else None
        if kept is None:
            left.append(split)
        else:
            progress(f"{split.name} is finished")
            seed_run.studies[split.name] = kept
    return left


def _was_finished(folder: RunFolder, seed_run: SeedRun) -> bool:
    """Whether all of this seed is in the folder; if so it is taken from there."""
    known = folder.kept(seed_run.seed, "finished", tuple[list[str], list[str]])
    if known is None:
        return False
    names, notes = known
    for name in names:
        studies = folder.kept(seed_run.seed, name, list[Study])
        if studies is None:
            return False
        seed_run.studies[name] = studies
        seed_run.latency[name] = folder.kept(seed_run.seed, f"{name}-latency", Latencies) or {}
    seed_run.names, seed_run.notes = names, notes
    return True


def _checkpoint(
    config: RunConfig, splits: Sequence[Split], progress: Progress, folder: RunFolder | None
) -> Checkpoint:
    """The one that an earlier run has kept, or a new one, which is kept."""
    found = folder.kept_checkpoint(config.seed) if folder is not None else None
    if found is None:
        found = pretrain_on(splits, config, progress)
        if folder is not None:
            folder.keep_checkpoint(config.seed, found, card_for(splits, config))
    return found


def _measure_latency(
    config: RunConfig,
    checkpoint: Checkpoint,
    splits: Sequence[Split],
    progress: Progress,
    seed_run: SeedRun,
    folder: RunFolder | None,
) -> None:
    """Set by set, before the studies: so nothing else keeps the machine busy."""
    for split in splits:
        part = f"{split.name}-latency"
        found = folder.kept(config.seed, part, Latencies) if folder is not None else None
        if found is None:
            found = latency_of(config, checkpoint, split, progress)
            if folder is not None:
                folder.keep(config.seed, part, found)
        seed_run.latency[split.name] = found


def studies_of(
    config: RunConfig, checkpoint: Checkpoint, models: KeptModels | None, split: Split, say: Say
) -> list[Study]:
    """The study of every task of one domain; what each has learned goes into ``models``."""
    how, out = config.warm_protocol(), []
    _, parts = parts_of(config, checkpoint, split, say)
    for part in parts:
        keep = models.of([split], part.people, say) if models is not None else nowhere
        out.append(study(part, checkpoint, how, say, keep))
    return out


def studies_together(
    config: RunConfig,
    checkpoint: Checkpoint,
    models: KeptModels | None,
    splits: Sequence[Split],
    progress: Progress,
) -> list[list[Study]]:
    """The studies of each of ``splits``, whose people are one federation."""
    how, outs = config.warm_protocol(), dict[int, list[Study]]()
    on_each(
        splits, partial(alone_in, config, checkpoint), config.workers, progress, outs.__setitem__
    )
    found = [parts_of(config, checkpoint, split, lambda _: None) for split in splits]
    everyone = [person for people, _ in found for person in people]
    parts = [part for _, some in found for part in some]
    keep = models.of(splits, everyone, progress) if models is not None else nowhere
    studies = [outs[number] for number in range(len(splits))]
    federated(
        [s for some in studies for s in some], parts, everyone, checkpoint, how, progress, keep
    )
    return studies


def alone_in(config: RunConfig, checkpoint: Checkpoint, split: Split, say: Say) -> list[Study]:
    """What the tasks of one domain are without a federation."""
    _, parts = parts_of(config, checkpoint, split, say)
    return [alone(part, checkpoint, config.warm_protocol(), say) for part in parts]


def parts_of(
    config: RunConfig, checkpoint: Checkpoint, split: Split, say: Say
) -> tuple[list[TokenizedUser], list[Part]]:
    """The federation's people of one domain, and a part for each task that they have."""
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
        out.append(Part(name, task, told, new, known))
    asked = {part.task for part in out}
    return [_asked(p, asked) for p in people], out


def _asked(person: TokenizedUser, tasks: Collection[str]) -> TokenizedUser:
    """``person``, asked ``tasks`` alone."""
    user = replace(person.user, tasks=tuple(t for t in person.user.tasks if t in tasks))
    adapt, test = (
        tuple(t for t in half if t.queries[-1].task in tasks)
        for half in (person.adapt, person.test)
    )
    return TokenizedUser(user, adapt, test)


def _about(task: str, people: Sequence[TokenizedUser]) -> list[TokenizedUser]:
    """Those who are asked ``task``, with their moments of it."""
    return [p.only(task) for p in people if task in p.user.tasks]


def federate(config: RunConfig, data: Path | None, say: Say = lambda _: None) -> Result:
    """Run ``config``, write result.json and report.html, and return the result.

    Every finished set is written at once; an interrupt keeps those and marks the result. Raises
    OutputError and RequirementError before anything is done.
    """
    if config.protocol != "warm":
        raise ValueError(
            f"protocol {config.protocol!r}: fedxr.experiments.cold_run.federate_cold runs it"
        )
    wanted = required(config, data)
    seeds = [SeedRun(config.seed + i) for i in range(config.seeds)]

    def result(started: str, seconds: float, interrupted: bool) -> Result:
        found = result_of(config, seeds, started, seconds, interrupted)
        return msgspec.structs.replace(found, requirements=judge(wanted, figures(found)))

    def work(run: Run) -> None:
        for number, seed_run in enumerate(seeds):
            one = replace(config, seed=seed_run.seed, seeds=1)
            run.progress.stage("seeds", number, len(seeds))
            run_seed(one, data, run.progress, seed_run, run.folder, partial(save, run))

    def save(run: Run) -> None:
        run.save()
        done = ((one.seed, study) for one in seeds for study in one.finished())
        write_rounds(done, run.folder.path / "rounds.jsonl")

    return written(config, work, result, say)


def required(config: RunConfig, data: Path | None) -> list[Expression]:
    """What ``config`` requires. Raises RequirementError where that cannot be read, or is a figure
    that such a run does not measure."""
    wanted = [parse(text) for text in config.require]
    if not wanted:
        return []
    cases = USE_CASES if config.scenario == "all" else (config.scenario,)
    if config.source == "simulated":
        by_case = {case: {t for d in devices_for(case) for t in d.tasks} for case in cases}
        sets = [f"{case}/{task}" for case, some in by_case.items() for task in sorted(some)]
        tasks = {task for some in by_case.values() for task in some}
    else:
        found = find(data)
        asked = {
            name: [t.name for t in found[name].known.tasks] or found[name].known.task.split(", ")
            for name in wanted_sets(config, found, data)
        }
        sets = [*asked, *(f"{name}/{task}" for name, some in asked.items() for task in some)]
        tasks = {task for some in asked.values() for task in some}
    server = COORDINATIONS[config.coordination].server
    unseen = [arm for arm in MEASURED if server or not arm.startswith("federated")]
    known = names_of(sets, MEASURED, unseen, sorted(tasks) if config.bridge else ())
    why = "" if config.bridge else "; latency (p50_ms, p99_ms, late) is measured with --bridge"
    refuse_unmeasured(wanted, known, why)
    return wanted


def result_of(
    config: RunConfig,
    by_seed: Sequence[SeedRun],
    started: str,
    seconds: float,
    interrupted: bool = False,
) -> Result:
    """One Result from what one or more seeds have given; rounds, bytes and joules are those of the
    last one that has any."""
    begun = [one for one in by_seed if one.studies] or list(by_seed[:1])
    studies, last = [one.finished() for one in begun], begun[-1].finished()
    reports = reports_of(last)
    seeds = [one.seed for one in begun]
    run = empty_result(as_mapping(config), seeds, PROTOCOL, started, seconds, interrupted)
    tuning = config.warm_protocol().adapters()  # what its name means may be a plug-in's matter
    named = {f"tuning.{n}": getattr(tuning, n) for n in ("r", "personal_r", "lora_alpha")}
    latency = latency_rows(found for one in by_seed for found in one.latency.values())
    notes = [*told_of(config.aggregation), *dict.fromkeys(n for one in by_seed for n in one.notes)]
    if latency:
        notes.append(told_of_latency(config, config.headsets))
    if len(begun) > 1:
        notes.append(
            f"seeds {seeds[0]} to {seeds[-1]}: figures and requirements are means over them; "
            "rounds, bytes and joules are those of the last"
        )
    return msgspec.structs.replace(
        run,
        constants={**run.constants, **named},
        rows=rows_of(studies, unseen=False),
        unseen=rows_of(studies, unseen=True),
        latency=latency,
        traffic=traffic_of(reports),
        joules=joules_of(reports),
        energy_source=ENERGY[config.radio],
        rounds=rounds_of(last),
        notes=notes,
    )
