"""One domain under the learning protocol: every arm of the table, on the same people and ticks.

A domain is a recorded set or a simulated use case. Federation users learn from their adaptation
half and are tested on the other; unseen users took part in nothing: they get the federation's
model and may then personalise on their own adaptation half. Where a coordination makes no common
model (local, decentralized), there is none for them, and both of these arms are left out.

Everybody learns as live headsets do, by the same :class:`fedxr.learning.learner.Learner`: label by
label in the order of time, each answered by every expert before it is learned, with a round after
each part of the half. The weights that the experts have earned at its end serve the test half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import zip_longest
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import TUNINGS, Tuning
from fedxr.agent.adaptation.experts import EXPERTS, mixed
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.federated_model import FederatedModel
from fedxr.agent.tasks import task_named
from fedxr.evaluation.baselines import METRICS
from fedxr.experiments.classical import classical_arms
from fedxr.experiments.progress import Point, progress_of
from fedxr.experiments.splits import TokenizedUser
from fedxr.federation import COORDINATIONS, RoundReport
from fedxr.learning.feedback import PendingFeedback
from fedxr.learning.learner import Learner
from fedxr.learning.learning_rule import LearningRule, headless
from fedxr.learning.profile import HeadsetProfile, Links
from fedxr.learning.random_stream import stream

Array = NDArray[np.int64]
Scores = dict[str, dict[str, float]]
"""arm -> user -> figure"""
Confusion = dict[str, Array]
"""arm -> (C, C) counts: a line a class of the truth, a column a class answered"""
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
CHUNK = 8
"""Headsets that learn in one pass: their activations stay in the cache."""


OF_ROUND = ("coordination", "aggregation", "exchange", "seed")


@dataclass(frozen=True)
class Ranks:
    """Ranks and scale of the adapters where they differ from those of the tuning that is named."""

    r: int | None = None
    personal_r: int | None = None
    lora_alpha: float | None = None

    def of(self, tuning: Tuning) -> Tuning:
        """``tuning`` with them."""
        return replace(tuning, **{k: v for k, v in asdict(self).items() if v is not None})


@dataclass(frozen=True)
class Protocol:
    """So many ``rounds``; ``coordination``, ``aggregation``, ``tuning``, ``exchange`` by name; all
    else of ``learning`` as it stands, ``ranks`` that differ from the tuning's, and ``links`` that
    everybody has."""

    rounds: int = 8
    coordination: str = "semi-decentralized"
    exchange: str = "ffa"
    seed: int = 0
    aggregation: str = "mean"
    tuning: str = "lora"
    learning: LearningRule = field(default_factory=lambda: headless(8))
    ranks: Ranks = field(default_factory=Ranks)
    links: Links = field(default_factory=Links)

    def adapters(self) -> Tuning:
        """What is trained on each headset."""
        named = self.ranks.of(TUNINGS.named(self.tuning).tuning)
        return replace(named, exchange=self.exchange, seed=self.seed)  # type: ignore[arg-type]

    def rule(self) -> LearningRule:
        """``learning`` over as many rounds, and as the other words have it."""
        shared, personal = self.learning.shared, self.learning.personal
        rule = replace(
            self.learning,
            shared=replace(shared, parts=self.rounds),
            personal=replace(personal, parts=self.rounds),
        )
        return rule.with_round(**self.of_round())

    def of_round(self) -> dict[str, object]:
        """What of a round has a word of its own here."""
        return {name: getattr(self, name) for name in OF_ROUND}

    def beside(self, coordination: str) -> Protocol:
        """The same under the ``coordination`` of a baseline, where only the mean can act."""
        return replace(self, coordination=coordination, aggregation="mean")


@dataclass
class Study:
    """What came out of one domain. ``reports`` are the federation's rounds, ``after`` each user's
    figure after each of them, on :data:`AFTER` of their questions, ``losses`` the negative
    log-likelihood of the truth there (nats a question), ``pooled`` the rounds that bring the
    samples to one place. By role: ``trust``, how far each expert is believed at the end, mean over
    users; ``experts``, each expert's figures as if it alone were believed; ``cost``, by user, what
    personalising changed and its standard error over the user's windows; and ``confusion``, by arm,
    what was answered."""

    name: str
    task: str
    metric: str
    halves: str = "time forward"
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


def metric_of(task: str) -> str:
    """What the tables show of ``task``."""
    return task_named(task).metric


def study(
    name: str,
    task: str,
    people: Sequence[TokenizedUser],
    unseen: Sequence[TokenizedUser],
    pretraining: Sequence[TokenizedUser],
    checkpoint: Checkpoint,
    protocol: Protocol,
    progress: Callable[[str], None] = lambda _: None,
    keep: Callable[[str, Learner], None] = lambda *_: None,
) -> Study:
    """Run every arm of ``task`` on federation ``people`` and ``unseen`` ones.

    ``pretraining`` people are what the classical baselines may learn from, as the checkpoint did.
    ``keep`` is given what the federation called ``name`` has learned, when it is over.
    """
    out = Study(name, task, metric_of(task))
    for person in (*people, *unseen):
        out.halves = person.user.halves
    out.windows = sum(len(p.test) for p in people)
    out.unseen_windows = sum(len(p.test) for p in unseen)
    groups = {"federation": (people, out.federation), "unseen": (unseen, out.unseen)}
    for role, (group, scores) in groups.items():
        progress(f"{name}: generic and local")
        counts = out.confusion[role] = {}
        fresh = seated(checkpoint, group, protocol)
        scores["generic"] = evaluate(fresh, group, task, True, counted(counts, "generic", task))
        alone, _ = teach(checkpoint, group, protocol.beside("local"))
        scores["local"] = evaluate(alone, group, task, counts=counted(counts, "local", task))
    progress(f"{name}: federation")

    some = [replace(p, test=evenly(p.test, AFTER)) for p in people]

    def note(learner: Learner, report: RoundReport) -> None:
        losses: dict[str, float] = {}
        users = evaluate(learner, some, task, losses=losses)
        out.after.append(users)
        out.losses.append(losses)
        found = report.totals()
        if users:
            found |= {"accuracy": fmean(users.values()), "loss": fmean(losses.values())}
        progress_of(progress).log(Point("round", protocol.seed, report.number, found, name))

    together, out.reports = teach(checkpoint, people, protocol, after=note)
    keep(name, together)
    _personalised(out, "federation", out.federation, together, people)
    if COORDINATIONS[protocol.coordination].server:
        progress(f"{name}: unseen users")
        newcomers = seated(checkpoint, unseen, protocol, together.cohort.federated)
        tell(newcomers, [in_order(p, protocol.seed) for p in unseen])
        _personalised(out, "unseen", out.unseen, newcomers, unseen)
    progress(f"{name}: pooled")
    pooled, out.pooled = teach(checkpoint, people, protocol.beside("pooled"), personal=False)
    out.federation["pooled"] = evaluate(pooled, people, task, common=True)
    others = seated(checkpoint, unseen, protocol, pooled.cohort.federated)
    out.unseen["pooled"] = evaluate(others, unseen, task, common=True)
    progress(f"{name}: classical baselines")
    out.kinds = classical_arms(out.federation, people, people, pretraining, out.metric)
    out.unseen_kinds = classical_arms(out.unseen, unseen, people, pretraining, out.metric)
    return out


def evenly(asked: Sequence[TokenizedEpisode], most: int) -> tuple[TokenizedEpisode, ...]:
    """At most so many of ``asked``, spread over all of them."""
    count = min(most, len(asked))
    return tuple(asked[i * len(asked) // count] for i in range(count))


def _personalised(
    out: Study, role: str, scores: Scores, learner: Learner, people: Sequence[TokenizedUser]
) -> None:
    """The arms without and with personalisation of those whom ``learner`` knows, each expert by
    itself, and what personalising changed for each of them."""
    task, figure = out.task, METRICS[out.metric]
    scores["federated"], scores["federated_personalised"] = {}, {}
    out.experts[role], out.cost[role] = {name: {} for name in EXPERTS}, {}
    out.trust[role] = trust_of(learner, task)
    said = out.confusion.setdefault(role, {})
    counts = {arm: counted(said, arm, task) for arm in ("federated", "federated_personalised")}
    for row, person in enumerate(people):
        if not person.test:
            continue
        name, truth = person.user.name, np.array([t.queries[-1].label for t in person.test])
        common = _best(_common(learner, row, person.test))
        answers, earned = _answers(learner, row, person.test), learner.cohort.trust(row, task)
        mixture = _best(mixed(answers, earned))
        for expert, alone in zip(EXPERTS, answers, strict=True):
            out.experts[role][expert][name] = figure(truth, _best(alone))
        scores["federated"][name] = figure(truth, common)
        scores["federated_personalised"][name] = figure(truth, mixture)
        np.add.at(counts["federated"], (truth, common), 1)
        np.add.at(counts["federated_personalised"], (truth, mixture), 1)
        out.cost[role][name] = paired(truth, common, mixture, out.metric)


def paired(truth: Array, before: Array, after: Array, metric: str) -> tuple[float, float]:
    """By how much ``metric`` changed from answers ``before`` to ``after``, and the standard error
    of that over the windows (paired: a window that both answer alike says nothing)."""
    weight = np.ones(len(truth))
    if metric == "balanced accuracy":  # each class of the truth has the same part
        classes, counts = np.unique(truth, return_counts=True)
        part = dict(
            zip(classes.tolist(), (len(truth) / len(classes) / counts).tolist(), strict=True)
        )
        weight = np.array([part[label] for label in truth.tolist()])
    change = weight * ((after == truth).astype(float) - (before == truth))
    error = change.std(ddof=1) / len(change) ** 0.5 if len(change) > 1 else 0.0
    return float(change.mean()), float(error)


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
        learner.join(row, profile_of(person, row, protocol.links))
    return learner


def profile_of(person: TokenizedUser, row: int, links: Links) -> HeadsetProfile:
    """Headsets of a headless run stand in a grid, 2 m apart, four in a line."""
    adapt = [e for e in person.user.episodes if e.adapt]
    return HeadsetProfile(
        person.identity,
        person.user.name,
        person.user.use_case,
        person.user.device,
        position=(2.0 * (row % 4), 2.0 * (row // 4)),
        raw_bytes=sum(s.values.nbytes for e in adapt for s in e.samples.values()),
        links=links,
    )


def teach(
    checkpoint: Checkpoint,
    people: Sequence[TokenizedUser],
    protocol: Protocol,
    personal: bool = True,
    after: Callable[[Learner, RoundReport], None] = lambda *_: None,
) -> tuple[Learner, list[RoundReport]]:
    """Everybody is told the truth of every adaptation moment, in as many parts as there are rounds,
    each followed by personal steps and a round; what was learned, and the rounds. ``after`` each
    round it may be asked what it has learned by then."""
    learner, reports, n = seated(checkpoint, people, protocol), [], protocol.rounds
    told = [in_order(p, protocol.seed) for p in people]
    for part in range(n):
        some = [x[part * len(x) // n : (part + 1) * len(x) // n] for x in told]
        tell(learner, some, personal)
        report = learner.round(range(len(people)))
        if report is not None:
            reports.append(report)
            after(learner, report)
    learner.finish()
    return learner, reports


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


def trust_of(learner: Learner, task: str) -> list[float]:
    """(E,) mean over the rows."""
    rows = range(len(learner.cohort.headsets))
    mean: list[float] = torch.stack([learner.cohort.trust(r, task) for r in rows]).mean(0).tolist()
    return mean


def counted(said: Confusion, arm: str, task: str) -> Array:
    """(C, C) zeros of ``arm``, to count answers in."""
    classes = len(task_named(task).classes)
    return said.setdefault(arm, np.zeros((classes, classes), np.int64))


def evaluate(
    learner: Learner,
    people: Sequence[TokenizedUser],
    task: str,
    common: bool = False,
    counts: Array | None = None,
    losses: dict[str, float] | None = None,
) -> dict[str, float]:
    """Each user's figure on their test half, by what the experts have earned; or, ``common``, by
    the model that is everybody's: the common sums, and the shared adapters as they are. Answers are
    added to ``counts`` (C, C), and each user's mean negative log-likelihood put into ``losses``,
    where they are given."""
    figure, out = METRICS[metric_of(task)], {}
    for row, person in enumerate(people):
        if person.test:
            truth = np.array([t.queries[-1].label for t in person.test])
            likely = answered(learner, row, person.test, common)
            answers = _best(likely)
            out[person.user.name] = figure(truth, answers)
            if losses is not None:
                losses[person.user.name] = _loss(likely, truth)
            if counts is not None:
                np.add.at(counts, (truth, answers), 1)
    return out


CHUNK_TEST = 64
"""Questions of one pass."""


def answered(
    learner: Learner, row: int, asked: Sequence[TokenizedEpisode], common: bool = False
) -> Tensor:
    """(M, C) probabilities: the mixture of the experts of row ``row``, or the common model's."""
    if not asked:
        return torch.zeros(0, 0)
    if common:
        return _common(learner, row, asked)
    return mixed(
        _answers(learner, row, asked), learner.cohort.trust(row, asked[0].queries[-1].task)
    )


