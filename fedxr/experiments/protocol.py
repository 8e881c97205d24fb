"""What a study of a domain is told of a run: how many rounds, and how everybody learns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import tyro

from fedxr.agent.adaptation.adapter_stack import TUNINGS, Tuning
from fedxr.federation import ServerOptimizer
from fedxr.learning.learning_rule import LearningRule, headless
from fedxr.learning.profile import Links

OF_ROUND = ("coordination", "aggregation", "exchange", "seed")


@dataclass(frozen=True)
class Ranks:
    """Ranks and scale of the adapters where they differ from those of the tuning that is named.
    ``each``: the largest ranks of shared adapters that headsets can train, in turn, up to ``r``."""

    r: int | None = None
    personal_r: int | None = None
    lora_alpha: float | None = None
    each: tyro.conf.UseAppendAction[tuple[int, ...]] = ()

    def of(self, tuning: Tuning) -> Tuning:
        """``tuning`` with them. Raises ValueError for ranks that it has not."""
        given = {k: v for k, v in asdict(self).items() if v is not None and k != "each"}
        found = replace(tuning, **given)
        wrong = [rank for rank in self.each if not 1 <= rank <= found.r]
        if wrong:
            raise ValueError(f"ranks: each has {wrong[0]}; allowed are 1 to r, which is {found.r}")
        return found

    def at(self, row: int) -> int | None:
        """That of the headset at ``row``."""
        return self.each[row % len(self.each)] if self.each else None


@dataclass(frozen=True)
class Protocol:
    """So many ``rounds``; ``coordination``, ``aggregation``, ``tuning``, ``exchange`` by name; all
    else of ``learning`` as it stands, ``ranks`` that differ from the tuning's, and ``links`` that
    everybody has. Figures are taken after every ``evaluate_every``-th round. After ``patience``
    rounds without a lower loss on examples held back there are no more of them; labels are learned
    from as before."""

    rounds: int = 8
    coordination: str = "semi-decentralized"
    exchange: str = "ffa"
    seed: int = 0
    aggregation: str = "mean"
    tuning: str = "lora"
    learning: LearningRule = field(default_factory=lambda: headless(8))
    ranks: Ranks = field(default_factory=Ranks)
    links: Links = field(default_factory=Links)
    evaluate_every: int = 1
    patience: int | None = None

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
        """The same under the ``coordination`` of a baseline, with nothing that only a federation
        has: no rule but the mean, no server's optimiser, nothing that holds steps back to what
        others have, no early end."""
        shared = self.learning.shared
        alone = replace(shared, train=replace(shared.train, proximal=0.0))
        learning = replace(self.learning, shared=alone).with_round(server=ServerOptimizer())
        return replace(
            self, coordination=coordination, aggregation="mean", patience=None, learning=learning
        )
