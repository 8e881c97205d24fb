"""The simulated worlds, one for each use case, by its name."""

from __future__ import annotations

from collections.abc import Mapping

from fedxr.scenarios.worlds.base import World
from fedxr.scenarios.worlds.companion import Companion
from fedxr.scenarios.worlds.neuroadaptive import Neuroadaptive
from fedxr.scenarios.worlds.overlays import Overlays
from fedxr.scenarios.worlds.storytelling import Storytelling

_ALL: tuple[World, ...] = (Overlays(), Neuroadaptive(), Companion(), Storytelling())
WORLDS: Mapping[str, World] = {world.use_case: world for world in _ALL}


def world_of(use_case: str) -> World:
    """The world of ``use_case``; raises ValueError that lists the known ones."""
    if use_case not in WORLDS:
        raise ValueError(f"unknown use case {use_case!r}; known are {', '.join(WORLDS)}")
    return WORLDS[use_case]
