"""Mental commands: which of three flickering lights a user looks at, from eight electrodes.

Kalunga, Chevallier, Barthelemy: Online SSVEP-based BCI using Riemannian Geometry. Neurocomputing
2016, arXiv:1501.03227. ``subjectNN/record-[DATE]_raw.fif`` and ``…-eve.fif`` (sample, previous,
id); 256 Hz. An event marks the spoken cue; the lights flicker for the 5 s that follow.

Event ids are 1 rest, 2 13 Hz, 3 21 Hz, 4 17 Hz: not in the order of the frequencies. The files
say volt but hold about a thousand times too much (a deviation of 5 to 14 mV); they are read as
millivolt, which gives the microvolts that scalp electrodes measure. A file that was saved again in
volts or microvolts is known by its size, and said.

Electrodes that are marked bad, constant or mostly without numbers are left out and said; a user's
electrodes are those that all of their sessions have. An episode is one trial: the 5 s from the cue
on, with the question at their end; a trial with numbers missing is not asked about.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import TICK_US, Channel, ChannelError
from fedxr.scenarios.recorded.reading import (
    FETCH,
    Say,
    cut,
    files_in,
    folders_in,
    lies_at,
    place,
    read_bytes,
    regular,
    users_of,
)
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

_CLASS_OF_EVENT = {1: 0, 2: 1, 4: 2, 3: 3}  # rest, 13 Hz, 17 Hz, 21 Hz
TRIAL_US = 150 * TICK_US  # 5 s
_UNITS = {"millivolt": 1e-3, "volt": 1.0, "microvolt": 1e-6}
"""What the numbers of a file may be, as distributed first, and that in volts."""
_EEG_V = (3e-7, 3e-4)
"""Deviations that EEG has, in volts."""
_MOST_MISSING = 0.1
"""Share of an electrode's samples without a number from which on it is left out."""
_FILE_ID = 100  # kind of the first tag of every FIF file
# what MNE raises when the tags are whole but what they hold is not
_UNREADABLE = (
    ValueError,
    AttributeError,
    TypeError,
    LookupError,
    OSError,
    RuntimeError,
    struct.error,
)


@dataclass(frozen=True)
class _Session:
    """``values`` (n, electrodes) in volts, float32, of the electrodes ``names``, and (key, first
    sample, label) of each trial."""

    path: Path
    rate_hz: float
    names: tuple[str, ...]
    values: NDArray[np.float32]
    trials: list[tuple[str, int, int]]

    def of(self, names: tuple[str, ...]) -> NDArray[np.float32]:
        """The values of these electrodes alone."""
        return self.values[:, [self.names.index(name) for name in names]]


def load(folder: Path) -> Users:
    """Every subject found, each with all sessions in the order of their dates."""
    pattern, what = r"subject\d+", "one per subject"
    subjects = folders_in(place(folder, ".", pattern, what), pattern, what)
    return users_of(SET.name, ((sub.name, partial(_user, sub)) for sub in subjects))


def _user(folder: Path, say: Say) -> User:
    files = files_in(folder, r"record-.*_raw\.fif", "the EEG of one session")
    sessions = [_session(path, say) for path in files]
    rate_hz = sessions[0].rate_hz
    names = tuple(n for n in sessions[0].names if all(n in s.names for s in sessions))
    if not names or any(s.rate_hz != rate_hz for s in sessions):
        found = ", ".join(f"{'-'.join(s.names)} at {s.rate_hz:g} Hz" for s in sessions)
        raise DataError(
            f"{folder}: expected the same electrodes and rate in every session; found {found}; "
            f"{FETCH}"
        )
    try:
        channel = Channel("eeg", "eeg/" + "-".join(names), rate_hz, "queue 64")
    except ChannelError as error:
        raise DataError(f"{files[0]}: {error}; {FETCH}") from error
    trials = [(s.of(names), *trial) for s in sessions for trial in s.trials]
    whole = [(v, k, n, c) for v, k, n, c in trials if np.isfinite(_trial(v, n, rate_hz)).all()]
    if len(whole) < len(trials):
        say(f"{len(trials) - len(whole)} trials have numbers missing and are passed over")
    return _halved(folder.name, channel, whole)


def _trial(values: NDArray[np.float32], first: int, rate_hz: float) -> NDArray[np.float32]:
    """The samples of the trial that begins with sample ``first``."""
    return values[first : first + round(TRIAL_US * rate_hz / 1e6)]


def _halved(
    name: str, channel: Channel, trials: list[tuple[NDArray[np.float32], str, int, int]]
) -> User:
    """The user with the trials (values, key, first sample, label), halved class by class."""
    total = Counter(label for *_, label in trials)
    seen: Counter[int] = Counter()
    signals = {id(values): regular(values, channel.rate_hz) for values, *_ in trials}
    episodes = []
    for values, key, first, label in trials:
        start = round(first * 1e6 / channel.rate_hz)
        samples = cut({channel.name: signals[id(values)]}, start, start + TRIAL_US)
        query = Query("mental_command", TRIAL_US, label)
        adapt = seen[label] < total[label] // 2
        seen[label] += 1
        episodes.append(Episode(key, samples, (query,), adapt, TRIAL_US / 1e6))
    asked = ("mental_command",)
    return User("ssvep", name, "neuroadaptive", (channel,), asked, tuple(episodes), "EEG cap")


