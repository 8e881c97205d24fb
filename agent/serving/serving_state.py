"""One headset as it is answered: its stream, what it has lately seen, and its normaliser.

Summaries are dear (gaze, audio and hands 1 to 7 ms), so between two of them a task is answered
with the last one: it is renewed when it is as old as the task's deadline, but no more often than
every ``freshest`` ticks and no less often than every ``STALEST``; headsets take turns. The tokens
are always those of the tick. A moment that gets feedback becomes an example with its exact summary
(:mod:`fedxr.agent.serving.history`), whatever the age of the one that it was answered with.

Shape legend: C classes, Z features, E experts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.encoders.base import Array
from fedxr.agent.inputs.normalization import Normalizer, summary_key
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedEpisode, TokenizedQuery, TokenStream
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.kv_cache import reach
from fedxr.agent.serving.history import SensorHistory
from fedxr.agent.tasks import task_named
from fedxr.bridge.channels import TICK_US, Samples

STALEST = 15
"""Ticks after which a summary is renewed at the latest (0.5 s)."""
COUNT = 30
"""A summary is counted into the user's moments once in so many ticks: windows overlap."""


@dataclass
class Summary:
    """A task's last summary: raw by layout, its features z (Z,), and what the ridge heads of
    version ``version`` say of it (E, C)."""

    tick: int
    raw: dict[str, Array]
    z: Tensor
    version: int = -1
    scores: Tensor = field(default_factory=lambda: torch.zeros(()))


class ServingState:
    """``summaries`` are the last ones by task. ``turn`` spreads headsets over the ticks."""

    def __init__(
        self, identity: HeadsetIdentity, checkpoint: Checkpoint, freshest: int = 3, turn: int = 0
    ) -> None:
        self.identity, self.checkpoint = identity, checkpoint
        self.normalizer = Normalizer.of(checkpoint.population)
        self.stream, self.past = TokenStream(identity.channels), SensorHistory(identity.channels)
        self.summaries: dict[str, Summary] = {}
        self._reach = {channel.name: reach(channel) for channel in identity.channels}
        self._counted: dict[str, int] = {}  # the tick, by task
        self._freshest, self._turn = freshest, turn

    def push(self, episode: int, samples: Mapping[str, Samples]) -> bool:
        """Samples; times count from the start of ``episode``, which only grows. Whether it is a new
        one, with which the context starts anew."""
        new = episode != self.past.episode
        if new:
            self.stream.start()
            self.past.begin(episode)
            self.summaries.clear()
            self._counted.clear()
        self.stream.push(samples)
        self.past.push(samples)
        return new

    def close(self, tick: int) -> tuple[list[TokenFeatures], list[TokenizedQuery]]:
        """Emissions and questions of a tick, standardised; both are counted first."""
        raw = self.stream.advance(tick, self._reach)
        self.past.add(raw, tick)
        self.normalizer.observe(TokenizedEpisode(tuple(raw), ()))
        queries = [
            self.normalizer.ask(TokenizedQuery(task, tick, -1, self._summary(task, tick).raw))
            for task in self.identity.tasks
        ]
        return [self.normalizer.emission(e) for e in raw], queries

    def _summary(self, task: str, tick: int) -> Summary:
        found, turn = self.summaries.get(task), self._turn
        every = int(task_named(task).deadline_ms * 1000 // TICK_US)
        every = min(max(every, self._freshest), STALEST)
        if found and found.raw and (tick + turn) // every == (found.tick + turn) // every:
            return found
        ask = TokenizedQuery(task, tick, -1, self.stream.summary(task, tick))
        if ask.summary and tick >= self._counted.get(task, -COUNT) + COUNT:
            self._counted[task] = tick
            self.normalizer.observe(TokenizedEpisode((), (ask,)))
        z = self._features(self.normalizer.ask(ask))
        found = self.summaries[task] = Summary(tick, dict(ask.summary), z)
        return found

    def _features(self, ask: TokenizedQuery) -> Tensor:
        """Features (Z,) of one standardised ask, as
        :meth:`fedxr.agent.adaptation.cohort.Cohort.features` has them."""
        model, at = self.checkpoint.model, torch.zeros(1, dtype=torch.int64)
        keys = {summary_key(ask.task, layout): x for layout, x in ask.summary.items()}
        rows = {k: (torch.from_numpy(x)[None], at) for k, x in keys.items()}
        return self.checkpoint.ridges[ask.task].features(model.summaries(rows), 1)[0]

    def wipe(self) -> None:
        """Its answers are no numbers: summaries, and moments that are none, are forgotten."""
        self.summaries.clear()
        own = self.normalizer.own
        for key in [key for key, moments in own.items() if not moments.finite]:
            del own[key]

    def example(self, task: str, episode: int, t_us: int, label: int) -> TokenizedEpisode | None:
        """The moment ``t_us`` of ``episode`` with its truth, as the model is to learn it; None
        where it is no longer (or not yet) known."""
        found = self.past.moment(task, episode, t_us, label)
        example = None if found is None else self.normalizer.apply(found)
        return example if example is None or example.finite else None
