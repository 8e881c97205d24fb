"""Free Spoken Digit Dataset: people say the digits 0 to 9, one WAV file per utterance.

Layout of the distributor: ``recordings/{digit}_{speaker}_{index}.wav``, mono PCM, 8 kHz. A user
is a speaker; an episode is an utterance. ``index`` counts a speaker's repetitions, so time runs
with it: the earlier half of the indices is learnt from, the later half tested on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import partial
from pathlib import Path

from fedxr.agent.tasks import Episode
from fedxr.bridge.channels import Channel
from fedxr.scenarios.recorded.reading import Say, files_in, place, users_of
from fedxr.scenarios.recorded.sound import read_pcm, utterance
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

_NAME = re.compile(r"([0-9])_([A-Za-z0-9-]+)_([0-9]+)\.(?i:wav)")
_TASK = "digit_spoken"


def load(folder: Path) -> Users:
    """Every speaker in ``folder``, by name."""
    pattern, what = r".*\.(?i:wav)", f"<digit>_<speaker>_<index>.wav, see {SET.source}"
    files = files_in(place(folder, "recordings", pattern, what), pattern, what)
    by_speaker: dict[str, list[tuple[int, int, Path]]] = defaultdict(list)
    passed = []
    for path in files:
        match = _NAME.fullmatch(path.name)
        if match is None:
            passed.append(
                f"{path} is passed over: expected a name <digit 0-9>_<speaker>_<index>.wav; "
                "rename the file or take it out"
            )
            continue
        digit, speaker, index = match.groups()
        by_speaker[speaker].append((int(index), int(digit), path))
    people = [(name, partial(_user, name, sorted(by_speaker[name]))) for name in sorted(by_speaker)]
    return users_of(SET.name, people, notes=passed)


def _user(speaker: str, entries: list[tuple[int, int, Path]], _: Say) -> User:
    """The speaker with (index, digit, file) entries in time order."""
    indices = sorted({index for index, _, _ in entries})
    learnt = set(indices[: (len(indices) + 1) // 2])
    rates: set[int] = set()
    episodes: list[Episode] = []
    for index, digit, path in entries:
        pcm, rate = read_pcm(path)
        rates.add(rate)
        if len(rates) > 1:
            raise DataError(
                f"{path}: sample rate {rate} Hz, the other files of {speaker} have "
                f"{min(rates - {rate})} Hz; expected one rate per speaker, fetch the file again"
            )
        key = f"recordings/{path.name}"
        episodes.append(utterance(key, pcm, rate, _TASK, digit, index in learnt))
    channel = Channel("microphone", "audio/pcm16", rates.pop())
    return User(SET.name, speaker, SET.use_case, (channel,), (_TASK,), tuple(episodes))


SET = RecordedSet(
    name="fsdd",
    folder="free-spoken-digit-dataset",
    use_case="overlays",
    task=_TASK,
    licence="CC BY-SA 4.0",
    source="https://github.com/Jakobovski/free-spoken-digit-dataset",
    halves="time forward: the lower half of the repetition indices adapts, the upper half tests",
    load=load,
    ordered=False,
)
