"""LeRobot data sets (v2.0 to v3.0): ``meta/info.json`` and ``data/…parquet``, by pyarrow alone.

An episode is a recording, ``observation.state`` and ``action`` (and what other features have rows
of numbers) are channels, at the ``fps`` of the data set. The label of an episode is its task in
words; where all have the same, whether it succeeded (``next.success`` of its last frame). A user is
whoever the column says that ``set.toml`` names (``[files] user``), else the folder: where a
``set.toml`` stands beside several data sets, each is a user. Videos are not read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from fedxr.scenarios.recorded.formats.columns import mapped
from fedxr.scenarios.recorded.formats.labelled import LabelledRecording, OwnSet, Read
from fedxr.scenarios.recorded.formats.libraries import library
from fedxr.scenarios.recorded.formats.options import Told, told
from fedxr.scenarios.recorded.formats.rows import recording_of, source_of
from fedxr.scenarios.recorded.reading import FETCH, Say, read_bytes
from fedxr.scenarios.users import DataError, RecordedSet

_INFO = "meta/info.json"
_OWN = ("timestamp", "frame_index", "episode_index", "index", "task_index")
"""Columns that every data set has."""
_SUCCESS = "next.success"
_OUTCOMES = ("failure", "success")
_NUMBERS = ("float32", "float64", "int32", "int64")


@dataclass(frozen=True)
class _Robot:
    """One data set: ``signals`` are its features of numbers with what each number is called,
    ``tasks`` the words of each task."""

    folder: Path
    fps: float
    signals: Mapping[str, Sequence[str]]
    tasks: Mapping[int, str]


@dataclass(frozen=True)
class _Episode:
    """Where an episode is: rows ``start`` to ``stop`` of ``file``, and its ``label``."""

    robot: _Robot
    file: Path
    number: int
    start: int
    stop: int
    label: str


def sets(folder: Path) -> list[RecordedSet]:
    """The one set of the folder. Raises DataError."""
    said = told(folder)
    homes = [folder] if (folder / _INFO).is_file() else sorted(
        path.parent.parent for path in folder.glob(f"*/{_INFO}")
    )  # fmt: skip
    robots = [_robot(home) for home in homes]
    one_task = len({word for robot in robots for word in robot.tasks.values()}) < 2
    users: dict[str, list[_Episode]] = defaultdict(list)
    for robot in robots:
        for who, episode in _episodes(robot, said, one_task):
            users[who].append(episode)
    people: list[tuple[str, Read]] = [
        (who, partial(_recordings, mine, said)) for who, mine in users.items()
    ]
    modalities = [
        mapping.channel.modality
        for robot in robots
        for name, labels in robot.signals.items()
        for mapping in mapped(source_of(name, labels, said.options.units, robot.fps), set())[0]
    ]
    texts = [episode.label for mine in users.values() for episode in mine]
    return [OwnSet(said, texts, modalities, people).recorded_set()]


def _robot(folder: Path) -> _Robot:
    """What ``meta`` says. Raises DataError."""
    path = folder / _INFO
    try:
        info = json.loads(read_bytes(path, "what the data set is"))
        features, fps = dict(info["features"]), float(info["fps"])
        signals = {
            name: _names(name, feature)
            for name, feature in features.items()
            if feature["dtype"] in _NUMBERS and name not in _OWN and not name.startswith("next.")
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: expected features and fps as LeRobot writes them; found: {error!r}; {FETCH}"
        ) from error
    if not 0 < fps <= 10_000:
        raise DataError(f"{path}: fps {fps:g}; expected frames a second, above 0; correct it")
    return _Robot(folder, fps, signals, _tasks(folder))


def _names(name: str, feature: Mapping[str, Any]) -> list[str]:
    """What the numbers of a feature are called; those without a name by the feature's."""
    count = int(np.prod(feature["shape"]))
    given = feature.get("names")
    if isinstance(given, dict):  # {"motors": ["shoulder", …]}
        given = [
            one for value in given.values() for one in (value if isinstance(value, list) else [])
        ]
    if isinstance(given, list) and len(given) == count:
        return [str(one) for one in given]
    short = name.rpartition(".")[2]
    return [short] if count == 1 else [f"{short}{i}" for i in range(count)]


