"""The agents of all headsets that are here, without a clock: who calls says when.

The life of one question: :meth:`Agents.push` takes samples, :meth:`Agents.tick` answers; what the
user says of it later comes to :meth:`Agents.feedback`; :meth:`Agents.learn` counts it in,
:meth:`Agents.personalise` takes personal steps, and :meth:`Agents.round` takes shared steps and
meets the others; what was learned is taken up by :meth:`Agents.adopt`. Live (:mod:`fedxr.live`)
and replayed (:mod:`fedxr.replay`) headsets both go through here, so the same calls give the same
answers and the same adapters.

``learn`` and ``round`` may run in a second thread while the others run in the first; seats change
only while nobody learns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from agent.analytic import Choice, Sums
from agent.answering import Answering, Prepared, Probabilities
from agent.batch import collate
from agent.choosing import choose, first_choice
from agent.cohort import Tuning
from agent.encoders import encoder_for
from agent.fleet import Brain, Fleet, Member
from agent.memory import Memory
from agent.online import Dose, Momentum, learn, learn_checked
from agent.seats import seat
from agent.tasks import task_named
from agent.tokens import Tokens, tick_of
from bridge.channels import Channel, ChannelError, Samples
from federation import Block, Blocks, Effort, Headset, Pace, Round, RoundReport, Updates, run_round
from scenarios.devices import MOBILE, Computer

FLOPS_PER_STEP = 6.0
"""Operations per parameter and token of a training step: forward 2, backward 4."""
SOON = 6
"""An overloaded server skips ticks: an answer up to 0.2 s later counts as that to the moment."""
_FRESH = Choice()
REMEMBERED = 4096
"""Answers of a headset kept for comparison with feedback (2 minutes)."""


def live_pace(memory: Memory) -> Dose:
    """Personal steps after feedback: few and small while little is known."""
    told = sum(count.total() for count in memory.told.values())
    return Dose(steps=3, rate=1e-3 if told < 40 else 2e-3, batch=4)


@dataclass(frozen=True)
class Learning:
    """``shared``: steps of each headset in a round; ``personal``: by memory, after every ``each``
    labels (the analytic head learns from each at once). The steps are small because a live
    headset has little time: 8 headsets take some seconds of one core for a round."""

    shared: Dose = field(default_factory=lambda: Dose(steps=3, rate=2e-3, batch=4))
    personal: Callable[[Memory], Dose] = live_pace
    each: int = 4
    round: Round = field(default_factory=Round)

    def __post_init__(self) -> None:
        if self.round.coordination == "pooled":
            raise ValueError(
                "coordination 'pooled' moves raw samples, which live headsets do not send on; "
                "compare with it by `fedxr federate --coordination pooled`"
            )


@dataclass(frozen=True)
class Profile:
    """Who is at a seat: member, place and means; ``battery_j`` 0 means mains."""

    member: Member
    user: str
    use_case: str
    device: str
    position: tuple[float, float] = (0.0, 0.0)
    battery: float = 1.0
    battery_j: float = 0.0
    computer: Computer = MOBILE
    d2d_bytes_per_s: float | None = None
    uplink_bytes_per_s: float | None = None


@dataclass(frozen=True)
class Score:
    """One piece of feedback: its ``label``, what was ``answered`` at that moment (None: nothing),
    and what the model as it came answers to the same moment (``generic``)."""

    name: str
    task: str
    episode: int
    tick: int
    label: int
    answered: int | None
    generic: int


@dataclass
class Told:
    """Feedback that waits to be learned; ``tokens`` None takes the last on that moment back."""

    row: int
    task: str
    episode: int
    tick: int
    tokens: Tokens | None = None
    answered: int | None = None


class Agents:
    def __init__(self, brain: Brain, tuning: Tuning, learning: Learning) -> None:
        self.brain, self.learning = brain, learning
        self.fleet = Fleet(brain, (), tuning, torch.float32)
        self.answering = Answering(self.fleet)
        self.seated: dict[int, Profile] = {}
        self.spent: dict[int, float] = {}
        self.number = 0
        self.report: RoundReport | None = None
        self._patience = Pace()
        self._answered: dict[int, dict[tuple[int, int], dict[str, int]]] = {}
        self._episode: dict[int, int] = {}
        self._told: list[Told] = []
        self._fresh: Counter[int] = Counter()
        self._chosen: dict[tuple[int, str], int] = {}
        self._generic = {t: r.sharpness * r.prior.solve(r.ridge) for t, r in brain.ridges.items()}

    # -- seats -----------------------------------------------------------------------------------

    def join(self, profile: Profile) -> int:
        """The row of a headset that comes; a left one's row is used again."""
        row = next((r for r in range(len(self.fleet.members)) if r not in self.seated), None)
        row = len(self.fleet.members) if row is None else row
        seat(self.fleet, row, profile.member)
        self.answering.reseat(row)
        self.answering.prepared = self.answering.prepare()
        self.seated[row], self.spent[row] = profile, 0.0
        self._answered[row], self._episode[row] = {}, -1
        return row

    def leave(self, row: int) -> None:
        """Its row is free; what it learned is whoever's who saved it."""
        del self.seated[row], self.spent[row], self._answered[row]
        self._chosen = {k: n for k, n in self._chosen.items() if k[0] != row}
        self._told = [t for t in self._told if t.row != row]
        self._fresh.pop(row, None)
        seat(self.fleet, row, Member(f"vacant {row}", (), ()))
        self.answering.reseat(row)
        self.answering.prepared = self.answering.prepare()

    # -- ticks and feedback ----------------------------------------------------------------------

    def push(self, row: int, episode: int, samples: Mapping[str, Samples]) -> None:
        """Samples of a headset; times count from the start of ``episode``."""
        self._episode[row] = episode
        self.answering.push(row, episode, samples)

    def tick(self, due: Mapping[int, int]) -> dict[int, dict[str, Probabilities]]:
        """Answers of each headset in ``due`` after its tick ``due[row]``."""
        out = self.answering.tick(due)
        for row, answers in out.items():
            kept = self._answered[row]
            kept[self._episode[row], due[row]] = {t: int(p.argmax()) for t, p in answers.items()}
            if len(kept) > REMEMBERED:
                del kept[next(iter(kept))]
        return out

    def feedback(self, row: int, task: str, episode: int, t_us: int, label: int) -> bool:
        """The user says that class ``label`` was right at ``t_us`` of ``episode``; False when that
        moment is not (or no longer) known. It is learned with the next :meth:`learn`."""
        tokens = self.answering.lesson(row, task, episode, t_us, label)
        if tokens is None:
            return False
        tick = tick_of(t_us)
        kept = self._answered[row]
        near = (kept.get((episode, t)) for t in range(tick, tick + SOON))
        answered = next((found.get(task) for found in near if found), None)
        self._told.append(Told(row, task, episode, tick, tokens, answered))
        return True

    def undo(self, row: int, task: str, episode: int, t_us: int) -> None:
        """Take the last feedback on ``task`` at that moment back, with the next :meth:`learn`."""
        self._told.append(Told(row, task, episode, tick_of(t_us)))

    def take(self) -> list[Told]:
        """What waits to be learned; it waits no longer."""
        told, self._told = self._told, []
        return told

    # -- learning --------------------------------------------------------------------------------

    def learn(self, told: Sequence[Told]) -> list[Score]:
        """Count feedback into memories and analytic heads."""
        lessons = [t.tokens for t in told if t.tokens is not None]
        generic = iter(self._as_it_came(lessons) if lessons else [])
        scores = []
        for one in told:
            if one.tokens is None:
                self._forget(one)
                continue
            self._remember(one.row, one.tokens)
            name, label = self.fleet.members[one.row].name, one.tokens.asks[0].label
            scores.append(
                Score(name, one.task, one.episode, one.tick, label, one.answered, next(generic))
            )
            self._fresh[one.row] += 1
        return scores

    def personalise(self) -> bool:
        """Personal steps of the headset that has waited longest for them, adopted where held-back
        lessons agree; False when none is due."""
        row, labels = max(self._fresh.items(), key=lambda item: item[1], default=(-1, 0))
        if labels < self.learning.each:
            return False
        self._fresh[row] = 0
        self._personal([row])
        return True

    def _remember(self, row: int, tokens: Tokens) -> None:
        """Into memory and own sums; the crowd's sums, where there are any, grow by it too."""
        task, fleet = tokens.asks[0].task, self.fleet
        crowd, before = fleet.crowd[row].get(task), fleet.sums[row].get(task)
        fleet.remember([(row, tokens)])
        after = fleet.sums[row][task]
        if crowd is not None:
            grown = after if before is None else after.plus(before, -1.0)
            fleet.crowd[row][task] = crowd.plus(grown)

    def _forget(self, told: Told) -> None:
        """Take the newest lesson on that moment out of memory and sums."""
        fleet, task = self.fleet, told.task
        memory = fleet.memories[told.row]
        kept = memory.lessons.get(task, [])
        for place, lesson in reversed(list(enumerate(kept))):
            if (lesson.tokens.key, lesson.tokens.asks[0].tick) == (str(told.episode), told.tick):
                del kept[place]
                memory.told[task][lesson.label] -= 1
                classes = len(task_named(task).classes)
                one = Sums.of(lesson.z[None], torch.tensor([lesson.label]), classes)
                for sums in (fleet.sums[told.row], fleet.crowd[told.row]):
                    if task in sums:
                        sums[task] = sums[task].plus(one, -1.0)
                return

    def _as_it_came(self, lessons: Sequence[Tokens]) -> list[int]:
        """Best class of each lesson by the model without any learning since its checkpoint."""
        cohort, plan = self.fleet.cohort, self.brain.model.plan
        batch = collate([lessons], plan.tokens_of, plan.tasks)
        answers = cohort.answers(batch, cohort.start(1))
        width = batch.ask_tick.shape[2]
        out = []
        for i, (one, z) in enumerate(zip(lessons, self.fleet.features(lessons), strict=True)):
            task = one.asks[0].task
            scores = _FRESH.trust * answers.logits[task][0, i * width]
            scores = scores + z @ self._generic[task]
            out.append(int(scores.argmax()))
        return out

    def _personal(self, rows: list[int]) -> None:
        fleet = self.fleet
        momentum = fleet.momentum.rows(rows)
        theta, _ = learn_checked(
            fleet.cohort, fleet.cohort.theta[rows], momentum, [fleet.memories[r] for r in rows],
            ("personal",), self.learning.personal, [fleet.names[r] for r in rows],
        )  # fmt: skip
        fleet.cohort.theta[rows] = theta
        fleet.momentum.put(rows, momentum)

    def _choose(self, rows: list[int]) -> None:
        """How far to trust which head, by held-back lessons, for tasks that have new ones."""
        fleet = self.fleet
        for row in rows:
            for task in fleet.members[row].tasks:
                held = [x for x in fleet.memories[row].of(held=True) if x.task == task]
                told = fleet.memories[row].told.get(task, Counter())
                if self._chosen.get((row, task)) != len(held):
                    self._chosen[row, task] = len(held)
                    start = first_choice(Choice(), told.total() / max(1, len(told)))
                    fleet.choices[row][task] = choose(fleet, row, task, held, start)

    def adopt(self, prepared: Prepared) -> None:
        """Answer with what was learned, from the next tick on."""
        self.answering.prepared = prepared

    # -- rounds ----------------------------------------------------------------------------------

    def network(self) -> list[Headset]:
        """The seated headsets as the federation sees them, by row."""
        return [
            Headset(
                profile.member.name,
                (profile.position[0], 0.0, profile.position[1]),
                battery=self.battery(row),
                d2d_bytes_per_s=profile.d2d_bytes_per_s,
                server_bytes_per_s=profile.uplink_bytes_per_s,
                label=profile.use_case,
            )
            for row, profile in sorted(self.seated.items())
        ]

    def battery(self, row: int) -> float:
        """0 to 1: what it came with, less what radio and learning took since."""
        profile = self.seated[row]
        used = self.spent[row] / profile.battery_j if profile.battery_j else 0.0
        return max(0.0, profile.battery - used)

    def round(self) -> RoundReport | None:
        """Meet the others once; None when nobody is here."""
        rows, fleet = sorted(self.seated), self.fleet
        if not rows:
            return None
        self.number += 1
        samples = fleet.samples()
        blocks = Blocks(tuple(Block(*b) for b in fleet.blocks()))
        values = fleet.values()
        headsets = self.network()

        def adapt(awake: Tensor, union: bool) -> Updates:
            here = [rows[i] for i in awake.tolist()]
            values[here, : fleet.cohort.shared] = self._shared(here)
            owns = torch.stack([self._owns(row, blocks) for row in here])
            effort = Effort(*self._effort(here))
            return Updates(blocks, values[here], samples[here], owns, effort)

        mixed, report = run_round(
            self.learning.round, headsets, values[rows], adapt, self.number, self._patience
        )
        values[rows] = mixed
        self._merge(values, report)
        self._choose(rows)
        by_name = {h.name: row for h, row in zip(headsets, rows, strict=True)}
        for line in report.rows:
            if line.sender in by_name:
                self.spent[by_name[line.sender]] += line.joules
        self.report = report
        return report

    def _shared(self, rows: list[int]) -> Tensor:
        """(A, shared): after the round's local steps, with an optimiser of the round's own."""
        fleet = self.fleet
        theta = fleet.cohort.theta[rows]
        momentum = Momentum.none(theta)
        momentum.steps += self.number * self.learning.shared.steps  # draws other lessons each round
        lessons = [fleet.memories[r].of(held=False) for r in rows]
        names = [fleet.names[r] for r in rows]
        pace, part = self.learning.shared, ("shared",)
        # One at a time: nobody is padded to the longest lesson of another.
        after = learn(fleet.cohort, theta, momentum, lessons, part, pace, names, chunk=1)
        return after[:, : fleet.cohort.shared]

    def _owns(self, row: int, blocks: Blocks) -> Tensor:
        """(K,) bool: heads and sums of its own tasks, and all adapters."""
        tasks = self.fleet.members[row].tasks
        return torch.tensor(
            [
                b.kind not in ("head", "analytic") or b.name.split(":", 1)[1].split("|")[0] in tasks
                for b in blocks
            ]
        )

    def _effort(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        """Seconds and joules of the round's steps on each device (not on this machine)."""
        pace, seconds, joules = self.learning.shared, [], []
        parameters = sum(p.numel() for p in self.brain.model.backbone.parameters())
        for row in rows:
            lessons = self.fleet.memories[row].of(held=False)
            tokens = sum(len(x.tokens.emissions) for x in lessons) / max(1, len(lessons))
            flops = FLOPS_PER_STEP * parameters * tokens * pace.steps * pace.batch
            computer = self.seated[row].computer
            seconds.append(flops / (computer.gflops * 1e9))
            joules.append(flops * computer.picojoules_per_flop * 1e-12)
        return torch.tensor(seconds), torch.tensor(joules)

    def _merge(self, values: Tensor, report: RoundReport) -> None:
        """Take the round's answer; who was not there keeps the crowd that it knows."""
        fleet = self.fleet
        late = {drop.headset for drop in report.drops if drop.step == 2}
        here = [name for name in report.awake if name not in late]
        kept = {
            row: dict(fleet.crowd[row])
            for row, profile in self.seated.items()
            if profile.member.name not in here
        }
        alone = self.learning.round.coordination == "local"
        fleet.merge(values, {} if alone else fleet.owners(here))
        for row, crowd in kept.items():
            fleet.crowd[row] = crowd


def readable(brain: Brain, channel: Channel) -> str | None:
    """Why this brain cannot read ``channel``, or None when it can."""
    try:
        shape = encoder_for(channel).shape(channel)
    except ChannelError as error:
        return str(error)
    known = brain.model.plan.layouts.get(channel.layout)
    if known is None:
        layouts = ", ".join(brain.model.plan.layouts)
        return f"layout {channel.layout}: this checkpoint reads {layouts}"
    if shape != known:
        return (
            f"channel {channel.name}: at {channel.rate_hz:g} Hz tokens hold {shape.size} numbers; "
            f"this checkpoint has {known.size} for {channel.layout}"
        )
    return None
