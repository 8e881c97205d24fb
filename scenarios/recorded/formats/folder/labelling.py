"""What was the case when: from a label file, a column of the recordings, or a file's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fedxr.plugins.nearest import nearest
from fedxr.scenarios.recorded.formats.folder.description import Description
from fedxr.scenarios.recorded.formats.folder.samples import Rows, Seconds
from fedxr.scenarios.recorded.formats.folder.table import Table, like
from fedxr.scenarios.recorded.stretches import Stretch

_NEAR_US = 500_000
"""By how much a label may reach out of its recording without a word."""


@dataclass(frozen=True)
class Span:
    """When a recording begins and ends, what it is called, and its first channel's rate."""

    start_us: int
    end_us: int
    names: frozenset[str]
    rate_hz: float


@dataclass
class Labelling:
    """Turns words into classes for one user; what is no class is counted in ``unknown`` with the
    place of the first, and how often each class was seen in ``seen``."""

    set_: Description
    unknown: dict[str, tuple[int, str]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def class_of(self, word: str, where: str) -> int | None:
        """The class that ``word`` is; None where it is none, or passed over."""
        named, asked = self._word_of(word), self.set_.task
        if named is None:
            return None
        word, names = named, asked.names()
        if asked.edges:
            try:
                value = float(word.replace(",", "."))
            except ValueError:
                value = float("nan")
            if asked.edges[0] <= value <= asked.edges[-1]:
                at = int(np.searchsorted(asked.edges, value, "right")) - 1
                at = min(at, len(names) - 1)
                self.seen[names[at]] += 1
                return at
        elif word in names:
            self.seen[word] += 1
            return names.index(word)
        count, first = self.unknown.get(word, (0, where))
        self.unknown[word] = count + 1, first
        return None

    def _word_of(self, word: str) -> str | None:
        """What ``word`` is called here; None where it is passed over, wherever it stands."""
        word = self.set_.labels.names.get(word, word)
        return word if word and word not in self.set_.labels.ignore else None

    def whole(self, word: str, span: Span, where: str) -> list[Stretch]:
        """A recording that has one label."""
        label = self.class_of(word, where)
        return [] if label is None else [Stretch(span.start_us, span.end_us, label)]

    def runs(self, table: Table, rows: Rows, t: Seconds) -> list[Stretch]:
        """Stretches of rows (in the order of time ``t``) that have the same label."""
        at = table.find([self.set_.labels.column or ""], "label")
        if not at or not len(rows):
            return []
        words = table.texts(at[0])[rows]
        starts = np.flatnonzero(np.concatenate(([True], words[1:] != words[:-1])))
        step = float(np.median(np.diff(t))) if len(t) > 1 else 0.0
        edges_us = np.rint(np.append(t, t[-1] + step) * 1e6).astype(np.int64)
        out = []
        for first, after in zip(starts, [*starts[1:], len(rows)], strict=True):
            where = f"{table.path}: row {int(rows[first]) + table.first}"
            label = self.class_of(str(words[first]), where)
            if label is not None and edges_us[after] > edges_us[first]:
                out.append(Stretch(int(edges_us[first]), int(edges_us[after]), label))
        return out

    def listed(self, table: Table, user: str, spans: Sequence[Span]) -> dict[int, list[Stretch]]:
        """By number of the recording, the stretches that a label file lists for ``user``."""
        told = self.set_.labels
        columns = {"start": told.start, "label": told.label}
        columns |= {n: c for n, c in (("user", told.user), ("recording", told.recording)) if c}
        found = {name: table.find([column], f"labels.{name}") for name, column in columns.items()}
        if not all(found.values()):
            return {}
        unit = told.time_unit or self.set_.files.time_unit
        as_rows = unit == "rows"

        def read(column: int, what: str) -> Seconds:
            return table.numbers(column, what) if as_rows else table.seconds(column, unit, what)

        starts = read(found["start"][0], "labels.start")
        words = table.texts(found["label"][0])
        whose = table.texts(found["user"][0]) if "user" in found else None
        which = table.texts(found["recording"][0]) if "recording" in found else None
        ends = self._ends(table, starts, read, _of_one(len(starts), whose, which))
        counted = told.from_start or as_rows
        if wrong := _nobodys(user, whose, [] if counted or which is not None else spans):
            self.problems.append(f"{table.path}: {wrong}")
            return {}
        self._tell_repeated(table, len(spans) if counted and which is None else 1)
        out: dict[int, list[Stretch]] = {}
        outside: list[str] = []
        clipped = 0
        for i, word in enumerate(words):
            if (whose is not None and whose[i] != user) or self._word_of(str(word)) is None:
                continue
            where = f"{table.path}: row {i + table.first}"
            if not np.isfinite(starts[i]) or not ends[i] > starts[i]:
                self.problems.append(
                    f"{where}: from {starts[i]:g} to {ends[i]:g}; a label ends after it begins"
                )
                continue
            hit = False
            for number, span in enumerate(spans):
                if which is not None and str(which[i]) not in span.names:
                    continue
                a, b = self._on_clock(float(starts[i]), float(ends[i]), span, as_rows)
                start, end = max(a, span.start_us), min(b, span.end_us)
                if end <= start:
                    continue
                hit = True
                clipped += max(start - a, b - end) > _NEAR_US and len(spans) == 1
                label = self.class_of(str(word), where)
                if label is not None:
                    out.setdefault(number, []).append(Stretch(start, end, label))
            if not hit:
                outside.append(str(i + table.first))
        self._tell_outside(table, user, spans, outside, clipped, (starts, ends))
        return out

    def _tell_repeated(self, table: Table, recordings: int) -> None:
        """Labels that are counted from the start, and say no recording, are those of each."""
        if recordings > 1:
            self.notes.append(
                f"{table.path.name}: each label counts in {recordings} recordings, from the start "
                "of each; where that is not meant, name the column that says which "
                "(labels.recording), or write a label file each"
            )

    def _ends(
        self,
        table: Table,
        starts: Seconds,
        read: Callable[[int, str], Seconds],
        together: Sequence[Rows],
    ) -> Seconds:
        """When each label ends: as its column says, else when the next of those ``together``, of
        one user and recording, begins."""
        told = self.set_.labels
        if isinstance(told.end, str) and told.end == "end" and "end" not in table.frame.columns:
            self.notes.append(f"{table.path.name} has no ends: a label lasts until the next one")
            ends = np.full(len(starts), np.inf)
            for rows in together:
                known = rows[np.isfinite(starts[rows])]
                order = known[np.argsort(starts[known], kind="stable")]
                ends[order[:-1]] = starts[order[1:]]
            return ends
        at = table.find([told.end], "labels.end")
        return read(at[0], "labels.end") if at else starts

    def _on_clock(self, start: float, end: float, span: Span, as_rows: bool) -> tuple[int, int]:
        """``start`` and ``end`` as microseconds of the recording's clock."""
        size = 1e6 / (span.rate_hz or 1.0) if as_rows else 1e6
        zero = span.start_us if as_rows or self.set_.labels.from_start else 0
        last = zero + end * size
        return round(zero + start * size), span.end_us if np.isinf(last) else round(last)

    def _tell_outside(
        self,
        table: Table,
        user: str,
        spans: Sequence[Span],
        outside: Sequence[str],
        clipped: int,
        times: tuple[Seconds, Seconds],
    ) -> None:
        if clipped:
            self.notes.append(
                f"{table.path.name}: {clipped} labels reach out of the recording, and were cut"
            )
        if not outside or not spans:
            return
        finite = [x[np.isfinite(x)] for x in times]
        first, last = min(s.start_us for s in spans) / 1e6, max(s.end_us for s in spans) / 1e6
        least, most = finite[0].min(initial=np.inf), finite[1].max(initial=-np.inf)
        rows = ", ".join([*outside[:5], *["…"] * (len(outside) > 5)])
        self.problems.append(
            f"{table.path}: {len(outside)} of {len(times[0])} labels are outside of {user}'s "
            f"recordings (rows {rows}): labels go from {least:.6g} to {most:.6g} s, recordings "
            f"from {first:.6g} to {last:.6g} s; if labels count from the start of the recording "
            "write from_start = true, else see labels.time_unit"
        )

    def told(self) -> list[str]:
        """A problem for each word that is no class."""
        names, out = self.set_.task.names(), []
        for word, (count, where) in self.unknown.items():
            if self.set_.task.edges:
                low, high = self.set_.task.edges[0], self.set_.task.edges[-1]
                out.append(
                    f"{where}: label {word!r} ({count} times) is no value from {low:g} to "
                    f"{high:g}; widen task.edges, or put it into labels.ignore"
                )
                continue
            twin = next((n for n in names if _plain(n) == _plain(word)), None)
            near = twin or next(iter(nearest(word, names)), "")
            how = "differs by case or blanks only from" if twin else "is nearest to"
            said = f", and {how} {near!r}" if near else ""
            out.append(
                f"{where}: label {word!r} ({count} times) is none of task.classes "
                f"({', '.join(names[:12])}){said}: add it there, say what it is in labels.names, "
                "or put it into labels.ignore"
            )
        return out


def _nobodys(user: str, whose: NDArray[np.str_] | None, spans: Sequence[Span]) -> str:
    """Why nobody can tell which labels are ``user``'s, or of which of the ``spans``, told apart by
    time alone; empty where one can."""
    if whose is not None and user not in whose:
        there = like(user, sorted(set(whose.tolist())))
        return f"no label of user {user!r} (labels.user); {there}; call them alike in both"
    if _overlap(spans):
        return (
            f"{user} has {len(spans)} recordings whose times overlap, and nothing says of which a "
            "label is: name the column that does (labels.recording), or write a label file each"
        )
    return ""


def _of_one(count: int, *facts: NDArray[np.str_] | None) -> list[Rows]:
    """The rows of a table of ``count`` whose ``facts``, where there are any, are the same."""
    told = [fact.tolist() for fact in facts if fact is not None]
    rows: dict[tuple[str, ...], list[int]] = {}
    for i in range(count):
        rows.setdefault(tuple(fact[i] for fact in told), []).append(i)
    return [np.array(some, np.intp) for some in rows.values()]


def _plain(word: str) -> str:
    return "".join(word.split()).casefold()


def _overlap(spans: Sequence[Span]) -> bool:
    order = sorted(spans, key=lambda s: s.start_us)
    return any(b.start_us < a.end_us for a, b in pairwise(order))


def names_of(paths: Sequence[Path], folder: Path, key: Mapping[str, str]) -> frozenset[str]:
    """What a label file may call a recording: its placeholders, its file's path, name or stem."""
    out = {"/".join(key.values()), *key.values()}
    for path in paths:
        inside = PurePosixPath(path.relative_to(folder).as_posix())
        out |= {str(inside), inside.name, inside.stem}
    return frozenset(out - {""})
