"""Which files of a folder are recordings and labels, and what their paths say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fedxr.scenarios.recorded.formats.folder.description import Description, Sensor
from fedxr.scenarios.recorded.formats.folder.findings import Finding
from fedxr.scenarios.recorded.formats.folder.patterns import as_regex
from fedxr.scenarios.recorded.reading import foreign

_TABLES = (".csv", ".tsv", ".parquet")
"""Endings that one table may be written with."""
_NAMED = 5


@dataclass(frozen=True)
class Source:
    """A file of recordings: what its path says, and which channels are in it."""

    path: Path
    facts: Mapping[str, str]
    sensors: tuple[Sensor, ...]


@dataclass
class Places:
    """The files of the set ``set_`` in ``folder``. ``problems`` are patterns that no file
    matches."""

    folder: Path
    set_: Description
    problems: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.paths = sorted(
            p for p in self.folder.rglob("*") if p.is_file() and not foreign(self.inside(p))
        )
        self._alike: dict[str, list[Path]] = defaultdict(list)
        for path in self.paths:
            self._alike[self._plain(path).casefold()].append(path)

    def inside(self, path: Path) -> str:
        """The path within the folder, as patterns match it."""
        return path.relative_to(self.folder).as_posix().removesuffix(".gz")

    def _plain(self, path: Path) -> str:
        """The same for files that may be one table, written twice."""
        inside = self.inside(path)
        return next((inside.removesuffix(e) for e in _TABLES if inside.endswith(e)), inside)

    def matching(self, pattern: str) -> dict[Path, dict[str, str]]:
        """What the path of each file that matches ``pattern`` says."""
        regex = as_regex(pattern)
        hits = {p: regex.fullmatch(self.inside(p)) for p in self.paths}
        return {p: hit.groupdict() for p, hit in hits.items() if hit}

    def sources(self) -> list[Source]:
        """Every file of recordings, in the order of their names."""
        labels = {} if self.set_.labels.column else self.matching(self.set_.labels.files)
        found: dict[Path, Source] = {}
        for sensor in self.set_.channels:
            pattern = self.set_.pattern(sensor)
            if self.set_.labels.files == pattern:
                labels = {}
            facts = {p: f for p, f in self.matching(pattern).items() if p not in labels}
            if not facts:
                key = self.set_.key(sensor, "files") if sensor.files else "files.recordings"
                some = ", ".join(self.inside(p) for p in self.paths[:_NAMED]) or "no file at all"
                text = (
                    f"no file matches {pattern!r} (channel {sensor.name!r}); there is {some}, …: "
                    f"correct {self.set_.toml.named(key)}"
                )
                self.problems.append(Finding(str(self.folder), text, f"no file {pattern}"))
            for path, one in facts.items():
                known = found.get(path)
                sensors = (*known.sensors, sensor) if known else (sensor,)
                found[path] = Source(path, one, sensors)
        return [found[path] for path in sorted(found)]

    def twin(self, path: Path) -> Finding | None:
        """A problem where the table in ``path`` lies beside it once more, as ``.gz``, ``.csv``,
        ``.tsv`` or ``.parquet``, or with other capitals: which one is right nobody knows."""
        alike = self._alike[self._plain(path).casefold()]
        twins = [p for p in alike if p != path and self._are_twins(path, p)]
        if not twins:
            return None
        names = " and ".join(sorted(p.name for p in (path, *twins)))
        text = f"{names} are one table twice, and only one can be read: remove the other"
        return Finding(str(path.parent), text, f"twins {path.parent} {names}")

    def _are_twins(self, one: Path, other: Path) -> bool:
        """Files that are called alike, unless set.toml tells them apart: by another pattern, or by
        what stands for a placeholder."""
        ours, theirs = self._said_of(one), self._said_of(other)
        if self._plain(one) == self._plain(other):
            return not theirs or bool({*ours} & {*theirs})
        return any(theirs.get(pattern) == facts for pattern, facts in ours.items())

    def _said_of(self, path: Path) -> dict[str, dict[str, str]]:
        """By pattern of set.toml that ``path`` matches, what it says."""
        patterns = {self.set_.pattern(s) for s in self.set_.channels} | {self.set_.labels.files}
        hits = {p: as_regex(p).fullmatch(self.inside(path)) for p in patterns}
        return {p: hit.groupdict() for p, hit in hits.items() if hit}
