"""Who takes part in a headless run: the users of every domain, recorded or simulated, split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fedxr.agent.tasks import USE_CASES
from fedxr.experiments.progress import Say
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import Split, split_users
from fedxr.plugins.nearest import did_you_mean
from fedxr.scenarios.devices import devices_for
from fedxr.scenarios.personas import for_pretraining
from fedxr.scenarios.recorded import RECORDED, find
from fedxr.scenarios.recorded.formats.set_toml import FILE
from fedxr.scenarios.simulated import simulate
from fedxr.scenarios.users import DataError, FoundSet, User


def gather(config: RunConfig, data: Path | None, say: Say) -> list[Split]:
    """The users of every domain, split. Who cannot be read, and a set of which too few can, is said
    and left out, the others go on. Raises DataError, ValueError when no set is left, with all that
    would have been said of them."""
    if config.source == "simulated":
        cases = USE_CASES if config.scenario == "all" else (config.scenario,)
        return [_simulated(config, case) for case in cases]
    found = _found(data)
    more = find(config.unseen_data) if config.unseen_data else {}
    names = wanted_sets(config, found, data)
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
            lost.append(f"{name} is left out: {error}{_to_check(found[name].folder)}")
            continue
        splits.append(split)
        for note in split.notes:
            say(note)
    if not splits:
        raise DataError("; ".join(lost))
    for note in lost:
        say(note)
    splits[0] = replace(splits[0], notes=(*splits[0].notes, *lost))
    return splits


def _found(data: Path | None) -> dict[str, FoundSet]:
    try:
        return find(data)
    except DataError as error:
        if data is None or not (hint := _to_check(data)):
            raise
        raise DataError(f"{error}{hint}") from error


def _to_check(folder: Path) -> str:
    """What says all that is wrong with a set of one's own, and not only what came first."""
    return f"; `fedxr data check {folder}` says all that is wrong" * (folder / FILE).is_file()


def wanted_sets(config: RunConfig, found: Mapping[str, FoundSet], data: Path | None) -> list[str]:
    """The names of the sets that ``config`` asks for; DataError where none of them is here."""
    unknown = set(config.sets) - {*RECORDED, *found}
    if unknown:
        name, known = min(unknown), dict.fromkeys((*RECORDED, *found))
        hint = f"{did_you_mean(name, known)}known are {', '.join(known)}"
        raise DataError(f"unknown set {name!r}; {hint}")
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
        "to see which are known, and where to get them; where the folder holds recordings of your "
        f"own, `fedxr data check {data}` says what it lacks"
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
