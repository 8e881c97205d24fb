"""What was the case when: from a label file, a column of the recordings, or a file's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fedxr.scenarios.recorded.formats.folder.description import Description
from fedxr.scenarios.recorded.formats.folder.findings import Finding
from fedxr.scenarios.recorded.formats.folder.table import Table, like
from fedxr.scenarios.recorded.formats.folder.times import Rows, Seconds
from fedxr.scenarios.recorded.formats.folder.words import Words
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
    """Labels of one user as stretches of their recordings; ``words`` makes them classes."""

    set_: Description
    words: Words
    problems: list[Finding] = field(default_factory=list)

    def whole(self, word: str, span: Span, where: str) -> list[Stretch]:
        """A recording that has one label."""
        label = self.words.class_of(word, where)
        return [] if label is None else [Stretch(span.start_us, span.end_us, label)]

    def runs(self, table: Table, rows: Rows, t: Seconds) -> list[Stretch]:
        """Stretches of rows (in the order of time ``t``) that have the same label."""
        at = table.find([self.set_.labels.column or ""], "labels.column")
        if not at or not len(rows):
            return []
        words = table.texts(at[0])[rows]
        starts = np.flatnonzero(np.concatenate(([True], words[1:] != words[:-1])))
        step = float(np.median(np.diff(t))) if len(t) > 1 else 0.0
        edges_us = np.rint(np.append(t, t[-1] + step) * 1e6).astype(np.int64)
        out = []
        for first, after in zip(starts, [*starts[1:], len(rows)], strict=True):
            where = f"{table.path}: row {int(rows[first]) + table.first}"
            label = self.words.class_of(str(words[first]), where)
            if label is not None and edges_us[after] > edges_us[first]:
                out.append(Stretch(int(edges_us[first]), int(edges_us[after]), label))
        return out

    def listed(self, table: Table, user: str, spans: Sequence[Span]) -> dict[int, list[Stretch]]:
        """By number of the recording, the stretches that a label file lists for ``user``."""
        told = self.set_.labels
        columns = {"start": told.start, "label": told.label}
        columns |= {n: c for n, c in (("user", told.user), ("recording", told.recording)) if c}
        found = {name: table.find([one], f"labels.{name}") for name, one in columns.items()}
        if not all(found.values()):
            return {}
        starts = self._times(table, found["start"][0], "labels.start")
        words = table.texts(found["label"][0])
        whose = table.texts(found["user"][0]) if "user" in found else None
        which = table.texts(found["recording"][0]) if "recording" in found else None
        ends = self._ends(table, starts, _of_one(len(starts), whose, which))
        counted = told.from_start or self._unit() == "rows"
        if wrong := self._nobodys(user, whose, [] if counted or which is not None else spans):
            self.problems.append(Finding(str(table.path), wrong))
            return {}
        self._tell_repeated(table, len(spans) if counted and which is None else 1)
        mine = [
            i
            for i, word in enumerate(words)
            if (whose is None or whose[i] == user) and self.words.called(str(word)) is not None
        ]
        rows = self._rows_with_a_length(table, mine, starts, ends)
        out: dict[int, list[Stretch]] = {}
        outside: list[str] = []
        clipped = 0
        for i in rows:
            hit = False
            for number, span in enumerate(spans):
                if which is not None and str(which[i]) not in span.names:
                    continue
                a, b = self._on_clock(float(starts[i]), float(ends[i]), span)
                start, end = max(a, span.start_us), min(b, span.end_us)
                if end <= start:
                    continue
                hit = True
                clipped += max(start - a, b - end) > _NEAR_US and len(spans) == 1
                where = f"{table.path}: row {i + table.first}"
                label = self.words.class_of(str(words[i]), where)
                if label is not None:
                    out.setdefault(number, []).append(Stretch(start, end, label))
            if not hit:
                outside.append(str(i + table.first))
        self._tell_outside(table, user, spans, outside, clipped, (starts, ends))
        return out

    def _unit(self) -> str:
        return self.set_.labels.time_unit or self.set_.files.time_unit

    def _times(self, table: Table, column: int, what: str) -> Seconds:
        """(n,) in s, or rows where labels are counted in these."""
        if self._unit() == "rows":
            return table.numbers(column, what)
        return table.seconds(column, self._unit(), what, "labels.time_unit")

    def _rows_with_a_length(
        self, table: Table, mine: Sequence[int], starts: Seconds, ends: Seconds
    ) -> list[int]:
        """Those of the rows ``mine`` that have times, and end after they begin; of the others the
        first is a problem, unless one was told of these columns already."""
        good = [i for i in mine if np.isfinite(starts[i]) and ends[i] > starts[i]]
        bad = sorted({*mine} - {*good})
        untold = [i for i in bad if not (np.isnan(starts[i] + ends[i]) and table.problems)]
        if untold:
            i = untold[0]
            more = f"; so it is in {len(bad) - 1} more rows" if len(bad) > 1 else ""
            text = f"from {starts[i]:g} to {ends[i]:g}; a label ends after it begins"
            if np.isnan(starts[i] + ends[i]):
                text = "a label without a start or an end: write both, or remove the row"
            place = f"{table.path}: row {i + table.first}"
            self.problems.append(Finding(place, text + more))
        return good

    def _tell_repeated(self, table: Table, recordings: int) -> None:
        """Labels that are counted from the start, and say no recording, are those of each."""
        if recordings > 1:
            table.note(
                f"each label counts in {recordings} recordings, from the start "
                "of each; where that is not meant, name the column that says which, "
                f"{self.set_.toml.named('labels.recording')}, or write a label file each"
            )

    def _ends(self, table: Table, starts: Seconds, together: Sequence[Rows]) -> Seconds:
        """When each label ends: as its column says, else when the next of those ``together``, of
        one user and recording, begins."""
        told = self.set_.labels
        if isinstance(told.end, str) and told.end == "end" and "end" not in table.frame.columns:
            table.note("has no ends: a label lasts until the next one")
            ends = np.full(len(starts), np.inf)
            for rows in together:
                known = rows[np.isfinite(starts[rows])]
                order = known[np.argsort(starts[known], kind="stable")]
                ends[order[:-1]] = starts[order[1:]]
            return ends
        at = table.find([told.end], "labels.end")
        return self._times(table, at[0], "labels.end") if at else starts

    def _on_clock(self, start: float, end: float, span: Span) -> tuple[int, int]:
        """``start`` and ``end`` as microseconds of the recording's clock."""
        as_rows = self._unit() == "rows"
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
            table.note(f"{clipped} labels reach out of the recording, and were cut")
        if not outside or not spans:
            return
        finite = [x[np.isfinite(x)] for x in times]
        first, last = min(s.start_us for s in spans) / 1e6, max(s.end_us for s in spans) / 1e6
        least, most = finite[0].min(initial=np.inf), finite[1].max(initial=-np.inf)
        rows = ", ".join([*outside[:5], *["…"] * (len(outside) > 5)])
        named = self.set_.toml.named
        text = (
            f"{len(outside)} of {len(times[0])} labels are outside of {user}'s recordings (rows "
            f"{rows}): labels go from {least:.6g} to {most:.6g} s, recordings from {first:.6g} to "
            f"{last:.6g} s; if labels count from the start of the recording write from_start = "
            f"true, {named('labels.from_start')}, else see {named('labels.time_unit')}"
        )
        self.problems.append(Finding(str(table.path), text, "labels outside"))

    def _nobodys(self, user: str, whose: NDArray[np.str_] | None, spans: Sequence[Span]) -> str:
        """Why nobody can tell which labels are ``user``'s, or of which of the ``spans``, told apart
        by time alone; empty where one can."""
        named = self.set_.toml.named
        if whose is not None and user not in whose:
            there = like(user, sorted(set(whose.tolist())))
            return f"no label of user {user!r} by {named('labels.user')}; {there}; call them alike"
        if _overlap(spans):
            return (
                f"{user} has {len(spans)} recordings whose times overlap, and nothing says of "
                f"which a label is: name the column that does, {named('labels.recording')}, or "
                "write a label file each"
            )
        return ""


def _of_one(count: int, *facts: NDArray[np.str_] | None) -> list[Rows]:
    """The rows of a table of ``count`` whose ``facts``, where there are any, are the same."""
    told = [fact.tolist() for fact in facts if fact is not None]
    rows: dict[tuple[str, ...], list[int]] = {}
    for i in range(count):
        rows.setdefault(tuple(fact[i] for fact in told), []).append(i)
    return [np.array(some, np.intp) for some in rows.values()]


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
