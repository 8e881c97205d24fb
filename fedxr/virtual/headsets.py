"""Who plays in a demo or a stream: simulated personas, or recorded people, with their devices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.tasks import USE_CASES
from fedxr.learning.profile import HeadsetProfile
from fedxr.learning.random_stream import stream
from fedxr.scenarios.devices import Device, devices_for
from fedxr.scenarios.personas import for_pretraining, persona_of
from fedxr.scenarios.simulated import demo_users, simulate
from fedxr.scenarios.users import User
from fedxr.scenarios.worlds import world_of
from fedxr.virtual.streaming import VirtualHeadset
from fedxr.virtual.timeline import PersonaVoice, RecordedVoice

SPACING_M = 2.0
"""From the middle of a room to each who is in it."""
ROOMS_M = (16.0, 5.0)
"""Between the rooms of use cases: two and two lie side by side, within reach of each other's
headsets (10 m), and apart from the other two."""


def place(index: int, use_case: str) -> dict[str, float]:
    """Where headset ``index`` of ``use_case`` stands."""
    room = USE_CASES.index(use_case) if use_case in USE_CASES else 0
    x, z = ROOMS_M[0] * (room % 2), ROOMS_M[1] * (room // 2)
    return {"x": x + SPACING_M * math.cos(2.4 * index), "z": z + SPACING_M * math.sin(2.4 * index)}


def simulated_actor(device: Device, seed: int, index: int, seconds: float) -> VirtualHeadset:
    """Persona ``index`` of the population ``seed`` with ``device``, for ``seconds``. Raises
    ValueError for a population that is pretrained on."""
    for_pretraining(seed)
    episodes = max(2, math.ceil(seconds / world_of(device.use_case).seconds) + 1)
    user = simulate(device.use_case, device, seed, index, episodes)
    return VirtualHeadset(
        user,
        PersonaVoice(persona_of(seed, index)),
        {"model": device.name, "battery": 1.0, **place(index, device.use_case)},
    )


def simulated_cast(headsets: int, seconds: float, seed: int) -> list[VirtualHeadset]:
    """The demo's eight devices, and more people with the same ones beyond eight."""
    worn = [device for _, device, _ in demo_users(seed)]
    return [simulated_actor(worn[i % len(worn)], seed, i, seconds) for i in range(headsets)]


def recorded_actor(user: User, seed: int, index: int) -> VirtualHeadset:
    """A recorded person; their episodes are played in the recorded order."""
    name = f"{user.source}-{user.name}"[:64]
    return VirtualHeadset(
        replace(user, name=name),
        RecordedVoice(seed, name),
        {"model": user.device, "battery": 1.0, **place(index, user.use_case)},
    )


def recorded_cast(
    users: Mapping[str, Sequence[User]], headsets: int, seed: int
) -> list[VirtualHeadset]:
    """``headsets`` of the ``users`` by set, use cases and sets in turn, drawn by seed.

    Raises ValueError when there are fewer people than headsets.
    """
    if sum(map(len, users.values())) < headsets:
        raise ValueError(
            f"{sum(map(len, users.values()))} recorded people for {headsets} headsets; "
            "ask for fewer, or give more recorded sets with --data"
        )
    waiting: dict[str, list[list[User]]] = {}
    for name, found in sorted(users.items()):
        if found:
            order = stream(seed, "cast", name).permutation(len(found))
            waiting.setdefault(found[0].use_case, []).append([found[i] for i in order])
    chosen: list[User] = []
    while len(chosen) < headsets:
        for use_case in dict.fromkeys((*USE_CASES, *waiting)):
            sets = [some for some in waiting.get(use_case, []) if some]
            if sets and len(chosen) < headsets:
                chosen.append(sets[0].pop(0))
                waiting[use_case] = [*sets[1:], sets[0]]
    return [recorded_actor(user, seed, i) for i, user in enumerate(chosen)]


def stream_device(scenario: str) -> Device:
    """The device that `fedxr stream` wears in ``scenario``: the demo's first of that use case."""
    return devices_for(scenario)[0]


def profile_of_actor(actor: VirtualHeadset, tasks: Sequence[str]) -> HeadsetProfile:
    """The actor as the server will seat it, for lockstep without a network."""
    return HeadsetProfile(
        HeadsetIdentity(actor.name, actor.user.channels, tuple(tasks)),
        user=actor.user.name,
        use_case=actor.user.use_case,
        device=str(actor.device.get("model", "headset")),
        position=(float(actor.device.get("x", 0.0)), float(actor.device.get("z", 0.0))),
    ).equipped()
