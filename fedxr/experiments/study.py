"""A federation under the learning protocol: every arm of the table, on the same people and ticks.

A domain is a recorded set or a simulated use case. Federation users learn from their adaptation
half and are tested on the other; unseen users took part in nothing: they get the federation's
model and may then personalise on their own adaptation half. Where a coordination makes no common
model (local, decentralized), there is none for them, and both of these arms are left out.

A federation is of one task of one domain, or of everybody at once (:data:`TOGETHER`), each with the
senses, the tasks and as many labels as they have; either way each :class:`Part` is judged by
itself. The weights that the experts have earned at its end serve the test half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np

from fedxr.agent.adaptation.experts import EXPERTS, mixed
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.federated_model import FederatedModel
from fedxr.evaluation.baselines import METRICS
from fedxr.experiments.answering import (
    Confusion,
    Scores,
    answers_of,
    best_of,
    common_of,
    counted,
    evaluate,
    evenly,
    metric_of,
    paired,
    trust_of,
)
from fedxr.experiments.classical import classical_arms
from fedxr.experiments.progress import Point, progress_of
from fedxr.experiments.protocol import Protocol
from fedxr.experiments.splits import TokenizedUser
from fedxr.experiments.teaching import in_order, seated, teach, tell
from fedxr.federation import COORDINATIONS, RoundReport
from fedxr.learning.learner import Learner

MEASURED = (
    "generic",
    "local",
    "federated",
    "federated_personalised",
    "pooled",
    "classical_own",
    "classical_pretraining",
    "classical_everyone",
)
"""The arms of a study."""
AFTER = 48
"""Most test questions that a user is asked after each round: eight rounds of all of them would take
longer than the rounds."""
TOGETHER = "together"
"""What the one federation of everybody is called."""
Keep = Callable[[str, Learner], None]


@dataclass(frozen=True)
class Part:
    """``task`` as it is asked of a domain's ``people``, who are in the federation, and of
    ``unseen`` ones; the study of it is called ``name``. ``pretraining`` people are what the
    classical baselines may learn from, as the checkpoint did."""

    name: str
    task: str
    people: Sequence[TokenizedUser]
    unseen: Sequence[TokenizedUser]
    pretraining: Sequence[TokenizedUser]

    def asked(self, everyone: Sequence[TokenizedUser]) -> list[TokenizedUser]:
        """``everyone``, row by row, with the questions of this part; the others have none."""
        mine = {p.identity.name: p for p in self.people}
        return [
            mine.get(p.identity.name, TokenizedUser(replace(p.user, tasks=()), (), ()))
            for p in everyone
        ]


@dataclass
class Study:
    """What came out of one task of a domain. ``together`` is the name of its federation, where that
    has other parts as well, which tell of the same rounds.

    ``reports`` are the federation's rounds, ``after`` each user's figure after each of them, on
    :data:`AFTER` of their questions, ``losses`` the negative log-likelihood of the truth there
    (nats a question), ``pooled`` the rounds that bring the samples to one place. By role:
    ``trust``, how far each expert is believed at the end, mean over users; ``experts``, each
    expert's figures as if it alone were believed; ``cost``, by user, what personalising changed and
    its standard error over the user's windows; and ``confusion``, by arm, what was answered."""

    name: str
    task: str
    metric: str
    halves: str = "time forward"
    together: str = ""
    federation: Scores = field(default_factory=dict)
    unseen: Scores = field(default_factory=dict)
    windows: int = 0
    unseen_windows: int = 0
    reports: list[RoundReport] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    unseen_kinds: dict[str, str] = field(default_factory=dict)
    trust: dict[str, list[float]] = field(default_factory=dict)
    experts: dict[str, Scores] = field(default_factory=dict)
    cost: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    after: list[dict[str, float]] = field(default_factory=list)
    losses: list[dict[str, float]] = field(default_factory=list)
    pooled: list[RoundReport] = field(default_factory=list)
    confusion: dict[str, Confusion] = field(default_factory=dict)


def pieces_of(parts: int, protocol: Protocol, together: bool) -> int:
    """Of the work on so many parts, as :func:`alone` and :func:`federated` tell them."""
    return 3 * parts + (min(parts, 1) if together else parts) * (protocol.rounds + 1)


def study(
    part: Part,
    checkpoint: Checkpoint,
    protocol: Protocol,
    progress: Callable[[str], None] = lambda _: None,
    keep: Keep = lambda *_: None,
) -> Study:
    """Every arm of a federation of the people of ``part`` alone."""
    out = alone(part, checkpoint, protocol, progress)
    federated([out], [part], part.people, checkpoint, protocol, progress, keep)
    return out


