"""The learner's process may end, killed or out of memory; answers go on, and it is started again.

Whoever is here is seated there anew, with what was saved of them last, and what they have said
since is told once more. What a call was about when the process ended is asked once more, too. A
learner that keeps ending is started less and less often, and meanwhile nothing is learned, rounds
are not held and nobody new comes in; the page and the console say so.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Concatenate, ParamSpec, TypeVar

from fedxr.agent.serving.inference import ServingWeights
from fedxr.agent.serving.weight_update import WeightUpdate
from fedxr.learning.agents import Agents
from fedxr.learning.learner import Learner
from fedxr.learning.learner_process import LearnerExitedError, LearnerProcess
from fedxr.learning.walls import Fault, Troubles

P = ParamSpec("P")
T = TypeVar("T")
AT_ONCE, WITHIN_S = 5, 60.0
"""So many ends within so many seconds, and the process is started again at once; after more, it
waits 1 s, and twice as long each time, ``WITHIN_S`` at most."""
PART = "the learner"


class Restart:
    """The door to the learner of ``agents``: as :meth:`fedxr.learning.agents.Agents.ask`. One
    thread at a time; it takes seconds where the process has to be started."""

    def __init__(self, agents: Agents, troubles: Troubles) -> None:
        self._agents, self._troubles = agents, troubles
        self._ends: deque[float] = deque(maxlen=16)
        self._gone = False
        self._faults: list[Fault] = []
        self.count = 0
        """How often the process was started again."""
        self.ended_by_last = False
        """Whether what was asked last has ended the process, twice."""

    def learned(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, WeightUpdate]:
        """As :meth:`fedxr.learning.learner.Learner.ask`. Raises LearnerExitedError where there is
        no process, and it is not time for a new one, or ``what`` has ended two of them."""
        learner = self._agents.learner
        if not isinstance(learner, LearnerProcess):
            return learner.ask(what, *args, **kwargs)
        self.ended_by_last = False
        if self._gone:
            self._again(learner)
        try:
            return learner.ask(what, *args, **kwargs)
        except LearnerExitedError as error:
            self._ended(learner, error)
        self._again(learner)
        try:
            return learner.ask(what, *args, **kwargs)
        except LearnerExitedError as error:
            self.ended_by_last = True
            self._ended(learner, error)
            raise

    def ask(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, ServingWeights]:
        """The same, ready to be adopted."""
        found, learned = self.learned(what, *args, **kwargs)
        return found, self._agents.inference.prepare(learned)

    def take_faults(self) -> list[Fault]:
        """Who could not be seated at a process that was started again; told once."""
        found, self._faults = self._faults, []
        return found

    def _ended(self, learner: LearnerProcess, error: LearnerExitedError) -> None:
        if learner.closed:
            raise error
        self._gone = True
        self._ends.append(time.monotonic())
        self._troubles.begin(PART, f"{error}; it is started again")

    def _wait(self) -> float:
        """Seconds from the last end until it may be started again."""
        lately = sum(self._ends[-1] - end < WITHIN_S for end in self._ends)
        return min(WITHIN_S, 2.0 ** (lately - AT_ONCE - 1)) if lately > AT_ONCE else 0.0

    def _again(self, learner: LearnerProcess) -> None:
        left = self._ends[-1] + self._wait() - time.monotonic()
        if left > 0:
            raise LearnerExitedError(f"started again in {left:.0f} s")
        agents = self._agents
        try:
            learner.again()
            seats = dict(agents.seated)
            faults, learned = learner.ask(Learner.resume, seats, agents.number)
            agents.swap(agents.inference.prepare(learned))
            faults += self._tell_again(learner, {fault.row for fault in faults})
        except LearnerExitedError as error:
            self._ended(learner, error)
            raise
        self._faults += faults
        self._gone = False
        self.count += 1
        self._troubles.end(PART)

    def _tell_again(self, learner: LearnerProcess, gone: Collection[int]) -> list[Fault]:
        """What was learned and not saved, but of those who are ``gone``. Once: it may be what has
        ended the process."""
        agents = self._agents
        told = [one for one in agents.take_unsaved() if one.row not in gone]
        if not told:
            return []
        try:
            heard, learned = learner.ask(Learner.learn, told)
        except LearnerExitedError:
            self._troubles.say(f"lost: {len(told)} labels that were not saved yet")
            raise
        agents.swap(agents.inference.prepare(learned))
        wrong = {fault.row for fault in heard.faults}
        agents.learned([one for one in told if one.row not in wrong])
        return list(heard.faults)
