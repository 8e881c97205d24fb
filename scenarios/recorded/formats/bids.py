"""BIDS-EEG, by mne-bids: subjects are users, and ``trial_type`` in their events is the label.

Each ``sub-…/[ses-…/]eeg/…_eeg.*`` is a recording, whatever file format BIDS allows. Electrodes are
read as volts, in the layout that names them; what else was recorded beside them (skin, eyes, heart)
by its label, or as columns that nobody knows. Electrodes that are marked bad are left out and said;
a user's are those that all of their recordings have. An event without a duration holds until the
next one. mne and mne-bids are in the extra ``formats``.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fedxr.bridge.sensors.source import Column, Source
from fedxr.scenarios.recorded.formats.columns import converted, mapped
from fedxr.scenarios.recorded.formats.labelled import Label, LabelledRecording, OwnSet
from fedxr.scenarios.recorded.formats.libraries import library
from fedxr.scenarios.recorded.formats.options import Told, told
from fedxr.scenarios.recorded.reading import FETCH, Say, read_bytes, regular
from fedxr.scenarios.users import DataError, RecordedSet

_UNITS = {
    "eeg": "V", "eog": "V", "ecg": "V", "emg": "V", "gsr": "S", "temperature": "C", "resp": "",
    "bio": "V", "misc": "",
}  # fmt: skip
"""What MNE gives each kind of channel in; other kinds are not read."""
_MODALITIES = ("eeg", "physiology", "columns")
_LABELS = ("trial_type", "value")
_NOTHING = ("", "n/a")
_NO_LABEL = (*_NOTHING, "na", "nan")
"""What stands for no label, in lower-case letters; in times mne-bids takes what BIDS has alone."""


def sets(folder: Path) -> list[RecordedSet]:
    """The one set of the folder; its classes are read from the events. Raises DataError."""
    said, people = told(folder), dict[str, list[Any]](_subjects(folder))
    texts, wrong = dict[str, None](), list[str]()
    for paths in people.values():
        for path in paths:
            try:
                texts.update((text, None) for _, _, text in _events(path, said))
            except DataError as error:  # said of the user whose it is, as they are read
                wrong.append(str(error))
    if wrong and not texts:
        raise DataError("; ".join(wrong[:3]))
    read = [(who, partial(_recordings, paths, said)) for who, paths in people.items()]
    return [OwnSet(said, texts, _MODALITIES, read).recorded_set()]


def _subjects(folder: Path) -> dict[str, list[Any]]:
    """The EEG recordings of each subject as BIDSPaths, in the order of their names."""
    mne_bids = library("mne_bids", "BIDS folders")
    found: dict[str, list[Any]] = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = mne_bids.find_matching_paths(folder, datatypes="eeg", suffixes="eeg")
    headers = {".vhdr", ".edf", ".bdf", ".set"}
    for path in sorted(paths, key=lambda path: str(path.fpath)):
        if path.extension in headers:
            found[f"sub-{path.subject}"].append(path)
    if not found:
        raise DataError(
            f"{folder}: no sub-…/eeg/…_eeg file ({', '.join(sorted(headers))}); expected BIDS-EEG: "
            "point to the folder with dataset_description.json"
        )
    return found


def _events(path: Any, said: Told, say: Say | None = None) -> list[tuple[float, float, str]]:
    """(onset, duration, label) of each event of a recording, in seconds; raises DataError with the
    row of what cannot be read. An event without a label is none; one without an onset is passed
    over, which is said."""
    file = Path(path.copy().update(suffix="events", extension=".tsv").fpath)
    text = read_bytes(file, "the events of one recording").decode("utf-8-sig", "replace")
    table = csv.DictReader(io.StringIO(text), delimiter="\t")
    columns = table.fieldnames or []
    label = said.options.labels.column or next((n for n in _LABELS if n in columns), _LABELS[0])
    if "onset" not in columns or label not in columns:
        raise DataError(
            f"{file}: row 1: columns {', '.join(columns)}; expected onset, duration and {label} "
            f"(or another: {said.toml.named('labels.column')})"
        )
    out, timeless = [], list[int]()
    for row, event in enumerate(table, start=2):
        word = (event[label] or "").strip()
        if word.lower() in _NO_LABEL:
            continue
        if (event["onset"] or "").strip() in _NOTHING:
            timeless.append(row)
            continue
        try:
            onset, duration = (_seconds(event.get(name)) for name in ("onset", "duration"))
        except ValueError as error:
            raise DataError(
                f"{file}: row {row}: expected seconds; found {error}; {FETCH}"
            ) from None
        out.append((onset, duration, word))
    if timeless and say is not None:
        say(
            f"{file.name}: {len(timeless)} labelled events have no onset, the first in row "
            f"{timeless[0]}; they are passed over: write it, or remove them"
        )
    return sorted(out)


def _seconds(text: str | None) -> float:
    plain = (text or "").strip()
    if plain in _NOTHING:
        return 0.0
    try:
        value = float(plain)
    except ValueError:
        raise ValueError(repr(plain)) from None
    if not 0 <= value < 1e6:
        raise ValueError(repr(plain))
    return value


@dataclass(frozen=True)
class _Run:
    """One recording: ``values`` (n, channels) float64 as MNE gives them, of ``columns``."""

    name: str
    rate_hz: float
    columns: tuple[Column, ...]
    values: np.ndarray
    labels: tuple[Label, ...]


def _recordings(paths: Sequence[Any], said: Told, say: Say) -> list[LabelledRecording]:
    """Those of one subject, of the channels that all of them have."""
    runs = [_run(path, said, say) for path in paths]
    shared = [c for c in runs[0].columns if all(c in run.columns for run in runs)]
    if not shared or len({run.rate_hz for run in runs}) > 1:
        rates = ", ".join(f"{run.name}: {len(run.columns)} at {run.rate_hz:g} Hz" for run in runs)
        raise DataError(f"expected the same channels and rate in every recording; found {rates}")
    out = []
    for run in runs:
        values = run.values[:, [run.columns.index(column) for column in shared]]
        source = Source("signals", "", tuple(shared), run.rate_hz, run.name)
        channels, notes = mapped(source, set())
        if run is runs[0]:
            for note in notes:
                say(note)
        t_us = regular(values, run.rate_hz).t_us
        out.append(
            LabelledRecording(
                run.name,
                tuple(m.channel for m in channels),
                {m.channel.name: converted(m, t_us, values) for m in channels},
                run.labels,
            )
        )
    return out


def _run(path: Any, said: Told, say: Say) -> _Run:
    mne_bids, labels = library("mne_bids", "BIDS folders"), _held(path, said, say)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = mne_bids.read_raw_bids(path, verbose="error")
            kinds = raw.get_channel_types()
            picks = [i for i, kind in enumerate(kinds) if kind in _UNITS]
            values = raw.get_data(picks=picks, verbose="error").T
    except Exception as error:
        raise DataError(
            f"{path.fpath}: expected a recording that mne-bids reads; found: {error!r}; {FETCH}"
        ) from error
    name, bads = path.basename, set(raw.info["bads"])
    if bads:
        say(f"{name}: {', '.join(sorted(bads))} are marked bad and are left out")
    good = [n for n, i in enumerate(picks) if raw.ch_names[i] not in bads]
    columns = tuple(
        Column(raw.ch_names[picks[n]], _UNITS[kinds[picks[n]]], kinds[picks[n]]) for n in good
    )
    return _Run(name, float(raw.info["sfreq"]), columns, values[:, good], labels)


def _held(path: Any, said: Told, say: Say) -> tuple[Label, ...]:
    """The events as labels: one without a duration holds until the next."""
    events, hold = _events(path, said, say), said.options.labels.hold
    starts = [onset for onset, _, _ in events[1:]] + [float("inf")]
    return tuple(
        Label(round(onset * 1e6), round((onset + (length or min(hold, nxt - onset))) * 1e6), text)
        for (onset, length, text), nxt in zip(events, starts, strict=True)
    )
