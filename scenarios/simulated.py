"""Simulated users: a persona lives through a world and a device records it.

The same (use case, device, seed, index) always gives the same samples, however many other users
or channels are simulated; an episode is the same however many follow it. A channel that two
devices share records the same on both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import Channel, Samples, layout_of
from fedxr.scenarios.devices import Device, device_named, devices_for
from fedxr.scenarios.personas import Array, Persona, persona_of, stream
from fedxr.scenarios.users import User
from fedxr.scenarios.worlds import world_of
from fedxr.scenarios.worlds.base import Moment, Path, World, paths

EPISODES = 40
"""Usual length of a session: 160 s of companion, 320 s of overlays or thought, 480 s of story."""

DEMO = (
    "hololens-2",
    "ar-glasses",
    "neuro-band",
    "quest-3",
    "voice-glasses",
    "quest-3-watch",
    "vision-pro",
    "quest-pro",
)
"""The devices of the eight demo headsets, two per use case; no two have the same channels."""


def simulate(
    use_case: str, device: str | Device, seed: int, index: int, episodes: int = EPISODES
) -> User:
    """User ``index`` of the population ``seed`` with ``device`` in ``use_case``.

    The first half of the ``episodes`` is to adapt on, the second to test on; time runs forward and
    so does the sensors' drift. Raises ValueError for an unknown use case or device, a device of
    another use case, or fewer than 2 episodes.
    """
    world = world_of(use_case)
    worn = device_named(device) if isinstance(device, str) else device
    if worn.use_case != use_case:
        known = ", ".join(d.name for d in devices_for(use_case))
        raise ValueError(f"device {worn.name!r} is for {worn.use_case!r}; {use_case!r} has {known}")
    if episodes < 2:
        raise ValueError(f"{episodes} episodes; take 2 or more (half to adapt, half to test)")
    persona = persona_of(seed, index)
    life = _moments(world, persona, episodes)
    return User(
        source="simulated",
        name=persona.name,
        use_case=use_case,
        channels=worn.channels,
        tasks=worn.tasks,
        episodes=tuple(
            _episode(world, moment, worn, adapt=2 * moment.index < episodes) for moment in life
        ),
        device=worn.name,
    )


def demo_users(seed: int) -> list[tuple[str, Device, Persona]]:
    """(use case, device, persona) of the eight headsets of the demo."""
    worn = [device_named(name) for name in DEMO]
    return [(device.use_case, device, persona_of(seed, i)) for i, device in enumerate(worn)]


def _moments(world: World, persona: Persona, episodes: int) -> list[Moment]:
    courses = {
        course.task: paths(
            course,
            persona,
            stream(persona.seed, world.use_case, persona.index, "path", course.task),
            episodes,
            world.seconds,
        )
        for course in world.courses
    }
    return [
        Moment(
            persona=persona,
            use_case=world.use_case,
            index=i,
            elapsed_s=i * world.seconds,
            seconds=world.seconds,
            paths={task: found[i] for task, found in courses.items()},
        )
        for i in range(episodes)
    ]


def _episode(world: World, moment: Moment, device: Device, adapt: bool) -> Episode:
    return Episode(
        key=f"{moment.persona.name}/{moment.index}",
        samples={channel.name: _record(world, moment, channel) for channel in device.channels},
        queries=_queries(world, moment.paths, device.tasks),
        adapt=adapt,
        seconds=world.seconds,
    )


def _queries(world: World, hidden: Mapping[str, Path], tasks: tuple[str, ...]) -> tuple[Query, ...]:
    """What is asked, in time order; never before the state asked for has held long enough."""
    asked: list[Query] = []
    for course in world.courses:
        if course.task in tasks:
            path = hidden[course.task]
            times = np.arange(course.ask_from_s, world.seconds, course.ask_every_s).tolist()
            asked.extend(
                Query(course.task, round(t * 1e6), path.at(t))
                for t in times
                if path.held_s(t) >= course.held_s
            )
    return tuple(sorted(asked, key=lambda query: query.t_us))


def _record(world: World, moment: Moment, channel: Channel) -> Samples:
    """The channel's samples, with the stretch lost to dropout taken out."""
    n = round(world.seconds * channel.rate_hz)
    t: Array = np.arange(n) / channel.rate_hz
    layout = layout_of(channel.layout)
    sensed = world.sense(moment, channel, t)
    if channel.layout == "audio/pcm16":
        sensed = np.clip(np.round(32768 * sensed), -32768, 32767)
    kept = _kept(moment, channel, t)
    t_us = np.round(t * 1e6).astype(np.int64)
    return Samples(t_us[kept], sensed.astype(layout.dtype)[kept])


def _kept(moment: Moment, channel: Channel, t: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    rng = moment.draw(f"{channel.name} dropout")
    kept = np.ones(len(t), dtype=bool)
    if rng.random() < moment.persona.dropout:
        start = rng.uniform(0.0, moment.seconds)
        kept[(t >= start) & (t < start + rng.uniform(0.2, 1.0))] = False
        kept[0] = True
    return kept
