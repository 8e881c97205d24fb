"""Gymnasium and PettingZoo environments over any `Player`: Unity scenes and simulated users alike.

    env = PlayerEnv(SimulatedPlayer("quest-3"))
    env = ParallelPlayerEnv(UnityPlayer(Launch(Path("scene.x86_64"))))

Observations are dictionaries by sensor name. Actions are a MultiDiscrete (one number per branch), a
Box, or for hybrid behaviours a dictionary of both (``discrete``, ``continuous``). The infos hold
``action_mask``, a tuple of one mask per branch as ``MultiDiscrete.sample`` takes it.

`reset` without a seed goes on with the episode that the player has begun of its own accord, where
there is one; otherwise it resets the whole player.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from fedxr.bridge.unity.observations import Sensor
from fedxr.bridge.unity.turns import Action, Behaviour, Player, PlayerError, Turn

Observation = dict[str, NDArray[Any]]
Info = dict[str, Any]
Five = tuple[
    dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]
]
"""Observations, rewards, terminations, truncations and infos by agent."""


def observation_space(behaviour: Behaviour) -> spaces.Dict:
    """By sensor name; numbers without natural bounds are unbounded."""
    return spaces.Dict({sensor.name: _box(sensor) for sensor in behaviour.sensors})


def _box(sensor: Sensor) -> spaces.Box:
    dtype = np.dtype(sensor.dtype)
    if dtype.kind == "f":
        return spaces.Box(-np.inf, np.inf, sensor.shape, dtype)
    limits = np.iinfo(dtype)
    return spaces.Box(limits.min, limits.max, sensor.shape, dtype)


def action_space(behaviour: Behaviour) -> spaces.Space[Any]:
    """Raises PlayerError for a behaviour that does not act."""
    discrete = spaces.MultiDiscrete(behaviour.branches) if behaviour.branches else None
    continuous = (
        spaces.Box(-1.0, 1.0, (behaviour.continuous,), np.float32) if behaviour.continuous else None
    )
    if discrete is None and continuous is None:
        raise PlayerError(f"behaviour {behaviour.name} takes no actions; an environment needs some")
    if discrete is not None and continuous is not None:
        return spaces.Dict({"discrete": discrete, "continuous": continuous})
    return discrete or continuous


def action_of(behaviour: Behaviour, chosen: Any) -> Action:
    """What was chosen in the behaviour's action space, as an action."""
    hybrid = isinstance(chosen, Mapping)
    discrete = chosen["discrete"] if hybrid else chosen if behaviour.branches else ()
    continuous = chosen["continuous"] if hybrid else () if behaviour.branches else chosen
    return Action(np.asarray(continuous, np.float32), np.asarray(discrete, np.int32))


def info_of(turn: Turn) -> Info:
    return {"action_mask": tuple(mask.astype(np.int8) for mask in turn.allowed)}


