"""The registry of sources: what `fedxr sensors --source` knows, ours and what plug-ins add."""

from __future__ import annotations

from collections.abc import Callable

from fedxr.bridge.sensors.boards import BRAINFLOW
from fedxr.bridge.sensors.lsl import LSL
from fedxr.bridge.sensors.osc import OSC
from fedxr.bridge.sensors.pupil import PUPIL
from fedxr.bridge.sensors.quest import QUEST
from fedxr.bridge.sensors.source import Finder, SourceKind
from fedxr.plugins import Registry

SOURCES: Registry[SourceKind] = Registry("source", (LSL, BRAINFLOW, QUEST, PUPIL, OSC))


def finder_of(text: str, say: Callable[[str], None]) -> tuple[SourceKind, Finder]:
    """The kind and a finder of ``NAME[:WHERE]``. Raises ValueError for an unknown name, and
    SensorError where it cannot be looked for."""
    name, _, where = text.partition(":")
    kind = SOURCES.named(name.strip())
    return kind, kind.find(where.strip(), say)
