"""Mental commands: which of three flickering lights a user looks at, from eight electrodes.

Kalunga, Chevallier, Barthelemy: Online SSVEP-based BCI using Riemannian Geometry. Neurocomputing
2016, arXiv:1501.03227. ``subjectNN/record-[DATE]_raw.fif`` and ``…-eve.fif`` (sample, previous,
id); 256 Hz. An event marks the spoken cue; the lights flicker for the 5 s that follow.

Event ids are 1 rest, 2 13 Hz, 3 21 Hz, 4 17 Hz: not in the order of the frequencies. The files
say volt but hold about a thousand times too much (a deviation of 5 to 14 mV); they are read as
millivolt, which gives the microvolts that scalp electrodes measure.

An episode is one trial: the 5 s from the cue on, with the question at their end.
"""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.tasks import Episode, Query
from bridge.channels import TICK_US, Channel, ChannelError, Samples
from scenarios.recorded.reading import FETCH, cut, files_in, folders_in, regular, require_file
from scenarios.users import DataError, RecordedSet, User

_CLASS_OF_EVENT = {1: 0, 2: 1, 4: 2, 3: 3}  # rest, 13 Hz, 17 Hz, 21 Hz
TRIAL_US = 150 * TICK_US  # 5 s
_TO_VOLT = 1e-3
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


def load(folder: Path) -> list[User]:
    """Every subject found, each with all sessions in the order of their dates."""
    return [_user(sub) for sub in folders_in(folder, r"subject\d+", "one per subject")]


def _user(folder: Path) -> User:
    files = files_in(folder, r"record-.*_raw\.fif", "the EEG of one session")
    sessions = [_session(path) for path in files]
    channel = sessions[0][0]
    if any(other != channel for other, _, _ in sessions):
        found = ", ".join(f"{c.layout} at {c.rate_hz:g} Hz" for c, _, _ in sessions)
        raise DataError(
            f"{folder}: expected the same electrodes and rate in every session; found {found}; "
            f"{FETCH}"
        )
    trials = [(eeg, *trial) for _, eeg, found in sessions for trial in found]
    total = Counter(label for *_, label in trials)
    seen: Counter[int] = Counter()
    episodes = []
    for eeg, key, start, label in trials:
        samples = cut({channel.name: eeg}, start, start + TRIAL_US)
        query = Query("mental_command", TRIAL_US, label)
        adapt = seen[label] < total[label] // 2
        seen[label] += 1
        episodes.append(Episode(key, samples, (query,), adapt, TRIAL_US / 1e6))
    asked = ("mental_command",)
    return User(
        "ssvep", folder.name, "neuroadaptive", (channel,), asked, tuple(episodes), "EEG cap"
    )


def _session(path: Path) -> tuple[Channel, Samples, list[tuple[str, int, int]]]:
    """The channel, all its samples (n, electrodes) and (key, start, label) of each trial."""
    import mne  # takes most of a second, and only this set needs it

    _check_fif(path, "the EEG of one session")
    marks = path.with_name(path.name.replace("_raw.fif", "-eve.fif"))
    _check_fif(marks, "the events of one session")
    try:
        raw = mne.io.read_raw_fif(path, verbose="error")
        values = raw.get_data(picks="eeg")
    except _UNREADABLE as error:
        raise DataError(f"{path}: expected a FIF recording; found: {error}; {FETCH}") from error
    try:
        events = mne.read_events(marks, verbose="error")
    except _UNREADABLE as error:
        raise DataError(f"{marks}: expected FIF events; found: {error}; {FETCH}") from error
    broken = ~np.isfinite(values).all(axis=0)
    if broken.any():
        at = int(broken.argmax())
        raise DataError(f"{path}: sample {at}: expected numbers; found NaN or infinity; {FETCH}")
    rate = float(raw.info["sfreq"])
    names = [raw.ch_names[i] for i in mne.pick_types(raw.info, eeg=True)]
    try:
        channel = Channel("eeg", "eeg/" + "-".join(names), rate, "queue 64")
    except ChannelError as error:
        raise DataError(f"{path}: {error}; {FETCH}") from error
    eeg = regular((values.T * _TO_VOLT).astype(np.float32), rate)
    return channel, eeg, _trials(marks, events, int(raw.first_samp), eeg, rate)


def _trials(
    path: Path, events: NDArray[np.int64], first: int, eeg: Samples, rate: float
) -> list[tuple[str, int, int]]:
    """(key, start in microseconds, label) of each event; DataError where one does not fit."""
    session = path.name.removesuffix("-eve.fif")
    trials = []
    for row, (sample, _, event) in enumerate(events, start=1):
        if event not in _CLASS_OF_EVENT:
            known = ", ".join(map(str, sorted(_CLASS_OF_EVENT)))
            raise DataError(f"{path}: row {row}: expected an id of {known}; found {event}; {FETCH}")
        start = round((int(sample) - first) * 1e6 / rate)
        if start < 0 or start + TRIAL_US > int(eeg.t_us[-1]) + 1e6 / rate:
            raise DataError(
                f"{path}: row {row}: expected a trial of 5 s within the {len(eeg)} samples of the "
                f"recording; found one that begins at sample {sample}; {FETCH}"
            )
        trials.append((f"{session}/{row:02d}", start, _CLASS_OF_EVENT[event]))
    return trials


def _check_fif(path: Path, what: str) -> None:
    """Walk the tags of a FIF file (kind, type, size, next; big-endian int32) to find a cut.

    Raises DataError with the byte at which a tag does not fit into the file.
    """
    data = require_file(path, what).read_bytes()
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
