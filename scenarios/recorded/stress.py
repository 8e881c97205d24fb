"""Stress and rest, from a wrist band: Stroop test, interview, hyperventilation, pauses between.

Iqbal et al.: Stress Monitoring Using Wearable Sensors: A Pilot Study and Stress-Predict Dataset.
Sensors 2022, doi:10.3390/s22218135. ``Raw_data/SNN/{EDA,TEMP,HR}.csv`` (row 1 UNIX start, row 2
rate, then samples), ``IBI.csv`` (row 1 start, then offset and duration),
``Processed_data/Improved_All_Combined_hr_rsp_binary.csv``: respiration and label each second.

Microsiemens, degrees Celsius, beats and breaths a minute become S, K and Hz. The band reports no
heart rate for the first ten seconds and no interval for beats that it missed: those times have no
samples, and channels are absent where nothing was measured. Folders of participants without
labels (S01) are passed over.

An episode is 120 s with the question at the end, every 10 s. The first 120 s of either half are
only context: a shorter one would tell that the half has just begun, which is "rest" in all first
halves and mostly "stress" in the second ones, as everyone followed one schedule.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.tasks import Episode, Query
from bridge.channels import TICK_US, Channel, Samples
from scenarios.recorded.reading import FETCH, check_rising, cut, folders_in, read_csv, regular
from scenarios.users import DataError, RecordedSet, User

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
_LABELS = Path("Processed_data", "Improved_All_Combined_hr_rsp_binary.csv")
_Labels = dict[str, NDArray[np.float64]]


def load(folder: Path) -> list[User]:
    """Every participant who has both a folder of raw data and labels."""
    path = folder / _LABELS
    columns = ("Participant", "respr", "Time(sec)", "Label")
    table = read_csv(path, columns, "respiration and labels", gaps=("respr",))
    wrong = ~np.isin(table["Label"], (0, 1))
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(
            f"{path}: row {at + 2}: expected label 0 or 1; found {table['Label'][at]}; {FETCH}"
        )
    users = []
    for sub in folders_in(folder / "Raw_data", r"S\d+", "one per participant, such as S02"):
        rows = np.flatnonzero(table["Participant"] == int(sub.name[1:]))
        if len(rows):
            check_rising(path, table["Time(sec)"][rows], int(rows[0]) + 2)
            users.append(_user(sub, {name: table[name][rows] for name in columns}))
    if not users:
        raise DataError(
            f"{folder}: no participant has both raw data and rows in {_LABELS}; {FETCH}"
        )
    return users


def _user(folder: Path, labels: _Labels) -> User:
    seconds = labels["Time(sec)"].astype(np.int64)
    begin = int(seconds[0])
    samples = {name: _e4(folder / file, begin, *si) for name, (file, *si) in _FILES.items()}
    breath = np.isfinite(labels["respr"])
    samples["respiration"] = Samples(
        (seconds[breath] - begin) * 1_000_000, (labels["respr"][breath] / 60).astype(np.float32)
    )
    samples["ibi"] = _beats(folder / "IBI.csv", begin)
    end = int(seconds[-1] - begin) * 1_000_000
    episodes = []
    for adapt, first, last in ((True, 0, end // 2), (False, end // 2, end)):
        for k, stop in enumerate(range(first + CONTEXT_US, last + 1, HOP_US)):
            part = cut(samples, stop - CONTEXT_US, stop)
            row = int(np.searchsorted(seconds, begin + stop // 1_000_000, "right")) - 1
            query = Query("stress", CONTEXT_US, int(labels["Label"][row]))
            key = f"{'adapt' if adapt else 'test'}/{k:03d}"
            episodes.append(Episode(key, part, (query,), adapt, CONTEXT_US / 1e6))
    asked = ("stress",)
    return User(
        "stress", folder.name, "storytelling", CHANNELS, asked, tuple(episodes), "wrist band"
    )


def _e4(path: Path, begin: int, factor: float, offset: float) -> Samples:
    """One regular signal of the band in SI units; time counts from ``begin`` (UNIX seconds)."""
    rows = read_csv(path, ("value",), "start, rate and samples", header=False)["value"]
    if len(rows) < 3:
        raise DataError(f"{path}: row {len(rows)}: expected samples; found the end; {FETCH}")
    start, rate = float(rows[0]), float(rows[1])
    _check_start(path, start, begin)
    if not 0 < rate <= 1000:
        raise DataError(f"{path}: row 2: expected a rate of 0 to 1000 Hz; found {rate:g}; {FETCH}")
    values = (rows[2:] * factor + offset).astype(np.float32)
    return regular(values, rate, round((start - begin) * 1e6))


def _beats(path: Path, begin: int) -> Samples:
    """Intervals between beats in seconds, each at the time of its later beat."""
    head = read_csv(path, ("start", "title"), "start and intervals", header=False, text=("title",))
    start = float(head["start"][0])
    _check_start(path, start, begin)
    if len(head["start"]) == 1:
        return Samples(np.zeros(0, np.int64), np.zeros(0, np.float32))
    table = read_csv(path, ("offset", "duration"), "intervals", header=False, skip=1)
    check_rising(path, table["offset"], 2, "an offset")
    t_us = np.rint((start - begin + table["offset"]) * 1e6).astype(np.int64)
    return Samples(t_us, table["duration"].astype(np.float32))


def _check_start(path: Path, start: float, begin: int) -> None:
    if abs(start - begin) > 86_400:
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
