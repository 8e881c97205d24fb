"""Simulated users as a `Player`: the same turns, sensors and actions as a Unity scene has them.

Each agent is one persona with a device. A step is one tick (1/30 s); its sensors are named after
the device's channels, so that what learns here can be put before a player whose sensors have the
same names. Where a channel has fewer samples in a tick than a sensor has room for, the newest are
repeated (a camera shows its last picture); before the first sample they are zero.

Actions: one discrete branch for each of the device's tasks, with one choice more than the task has
classes: 0 is silence, k + 1 says class k. Reward: at the tick in which a question falls due, +1 for
the right class and -1 for a wrong one; silence earns nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.inputs.tokens import tick_of
from fedxr.agent.tasks import Query, task_named
from fedxr.bridge.channels import TICK_US, Channel, layout_of
from fedxr.bridge.unity.observations import Sensor
from fedxr.bridge.unity.turns import Action, Behaviour, PlayerError, Turn
from fedxr.scenarios.devices import Device, device_named
from fedxr.scenarios.simulated import simulate
from fedxr.scenarios.worlds.pictures import SIDE

Values = NDArray[np.generic]


class SimulatedPlayer:
    """``agents`` personas of the population ``seed``, in the device's use case.

    ``reset`` with another seed takes another population. Episodes are the world's: when one is
    over, the next begins in the same step, as in a Unity scene.
    """

    def __init__(self, device: str, agents: int = 1, seed: int = 0, episodes: int = 4) -> None:
        if agents < 1:
            raise PlayerError(f"{agents} agents; take 1 or more")
        self.device = device_named(device)
        self.behaviour = behaviour_of(self.device)
        self._agents, self._seed, self._episodes = agents, seed, episodes
        self._lives: dict[str, _Life] = {}
        self._due: dict[str, Turn] = {}
        self._closed = False

    @property
    def behaviours(self) -> Mapping[str, Behaviour]:
        """See `Player`."""
        return {self.behaviour.name: self.behaviour}

    def reset(self, seed: int | None = None) -> list[Turn]:
        """See `Player`; without a seed the same people live the same episodes again."""
        self._check_open()
        self._seed = self._seed if seed is None else seed
        self._lives = {
            f"{self.behaviour.name}/{i}": _Life(
                self.behaviour, self.device, self._seed, i, self._episodes
            )
            for i in range(self._agents)
        }
        return self._keep([self._turn(agent) for agent in self._lives])

    def step(self, actions: Mapping[str, Action]) -> list[Turn]:
        """See `Player`."""
        self._check_open()
        for agent, action in actions.items():
            if agent not in self._due:
                raise PlayerError(f"agent {agent!r} has no turn; there are {', '.join(self._due)}")
            action.check(self.behaviour, self._due[agent].allowed)
        last, first = [], []
        for agent, life in self._lives.items():
            reward = life.judge(actions.get(agent))
            if life.advance():
                first.append(self._turn(agent, reward))
            else:
                last.append(self._turn(agent, reward, over=True))
                life.begin()
                first.append(self._turn(agent))
        return self._keep(last + first)

    def close(self) -> None:
        """See `Player`."""
        self._closed = True

    def _turn(self, agent: str, reward: float = 0.0, over: bool = False) -> Turn:
        return Turn(
            agent,
            self.behaviour.name,
            dict(self._lives[agent].seen),
            reward,
            self.behaviour.allowed,
            "ended" if over else "",
        )

    def _keep(self, turns: list[Turn]) -> list[Turn]:
        self._due = {turn.agent: turn for turn in turns if not turn.over}
        return turns

    def _check_open(self) -> None:
        if self._closed:
            raise PlayerError("the player is closed; make a new one")


def behaviour_of(device: Device) -> Behaviour:
    """The behaviour of the agents that wear ``device``: named after its use case."""
    branches = tuple(len(task_named(task).classes) + 1 for task in device.tasks)
    return Behaviour(device.use_case, tuple(map(_sensor, device.channels)), 0, branches)


def _sensor(channel: Channel) -> Sensor:
    """As a Unity scene would name it; a camera's size is that of what the worlds draw."""
    layout = layout_of(channel.layout)
    n = max(1, -(-round(channel.rate_hz * TICK_US) // 1_000_000))
    sizes = tuple(size or SIDE for size in layout.shape)
    name = f"{layout.name}:{channel.name}@{channel.rate_hz:g}"
    shape = (n, *sizes)
    return Sensor(name, shape, layout.dtype, layout, channel.name, n, channel.rate_hz)


class _Life:
    """One persona's episodes, tick by tick; after the last the first comes again. ``seen``: what
    its sensors show now."""

    def __init__(
        self, behaviour: Behaviour, device: Device, seed: int, index: int, episodes: int
    ) -> None:
        self.seen: dict[str, Values] = {}
        self._behaviour, self._tasks = behaviour, device.tasks
        self._user = simulate(device.use_case, device, seed, index, episodes)
        self._number = -1
        self.begin()

    def begin(self) -> None:
        """The next episode, at its first tick."""
        self._number = (self._number + 1) % len(self._user.episodes)
        self._episode = self._user.episodes[self._number]
        self._ticks = round(self._episode.seconds * 1e6 / TICK_US)
        self._asked: dict[int, list[Query]] = defaultdict(list)
        for query in self._episode.queries:
            self._asked[min(tick_of(query.t_us), self._ticks - 1)].append(query)
        self._tick = 0
        for sensor in self._behaviour.sensors:
            self.seen[sensor.name] = np.zeros(sensor.shape, sensor.dtype)
        self._sense()

    def advance(self) -> bool:
        """On to the next tick; False when the last one has been lived."""
        if self._tick + 1 == self._ticks:
            return False
        self._tick += 1
        self._sense()
        return True

    def judge(self, action: Action | None) -> float:
        """What ``action`` earns at this tick."""
        if action is None:
            return 0.0
        said = dict(zip(self._tasks, (action.discrete - 1).tolist(), strict=True))
        given = [(said.get(q.task, -1), q.label) for q in self._asked.get(self._tick, ())]
        return float(sum((1 if k == label else -1) for k, label in given if k >= 0))

    def _sense(self) -> None:
        start = self._tick * TICK_US
        for sensor in self._behaviour.sensors:
            new = self._episode.samples[sensor.channel].between(start, start + TICK_US).values
            shown = np.concatenate([self.seen[sensor.name], new])
            self.seen[sensor.name] = shown[-sensor.n :]