class PlayerEnv(gymnasium.Env[Observation, Any]):  # type: ignore[misc]
    """One agent. Raises PlayerError at once when the player has several."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, player: Player) -> None:
        self.player = player
        turns = player.reset()
        if len(turns) != 1:
            player.close()
            names = ", ".join(turn.agent for turn in turns)
            raise PlayerError(
                f"PlayerEnv is for one agent, and the player has {names}; use ParallelPlayerEnv"
            )
        self.behaviour = player.behaviours[turns[0].behaviour]
        self.observation_space = observation_space(self.behaviour)
        self.action_space = action_space(self.behaviour)
        self._begun: Turn | None = turns[0]
        self._agent = turns[0].agent

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """The first observation of an episode; ``options`` are not used."""
        super().reset(seed=seed)
        turn, self._begun = self._begun, None
        if turn is None or seed is not None:
            turn = self._mine(self.player.reset(seed))[-1]
        return dict(turn.observations), info_of(turn)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, Info]:
        """Act, and go on until the agent has its next turn or its episode is over."""
        turns = self._mine(self.player.step({self._agent: action_of(self.behaviour, action)}))
        turn = turns[0]
        self._begun = turns[1] if turn.over and len(turns) > 1 else None
        ended, cut = turn.over == "ended", turn.over == "interrupted"
        return dict(turn.observations), turn.reward, ended, cut, info_of(turn)

    def close(self) -> None:
        self.player.close()

    def _mine(self, turns: list[Turn]) -> list[Turn]:
        while not (mine := [turn for turn in turns if turn.agent == self._agent]):
            turns = self.player.step({})
        return mine


class ParallelPlayerEnv(ParallelEnv[str, Observation, Any]):  # type: ignore[misc]
    """Several agents at once.

    An agent that does not ask for a decision at a step shows its last observation again, with
    ``info["waiting"]``, and its action is not used. An agent whose episode is over stays out until
    the next `reset`, as PettingZoo wants it; in a Unity scene it does nothing meanwhile. Agents
    that come into the scene later stay out too.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "name": "fedxr_player_v0"}

    def __init__(self, player: Player) -> None:
        self.player = player
        turns = player.reset()
        self.possible_agents = [turn.agent for turn in turns]
        self.agents: list[str] = []
        of = {turn.agent: player.behaviours[turn.behaviour] for turn in turns}
        self._behaviours = of
        self.observation_spaces = {agent: observation_space(b) for agent, b in of.items()}
        self.action_spaces = {agent: action_space(b) for agent, b in of.items()}
        self._begun = {turn.agent: turn for turn in turns}
        self._last: dict[str, Turn] = {}
        self._due: set[str] = set()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, Info]]:
        """All agents' first observations; ``options`` are not used."""
        begun, self._begun = self._begun, {}
        if seed is not None or len(begun) < len(self.possible_agents):
            turns = self.player.reset(seed)
            begun = {t.agent: t for t in turns if t.agent in self._behaviours and not t.over}
        self._last = dict(begun)
        self._due = set(begun)
        self.agents = [agent for agent in self.possible_agents if agent in begun]
        return (
            {agent: dict(begun[agent].observations) for agent in self.agents},
            {agent: info_of(begun[agent]) for agent in self.agents},
        )

    def step(self, actions: dict[str, Any]) -> Five:
        """One step of the player. Raises PlayerError when all agents' episodes are over."""
        if not self.agents:
            raise PlayerError("every agent's episode is over; call reset()")
        due = {a: action_of(self._behaviours[a], actions[a]) for a in self.agents if a in self._due}
        turns = self.player.step(due)
        mine: dict[str, Turn] = {}
        self._begun = {}
        for turn in turns:
            if turn.agent in self.agents and turn.agent not in mine:
                mine[turn.agent] = turn
            elif turn.agent in mine:  # its last turn came right before this first one
                self._begun[turn.agent] = turn
        return self._told(mine)

    def close(self) -> None:
        self.player.close()

    def _told(self, mine: dict[str, Turn]) -> Five:
        """PettingZoo's five dictionaries; ``mine`` are the turns of agents that are in."""
        shown = {agent: mine.get(agent, self._last[agent]) for agent in self.agents}
        self._last |= mine
        observations = {agent: dict(turn.observations) for agent, turn in shown.items()}
        rewards = {agent: mine[agent].reward if agent in mine else 0.0 for agent in shown}
        ended = {agent: turn.over == "ended" for agent, turn in shown.items()}
        cut = {agent: turn.over == "interrupted" for agent, turn in shown.items()}
        infos = {agent: info_of(turn) for agent, turn in shown.items()}
        for agent in shown.keys() - mine.keys():
            infos[agent]["waiting"] = True
        self.agents = [agent for agent, turn in shown.items() if not turn.over]
        self._due = {agent for agent in self.agents if agent in mine}
        if self.agents:
            self._begun = {}  # whoever began anew meanwhile has to be reset with the others
        return observations, rewards, ended, cut, infos
