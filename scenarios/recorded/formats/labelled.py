"""Recordings with labels in words become users of a set: what XDF, BIDS, LeRobot and Hugging Face
folders have in common.

A format says who the users are, how to read their recordings, which labels occur and what is
sensed. What is asked when, and how time is halved, is that of every own set
(:mod:`fedxr.scenarios.recorded.stretches`); a ``set.toml`` beside the data changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fedxr.agent.encoders import encoder_for
from fedxr.agent.tasks import TASKS, Task
from fedxr.bridge.channels import Channel, ChannelError, Samples
from fedxr.scenarios.recorded.formats.options import Told
from fedxr.scenarios.recorded.reading import Say, users_of
from fedxr.scenarios.recorded.stretches import HALVES, Asking, Recording, Stretch
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

_SHOWN = 8
"""How many labels a message names."""


@dataclass(frozen=True)
class Label:
    """``text`` holds during ``[start_us, end_us)`` of a recording's clock."""

    start_us: int
    end_us: int
    text: str


@dataclass(frozen=True)
class LabelledRecording:
    """One recording of a user: channels, their samples by name on one clock, and labels."""

    name: str
    channels: tuple[Channel, ...]
    samples: Mapping[str, Samples]
    labels: tuple[Label, ...]


Read = Callable[[Say], Sequence[LabelledRecording]]
"""Reads the recordings of one user, in the order of time; raises DataError."""


@dataclass(frozen=True)
class OwnSet:
    """A set of one's own: its ``people`` with how to read them, the ``texts`` that are its labels,
    and the modalities of its channels. ``ordered``: a user's recordings follow each other as they
    were lived."""

    told: Told
    texts: Iterable[str]
    modalities: Iterable[str]
    people: Sequence[tuple[str, Read]]
    ordered: bool = True

    def recorded_set(self) -> RecordedSet:
        """Raises DataError where there are too few classes, or nothing is sensed."""
        options, task = self.told.options, self._task()
        return RecordedSet(
            name=self.told.name,
            folder=".",
            use_case=options.use_case,
            task=task.name,
            licence=options.licence,
            source=options.source,
            halves=HALVES[options.halves],
            load=partial(_load, self, task),
            ordered=self.ordered,
            tasks=(task,),
        )

    def _task(self) -> Task:
        """That of the set.toml where it names one that is known; else a new one."""
        told, asked = self.told, self.told.options.task
        modalities = tuple(dict.fromkeys(self.modalities))
        known = TASKS.get(asked.name)
        texts = sorted(set(self.texts))
        classes = tuple(asked.classes) or (known.classes if known else tuple(texts))
        if not modalities:
            raise DataError(f"{told.folder}: nothing in it is a channel; docs/formats.md says what"
                            " is read of each format")  # fmt: skip
        if len(set(classes) & set(texts)) < 2:
            found = ", ".join(map(repr, texts[:_SHOWN])) or "none"
            more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
            raise DataError(
                f"{told.folder}: labels found: {found}{more}; a task needs two classes that occur: "
                f"label more, or name the classes in {told.toml.named('task.classes')}"
            )
        if known is not None and known.classes == classes:
            return known
        try:
            return Task(
                told.task, told.options.use_case, classes, modalities, asked.deadline_ms,
                per_user=asked.per_user,
            )  # fmt: skip
        except ValueError as error:
            raise DataError(f"{told.path}: {error}") from error


def _load(own: OwnSet, task: Task, _: Path) -> Users:
    people = [(who, partial(_user, own, task, who, read)) for who, read in own.people]
    return users_of(own.told.name, people, notes=own.told.toml.notes)


def _user(own: OwnSet, task: Task, who: str, read: Read, say: Say) -> User:
    options, recordings = own.told.options, list(read(say))
    channels = _agreed(recordings, say)
    texts = {label.text for recording in recordings for label in recording.labels}
    if strange := sorted(texts - set(task.classes)):
        more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        some = ", ".join(map(repr, strange[:_SHOWN]))
        say(f"labels that are no class of {task.name} are passed over: {some}{more}")
    asking = Asking(
        task.name,
        options.task.window,
        options.task.every,
        options.halves,
        {name: channel.rate_hz for name, channel in channels.items() if channel.rate_hz},
    )
    return User(
        own.told.name,
        who,
        options.use_case,
        tuple(channels.values()),
        (task.name,),
        asking.episodes([_recording(one, task, channels) for one in recordings]),
    )


def _recording(
    recording: LabelledRecording, task: Task, channels: Mapping[str, Channel]
) -> Recording:
    """With labels as numbers, and nothing but what is read; labels end with the samples."""
    kept = {n: some for n, some in recording.samples.items() if n in channels and len(some)}
    end_us = max((_end_us(channels[name], some) for name, some in kept.items()), default=0)
    return Recording(
        recording.name,
        kept,
        tuple(
            Stretch(label.start_us, min(label.end_us, end_us), task.classes.index(label.text))
            for label in recording.labels
            if label.text in task.classes and label.start_us < min(label.end_us, end_us)
        ),
    )


def _end_us(channel: Channel, samples: Samples) -> int:
    """When the last of ``samples`` is over: the next would come then."""
    return int(samples.t_us[-1]) + (round(1e6 / channel.rate_hz) if channel.rate_hz else 1)


def _agreed(recordings: Iterable[LabelledRecording], say: Say) -> dict[str, Channel]:
    """The channels of a user by name: those that an encoder reads. Raises DataError where they are
    not the same all the time."""
    found: dict[str, Channel] = {}
    for recording in recordings:
        for channel in recording.channels:
            known = found.setdefault(channel.name, channel)
            if (known.layout, known.rate_hz) != (channel.layout, channel.rate_hz):
                raise DataError(
                    f"{recording.name}: channel {channel.name} is {channel.layout} at "
                    f"{channel.rate_hz:g} Hz, and {known.layout} at {known.rate_hz:g} Hz before; "
                    "make two users of them"
                )
    for name in list(found):
        try:
            encoder_for(found[name]).shape(found[name])
        except ChannelError as error:
            say(f"channel {name} is left out: {error}")
            del found[name]
    return found