def _answers(learner: Learner, row: int, asked: Sequence[TokenizedEpisode]) -> Tensor:
    """(E, M, C) log-probabilities of the experts."""
    cohort, out = learner.cohort, []
    for start in range(0, len(asked), CHUNK_TEST):
        part = asked[start : start + CHUNK_TEST]
        out += cohort.answers([(row, t) for t in part], cohort.features(part))
    return torch.stack(out, 1)


def _common(learner: Learner, row: int, asked: Sequence[TokenizedEpisode]) -> Tensor:
    """(M, C) probabilities; the row's personal adapter and own weight have no say."""
    task = asked[0].queries[-1].task
    parts = [asked[i : i + CHUNK_TEST] for i in range(0, len(asked), CHUNK_TEST)]
    return torch.cat([learner.cohort.common(row, task, part) for part in parts]).exp()


def _loss(likely: Tensor, truth: Array) -> float:
    """Mean -log of what ``likely`` (M, C) gives to the truth (M,)."""
    given = likely[torch.arange(len(truth)), torch.from_numpy(truth)]
    return float(-given.clamp_min(torch.finfo(given.dtype).tiny).log().mean())


def _best(answers: Tensor) -> Array:
    """(M,) from (M, C)."""
    best: Array = answers.argmax(-1).numpy()
    return best
