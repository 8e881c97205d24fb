"""Our own recordings as data sets: what was streamed, and what users said of it.

``fedxr record``, ``fedxr serve --record`` and the live page write them (docs/recording.md). A
folder with ``*.mcap`` is a set for each scenario that its headsets have named. A user is a person
with a device: within a file by the key, which a recording replaces by an alias of its own, and from
file to file by the name. An episode is an episode of the bridge; the questions in it are the
moments that feedback labels, as the live server counts them: see
:mod:`fedxr.scenarios.recorded.formats.heard`.

What is damaged in a file is said, and the rest is used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from fedxr.agent.encoders import encoder_for
from fedxr.agent.tasks import Episode, check_use_case
from fedxr.bridge.channels import Channel, ChannelError
from fedxr.bridge.protocol import Feedback, PackedFrame, ProtocolError
from fedxr.bridge.recording.reader import Found, Recording, RecordingError
from fedxr.bridge.recording.sessions import RecordedSession
from fedxr.scenarios.recorded.formats.halving import HALVES, halved
from fedxr.scenarios.recorded.formats.heard import HeardSession
from fedxr.scenarios.recorded.reading import Say, entries, users_of
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

_OTHER = "other"
"""The use case of a scenario whose name is none that a use case may have."""


def sets(folder: Path) -> list[RecordedSet]:
    """One for each scenario of the folder's recordings. Raises DataError where there is none."""
    tasks: dict[str, dict[str, None]] = defaultdict(dict)
    said = []
    for path in _files(folder):
        try:
            sessions = Recording(path).sessions()
        except RecordingError as error:
            said.append(str(error))
            continue
        for session in sessions:
            tasks[_scenario(session)].update(dict.fromkeys(session.welcome.tasks))
    if not tasks:
        raise DataError(
            f"{folder}: no recording holds a session; record one with `fedxr serve --record FILE`, "
            f"or take the files away. {'; '.join(said)}"
        )
    name = folder.resolve().name
    return [
        RecordedSet(
            name=name if len(tasks) == 1 else f"{name}-{scenario}",
            folder=".",
            use_case=scenario,
            task=", ".join(asked),
            licence="your own",
            source="recorded by fedxr",
            halves=HALVES,
            load=partial(load, name if len(tasks) == 1 else f"{name}-{scenario}", scenario),
        )
        for scenario, asked in sorted(tasks.items())
    ]


def _files(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if path.suffix == ".mcap" and path.is_file()]


def _scenario(session: RecordedSession) -> str:
    name = session.hello.scenario.lower().replace(" ", "-")
    return _OTHER if check_use_case(name) else name


@dataclass
class _Person:
    """One user with one device, over all files; ``episodes`` with when their session began."""

    name: str
    device: str
    channels: dict[str, Channel] = field(default_factory=dict)
    tasks: dict[str, None] = field(default_factory=dict)
    episodes: list[tuple[int, Episode]] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)

    def user(self, source: str, scenario: str, say: Say) -> User:
        """Halved; raises DataError where there is no label."""
        for what, count in self.said.items():
            if count:
                say(f"{count} {what}")
        if not self.episodes:
            raise DataError("nothing that was recorded of them has a label; let them say what was "
                            "right (feedback) while they are recorded")  # fmt: skip
        lived = [one for _, one in sorted(self.episodes, key=lambda pair: pair[0])]
        named = {query.task for episode in lived for query in episode.queries}
        return User(
            source,
            self.name,
            scenario,
            tuple(self.channels.values()),
            tuple(task for task in self.tasks if task in named),
            tuple(halved(lived)),
            self.device,
        )


def load(name: str, scenario: str, folder: Path) -> Users:
    """The users of ``scenario`` in the recordings of ``folder``, by :func:`users_of`."""
    people, notes = dict[str, _Person](), list[str]()
    before = dict[tuple[str, int], Path]()
    for path in _files(folder):
        try:
            recording = Recording(path)
            heard = _heard(recording, scenario)
        except RecordingError as error:
            notes.append(f"{path.name} is left out: {error}")
            continue
        notes += [f"{path.name}: {line}" for line in recording.found.report]
        heard = _once(heard, path, before, notes)
        for who, sessions in _named(heard, path, people).items():
            for session, one in sessions:
                _add(people[who], path, session, one)
    read: list[tuple[str, Callable[[Say], User]]] = [
        (who, partial(person.user, name, scenario)) for who, person in people.items()
    ]
    return users_of(name, read, notes=notes)


