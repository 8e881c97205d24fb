"""RAVDESS: actors speak the same sentences in eight emotions, one file per utterance.

Layout of the distributor: ``Audio_Speech_Actors_01-24/Actor_NN/MM-CC-EE-II-SS-RR-AA.wav``
(modality, vocal channel, emotion, intensity, statement, repetition, actor); FLAC copies are read
too, and the folder may be missing, as in the distributor's archive. A user is an actor; an episode
is an utterance, resampled to 16 kHz.

The order of the files is the order of the classes, so time cannot run forward: a user learns from
the utterances of normal intensity (01, all eight emotions) and is tested on the strong ones (02,
which neutral does not have).
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from fedxr.agent.tasks import Episode
from fedxr.bridge.channels import Channel
from fedxr.scenarios.recorded.reading import Say, files_in, folders_in, place, users_of
from fedxr.scenarios.recorded.sound import read_pcm, utterance
from fedxr.scenarios.users import RecordedSet, User, Users

RATE_HZ = 16_000
_NAME = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-([0-9]{2})\.(?i:wav|flac)")
_TASK = "emotion"


def load(folder: Path) -> Users:
    """Every actor in ``folder``, by number."""
    pattern, what = r"Actor_[0-9]{2}", f"an actor of {SET.source}"
    actors = folders_in(place(folder, "Audio_Speech_Actors_01-24", pattern, what), pattern, what)
    return users_of(SET.name, ((actor.name, partial(_user, actor)) for actor in actors))


def _user(actor: Path, say: Say) -> User:
    files = files_in(actor, r".*\.(?i:wav|flac)", f"03-01-EE-II-SS-RR-{actor.name[-2:]}.wav")
    entries: list[tuple[str, int, Path]] = []
    for path in files:
        match = _NAME.fullmatch(path.name)
        if match is None or match[5] != actor.name[-2:]:
            say(
                f"{path} is passed over: expected a name 03-01-EE-II-SS-RR-{actor.name[-2:]}.wav "
                "(speech, emotion 01-08, intensity, statement and repetition 01 or 02)"
            )
            continue
        entries.append((match[2], int(match[1]) - 1, path))
    episodes: list[Episode] = []
    for intensity, emotion, path in entries:
        pcm, rate = read_pcm(path, RATE_HZ)
        key = f"{actor.name}/{path.name}"
        episodes.append(utterance(key, pcm, rate, _TASK, emotion, intensity == "01"))
    channel = Channel("microphone", "audio/pcm16", RATE_HZ)
    return User(SET.name, actor.name, SET.use_case, (channel,), (_TASK,), tuple(episodes))


SET = RecordedSet(
    name="ravdess",
    folder="ravdess",
    use_case="companion",
    task=_TASK,
    licence="CC BY-NC-SA 4.0",
    source="https://zenodo.org/record/1188976",
    halves="by intensity: normal adapts, strong tests (file order is class order)",
    load=load,
    ordered=False,
)
