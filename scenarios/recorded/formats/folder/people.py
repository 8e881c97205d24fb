"""A folder with a ``set.toml`` becomes people: files to users, recordings and episodes.

Which file belongs to whom says its path (``{user}`` in a pattern), or a column of it; what else
stands in ``{}`` or for a ``*`` tells one recording of a user from another. Channels in different
files are one recording where all of that is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from fedxr.bridge.channels import Samples
from fedxr.scenarios.recorded.formats.folder.described import described
from fedxr.scenarios.recorded.formats.folder.description import Description, Files
from fedxr.scenarios.recorded.formats.folder.findings import Finding, gathered
from fedxr.scenarios.recorded.formats.folder.labelling import Labelling, Span, names_of
from fedxr.scenarios.recorded.formats.folder.person import Person, lost, overlapping
from fedxr.scenarios.recorded.formats.folder.pieces import Piece, pieces_of, tell_empty
from fedxr.scenarios.recorded.formats.folder.places import Places, Source
from fedxr.scenarios.recorded.formats.folder.samples import Sensing
from fedxr.scenarios.recorded.formats.folder.table import Table
from fedxr.scenarios.recorded.formats.folder.table_file import read_table
from fedxr.scenarios.recorded.formats.folder.times import times_of
from fedxr.scenarios.recorded.formats.folder.words import Words
from fedxr.scenarios.recorded.reading import Say, users_of
from fedxr.scenarios.recorded.stretches import Asking, Recording, Stretch
from fedxr.scenarios.users import DataError, User, Users

Key = tuple[tuple[str, str], ...]
"""What tells one recording of a user from another: placeholder or column, and what it is."""


class FolderSet:
    """The set in ``folder`` that ``set_`` describes. ``problems`` are those that are nobody's:
    patterns that match no file, files that are no tables."""

    def __init__(self, folder: Path, set_: Description) -> None:
        self.folder, self.set_ = folder, set_
        told = (set_.files.time, set_.files.user, set_.files.recording, set_.labels.column)
        others = tuple(column for column in told if column is not None)
        self.sensings = {s.name: Sensing(set_, s, others) for s in set_.channels}
        self.places = Places(folder, set_)
        self.problems = self.places.problems

    def people(self) -> Iterator[Person]:
        """Everybody, by name; each is read when it is their turn, unless a column tells users."""
        sources = self.places.sources()
        if self.set_.files.user is not None:
            pieces: dict[str, list[Piece]] = {}
            nobody = Person("")
            for source in sources:
                for name, piece in pieces_of(source, self.places, nobody):
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
            mine = [
                piece
                for source in whose[name]
                for _, piece in pieces_of(source, self.places, person)
            ]
            yield self._read(person, mine)

    def _read(self, person: Person, pieces: Sequence[Piece]) -> Person:
        """``person`` with all that ``pieces`` hold."""
        together: dict[Key, list[Piece]] = {}
        for piece in pieces:
            together.setdefault(_key(piece.source.facts), []).append(piece)
        words = Words(self.set_)
        labelling, spans = Labelling(self.set_, words), list[Span]()
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
        person.problems += [*labelling.problems, *words.told()]
        tell_empty(person, pieces, self.set_)
        person.problems = [*dict.fromkeys(person.problems)]
        if count := sum(overlapping(recording) for recording in person.recordings):
            text = (
                f"{count} labels begin before the one before them ends, which ends there: a moment "
                "has one label"
            )
            person.notes.append(Finding("", text))
        person.notes = [*dict.fromkeys(person.notes)]
        person.seen = words.seen
        return person

    def _in_order(self, together: Mapping[Key, Sequence[Piece]]) -> list[Key]:
        """Recordings as a column tells them: in its order; as files are called: in theirs."""
        if self.set_.files.recording is not None:
            return list(together)
        return sorted(together, key=lambda key: [_natural(word) for _, word in key])

    def _recording(
        self, key: Key, pieces: Sequence[Piece], labelling: Labelling
    ) -> tuple[Recording, Span] | None:
        """All channels of one recording, and the labels that its own files tell."""
        samples: dict[str, Samples] = {}
        runs: list[Stretch] = []
        for piece in pieces:
            for sensor in piece.sensors:
                rows, t = times_of(piece.table, piece.rows, self.set_, sensor.rate)
                if len(rows):
                    read = self.sensings[sensor.name].read(piece.table, rows, t)
                    if read is not None:
                        samples[sensor.name] = read
                    if self.set_.labels.column is not None and not runs:
                        runs = labelling.runs(piece.table, rows, t)
                elif len(piece.table) and not piece.table.problems:
                    piece.table.note("no row with a time; it is left out")
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
        told, named = self.set_.labels, self.set_.toml.named
        found = {
            path: facts
            for path, facts in self.places.matching(told.files).items()
            if facts.get("user", person.name) == person.name
        }
        if not found:
            text = (
                f"no label file matches {told.files!r}; write one (start, end, label), or say "
                f"where labels are: {named('labels.files')}, or {named('labels.column')}"
            )
            place = f"{self.folder}: {person.name}"
            person.problems.append(Finding(place, text, "no label file"))
        empty = list[Finding]()
        for path, facts in found.items():
            words = {name: word for name, word in facts.items() if name != "user"}
            mine = [i for i, s in enumerate(spans) if set(words.values()) <= s.names]
            table = self._label_table(path, person)
            if table is None:
                continue
            if not len(table):
                text = "only a header and no label: write labels below it (start, end, label)"
                empty.append(Finding(str(path), text))
                continue
            listed = labelling.listed(table, person.name, [spans[i] for i in mine])
            for number, stretches in listed.items():
                one = person.recordings[mine[number]]
                both = (*one.stretches, *stretches)
                person.recordings[mine[number]] = replace(one, stretches=both)
            person.problems += table.problems
            person.notes += table.notes
        if len(empty) == len(found):
            person.problems += empty

    def _label_table(self, path: Path, person: Person) -> Table | None:
        """The label file ``path``; None where there is a problem with it, which is added."""
        if twin := self.places.twin(path):
            person.problems.append(twin)
            return None
        try:
            how = Files(separator=self.set_.files.separator)
            return read_table(path, how, self.set_.toml, "labels")
        except DataError as error:
            person.problems.append(Finding("", str(error)))
            return None

    def user(self, person: Person) -> User:
        """Who ``person`` is to the system; raises DataError with their problems."""
        if person.problems:
            raise DataError("; ".join(map(str, person.problems)))
        sensed = person.sensed()
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
    everybody = list(read.people())
    if not everybody:
        raise DataError("; ".join(map(str, read.problems)))
    people = [(person.name, partial(_told, read, person)) for person in everybody]
    notes = [*set_.toml.notes, *gathered(read.problems)]
    notes += [] if read.problems else lost(set_, everybody)
    return users_of(set_.name, people, notes=notes)


def _told(read: FolderSet, person: Person, say: Say) -> User:
    for note in person.notes:
        say(str(note))
    return read.user(person)


def _key(facts: Mapping[str, str]) -> Key:
    return tuple((name, word) for name, word in facts.items() if name != "user")


def _natural(word: str) -> list[tuple[int, str]]:
    """What ``word`` is ordered by: s2 before s10."""
    parts = re.split(r"(\d+)", word)
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts]
