"""What ``set.toml`` says of a folder: every key, and what it means.

Each table of the file is a dataclass here, each key a field; docs/own_data.md lists them. All that
is wrong is said at once, each with its line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fedxr.agent.tasks import Task
from fedxr.bridge.channels import Channel, columns_layout
from fedxr.scenarios.recorded.formats.set_toml import FILE, NO_KEY, SetToml

UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Units of time; besides, ``iso`` stamps, and patterns of strptime (with a %)."""


@dataclass(frozen=True)
class Files:
    """``[files]``: where recordings are, and how their tables are written."""

    recordings: str = "{user}/*.csv"
    time: str | int | None = None
    time_unit: str = "s"
    user: str | int | None = None
    recording: str | int | None = None
    separator: str = ""
    decimal: str = ""
    header: int = 1
    skip: int = 0


@dataclass(frozen=True)
class Sensor:
    """``[[channels]]``: one channel, and which columns it is made of."""

    name: str
    rate: float
    columns: list[str | int]
    layout: str = ""
    unit: str = ""
    files: str = ""
    handed: str = "right"

    def channel(self) -> Channel:
        """As the bridge knows it, but that columns of no layout are not called by their names in
        the file yet; raises ChannelError for what cannot be a channel."""
        named = columns_layout([str(c) for c in self.columns] or ["none"])
        return Channel(self.name, self.layout or named, self.rate)


@dataclass(frozen=True)
class Labels:
    """``[labels]``: what was the case when. ``column`` is one of the recordings' own."""

    files: str = "{user}/labels.csv"
    column: str | int | None = None
    start: str | int = "start"
    end: str | int = "end"
    label: str | int = "label"
    user: str | int | None = None
    recording: str | int | None = None
    time_unit: str = ""
    from_start: bool = False
    names: dict[str, str] = field(default_factory=dict)
    ignore: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """``[task]``: what is asked, every how many seconds, and from how many before."""

    name: str
    classes: list[str] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)
    window: float = 2.0
    every: float = 1.0
    deadline_ms: float = 500.0
    per_user: bool = True
    metric: str = "accuracy"

    def names(self) -> tuple[str, ...]:
        """The classes; those of a value range are called by their bounds unless they have names."""
        steps = zip(self.edges, self.edges[1:], strict=False)
        return tuple(self.classes or (f"{a:g} to {b:g}" for a, b in steps))


@dataclass(frozen=True)
class Description:
    """A whole ``set.toml``."""

    name: str
    task: Asked
    channels: list[Sensor]
    use_case: str = "companion"
    licence: str = "not stated"
    source: str = "own recordings"
    halves: str = "time"
    files: Files = field(default_factory=Files)
    labels: Labels = field(default_factory=Labels)
    toml: SetToml = field(default=SetToml(Path(FILE)), metadata=NO_KEY, compare=False)

    def key(self, sensor: Sensor, key: str) -> str:
        """What the file calls ``key`` of one of its channels."""
        number = next(i for i, one in enumerate(self.channels, 1) if one.name == sensor.name)
        return f"channels[{number}].{key}"

    def pattern(self, sensor: Sensor) -> str:
        return sensor.files or self.files.recordings

    def filed_by_class(self) -> bool:
        """Whether a file's name, and nothing in it, says its label."""
        return self.labels.column is None and "{label}" in self.pattern(self.channels[0])

    def as_task(self) -> Task:
        """Raises ValueError, ChannelError for what cannot be asked."""
        modalities = tuple(dict.fromkeys(s.channel().modality for s in self.channels))
        asked = self.task
        return Task(
            asked.name, self.use_case, asked.names(), modalities, asked.deadline_ms,
            per_user=asked.per_user, metric=asked.metric,  # type: ignore[arg-type]
        )  # fmt: skip
