"""ML-Agents' specs and steps as behaviours and turns.

ML-Agents gives an agent a new number with each episode. A *seat* (``behaviour/0``) is kept here:
when an episode ends its seat is free, and new numbers take the free seats in the order in which
they come. With several agents whose episodes end in the same step that order is all there is.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
from mlagents_envs.base_env import ActionTuple, BehaviorSpec, DecisionSteps, TerminalSteps
from numpy.typing import NDArray

from fedxr.bridge.channels import ChannelError
from fedxr.bridge.unity.observations import read, sensor_of
from fedxr.bridge.unity.turns import Action, Behaviour, PlayerError, Turn


def behaviour_of(key: str, spec: BehaviorSpec) -> Behaviour:
    """The behaviour that ML-Agents calls ``key`` (``name?team=0``).

    Raises PlayerError for a sensor named after a layout that it does not fit, and for two sensors
    of one name or channel.
    """
    name = key.removesuffix("?team=0")
    try:
        sensors = tuple(sensor_of(s.name, tuple(s.shape)) for s in spec.observation_specs)
    except ChannelError as error:
        raise PlayerError(f"behaviour {name}: {error}") from None
    for what, used in (
        ("sensors", Counter(s.name for s in sensors)),
        ("channels", Counter(s.channel for s in sensors if s.layout is not None)),
    ):
        twice = [n for n, times in used.items() if times > 1]
        if twice:
            raise PlayerError(
                f"behaviour {name}: two {what} are called {twice[0]!r}; give each sensor a name of "
                "its own, such as motion/head or hands/webxr25:left and hands/webxr25:right"
            )
    actions = spec.action_spec
    return Behaviour(name, sensors, actions.continuous_size, tuple(actions.discrete_branches))


class AgentSlots:
    """The agents of one behaviour by seat."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._numbers: list[int | None] = []

    def clear(self) -> None:
        """All episodes are over, unsaid: the player was reset."""
        self._numbers = [None] * len(self._numbers)

    def last_turns(self, steps: TerminalSteps) -> list[Turn]:
        """The turns of agents whose episode is over; their seats are free afterwards."""
        turns = []
        for row, number in enumerate(steps.agent_id.tolist()):
            seat = self._seat(number)
            self._numbers[seat] = None
            over: Literal["interrupted", "ended"] = (
                "interrupted" if steps.interrupted[row] else "ended"
            )
            turns.append(self._turn(seat, steps, row, self.behaviour.allowed, over))
        return turns

    def turns(self, steps: DecisionSteps) -> list[Turn]:
        """The turns of agents that want to act, in the order in which actions are due."""
        masks = steps.action_mask
        turns = []
        for row, number in enumerate(steps.agent_id.tolist()):
            allowed = self.behaviour.allowed
            if masks is not None:
                allowed = tuple(~mask[row] for mask in masks)
            turns.append(self._turn(self._seat(number), steps, row, allowed, ""))
        return turns

    def _seat(self, number: int) -> int:
        """Where agent ``number`` sits; a new one takes the first free seat."""
        for wanted in (number, None):
            if wanted in self._numbers:
                seat = self._numbers.index(wanted)
                self._numbers[seat] = number
                return seat
        self._numbers.append(number)
        return len(self._numbers) - 1

    def _turn(
        self,
        seat: int,
        steps: DecisionSteps | TerminalSteps,
        row: int,
        allowed: tuple[NDArray[np.bool_], ...],
        over: Literal["", "ended", "interrupted"],
    ) -> Turn:
        sensors = self.behaviour.sensors
        return Turn(
            f"{self.behaviour.name}/{seat}",
            self.behaviour.name,
            {s.name: read(s, obs[row]) for s, obs in zip(sensors, steps.obs, strict=True)},
            # a group's reward is every member's
            float(steps.reward[row]) + float(steps.group_reward[row]),
            allowed,
            over,
        )


def action_tuple(actions: list[Action]) -> ActionTuple:
    """Actions of one behaviour's agents, stacked (agents, …)."""
    return ActionTuple(
        continuous=np.stack([a.continuous for a in actions]).astype(np.float32),
        discrete=np.stack([a.discrete for a in actions]).astype(np.int32),
    )
