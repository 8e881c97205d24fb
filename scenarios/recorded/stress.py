"""Stress and rest, from a wrist band: Stroop test, interview, hyperventilation, pauses between.

Iqbal et al.: Stress Monitoring Using Wearable Sensors: A Pilot Study and Stress-Predict Dataset.
Sensors 2022, doi:10.3390/s22218135. ``Raw_data/SNN/{EDA,TEMP,HR}.csv`` (row 1 UNIX start, row 2
rate, then samples), ``IBI.csv`` (row 1 start, then offset and duration),
``Processed_data/Improved_All_Combined_hr_rsp_binary.csv``: respiration and label each second.

Microsiemens, degrees Celsius, beats and breaths a minute become S, K and Hz. The band reports no
heart rate for the first ten seconds and no interval for beats that it missed: those times have no
samples, and channels are absent where nothing was measured, as where a cell is empty. Who has no
labels (S01) is left out.

An episode is 120 s with the question at the end, every 10 s where both labels and sensors go on.
The first 120 s of either half are only context: a shorter one would tell that the half has just
begun, which is "rest" in all first halves and mostly "stress" in the second ones, as everyone
followed one schedule.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.scenarios.recorded.reading import (
    FETCH,
    LONGEST_S,
    Say,
    check_rising,
    check_span,
    cut,
    folders_in,
    microseconds,
    place,
    regular,
    users_of,
)
from fedxr.scenarios.recorded.tables import Table, numbers, read_csv, whole_rows
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

CHANNELS = (
    Channel("eda", "physiology/eda", 4.0, "queue 64"),
    Channel("temperature", "physiology/temperature", 4.0, "queue 64"),
    Channel("heart-rate", "physiology/heart-rate", 1.0, "queue 64"),
    Channel("respiration", "physiology/respiration", 1.0, "queue 64"),
    Channel("ibi", "physiology/ibi", 0.0, "queue 64"),
)
CONTEXT_US = 3600 * TICK_US  # 120 s
HOP_US = 300 * TICK_US  # 10 s

# channel -> file, factor and offset to SI
_FILES = {
    "eda": ("EDA.csv", 1e-6, 0.0),
    "temperature": ("TEMP.csv", 1.0, 273.15),
    "heart-rate": ("HR.csv", 1 / 60, 0.0),
}
_RAW = "Raw_data"
_HEAD, _BEAT = ("start", "title"), ("offset", "duration")
_LABELS = Path("Processed_data", "Improved_All_Combined_hr_rsp_binary.csv")
_COLUMNS = ("Participant", "respr", "Time(sec)", "Label")


def load(folder: Path) -> Users:
    """Every participant who has both a folder of raw data and labels."""
    import pandas as pd

    folder = place(folder, ".", _RAW, f"the folders of {SET.source}")
    path = folder / _LABELS
    cells = read_csv(path, _COLUMNS, "respiration and labels", text=_COLUMNS, gaps=_COLUMNS)
    who = np.asarray(pd.to_numeric(pd.Series(cells["Participant"]), errors="coerce"))
    subjects = folders_in(folder / _RAW, r"S\d+", "one per participant, such as S02")
    people = []
    for sub in subjects:
        rows = np.flatnonzero(who == int(sub.name[1:]))
        people.append((sub.name, partial(_participant, sub, path, cells, rows)))
    lost = int((~np.isfinite(who)).sum())
    notes = [f"{lost} rows of {path.name} name no participant and are passed over"] if lost else []
    return users_of(SET.name, people, notes=notes)


def _participant(folder: Path, path: Path, cells: Table, rows: NDArray[np.int64], say: Say) -> User:
    """Who recorded in ``folder`` and has ``rows`` of the ``cells`` of the labels' file ``path``."""
    import pandas as pd

    if not len(rows):
        raise DataError(f"{path}: no rows of participant {int(folder.name[1:])}; {FETCH}")
    labels: dict[str, NDArray[np.float64]] = {}
    for name in _COLUMNS:
        column = pd.Series(cells[name][rows])
        labels[name] = numbers(path, name, column.where(column != ""), rows + 2, gaps=True)
    there = whole_rows(path, {n: c for n, c in labels.items() if n != "respr"}, say)
    rows, labels = rows[there], {name: column[there] for name, column in labels.items()}
    wrong = ~np.isin(labels["Label"], (0, 1))
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(
            f"{path}: row {rows[at] + 2}: expected label 0 or 1; found {labels['Label'][at]:g}; "
            f"{FETCH}"
        )
    check_rising(path, labels["Time(sec)"], rows + 2)
    check_span(path, microseconds(path, labels["Time(sec)"]))
    return _user(folder, labels, say)


