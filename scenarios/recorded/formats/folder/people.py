"""A folder with a ``set.toml`` becomes people: files to users, recordings and episodes.

Which file belongs to whom says its path (``{user}`` in a pattern), or a column of it; what else
stands in ``{}`` or for a ``*`` tells one recording of a user from another. Channels in different
files are one recording where all of that is the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np

from fedxr.bridge.channels import TICK_US, Samples
from fedxr.scenarios.recorded.formats.folder.described import described
from fedxr.scenarios.recorded.formats.folder.description import Description, Files, Sensor
from fedxr.scenarios.recorded.formats.folder.labelling import Labelling, Span, names_of
from fedxr.scenarios.recorded.formats.folder.patterns import as_regex
from fedxr.scenarios.recorded.formats.folder.samples import Rows, Sensing, times_of
from fedxr.scenarios.recorded.formats.folder.table import Table, read_table
from fedxr.scenarios.recorded.reading import Say, foreign, users_of
from fedxr.scenarios.recorded.stretches import Asking, Recording, Stretch
from fedxr.scenarios.users import DataError, User, Users

Key = tuple[tuple[str, str], ...]
"""What tells one recording of a user from another: placeholder or column, and what it is."""


@dataclass(frozen=True)
class Source:
    """A file of recordings: what its path says, and which channels are in it."""

    path: Path
    facts: Mapping[str, str]
    sensors: tuple[Sensor, ...]


@dataclass
class Person:
    """One user as read: recordings, how often each class was labelled, and what is wrong."""

    name: str
    recordings: list[Recording] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Piece:
    """The rows of a table that are one user's, in one recording."""

    source: Source
    table: Table
    rows: Rows
    sensors: tuple[Sensor, ...]


