"""The same ticks and the same feedback without a network: what the live path is compared with.

Order within a beat: all headsets' samples, answers, then what users say. Every ``learn`` beats what
was said is learned and personal steps that are due are taken, every ``round`` beats the headsets
meet. Nothing depends on a clock, so a run is the same each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from fedxr.dashboard.judged import Judged, Key, Question
from fedxr.federation import RoundReport
from fedxr.learning.agents import Agents
from fedxr.learning.feedback import Evaluation
from fedxr.learning.learner import Learner
from fedxr.learning.profile import HeadsetProfile
from fedxr.virtual.timeline import Beat

PATIENCE = 60
"""Ticks (2 s) after which a headset that is asked nothing is answered all the same: its tokens
must reach the rings before those that they follow have left them."""


@dataclass
class Lockstep:
    """What came of it: every question ``judged``, in order."""

    judged: list[Judged] = field(default_factory=list)
    scores: list[Evaluation] = field(default_factory=list)
    rounds: list[RoundReport] = field(default_factory=list)

    @property
    def answers(self) -> dict[Key, tuple[int, int]]:
        """Of every question the truth, and the best class."""
        return {j.question.key: (j.question.truth, j.given.best) for j in self.judged if j.given}


def lockstep(
    agents: Agents,
    cast: Sequence[tuple[HeadsetProfile, Iterable[Beat]]],
    learn: int = 6,
    round_: int = 300,
    every_tick: bool = False,
) -> Lockstep:
    """Play the cast to its end; ``every_tick`` answers each tick, not only those that are asked
    about (the same answers, but for the age of summaries between questions)."""
    out = Lockstep()
    rows = [agents.join(profile) for profile, _ in cast]
    names = [profile.identity.name for profile, _ in cast]
    waited = dict.fromkeys(rows, 0)
    for n, together in enumerate(zip_longest(*(beats for _, beats in cast)), 1):
        here = [(row, name, b) for row, name, b in zip(rows, names, together, strict=True) if b]
        due = {}
        for row, _, beat in here:
            agents.push(row, beat.episode, beat.samples)
            waited[row] += 1
            if every_tick or beat.asked or waited[row] >= PATIENCE or beat.tick == 0:
                due[row], waited[row] = beat.tick, 0
        if due:
            agents.tick(due)
        for row, name, beat in here:
            tasks = agents.seated[row].identity.tasks
            for query in beat.asked:
                if query.task in tasks:
                    one = Question(name, query.task, beat.episode, beat.tick, n / 30, query.label)
                    given = agents.given(row, query.task, beat.episode, beat.tick)
                    out.judged.append(Judged(one, given))
            for said in beat.said:
                if said.task in tasks:
                    agents.feedback(row, said.task, said.episode, said.t_us, said.label)
        if n % learn == 0:
            out.scores += agents.now(Learner.learn, agents.take()).all()
            _personalise(agents)
        if n % round_ == 0 and (report := agents.now(Learner.round, rows)) is not None:
            agents.met(report)
            out.rounds.append(report)
    out.scores += agents.now(Learner.learn, agents.take()).all()
    return out


def _personalise(agents: Agents) -> None:
    while agents.now(Learner.personalise):
        pass