def _user(folder: Path, labels: dict[str, NDArray[np.float64]], say: Say) -> User:
    seconds = labels["Time(sec)"].astype(np.int64)
    begin = int(seconds[0])
    samples = {name: _e4(folder / file, begin, say, *si) for name, (file, *si) in _FILES.items()}
    breath = np.isfinite(labels["respr"])
    samples["respiration"] = Samples(
        (seconds[breath] - begin) * 1_000_000, (labels["respr"][breath] / 60).astype(np.float32)
    )
    samples["ibi"] = _beats(folder / "IBI.csv", begin, say)
    end = int(seconds[-1] - begin) * 1_000_000
    for name, found in samples.items():
        if len(found) and not len(found.between(0, end + 1)):
            raise DataError(
                f"{folder}: {name} recorded at another time than the labels; expected one clock: "
                "correct its start (row 1) or leave this participant out"
            )
    episodes = []
    for adapt, first, last in ((True, 0, end // 2), (False, end // 2, end)):
        for k, stop in enumerate(range(first + CONTEXT_US, last + 1, HOP_US)):
            row = int(np.searchsorted(seconds, begin + stop // 1_000_000, "right")) - 1
            paused = stop - (int(seconds[row]) - begin) * 1_000_000 > HOP_US
            if paused or not cut(samples, stop - HOP_US, stop):
                continue
            part = cut(samples, stop - CONTEXT_US, stop)
            query = Query("stress", CONTEXT_US, int(labels["Label"][row]))
            key = f"{'adapt' if adapt else 'test'}/{k:03d}"
            episodes.append(Episode(key, part, (query,), adapt, CONTEXT_US / 1e6))
    asked = ("stress",)
    return User(
        "stress", folder.name, "storytelling", CHANNELS, asked, tuple(episodes), "wrist band"
    )


def _e4(path: Path, begin: int, say: Say, factor: float, offset: float) -> Samples:
    """One regular signal of the band in SI units; time counts from ``begin`` (UNIX seconds)."""
    columns = ("value",)
    table = read_csv(path, columns, "start, rate and samples", header=False, gaps=columns)
    there, rows = whole_rows(path, table, say), table["value"]
    if len(rows) < 3 or not there[:2].all():
        raise DataError(
            f"{path}: row {min(len(rows), 3)}: expected start, rate and samples; found the end, "
            f"or nothing; {FETCH}"
        )
    start, rate = float(rows[0]), float(rows[1])
    _check_start(path, start, begin)
    if not 0 < rate <= 1000:
        raise DataError(f"{path}: row 2: expected a rate of 0 to 1000 Hz; found {rate:g}; {FETCH}")
    values = (rows[2:] * factor + offset).astype(np.float32)
    signal = regular(values, rate, round((start - begin) * 1e6), there[2:])
    check_span(path, signal.t_us)
    return signal


def _beats(path: Path, begin: int, say: Say) -> Samples:
    """Intervals between beats in seconds, each at the time of its later beat."""
    head = read_csv(path, _HEAD, "start and intervals", header=False, text=("title",), gaps=_HEAD)
    start = float(head["start"][0])
    _check_start(path, start, begin)
    if len(head["start"]) == 1:
        return Samples(np.zeros(0, np.int64), np.zeros(0, np.float32))
    table = read_csv(path, _BEAT, "intervals", header=False, skip=1, gaps=_BEAT)
    there = whole_rows(path, table, say)
    offset = table["offset"][there]
    check_rising(path, offset, np.flatnonzero(there) + 2, "an offset")
    t_us = microseconds(path, start - begin + offset)
    check_span(path, t_us)
    return Samples(t_us, table["duration"][there].astype(np.float32))


def _check_start(path: Path, start: float, begin: int) -> None:
    if not abs(start - begin) <= LONGEST_S:
        raise DataError(
            f"{path}: row 1: expected a UNIX time within a day of the labels ({begin}); "
            f"found {start:.0f}; {FETCH}"
        )


SET = RecordedSet(
    name="stress",
    folder="Stress-Predict-Dataset",
    use_case="storytelling",
    task="stress",
    licence="MIT",
    source="https://github.com/italha-d/Stress-Predict-Dataset",
    halves="the first half of the session to learn from, the second to test; the share of stress "
    "differs between them (Stroop and interview, then hyperventilation)",
    load=load,
)
