"""``fedxr federate --protocol cold``: the curves of every domain, from users to a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from fedxr.agent.tasks import USE_CASES
from fedxr.evaluation.result import Result
from fedxr.experiments.cold import ColdStudy, all_known, cold_study, suits
from fedxr.experiments.config_file import as_mapping
from fedxr.experiments.gathering import gather
from fedxr.experiments.progress import Counted, Point, Say, progress_of
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_info import empty_result
from fedxr.experiments.tables import curves_of, headline_of
from fedxr.experiments.writing import Run, written
from fedxr.learning.random_stream import stream
from fedxr.scenarios.devices import devices_for
from fedxr.scenarios.simulated import simulate
from fedxr.scenarios.users import DataError, User

COLD = (
    "Nobody of a set is pretrained on: the trunk has no say, the prior is empty. Each draw decides "
    "by seed who is a member of the federation and who a stranger (2 to 1), and which labels are "
    "told: k of each class of a user's adaptation half (fewer where there are fewer); everybody is "
    "tested on their test half. Settings are chosen by the members on the labels at hand, left out "
    "in turn. Standardisation by a user's own unlabelled adaptation half is part of every arm. "
    "Strangers meet a federation that was told k labels a class and tell k themselves. Means over "
    "users and draws; intervals: 95 %, bootstrap over users."
)


def federate_cold(config: RunConfig, data: Path | None, say: Say = lambda _: None) -> Result:
    """Run ``config``, write result.json and report.html, and return the result.

    Every finished domain is written at once; an interrupt keeps those and marks the result.
    """
    done: list[ColdStudy] = []
    notes: list[str] = []
    return written(
        config,
        lambda run: run_cold(config, data, run.progress, done, notes, run),
        lambda started, seconds, cut: msgspec.structs.replace(
            cold_result(config, done, started, seconds, cut), notes=notes
        ),
        say,
    )


def run_cold(
    config: RunConfig,
    data: Path | None,
    say: Say,
    done: list[ColdStudy],
    notes: list[str] | None = None,
    run: Run | None = None,
) -> None:
    """The cold start of every domain that has users enough; appended to ``done`` as they come, and
    what is to be said of the data to ``notes``. What the folder of ``run`` has is not done again.
    Raises DataError where no domain has."""
    how = config.cold_protocol()
    notes = [] if notes is None else notes
    left = []
    for title, task, users in domains(config, data, say, notes):
        kept = run.folder.kept(config.seed, title, ColdStudy) if run else None
        if kept is None:
            left.append((title, task, users))
        else:
            say(f"{title} is finished")
            done.append(kept)
    progress = Counted(progress_of(say), "draws and labels a class", how.pieces() * len(left))
    for number, (title, task, users) in enumerate(left):
        progress.stage("sets", number, len(left))
        progress(f"{title}: reading windows")
        people = all_known(users, task)
        why = suits(people)
        if why:
            notes.append(f"{title} is left out: {why}")
            progress(notes[-1])
            progress.pieces(how.pieces())
            continue
        ordered = people[0].user.ordered
        done.append(cold_study(title, people, how, config.headsets, ordered, progress))
        if run is not None:
            run.folder.keep(config.seed, title, done[-1])
            progress.log(Point("set", config.seed, len(done), headline_of(done[-1]), title))
            run.save()
    progress.stage("sets", len(left), len(left))
    if not done:
        raise DataError(f"nothing to measure: {'; '.join(notes)}")


def domains(
    config: RunConfig, data: Path | None, say: Say, notes: list[str]
) -> Iterator[tuple[str, str, Sequence[User]]]:
    """Title, task and users of each: a task of a set, or of a simulated world. Each is kept by its
    own title."""
    for name, users in everybody(config, data, say, notes):
        tasks = sorted({t for u in users for t in u.tasks})
        alone = config.source == "recorded" and len(tasks) == 1
        for task in tasks:
            yield name if alone else f"{name}/{task}", task, users


def everybody(
    config: RunConfig, data: Path | None, say: Say, notes: list[str]
) -> Iterator[tuple[str, Sequence[User]]]:
    """The users of every domain, but not more than a draw can seat; of a simulated world, people
    of the population that is shown, never of the one that is pretrained on."""
    most = 2 * config.headsets
    if config.source == "recorded":
        for split in gather(config, data, say):
            notes += split.notes
            users = (*split.pretraining, *split.federation, *split.unseen)
            order = stream(config.seed, "cold", split.name).permutation(len(users))
            yield split.name, [users[i] for i in order[:most]]
        return
    for case in USE_CASES if config.scenario == "all" else (config.scenario,):
        say(f"simulating {case}")
        devices = devices_for(case)
        count = config.headsets + max(2, config.headsets // 2)
        yield (
            case,
            [
                simulate(case, devices[i % len(devices)], config.seed, 3000 + i)
                for i in range(count)
            ],
        )


def cold_result(
    config: RunConfig,
    done: Sequence[ColdStudy],
    started: str,
    seconds: float,
    interrupted: bool = False,
) -> Result:
    """One Result from the cold starts of some domains."""
    seeds = [config.seed + i for i in range(config.draws)]
    run = empty_result(as_mapping(config), seeds, COLD, started, seconds, interrupted)
    return msgspec.structs.replace(run, cold=curves_of(done))
