"""One user of a folder as read, and what of its set.toml nobody has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from fedxr.bridge.channels import TICK_US
from fedxr.scenarios.recorded.formats.folder.description import Description
from fedxr.scenarios.recorded.formats.folder.findings import Finding
from fedxr.scenarios.recorded.stretches import Recording

_NAMED = 5
"""How many users a message names."""


@dataclass
class Person:
    """One user as read: recordings, how often each class was labelled, and what is wrong."""

    name: str
    recordings: list[Recording] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    problems: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def sensed(self) -> set[str]:
        """Names of the channels that they have samples of."""
        return {name for recording in self.recordings for name in recording.samples}


def lost(set_: Description, people: Sequence[Person]) -> list[str]:
    """Channels and classes of set.toml that nobody has, or not everybody."""
    out, recorded = list[str](), [person for person in people if person.recordings]
    for sensor in set_.channels:
        lacking = [p.name for p in recorded if sensor.name not in p.sensed() and not p.problems]
        if not lacking:
            continue
        at = set_.toml.named(set_.key(sensor, "name"))
        if not any(sensor.name in person.sensed() for person in people):
            out.append(
                f"{at}: no user has a sample of channel {sensor.name!r}; correct where it is, or "
                "leave it out"
            )
        else:
            some = ", ".join([*lacking[:_NAMED], *["…"] * (len(lacking) > _NAMED)])
            out.append(
                f"{at}: {len(lacking)} of {len(recorded)} users have no channel {sensor.name!r} "
                f"({some}), and are recognised by the others"
            )
    seen = Counter[str]()
    for person in recorded:
        seen.update(person.seen)
    for name in set_.task.names() if seen else ():
        if not seen[name]:
            at = set_.toml.named("task.classes" if set_.task.classes else "task.edges")
            out.append(f"{at}: class {name!r} is labelled nowhere; leave it out, or add recordings")
    return out


def overlapping(recording: Recording) -> int:
    """How many labels begin more than a tick before an earlier one has ended."""
    order = sorted(recording.stretches, key=lambda s: s.start_us)
    ends = accumulate((s.end_us for s in order), max)
    return sum(end - s.start_us > TICK_US for end, s in zip(ends, order[1:], strict=False))
