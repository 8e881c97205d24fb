"""People as the headsets of a learner, and what they tell it: the live server's learner, no clock.

Everybody learns as live headsets do, by the same :class:`fedxr.learning.learner.Learner`: label by
label in the order of time, each answered by every expert before it is learned, with a round after
each part of the adaptation half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.federated_model import FederatedModel
from fedxr.agent.tasks import USE_CASES
from fedxr.experiments.protocol import Protocol
from fedxr.experiments.splits import TokenizedUser
from fedxr.federation import RoundReport
from fedxr.learning.feedback import PendingFeedback
from fedxr.learning.learner import Learner, Shared
from fedxr.learning.profile import HeadsetProfile, Links
from fedxr.learning.random_stream import stream
from fedxr.scenarios.devices import DEVICES, devices_for

SPACING_M = 8.0
"""A room each: by the default graph, who is next door is within reach, and nobody else."""
CHUNK = 8
"""Headsets that learn in one pass: their activations stay in the cache."""


def seated(
    checkpoint: Checkpoint,
    people: Sequence[TokenizedUser],
    protocol: Protocol,
    federated: FederatedModel | None = None,
) -> Learner:
    """A learner whose rows are ``people``, who have said nothing yet, and start from what a
    federation has learned without them, where there is such a model."""
    start = checkpoint if federated is None else replace(checkpoint, federated=federated)
    learner = Learner(start, protocol.adapters(), protocol.rule(), chunk=CHUNK)
    for row, person in enumerate(people):
        profile = profile_of(person, row, protocol.links)
        identity = replace(profile.identity, rank=protocol.ranks.at(row))
        learner.join(row, replace(profile, identity=identity))
    return learner


def profile_of(person: TokenizedUser, row: int, links: Links) -> HeadsetProfile:
    """Headsets of a headless run stand in a grid, ``SPACING_M`` apart, four in a line; a recorded
    person wears, in turn, a device of their use case."""
    user, adapt = person.user, [e for e in person.user.episodes if e.adapt]
    worn = devices_for(user.use_case) if user.use_case in USE_CASES else ()
    device = worn[row % len(worn)].name if worn and user.device not in DEVICES else user.device
    return HeadsetProfile(
        person.identity,
        user.name,
        user.use_case,
        device,
        position=(SPACING_M * (row % 4), SPACING_M * (row // 4)),
        raw_bytes=sum(s.values.nbytes for e in adapt for s in e.samples.values()),
        links=links,
    ).equipped()


def teach(
    checkpoint: Checkpoint,
    people: Sequence[TokenizedUser],
    protocol: Protocol,
    personal: bool = True,
    after: Callable[[Learner, RoundReport], None] = lambda *_: None,
) -> tuple[Learner, list[RoundReport]]:
    """Everybody is told the truth of every adaptation moment, in as many parts as there are rounds,
    each followed by personal steps and a round, until they stall; what was learned, and the rounds.
    ``after`` each round it may be asked what it has learned by then."""
    learner, reports, n = seated(checkpoint, people, protocol), [], protocol.rounds
    told = [in_order(p, protocol.seed) for p in people]
    end = EarlyEnd(protocol.patience)
    for part in range(n):
        some = [x[part * len(x) // n : (part + 1) * len(x) // n] for x in told]
        tell(learner, some, personal)
        report = None if end.reached else learner.round(range(len(people)))
        if report is not None:
            reports.append(report)
            after(learner, report)
            end.look(learner)
    learner.finish()
    return learner, reports


@dataclass
class EarlyEnd:
    """After ``patience`` rounds that are not better than the ``best`` so far there are no more; a
    round is compared with it on the same examples, those that are held back by then. Rounds after
    which nothing is held back do not count; None: there is no early end."""

    patience: int | None
    best: Shared | None = None
    since: int = 0

    @property
    def reached(self) -> bool:
        return self.patience is not None and self.since >= self.patience

    def look(self, learner: Learner) -> None:
        """A round is over."""
        if self.patience is None:
            return
        now = learner.shared(sorted(learner.seated))
        loss = learner.held_loss(now)
        if loss is None:
            return
        before = None if self.best is None else learner.held_loss(self.best)
        if before is None or loss < before:
            self.best, self.since = now, 0
        else:
            self.since += 1


def in_order(person: TokenizedUser, seed: int) -> list[TokenizedEpisode]:
    """The adaptation half as it was lived; by a draw of chance where the set has no such order."""
    if person.user.ordered:
        return list(person.adapt)
    order = stream(seed, "order", person.user.source, person.user.name)
    return [person.adapt[i] for i in order.permutation(len(person.adapt))]


def tell(
    learner: Learner, examples: Sequence[Sequence[TokenizedEpisode]], personal: bool = True
) -> None:
    """Each row hears its ``examples`` in turn, one a time, then takes personal steps if due."""
    for number, together in enumerate(zip_longest(*examples)):
        said = [(row, x) for row, x in enumerate(together) if x is not None]
        learner.learn([example(row, number, x) for row, x in said]).all()
    while personal and learner.personalise():
        pass


def example(row: int, number: int, tokens: TokenizedEpisode) -> PendingFeedback:
    """Feedback of row ``row`` on the last ask of ``tokens``."""
    ask = tokens.queries[-1]
    return PendingFeedback(row, ask.task, number, ask.tick, tokens)