class FolderSet:
    """The set in ``folder`` that ``set_`` describes. ``problems`` are those that are nobody's:
    patterns that match no file, files that are no tables."""

    def __init__(self, folder: Path, set_: Description) -> None:
        self.folder, self.set_ = folder, set_
        told = (set_.files.time, set_.files.user, set_.files.recording, set_.labels.column)
        others = tuple(column for column in told if column is not None)
        self.sensings = {sensor.name: Sensing(sensor, others) for sensor in set_.channels}
        self.problems: list[str] = []
        self._paths = sorted(
            p for p in folder.rglob("*") if p.is_file() and not foreign(self._inside(p))
        )

    def _inside(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix().removesuffix(".gz")

    def _matching(self, pattern: str) -> dict[Path, dict[str, str]]:
        """What the path of each file that matches ``pattern`` says."""
        regex = as_regex(pattern)
        hits = {p: regex.fullmatch(self._inside(p)) for p in self._paths}
        return {p: hit.groupdict() for p, hit in hits.items() if hit}

    def sources(self) -> list[Source]:
        """Every file of recordings, in the order of their names."""
        labels = {} if self.set_.labels.column else self._matching(self.set_.labels.files)
        found: dict[Path, Source] = {}
        for sensor in self.set_.channels:
            pattern = self.set_.pattern(sensor)
            if self.set_.labels.files == pattern:
                labels = {}
            facts = {p: f for p, f in self._matching(pattern).items() if p not in labels}
            if not facts:
                some = ", ".join(self._inside(p) for p in self._paths[:5]) or "no file at all"
                self.problems.append(
                    f"{self.folder}: no file matches {pattern!r} (channel {sensor.name!r}); there "
                    f"is {some}, …: correct the pattern"
                )
            for path, one in facts.items():
                known = found.get(path)
                sensors = (*known.sensors, sensor) if known else (sensor,)
                found[path] = Source(path, one, sensors)
        return [found[path] for path in sorted(found)]

    def people(self) -> Iterator[Person]:
        """Everybody, by name; each is read when it is their turn, unless a column tells users."""
        sources = self.sources()
        if self.set_.files.user is not None:
            pieces: dict[str, list[_Piece]] = {}
            nobody = Person("")
            for source in sources:
                for name, piece in self._pieces(source, nobody):
                    pieces.setdefault(name, []).append(piece)
            self.problems += nobody.problems
            for name in sorted(pieces, key=_natural):
                yield self._read(Person(name), pieces[name])
            return
        whose: dict[str, list[Source]] = {}
        for source in sources:
            whose.setdefault(source.facts["user"], []).append(source)
        for name in sorted(whose, key=_natural):
            person = Person(name)
            mine = [piece for source in whose[name] for _, piece in self._pieces(source, person)]
            yield self._read(person, mine)

    def _pieces(self, source: Source, person: Person) -> Iterator[tuple[str, _Piece]]:
        """(user, rows) of each user and recording in a file; what is no table is a problem."""
        try:
            table = read_table(source.path, self.set_.files)
        except DataError as error:
            person.problems.append(str(error))
            return
        how, every = self.set_.files, np.arange(len(table))
        groups: list[tuple[dict[str, str], Rows]] = [(dict(source.facts), every)]
        for name, column in (("user", how.user), ("recording", how.recording)):
            if column is None:
                continue
            at = table.find([column], f"files.{name}")
            words = table.texts(at[0]) if at else np.full(len(table), "")
            groups = [
                (facts | {name: str(word)}, rows[words[rows] == word])
                for facts, rows in groups
                for word in dict.fromkeys(words[rows].tolist())
                if word
            ]
        for facts, rows in groups:
            one = replace(source, facts=facts)
            yield facts.get("user", ""), _Piece(one, table, rows, source.sensors)
        if not groups:
            person.problems += table.problems

    def _read(self, person: Person, pieces: Sequence[_Piece]) -> Person:
        """``person`` with all that ``pieces`` hold."""
        together: dict[Key, list[_Piece]] = {}
        for piece in pieces:
            together.setdefault(_key(piece.source.facts), []).append(piece)
        labelling, spans = Labelling(self.set_), list[Span]()
        for key in self._in_order(together):
            made = self._recording(key, together[key], labelling)
            if made is not None:
                person.recordings.append(made[0])
                spans.append(made[1])
        if self.set_.labels.column is None and not self.set_.filed_by_class():
            self._from_files(person, spans, labelling)
        for table in {id(p.table): p.table for p in pieces}.values():
            person.problems += table.problems
            person.notes += table.notes
            table.problems, table.notes = [], []
        person.problems += [*labelling.problems, *labelling.told()]
        person.problems = [*dict.fromkeys(person.problems)]
        if count := sum(_overlapping(recording) for recording in person.recordings):
            person.notes.append(
                f"{count} labels begin before the one before them ends, which ends there: a moment "
                "has one label"
            )
        person.notes = [*dict.fromkeys([*person.notes, *labelling.notes])]
        person.seen = labelling.seen
        return person

    def _in_order(self, together: Mapping[Key, Sequence[_Piece]]) -> list[Key]:
        """Recordings as a column tells them: in its order; as files are called: in theirs."""
        if self.set_.files.recording is not None:
            return list(together)
        return sorted(together, key=lambda key: [_natural(word) for _, word in key])

    def _recording(
        self, key: Key, pieces: Sequence[_Piece], labelling: Labelling
    ) -> tuple[Recording, Span] | None:
        """All channels of one recording, and the labels that its own files tell."""
        samples: dict[str, Samples] = {}
        runs: list[Stretch] = []
        for piece in pieces:
            for sensor in piece.sensors:
                rows, t = times_of(piece.table, piece.rows, self.set_.files, sensor.rate)
                if len(rows):
                    read = self.sensings[sensor.name].read(piece.table, rows, t)
                    if read is not None:
                        samples[sensor.name] = read
                    if self.set_.labels.column is not None and not runs:
                        runs = labelling.runs(piece.table, rows, t)
                elif not piece.table.problems:
                    piece.table.notes.append(
                        f"{piece.table.path.name}: no row with a time; it is left out"
                    )
        if not samples:
            return None
        first = self.set_.channels[0].rate
        step = round(1e6 / first) if first else 0
        start = min(int(s.t_us[0]) for s in samples.values())
        end = max(int(s.t_us[-1]) for s in samples.values()) + step
        words = dict(key)
        paths = [piece.source.path for piece in pieces]
        files = paths if self.set_.files.recording is None else []  # else there are others in them
        span = Span(start, end, names_of(files, self.folder, words), first)
        if self.set_.filed_by_class():
            runs = labelling.whole(words["label"], span, str(paths[0]))
        name = "/".join(words.values()) or paths[0].stem
        return Recording(name, samples, tuple(runs)), span

    def _from_files(self, person: Person, spans: Sequence[Span], labelling: Labelling) -> None:
        """The stretches that label files list, put into the person's recordings."""
        told = self.set_.labels
        found = {
            path: facts
            for path, facts in self._matching(told.files).items()
            if facts.get("user", person.name) == person.name
        }
        if not found:
            person.problems.append(
                f"{self.folder}: no label file matches {told.files!r} for {person.name}; write one "
                "(start, end, label), or say where labels are (labels.files, labels.column)"
            )
        for path, facts in found.items():
            words = {name: word for name, word in facts.items() if name != "user"}
            mine = [i for i, s in enumerate(spans) if set(words.values()) <= s.names]
            try:
                table = read_table(path, Files(separator=self.set_.files.separator))
            except DataError as error:
                person.problems.append(str(error))
                continue
            listed = labelling.listed(table, person.name, [spans[i] for i in mine])
            for number, stretches in listed.items():
                one = person.recordings[mine[number]]
                both = (*one.stretches, *stretches)
                person.recordings[mine[number]] = replace(one, stretches=both)
            person.problems += table.problems
            person.notes += table.notes

    def user(self, person: Person) -> User:
        """Who ``person`` is to the system; raises DataError with their problems."""
        if person.problems:
            raise DataError("; ".join(person.problems))
        sensed = {name for recording in person.recordings for name in recording.samples}
        channels = tuple(s.channel for name, s in self.sensings.items() if name in sensed)
        asked = self.set_.task
        rates = {channel.name: channel.rate_hz for channel in channels}
        asking = Asking(asked.name, asked.window, asked.every, self.set_.halves, rates)
        episodes = asking.episodes(person.recordings)
        name, case = self.set_.name, self.set_.use_case
        return User(name, person.name, case, channels, (asked.name,), episodes)


def load(folder: Path) -> Users:
    """Everybody whom the set in ``folder`` holds; who has a problem is left out and named."""
    set_ = described(folder)
    read = FolderSet(folder, set_)
    people = [(person.name, partial(_told, read, person)) for person in read.people()]
    if not people:
        raise DataError("; ".join(read.problems))
    return users_of(set_.name, people, notes=[*set_.toml.notes, *read.problems])


def _told(read: FolderSet, person: Person, say: Say) -> User:
    for note in person.notes:
        say(note)
    return read.user(person)


def _overlapping(recording: Recording) -> int:
    """How many labels begin more than a tick before an earlier one has ended."""
    order = sorted(recording.stretches, key=lambda s: s.start_us)
    ends = accumulate((s.end_us for s in order), max)
    return sum(end - s.start_us > TICK_US for end, s in zip(ends, order[1:], strict=False))


def _key(facts: Mapping[str, str]) -> Key:
    return tuple((name, word) for name, word in facts.items() if name != "user")


def _natural(word: str) -> list[tuple[int, str]]:
    """What ``word`` is ordered by: s2 before s10."""
    parts = re.split(r"(\d+)", word)
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts]