def federated(
    outs: Sequence[Study],
    parts: Sequence[Part],
    everyone: Sequence[TokenizedUser],
    checkpoint: Checkpoint,
    protocol: Protocol,
    progress: Callable[[str], None] = lambda _: None,
    keep: Keep = lambda *_: None,
) -> None:
    """One federation of ``everyone``, and what it gives to each of its ``parts``: the arms of those
    who share something, put into ``outs``.

    ``keep`` is given what the federation has learned, under its name, when it is over.
    """
    title = parts[0].name if len(parts) == 1 else TOGETHER
    rows = [part.asked(everyone) for part in parts]
    progress(f"{title}: federation")
    count = progress_of(progress).pieces
    asked = [[replace(p, test=evenly(p.test, AFTER)) for p in mine] for mine in rows]

    def note(learner: Learner, report: RoundReport) -> None:
        for out, some in zip(outs, asked, strict=True):
            losses: dict[str, float] = {}
            number = len(out.after) + 1
            looked = number % protocol.evaluate_every == 0 or number == protocol.rounds
            users = evaluate(learner, some, out.task, losses=losses) if looked else {}
            out.after.append(users)
            out.losses.append(losses)
            found = report.totals()
            if users:
                found |= {"accuracy": fmean(users.values()), "loss": fmean(losses.values())}
            progress_of(progress).log(Point("round", protocol.seed, report.number, found, out.name))
        count(1)

    together, reports = teach(checkpoint, everyone, protocol, after=note)
    count(protocol.rounds - len(reports))  # where it ended early
    keep(title, together)
    progress(f"{title}: pooled")
    pooled, moved = teach(checkpoint, everyone, protocol.beside("pooled"), personal=False)
    count(1)
    for part, out, mine in zip(parts, outs, rows, strict=True):
        out.reports, out.pooled = reports, moved
        out.together = title if len(parts) > 1 else ""
        progress(f"{part.name}: unseen users")
        _personalised(out, "federation", out.federation, together, mine)
        out.federation["pooled"] = evaluate(pooled, mine, part.task, common=True)
        _newcomers(out, part, checkpoint, protocol, together, pooled)
        count(1)


def alone(
    part: Part, checkpoint: Checkpoint, protocol: Protocol, progress: Callable[[str], None]
) -> Study:
    """The arms without a federation: the checkpoint as it is, each by themselves, and classical
    models on the same summaries."""
    out = Study(part.name, part.task, metric_of(part.task))
    for person in (*part.people, *part.unseen):
        out.halves = person.user.halves
    out.windows = sum(len(p.test) for p in part.people)
    out.unseen_windows = sum(len(p.test) for p in part.unseen)
    progress(f"{part.name}: generic and local")
    groups = {"federation": (part.people, out.federation), "unseen": (part.unseen, out.unseen)}
    for role, (group, scores) in groups.items():
        said = out.confusion[role] = {}
        fresh = seated(checkpoint, group, protocol)
        counts = counted(said, "generic", part.task)
        scores["generic"] = evaluate(fresh, group, part.task, True, counts)
        each, _ = teach(checkpoint, group, protocol.beside("local"))
        counts = counted(said, "local", part.task)
        scores["local"] = evaluate(each, group, part.task, counts=counts)
    count = progress_of(progress).pieces
    count(1)
    progress(f"{part.name}: classical baselines")
    people, unseen, known, metric = part.people, part.unseen, part.pretraining, out.metric
    out.kinds = classical_arms(out.federation, people, people, known, metric)
    out.unseen_kinds = classical_arms(out.unseen, unseen, people, known, metric)
    count(1)
    return out


def _newcomers(
    out: Study,
    part: Part,
    checkpoint: Checkpoint,
    protocol: Protocol,
    together: Learner,
    pooled: Learner,
) -> None:
    """The arms of unseen users, who start from what others have learned; from a federation's model
    where its coordination makes one."""

    def newcomers(model: FederatedModel | None) -> Learner:
        return seated(checkpoint, part.unseen, protocol, model)

    if COORDINATIONS[protocol.coordination].server:
        theirs = newcomers(together.cohort.federated)
        tell(theirs, [in_order(p, protocol.seed) for p in part.unseen])
        _personalised(out, "unseen", out.unseen, theirs, part.unseen)
    theirs = newcomers(pooled.cohort.federated)
    out.unseen["pooled"] = evaluate(theirs, part.unseen, part.task, common=True)


def _personalised(
    out: Study, role: str, scores: Scores, learner: Learner, people: Sequence[TokenizedUser]
) -> None:
    """The arms without and with personalisation of those whom ``learner`` knows, each expert by
    itself, and what personalising changed for each of them."""
    task, figure = out.task, METRICS[out.metric]
    scores["federated"], scores["federated_personalised"] = {}, {}
    out.experts[role], out.cost[role] = {name: {} for name in EXPERTS}, {}
    out.trust[role] = trust_of(learner, task, [r for r, p in enumerate(people) if p.identity.tasks])
    said = out.confusion.setdefault(role, {})
    counts = {arm: counted(said, arm, task) for arm in ("federated", "federated_personalised")}
    for row, person in enumerate(people):
        if not person.test:
            continue
        name, truth = person.user.name, np.array([t.queries[-1].label for t in person.test])
        common = best_of(common_of(learner, row, person.test))
        answers, earned = answers_of(learner, row, person.test), learner.cohort.trust(row, task)
        mixture = best_of(mixed(answers, earned))
        for expert, alone in zip(EXPERTS, answers, strict=True):
            out.experts[role][expert][name] = figure(truth, best_of(alone))
        scores["federated"][name] = figure(truth, common)
        scores["federated_personalised"][name] = figure(truth, mixture)
        np.add.at(counts["federated"], (truth, common), 1)
        np.add.at(counts["federated_personalised"], (truth, mixture), 1)
        out.cost[role][name] = paired(truth, common, mixture, out.metric)