_Heard = Mapping[str, tuple[RecordedSession, HeardSession]]


def _heard(recording: Recording, scenario: str) -> _Heard:
    """The sessions of ``scenario`` by their id, in the order in which they opened; one that was
    lost and resumed goes on."""
    heard: dict[str, tuple[RecordedSession, HeardSession]] = {}
    lost = _lost(recording.found)
    for event in recording.events():
        session = event.session
        if _scenario(session) != scenario:
            continue
        _, one = heard.setdefault(session.welcome.session, (session, HeardSession()))
        if (now := _lost(recording.found)) != lost:
            lost = now
            for _, each in heard.values():
                each.gap = True
        if event.message is None:
            one.gap = True
        elif isinstance(event.message, PackedFrame):
            try:
                one.frame(event.message, session.samples(event.message))
            except ProtocolError as error:
                one.said[f"frames cannot be read ({error})"] += 1
        elif isinstance(event.message, Feedback):
            one.feedback(event.message)
    return heard


def _once(
    heard: _Heard, path: Path, before: dict[tuple[str, int], Path], notes: list[str]
) -> _Heard:
    """Those that no file ``before`` has: of a copy, one half would be learned from and the same
    would be tested on."""
    new = {}
    for name, (session, one) in heard.items():
        known = before.setdefault((name, session.log_us), path)
        if known is path:
            new[name] = session, one
        else:
            notes.append(f"{path.name}: {session.name} is in {known.name}, too, and counts once")
    return new


def _lost(found: Found) -> tuple[int, ...]:
    """Grows with what is not in the file."""
    return len(found.damages), found.records_lost, found.frames_lost, found.dropped


def _named(
    heard: _Heard, path: Path, people: dict[str, _Person]
) -> Mapping[str, list[tuple[RecordedSession, HeardSession]]]:
    """The sessions of each person; those who are new are added to ``people``. Two keys of one name
    in one file are two people, who cannot be found again in another file."""
    keys: dict[str, dict[bytes, None]] = defaultdict(dict)
    for session, _ in heard.values():
        keys[_label(session)][session.hello.key] = None
    out: dict[str, list[tuple[RecordedSession, HeardSession]]] = defaultdict(list)
    for session, one in heard.values():
        mine = list(keys[_label(session)])
        number = mine.index(session.hello.key) + 1
        who = _label(session) + (f" ({number} in {path.name})" if len(mine) > 1 else "")
        people.setdefault(who, _Person(who, _device(session)))
        out[who].append((session, one))
    return out


def _device(session: RecordedSession) -> str:
    return str(session.hello.device.get("model", "headset"))[:64]


def _label(session: RecordedSession) -> str:
    """As the live server calls a headset."""
    return f"{session.hello.user}/{_device(session)}"


def _add(person: _Person, path: Path, session: RecordedSession, heard: HeardSession) -> None:
    """A session's episodes, without the channels that nobody reads or that are not as before."""
    dropped = set()
    for channel in session.channels.values():
        if why := _unread(channel, person.channels.setdefault(channel.name, channel)):
            dropped.add(channel.name)
            person.said[f"sessions have a channel that is passed over: {why}"] += 1
        if person.channels[channel.name] is channel and channel.name in dropped:
            del person.channels[channel.name]
    person.tasks.update(dict.fromkeys(session.welcome.tasks))
    for episode in heard.episodes(f"{path.stem}/{session.number}"):
        kept = {name: some for name, some in episode.samples.items() if name not in dropped}
        person.episodes.append((session.log_us, replace(episode, samples=kept)))
    person.said.update(heard.said)


def _unread(channel: Channel, known: Channel) -> str:
    """Why ``channel`` is not used; empty where it is."""
    if (channel.layout, channel.rate_hz) != (known.layout, known.rate_hz):
        return (
            f"{channel.name} is {channel.layout} at {channel.rate_hz:g} Hz, and was "
            f"{known.layout} at {known.rate_hz:g} Hz in an earlier session"
        )
    try:
        encoder_for(channel).shape(channel)
    except ChannelError as error:
        return str(error)
    return ""
