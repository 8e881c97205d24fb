"""A user's recording as the beats of a headset's life, the same live and in lockstep.

One :class:`Beat` is one tick: what is sensed in it, what is asked at its end, and what the user
says, late and noisily, of what was asked before.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from fedxr.agent.inputs.tokens import tick_of
from fedxr.agent.tasks import Query, task_named
from fedxr.bridge.channels import TICK_US, Samples
from fedxr.scenarios.personas import Persona, stream
from fedxr.scenarios.users import User


@dataclass(frozen=True)
class TimedFeedback:
    """Feedback: class ``label`` of ``task`` was right at ``t_us`` of ``episode``."""

    task: str
    episode: int
    t_us: int
    label: int


@dataclass(frozen=True)
class Beat:
    """Tick ``tick`` of ``episode``; sample times count from the episode's start. ``asked`` are the
    questions whose moment it closes, ``said`` the feedback given after it."""

    episode: int
    tick: int
    samples: dict[str, Samples]
    asked: tuple[Query, ...]
    said: tuple[TimedFeedback, ...]


class Voice(Protocol):
    """How a user gives feedback; ``errors`` is how often (0 to 1) it is wrong."""

    @property
    def errors(self) -> float: ...

    def __call__(self, key: str, query: Query) -> tuple[int, int]:
        """The label that the user gives to a question of the episode ``key``, and after how many
        microseconds."""
        ...


@dataclass(frozen=True)
class PersonaVoice:
    """A simulated user: late, and wrong at times, as their persona has it."""

    persona: Persona

    @property
    def errors(self) -> float:
        return self.persona.label_noise

    def __call__(self, key: str, query: Query) -> tuple[int, int]:
        classes = len(task_named(query.task).classes)
        return self.persona.feedback(query.label, classes, f"{key}/{query.task}/{query.t_us}")


@dataclass(frozen=True)
class RecordedVoice:
    """A recorded user: the true labels, 0.3 to 1.5 s late."""

    seed: int
    user: str
    errors: float = 0.0

    def __call__(self, key: str, query: Query) -> tuple[int, int]:
        rng = stream(self.seed, "voice", self.user, key, query.task, query.t_us)
        return query.label, int(rng.uniform(0.3e6, 1.5e6))


def beats(user: User, voice: Voice, seconds: float) -> Iterator[Beat]:
    """The first ``seconds`` of the user's episodes, one after the other without a pause."""
    left = round(seconds * 1e6 / TICK_US)
    late: list[tuple[int, int, TimedFeedback]] = []
    beat = 0
    for number, episode in enumerate(user.episodes):
        asked: dict[int, list[Query]] = defaultdict(list)
        for query in episode.queries:
            asked[tick_of(query.t_us)].append(query)
        last = max(round(episode.seconds * 1e6 / TICK_US) - 1, max(asked, default=0))
        for tick in range(last + 1):
            if beat == left:
                return
            for query in asked.get(tick, ()):
                label, delay_us = voice(episode.key, query)
                due = beat + max(1, -(-delay_us // TICK_US))
                heapq.heappush(
                    late,
                    (
                        due,
                        len(late) + beat * 64,
                        TimedFeedback(query.task, number, query.t_us, label),
                    ),
                )
            start, end = tick * TICK_US, (tick + 1) * TICK_US
            samples = {n: s.between(start, end) for n, s in episode.samples.items()}
            said = []
            while late and late[0][0] <= beat:
                said.append(heapq.heappop(late)[2])
            yield Beat(
                number,
                tick,
                {n: s for n, s in samples.items() if len(s)},
                tuple(asked.get(tick, ())),
                tuple(said),
            )
            beat += 1