def _tasks(folder: Path) -> dict[int, str]:
    """The words of each task: a line each in version 2, a table in version 3."""
    lines, table = folder / "meta/tasks.jsonl", folder / "meta/tasks.parquet"
    try:
        if lines.is_file():
            text = lines.read_text(encoding="utf-8")
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            rows = _rows(table).to_pylist() if table.is_file() else []
        word = next(
            (key for key in ("task", "__index_level_0__") if rows and key in rows[0]), "task"
        )
        return {int(row["task_index"]): str(row[word]) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{lines if lines.is_file() else table}: expected task_index and task; found: "
            f"{error!r}; {FETCH}"
        ) from error


def _rows(path: Path, columns: Sequence[str] | None = None) -> Any:
    parquet = library("pyarrow.parquet", "LeRobot data sets")
    try:
        return parquet.read_table(path, columns=columns)
    except Exception as error:
        raise DataError(f"{path}: expected a parquet file; found: {error!r}; {FETCH}") from error


def _episodes(robot: _Robot, said: Told, one_task: bool) -> Iterator[tuple[str, _Episode]]:
    """(user, episode) of each, in the order of their files. Raises DataError."""
    files = sorted(robot.folder.glob("data/*/*.parquet"))
    if not files:
        raise DataError(f"{robot.folder}: no data/chunk-…/….parquet; {FETCH}")
    parquet = library("pyarrow.parquet", "LeRobot data sets")
    for path in files:
        try:
            known = parquet.read_schema(path).names
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path}: expected a parquet file; found: {error!r}; {FETCH}"
            ) from error
        needed = ["episode_index", "timestamp", *([] if one_task else ["task_index"])]
        if lacking := [name for name in needed if name not in known]:
            raise DataError(
                f"{path}: no column {', '.join(lacking)}; it has {', '.join(known)}; {FETCH}"
            )
        user = said.options.files.user
        if user and user not in known:
            where = said.toml.named("files.user")
            raise DataError(f"{path}: no column {user!r}, {where}; it has {', '.join(known)}")
        wanted = ["episode_index", "task_index", _SUCCESS, user]
        table = _rows(path, [name for name in wanted if name in known])
        numbers = np.asarray(table["episode_index"])
        starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        for start, stop in pairwise(starts):
            who = str(table[user][start].as_py()) if user else robot.folder.resolve().name
            label = ""
            if one_task and _SUCCESS in known:
                label = _OUTCOMES[bool(np.ravel(table[_SUCCESS][stop - 1].as_py())[0])]
            elif not one_task:
                label = robot.tasks.get(int(table["task_index"][start].as_py()), "")
            yield who, _Episode(robot, path, int(numbers[start]), start, stop, label)


def _recordings(episodes: Sequence[_Episode], said: Told, _: Say) -> list[LabelledRecording]:
    """One for each episode."""
    out, tables = [], dict[Path, Any]()
    for one in episodes:
        robot = one.robot
        if one.file not in tables:
            tables = {one.file: _rows(one.file, [*robot.signals, "timestamp"])}
        table = tables[one.file].slice(one.start, one.stop - one.start)
        t_s = np.asarray(table["timestamp"], np.float64)
        made = []
        for name, labels in robot.signals.items():
            values = np.asarray(table[name].to_pylist(), np.float64).reshape(len(t_s), -1)
            if values.shape[1] != len(labels):
                raise DataError(
                    f"{one.file}: row {one.start + 1}: {name} has {values.shape[1]} numbers; "
                    f"{_INFO} says {len(labels)}; {FETCH}"
                )
            short = name.removeprefix("observation.")
            made.append((source_of(short, labels, said.options.units, robot.fps), values))
        key = f"{one.file.relative_to(robot.folder).as_posix()} episode {one.number}"
        out.append(recording_of(key, t_s, made, [one.label] * len(t_s)))
    return out