def _session(path: Path, say: Say) -> _Session:
    import mne  # takes most of a second, and only this set needs it

    _check_fif(path, "the EEG of one session")
    marks = path.with_name(path.name.replace("_raw.fif", "-eve.fif"))
    _check_fif(marks, "the events of one session")
    try:
        raw = mne.io.read_raw_fif(lies_at(path), verbose="error")
        picks = mne.pick_types(raw.info, eeg=True, exclude=[])
        values = raw.get_data(picks=picks).T if len(picks) else np.zeros((0, 0))
    except _UNREADABLE as error:
        raise DataError(f"{path}: expected a FIF recording; found: {error}; {FETCH}") from error
    try:
        events = mne.read_events(lies_at(marks), verbose="error")
    except _UNREADABLE as error:
        raise DataError(f"{marks}: expected FIF events; found: {error}; {FETCH}") from error
    names = [raw.ch_names[i] for i in picks]
    good = _good(path, names, values, raw.info["bads"], say)
    volts = values[:, good] * _to_volt(path, values[:, good], say)
    rate = float(raw.info["sfreq"])
    trials = _trials(marks, events, int(raw.first_samp), len(values), rate)
    return _Session(path, rate, tuple(names[i] for i in good), volts.astype(np.float32), trials)


def _good(
    path: Path, names: list[str], values: NDArray[np.float64], bads: list[str], say: Say
) -> list[int]:
    """Which electrodes, columns of ``values`` (n, electrodes), are of use; the others are said."""
    good = []
    for i, name in enumerate(names):
        column = values[:, i]
        there = column[np.isfinite(column)]
        if name in bads:
            why = "is marked bad"
        elif len(there) < (1 - _MOST_MISSING) * len(column) or not len(there):
            why = f"has numbers in {len(there)} of {len(column)} samples"
        elif np.ptp(there) == 0:
            why = f"is {there[0]:g} throughout"
        else:
            good.append(i)
            continue
        say(f"{path.name}: electrode {name} {why} and is left out")
    if not good:
        raise DataError(f"{path}: expected EEG; found no electrode that is of use; {FETCH}")
    return good


def _to_volt(path: Path, values: NDArray[np.float64], say: Say) -> float:
    """What makes volts of ``values`` (n, electrodes), by how large they are."""
    deviation = float(np.median(np.nanstd(np.where(np.isfinite(values), values, np.nan), axis=0)))
    for unit, factor in _UNITS.items():
        if _EEG_V[0] <= deviation * factor < _EEG_V[1]:
            if unit != "millivolt":
                say(f"{path.name}: EEG is in {unit} by its size ({deviation:.2g}), and is read so")
            return factor
    raise DataError(
        f"{path}: expected EEG, which deviates by {_EEG_V[0]:g} to {_EEG_V[1]:g} V; found "
        f"{deviation:.2g} in whatever unit: no EEG, or scaled; {FETCH}"
    )


def _trials(
    path: Path, events: NDArray[Any], first: int, count: int, rate: float
) -> list[tuple[str, int, int]]:
    """(key, first sample, label) of each event; DataError where one does not fit into ``count``
    samples."""
    session = path.name.removesuffix("-eve.fif")
    trials = []
    for row, (sample, _, event) in enumerate(events, start=1):
        if event not in _CLASS_OF_EVENT:
            known = ", ".join(map(str, sorted(_CLASS_OF_EVENT)))
            raise DataError(f"{path}: row {row}: expected an id of {known}; found {event}; {FETCH}")
        start = int(sample) - first
        if start < 0 or start + TRIAL_US * rate / 1e6 > count:
            raise DataError(
                f"{path}: row {row}: expected a trial of 5 s within the {count} samples of the "
                f"recording; found one that begins at sample {sample}; {FETCH}"
            )
        trials.append((f"{session}/{row:02d}", start, _CLASS_OF_EVENT[event]))
    return trials


def _check_fif(path: Path, what: str) -> None:
    """Walk the tags of a FIF file (kind, type, size, next; big-endian int32) to find a cut.

    Raises DataError with the byte at which a tag does not fit into the file.
    """
    data = read_bytes(path, what)
    at = 0
    while at < len(data):
        if len(data) - at < 16:
            raise DataError(
                f"{path}: byte {at}: expected a tag of 16 bytes; found the end; {FETCH}"
            )
        kind, _, size, following = struct.unpack(">4i", data[at : at + 16])
        if at == 0 and kind != _FILE_ID:
            raise DataError(f"{path}: byte 0: expected a FIF file id (100); found {kind}; {FETCH}")
        if size < 0 or at + 16 + size > len(data):
            left = len(data) - at - 16
            raise DataError(
                f"{path}: byte {at}: expected {size} bytes of tag {kind}; found {left}; {FETCH}"
            )
        if following < 0:
            return
        at = following if following > at else at + 16 + size


SET = RecordedSet(
    name="ssvep",
    folder="dataset-ssvep-exoskeleton",
    use_case="neuroadaptive",
    task="mental_command",
    licence="CC0 1.0",
    source="https://github.com/sylvchev/dataset-ssvep-exoskeleton",
    halves="the first half of the trials of each class to learn from, the later to test: all rest "
    "trials come first, so a cut in time would leave a half without them",
    load=load,
)
