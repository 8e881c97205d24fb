"""Everything that decides a run, in one nested object that the command line, YAML and Python make.

What has a word of its own (``rounds``, ``seed``, …) is said there and nowhere else; the nested
parts hold the rest. :mod:`fedxr.experiments.config_file` reads it from a file and writes it into
``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from fedxr.agent.adaptation.adapter_stack import TUNINGS
from fedxr.agent.checkpoints.pretrain import Pretraining
from fedxr.agent.model.backbone import BACKBONES
from fedxr.agent.tasks import USE_CASES, check_use_case
from fedxr.experiments.choices import SetNames, Source, UseCase, known, one_of
from fedxr.experiments.cold import Cold, ColdProtocol
from fedxr.experiments.protocol import Protocol, Ranks
from fedxr.experiments.tracking import TRACKERS
from fedxr.federation import AGGREGATIONS, COORDINATIONS
from fedxr.federation.exchange import Exchange
from fedxr.learning.learning_rule import LearningRule, headless
from fedxr.learning.profile import Links, Radio
from fedxr.plugins.nearest import did_you_mean

WARM_ONLY = (
    "unseen_data", "aggregation", "tuning", "exchange", "size", "steps", "copies", "workers",
    "together", "evaluate_every", "patience",
    "bridge", "bridge_s", "seeds", "require", "pretraining", "ranks",
    "learning.shared", "learning.personal",
    "learning.each", "learning.guard", "learning.moments", "learning.best_round",
    "learning.checked", "learning.round.consensus", "learning.round.codec",
    "learning.round.server",
)  # fmt: skip
"""Options that a cold start has no use for."""
COLD_ONLY = ("draws", "cold")
"""Options that only a cold start has a use for."""
SAID_AS = {
    "learning.round.coordination": "coordination",
    "learning.round.aggregation": "aggregation",
    "learning.round.exchange": "exchange",
    "learning.round.seed": "seed",
    "learning.shared.parts": "rounds",
    "learning.personal.parts": "rounds",
    "links.radio": "radio",
    "pretraining.steps": "steps",
    "pretraining.seed": "seed",
}
"""Nested fields that have a word of their own, which decides."""


@dataclass(frozen=True)
class RunConfig:
    """A federation of headsets, headless, with every baseline beside it."""

    protocol: Literal["warm", "cold"] = "warm"
    """Pretrain on some users of each set; or on none, and show curves over labels a class."""
    scenario: UseCase = "all"
    """Use case, or all."""
    source: Source = "simulated"
    """Simulated worlds, or recorded people from --data."""
    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    unseen_data: Path | None = None
    """A second folder of the same layouts: its users are tested on, nothing is trained on them."""
    sets: SetNames = ()
    """Only these recorded sets."""
    headsets: int = 12
    """Most headsets in the federation of each set, and most unseen ones."""
    rounds: int = 8
    """Rounds of the federation."""
    evaluate_every: int = 1
    """Rounds from one look at the figures to the next."""
    patience: int | None = None
    """Rounds without a lower loss on examples held back, after which there are no more of them."""
    coordination: Annotated[str, one_of(COORDINATIONS)] = "semi-decentralized"
    """How updates are mixed."""
    aggregation: Annotated[str, one_of(AGGREGATIONS)] = "mean"
    """How the server makes one of what it is sent; sums of ridge heads are added."""
    tuning: Annotated[str, one_of(TUNINGS)] = "lora"
    """What is trained on the headset."""
    exchange: Exchange = "ffa"
    """What of it is exchanged."""
    size: Annotated[str, one_of(BACKBONES)] = "tiny"
    """Backbone of the model, by its size."""
    steps: int = 120
    """Pretraining steps a task."""
    copies: int = 1500
    """Augmented episodes of each set, about: from one to ten of each episode."""
    seed: int = 0
    """Seed of everything random; of the first run, with --seeds."""
    seeds: int = 1
    """Runs, with seeds one apart; figures and requirements are means over them."""
    draws: int = 3
    """Cold: how often members, strangers and their labels are drawn."""
    together: bool = False
    """One federation of all users of all sets, with their own senses, tasks and amounts."""
    workers: int = 0
    """Domains that learn side by side, a process each; 0: one a core."""
    out: Path | None = None
    """Folder for result.json and report.html; default runs/<time>."""
    resume: Path | None = None
    """A run's folder: go on with it, what is finished is not done again."""
    bridge: bool = False
    """Every headset really connects and streams through the websocket bridge; then the federation's
    also in real time, to measure latency."""
    bridge_s: float = 10.0
    """Seconds in real time, of each set."""
    require: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Conditions such as "accuracy>=0.8"; the exit status tells whether all hold."""
    junit: Path | None = None
    """Write the outcome of each --require to this file, or where there is none each finished set,
    as CI systems read it (JUnit's XML)."""
    track: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], known(TRACKERS)] = ()
    """Write rounds and sets to this tracker as well; metrics.jsonl is written always."""
    config: Path | None = None
    """Where to start from: a YAML file, or the result.json of a run; other options override it."""
    learning: LearningRule = field(default_factory=lambda: headless(8))
    """How headsets learn, beyond the options above."""
    ranks: Ranks = field(default_factory=Ranks)
    """Of the adapters, where they differ from those of --tuning."""
    radio: Radio = "devices"
    """How long a transfer takes: by the rates of the devices, or 0.25 s each, MH-FL's yardstick."""
    links: Links = field(default_factory=Links)
    """How far headsets and their links can be relied on."""
    pretraining: Pretraining = field(default_factory=Pretraining)
    """How the checkpoint is made, beyond the options above."""
    cold: Cold = field(default_factory=Cold)
    """What only a cold start has."""

    def __post_init__(self) -> None:
        words = ("headsets", "rounds", "evaluate_every", "steps", "copies", "draws", "seeds")
        counts = {n: getattr(self, n) for n in words}
        if self.patience is not None:
            counts["patience"] = self.patience
        if self.workers < 0:
            raise ValueError(f"workers {self.workers}; take 0 (one a core) or more")
        wrong = [f"{name} {count}" for name, count in counts.items() if count < 1]
        if wrong:
            raise ValueError(f"federation with {', '.join(wrong)}; take at least 1 of each")
        if self.evaluate_every > self.rounds:
            raise ValueError(
                f"evaluate_every {self.evaluate_every} with {self.rounds} rounds; take at most as "
                "many"
            )
        self._refuse_said_twice()
        self._refuse_senseless()
        self._refuse_unknown_scenario()
        self._refuse_unfit_outputs()
        if self.protocol == "cold" and not COORDINATIONS.named(self.coordination).server:
            raise ValueError(
                f"coordination {self.coordination!r} makes no model for strangers, which the cold "
                "protocol measures; take centralized or semi-decentralized"
            )
        how = self.warm_protocol()
        how.rule()  # each refuses what it does not know, or what cannot go together
        how.adapters()
        BACKBONES.named(self.size)

    def _refuse_said_twice(self) -> None:
        for path, word in SAID_AS.items():
            if not _as_usual(self, path):
                raise ValueError(f"{path} is what {word!r} decides; set {word!r} instead")

    def _refuse_senseless(self) -> None:
        senseless = WARM_ONLY if self.protocol == "cold" else COLD_ONLY
        given = [path for path in senseless if not _as_usual(self, path)]
        if given:
            raise ValueError(
                f"{', '.join(given)}: of no use with --protocol {self.protocol}; leave out"
            )

    def _refuse_unknown_scenario(self) -> None:
        """One of one's own sets is known only when they are found, but it is a name."""
        name = self.scenario
        if self.source == "simulated" and name not in (*USE_CASES, "all"):
            meant = did_you_mean(name, (*USE_CASES, "all"))
            raise ValueError(
                f"scenario {name!r}; {meant}simulated are {', '.join(USE_CASES)}, or all"
            )
        if name != "all" and (wrong := check_use_case(name)):
            raise ValueError(wrong)

    def _refuse_unfit_outputs(self) -> None:
        if not 1 <= self.bridge_s <= 3600:
            raise ValueError(f"bridge_s {self.bridge_s:g}; take 1 to 3600 seconds")
        if self.resume is not None and self.out is not None and self.out != self.resume:
            raise ValueError(
                f"out {self.out} and resume {self.resume}: a resumed run goes on in its own "
                "folder; leave out away"
            )

    def warm_protocol(self) -> Protocol:
        """What the study of a warm run needs of this."""
        return Protocol(
            rounds=self.rounds,
            coordination=self.coordination,
            aggregation=self.aggregation,
            tuning=self.tuning,
            exchange=self.exchange,
            seed=self.seed,
            learning=self.learning,
            ranks=self.ranks,
            evaluate_every=self.evaluate_every,
            patience=self.patience,
            links=replace(self.links, radio=self.radio),
        )

    def cold_protocol(self) -> ColdProtocol:
        """What the studies of a cold start need of this."""
        return ColdProtocol(
            rounds=self.rounds,
            coordination=self.coordination,
            seed=self.seed,
            learning=self.learning,
            links=replace(self.links, radio=self.radio),
            draws=self.draws,
            cold=self.cold,
        )

    def how_to_pretrain(self, shares: Mapping[str, float]) -> Pretraining:
        """With as many steps of each task as its share of them, where nothing else is said."""
        more = {**shares, **self.pretraining.more}
        return replace(self.pretraining, steps=self.steps, seed=self.seed, more=more)


def _as_usual(config: RunConfig, path: str) -> bool:
    """Whether the field at ``path`` (``learning.round.seed``) is as it is where nothing is said."""
    first, *nest = path.split(".")
    got, usual = getattr(config, first), USUAL[first]
    for name in nest:
        got, usual = getattr(got, name), getattr(usual, name)
    return bool(got == usual)


USUAL = {
    f.name: f.default if f.default_factory is MISSING else f.default_factory()
    for f in fields(RunConfig)
}
"""What every field is where nothing is said."""
