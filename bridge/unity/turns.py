"""What steps, seen from outside: agents take turns, each with what it senses and may choose.

A `Player` is a Unity player (`fedxr.bridge.unity.player`), or anything else that is stepped in the
same way, such as a simulated user. Agents are named ``behaviour/0``, ``behaviour/1``, …: a name is
a seat and outlives the agent's episodes, which ML-Agents' own ids do not.

Shapes: C continuous actions, one int per discrete branch of K_b choices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.unity.observations import Sensor


class PlayerError(BridgeError):
    """The player could not be started, crashed, hung, or was asked for what it cannot do."""


class PlayerQuitError(PlayerError):
    """The player ended of its own accord."""


@dataclass(frozen=True)
class Behaviour:
    """What agents of one kind sense and how they act: ML-Agents' BehaviorSpec.

    ``name`` is without ML-Agents' ``?team=``; ``branches`` holds the choices of each discrete
    action.
    """

    name: str
    sensors: tuple[Sensor, ...]
    continuous: int
    branches: tuple[int, ...]

    @property
    def allowed(self) -> tuple[NDArray[np.bool_], ...]:
        """The mask that forbids nothing."""
        return tuple(np.ones(k, np.bool_) for k in self.branches)


@dataclass(frozen=True)
class Action:
    """``continuous`` (C,) float32, ``discrete`` (branches,) int32."""

    continuous: NDArray[np.float32]
    discrete: NDArray[np.int32]

    @classmethod
    def nothing(
        cls, behaviour: Behaviour, allowed: Sequence[NDArray[np.bool_]] | None = None
    ) -> Action:
        """All zeros, as ML-Agents fills in where nobody acts; where the mask forbids choice 0, the
        first that it allows."""
        masks = behaviour.allowed if allowed is None else allowed
        first = [int(mask.argmax()) for mask in masks]
        return cls(np.zeros(behaviour.continuous, np.float32), np.array(first, np.int32))

    def check(self, behaviour: Behaviour, allowed: Sequence[NDArray[np.bool_]]) -> None:
        """Raise PlayerError unless this action fits the behaviour and its mask."""
        got = (self.continuous.shape, self.discrete.shape)
        if got != ((behaviour.continuous,), (len(behaviour.branches),)):
            raise PlayerError(
                f"behaviour {behaviour.name}: continuous action of shape {got[0]} and discrete of "
                f"{got[1]}; it takes {behaviour.continuous} and {len(behaviour.branches)}"
            )
        if not np.isfinite(self.continuous).all():
            raise PlayerError(
                f"behaviour {behaviour.name}: continuous action {self.continuous.tolist()}; "
                "NaN and infinity are not allowed"
            )
        for i, (choice, mask) in enumerate(zip(self.discrete.tolist(), allowed, strict=True)):
            if not 0 <= choice < len(mask) or not mask[choice]:
                may = np.flatnonzero(mask).tolist()
                raise PlayerError(
                    f"behaviour {behaviour.name}: choice {choice} in branch {i}; "
                    f"allowed at this step are {may}"
                )


@dataclass(frozen=True)
class Turn:
    """What one agent met at one step.

    ``observations`` by sensor name: layouts of ours as (n, *shape) in the layout's dtype and our
    coordinates, other sensors as float32 as they came. ``reward`` since its last turn.
    ``allowed`` (K_b,) per branch, True where a choice may be taken. ``over`` tells a last turn,
    which takes no action: the episode has ended, or was interrupted (ran out of steps).
    """

    agent: str
    behaviour: str
    observations: Mapping[str, NDArray[np.generic]]
    reward: float
    allowed: tuple[NDArray[np.bool_], ...]
    over: Literal["", "ended", "interrupted"] = ""


class Player(Protocol):
    """Something whose agents take turns. Calls block; one at a time."""

    @property
    def behaviours(self) -> Mapping[str, Behaviour]:
        """By name; known after the first reset, and more may come while it runs."""
        ...

    def reset(self, seed: int | None = None) -> list[Turn]:
        """Begin anew; the turns of the agents that want to act."""
        ...

    def step(self, actions: Mapping[str, Action]) -> list[Turn]:
        """Go on until somebody has a turn; agents without an action do nothing.

        Last turns stand before the first turns of the episodes that follow them. Raises
        PlayerError for an action that does not fit, PlayerQuitError when the player has ended.
        """
        ...

    def close(self) -> None:
        """End it; may be called more than once."""
        ...
