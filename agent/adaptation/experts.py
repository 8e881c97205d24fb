"""Experts that must earn their weight: what answers one task of one headset, and how far each is
believed.

== ========= ==================================================================================
0  generic   the checkpoint alone
1  federated the ridge head with everybody's sums, one's own among them
2  personal  the ridge head with one's own sums
3  joint     the ridge head with one's own sums, which count more, and others'
4  adapted   the same, and the model's own head behind its adapters
== ========= ==================================================================================

Each is scored by its log-loss on a label *before* that label is learned (progressive validation),
and answers are mixed by weights exp(-η Σ loss), with a share α of them back to the start after
each stretch, so that an expert can come back (fixed share: Herbster and Warmuth, Machine Learning
32, 1998). Whatever was learned from one's own labels or from the federation starts with the little
weight of ``start`` and is believed as far as it has predicted one's own feedback.

Three things differ from the textbook:

- **A stretch of labels of the same class counts once**, by its mean loss: labels a second apart
  say the same thing, and a model of one's own has just been told it.
- **A stretch alone confirms nothing**: until a second class was told, no loss counts, and what
  gives the user's own labels more weight than anybody's has a small part (``alone``) of its start
  weight. Who only ever says one thing teaches little.
- **Feedback may be contrary.** Beside the experts run the log-odds of a user whose labels avoid
  what the checkpoint answers (label y with probability (1 - p(y)) / (C - 1)) against one whose
  labels follow it (p(y)), and against one to whom it means nothing (1 / C), for whom it is wrong
  as often as chance has it. They start at ``doubt``, 1 in 1,000 and 1 in 7; while both are above 0
  the generic expert answers alone, and nothing of this task is trained on or sent to others.

An expert that is not there yet (no label, no crowd, no adapter) loses what the mixture loses
(-log Σ w exp(-η loss) / η; sleeping experts: Freund et al., STOC 1997), so that waiting neither
helps nor harms it.

Shape legend: E experts, C classes, M answers.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

EXPERTS = ("generic", "federated", "personal", "joint", "adapted")
GENERIC, FEDERATED, PERSONAL, JOINT, ADAPTED = range(5)
E = len(EXPERTS)


@dataclass(frozen=True)
class Mixing:
    """How experts earn weight: ``start`` weights, ``rate`` η, ``share`` α, the most that one label
    may cost (``cap``, in nats), the log-odds of contrary feedback before any was given (``doubt``,
    against following and against chance), and the weight below which the adapters are left out of
    answers (``floor``): they cost a second pass. Nobody else is left out. ``alone`` is the part of
    their weight that ``PERSONAL`` and those after it have while one class was told.

    ``head`` is how far the model's own head counts beside the ridge head, in every expert.
    """

    start: tuple[float, ...] = (0.35, 0.1, 0.35, 0.1, 0.1)
    rate: float = 1.0
    share: float = 0.01
    cap: float = 4.0
    doubt: tuple[float, float] = (-7.0, -2.0)
    floor: float = 0.02
    head: float = 0.5
    alone: float = 0.05

    def __post_init__(self) -> None:
        if len(self.start) != E or min(self.start) <= 0:
            raise ValueError(f"start weights {self.start}: give {E} positive numbers")
        parts = {n: getattr(self, n) for n in ("share", "floor", "alone")}
        wrong = [f"{n} {x}; take 0 to 1" for n, x in parts.items() if not 0 <= x <= 1]
        if wrong or not (self.rate > 0 and self.cap > 0 and self.head >= 0):
            said = wrong or [f"rate {self.rate}, cap {self.cap}, head {self.head}; none is below 0"]
            raise ValueError(f"mixing: {said[0]}")


@dataclass
class ExpertWeights:
    """What the experts of one task of one headset have earned so far.

    ``earned`` (E,) are log-weights before the current stretch of labels ``label``, which has
    brought the losses ``losses`` (E,) over ``count`` labels; ``odds`` (2,) are those of contrary
    feedback before it and ``against`` (2,) what it has added; ``classes`` were told so far.
    ``before`` is all this before the label that was scored last.
    """

    mixing: Mixing = field(default_factory=Mixing)
    earned: Tensor = field(default_factory=lambda: torch.zeros(0))
    losses: Tensor = field(default_factory=lambda: torch.zeros(E))
    odds: Tensor = field(default_factory=lambda: torch.zeros(0))
    against: Tensor = field(default_factory=lambda: torch.zeros(2))
    count: int = 0
    label: int = -1
    classes: frozenset[int] = frozenset()
    before: ExpertWeights | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not len(self.earned):
            start = torch.tensor(self.mixing.start)
            self.earned = (start / start.sum()).log()
            self.odds = torch.tensor(self.mixing.doubt)

    def score(self, answers: Tensor, present: Collection[int], label: int) -> None:
        """Count a label in that nothing has learned yet: ``answers`` (E, C) are the log-
        probabilities of the experts that are ``present``."""
        self.before = replace(self, before=None)  # tensors are replaced, never changed in place
        if label != self.label:
            self.earned, self.odds = self._now()
            self.losses, self.against, self.count = torch.zeros(E), torch.zeros(2), 0
            self.label = label
            self.classes |= {label}
        there = torch.zeros(E, dtype=torch.bool)
        there[list(present)] = True
        losses = -answers[:, label].clamp_min(-self.mixing.cap)
        rate, believed = self.mixing.rate, torch.log_softmax(self.earned[there], 0)
        mixed = -torch.logsumexp(believed - rate * losses[there], 0) / rate
        self.losses = self.losses + torch.where(there, losses, mixed)
        follows, classes = answers[GENERIC, label], answers.shape[1]
        contrary = ((1 - follows.exp()).clamp_min(1e-6) / max(1, classes - 1)).log()
        ratio = torch.stack((contrary - follows, contrary + math.log(classes)))
        self.against = self.against + ratio.clamp(-self.mixing.cap, self.mixing.cap)
        self.count += 1

    def anew(self, expert: int) -> None:
        """``expert`` is another one from now on: of the weight that it has, also by the stretch so
        far, it keeps no more than its start weight; the others share the rest as they did."""
        start = torch.tensor(self.mixing.start)
        now, _ = self._now()
        weight = torch.softmax(now, 0)
        kept = torch.minimum(weight[expert], (start / start.sum())[expert])
        others = weight.clone()
        others[expert] = 0.0
        weight = others * (1 - kept) / others.sum()
        weight[expert] = kept
        self.earned, self.odds = weight.log(), self._now()[1]
        self.losses, self.against, self.count = torch.zeros(E), torch.zeros(2), 0
        self.before = None

    def without(self, told: Collection[int], newest: bool) -> ExpertWeights:
        """The trust after a label was taken back, which leaves the classes ``told``. The ``newest``
        takes what it has changed with it, as long as nothing was said since and the headset has not
        been away; of another, only its class can be forgotten."""
        found = self.before if newest and self.before is not None else self
        label = found.label if found.label in told else -1
        before = None if newest else self.before
        return replace(found, classes=frozenset(told), label=label, before=before)

    def _now(self) -> tuple[Tensor, Tensor]:
        """Log-weights and odds, the current stretch counted in."""
        if not self.count:
            return self.earned, self.odds
        start = torch.tensor(self.mixing.start)
        start = start / start.sum()
        weight = torch.softmax(self.earned - self.mixing.rate * self.losses / self.count, 0)
        share = self.mixing.share
        odds = self.odds + self.against / self.count
        return ((1 - share) * weight + share * start).log(), odds

    @property
    def doubted(self) -> bool:
        """Whether the user's feedback contradicts the checkpoint more than chance would."""
        return bool((self._now()[1] > 0).all())

    def weights(self, present: Collection[int]) -> Tensor:
        """(E,) how far each of the ``present`` experts is believed; they add up to 1."""
        out = torch.zeros(E)
        if self.doubted:
            out[GENERIC] = 1.0
            return out
        there = sorted(present)
        if len(self.classes) == 1:
            weight = self.earned.exp()
            weight[PERSONAL:] *= self.mixing.alone
        else:
            weight = self._now()[0].exp()
        out[there] = weight[there] / weight[there].sum()
        if out[ADAPTED] < self.mixing.floor:
            out[ADAPTED] = 0.0
        return out / out.sum()


def mixed(answers: Tensor, weights: Tensor) -> Tensor:
    """(M, C) probabilities from log-probabilities (E, M, C) of experts with ``weights`` (E,)."""
    used = weights > 0
    return (weights[used, None, None] * answers[used].exp()).sum(0)
