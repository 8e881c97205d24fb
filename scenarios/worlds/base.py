"""What every simulated world is made of: hidden paths, moments, and sensors that see them.

A *path* is what a task's hidden state does over one episode; a *moment* is one episode of one
persona with the paths of all its tasks; a *world* turns a moment into the samples of any one
channel. Shapes: T samples of a channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fedxr.bridge.channels import Channel, ChannelError
from fedxr.scenarios.personas import Array, Persona, stream


@dataclass(frozen=True)
class Path:
    """States over one episode: ``states[i]`` holds from ``starts[i]`` (seconds) to the next."""

    starts: tuple[float, ...]
    states: tuple[int, ...]

    def at(self, t_s: float) -> int:
        return self.states[int(np.searchsorted(self.starts, t_s, side="right")) - 1]

    def over(self, t: Array) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """(T,) the state at each of the times ``t`` (T,), seconds."""
        return np.asarray(self.states)[np.searchsorted(self.starts, t, side="right") - 1]

    def spans(self, seconds: float) -> list[tuple[float, float, int]]:
        """(start, end, state) of each stretch, in seconds."""
        ends = (*self.starts[1:], seconds)
        return list(zip(self.starts, ends, self.states, strict=True))

    def held_s(self, t_s: float) -> float:
        """For how long the state at ``t_s`` has held."""
        return t_s - self.starts[int(np.searchsorted(self.starts, t_s, side="right")) - 1]


@dataclass(frozen=True)
class Course:
    """How one task's hidden state moves.

    ``dwell_s`` is the mean time in a state for a person of usual pace. A *quick* state may change
    within an episode and starts anew with each; another keeps for whole episodes and its chain
    runs on from one to the next. It is asked about every ``ask_every_s`` from ``ask_from_s`` on,
    when it has held for ``held_s``: what the slowest of its sensors needs to show it. A device
    is asked if it has all modalities of one of the sets that it ``needs``.
    """

    task: str
    classes: int
    dwell_s: float
    ask_from_s: float
    needs: tuple[tuple[str, ...], ...]
    ask_every_s: float = 1.0
    held_s: float = 1.0
    quick: bool = False


MOST_AHEAD = 3
"""By how many visits a state may lead the rarest one before it must give way."""


def _next_state(rng: np.random.Generator, visits: Array, current: int) -> int:
    """A move of the chain: never to ``current``, and rather to what has been rare so far.

    The pull towards rare states makes every label occur in every half of a short session.
    """
    weight = np.exp(-1.5 * (visits - visits.min()))
    if current >= 0:
        weight[current] = 0.0
    state = int(rng.choice(len(visits), p=weight / weight.sum()))
    visits[state] += 1.0
    return state


def paths(
    course: Course, persona: Persona, rng: np.random.Generator, episodes: int, seconds: float
) -> list[Path]:
    """The hidden paths of one task over a user's episodes, in time order."""
    visits = np.zeros(course.classes)
    state = -1
    stay = float(np.exp(-seconds * persona.pace / course.dwell_s))
    found: list[Path] = []
    for _ in range(episodes):
        tired = state >= 0 and visits[state] - visits.min() >= MOST_AHEAD
        if course.quick or state < 0 or tired or rng.random() >= stay:
            state = _next_state(rng, visits, state)
        else:
            visits[state] += 1.0
        starts, states, t = [0.0], [state], 0.0
        while course.quick:
            t += course.held_s + 0.1 + rng.exponential(course.dwell_s / persona.pace)
            if t > seconds - course.held_s - 0.1:
                break
            state = _next_state(rng, visits, state)
            starts.append(t)
            states.append(state)
        found.append(Path(tuple(starts), tuple(states)))
    return found


@dataclass(frozen=True)
class Moment:
    """One episode of one persona: number ``index``, ``elapsed_s`` into the session."""

    persona: Persona
    use_case: str
    index: int
    elapsed_s: float
    seconds: float
    paths: Mapping[str, Path]

    def draw(self, name: str) -> np.random.Generator:
        """The generator for ``name`` in this episode; the same one for the same name."""
        return stream(self.persona.seed, self.use_case, self.persona.index, self.index, name)

    def drift(self, trait: str) -> float:
        """How far ``trait`` has drifted since the session began: 0 at first, then ±1 or so.

        The direction is the person's own; two minutes carry it three quarters of the way.
        """
        reach = np.tanh(self.elapsed_s / 120.0)
        return float(self.persona.drift * reach * np.sign(self.persona.lean(f"drift of {trait}")))


class World(Protocol):
    """A use case's hidden state and the sensors that see it. Stateless.

    Every episode lasts ``seconds``. ``drifts`` says what wanders over a session, and what of.
    """

    @property
    def use_case(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    @property
    def courses(self) -> tuple[Course, ...]: ...

    @property
    def drifts(self) -> Mapping[str, str]: ...

    def person(self, persona: Persona) -> dict[str, object]:
        """What the models of this world's sensors are for ``persona``, as JSON: what a scene needs
        to simulate the same body. Accidents of an episode and drift are left out."""
        ...

    def sense(self, moment: Moment, channel: Channel, t: Array) -> Array:
        """(T, *layout.shape) what ``channel`` records at the times ``t`` (T,) of ``moment``.

        Raises ChannelError for a layout that has no sensor in this world.
        """
        ...


def no_sensor(world: World, channel: Channel) -> ChannelError:
    return ChannelError(
        f"channel {channel.name}: layout {channel.layout} has no sensor in the world "
        f"{world.use_case!r}; take one that its devices have (fedxr.scenarios.devices)"
    )
