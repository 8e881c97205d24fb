"""How the headsets of a cohort meet: one round, from their examples to what each then holds.

The one caller of :func:`fedxr.federation.run_round`, live and headless. The round is done in slices
(:data:`fedxr.agent.adaptation.trainer.Slices`): live, what users say is learned between them.

Shape legend: R headsets of the round, A of them awake, P numbers of theta, P' of an update, M
examples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.exchange import Exchange
from fedxr.agent.adaptation.replay import Example
from fedxr.agent.adaptation.trainer import AdamState, Slices, TrainSteps, example_losses, learn
from fedxr.federation import (
    COORDINATIONS,
    Block,
    Blocks,
    Drop,
    Effort,
    RoundReport,
    ServerState,
    StragglerDeadline,
    Updates,
    run_round,
)
from fedxr.federation.network import Headset, who_is_awake
from fedxr.learning.learning_rule import LearningRule
from fedxr.learning.profile import Batteries, HeadsetProfile, network
from fedxr.learning.walls import Fault, NotFiniteError

FLOPS_PER_STEP = 6.0
"""Operations per parameter and token of a training step: forward 2, backward 4."""
UNION = 4
"""Pooled training takes batches of up to so many headsets."""


def meet(
    cohort: Cohort,
    rule: LearningRule,
    seated: Mapping[int, HeadsetProfile],
    batteries: Batteries,
    number: int,
    patience: StragglerDeadline,
    chunk: int = 1,
    faults: list[Fault] | None = None,
    server: ServerState | None = None,
) -> Slices[RoundReport]:
    """Round ``number`` of the ``seated`` rows of ``cohort``: each takes the rule's shared steps,
    all mix, and each takes the mean that has reached it. Who takes no part keeps what it knows.

    Nothing of the cohort changes before the last slice. ``chunk`` headsets learn in one pass: 1
    live, where nobody is padded to the longest example of another. Over whom learning fails is put
    into ``faults``; it takes no part, and nobody gets its values. ``server`` is what the server
    goes on from.
    """
    rows, headsets = list(seated), network(seated, batteries)
    faults = [] if faults is None else faults
    how = rule.round
    awake = set(who_is_awake(headsets, how.seed, number, how.participation))
    here = [row for i, row in enumerate(rows) if i in awake]
    # Drawn once: also where one of them fails, the round is of the others.
    headsets = [h if i in awake else replace(h, wake=0.0) for i, h in enumerate(headsets)]
    rule = rule.with_round(participation=1.0)
    exchange = Exchange(cohort, rows)
    states = [cohort.headsets[r] for r in here]
    train = rule.shared.of([s.replay for s in states], [list(s.expert_weights) for s in states])
    examples = [[x for x in state.examples() if not x.held] for state in states]
    moments = cohort.adam.rows(here)
    if rule.moments == "anew":
        moments = moments.anew()
    pooled = COORDINATIONS[rule.round.coordination].union
    theta = yield from (
        _train_together(cohort, here, moments, examples, train)
        if pooled
        else _train_each(cohort, here, moments, examples, train, chunk, faults)
    )
    wrong = {fault.row: fault.why for fault in faults}
    fine = [i for i, row in enumerate(here) if row not in wrong]
    effort = _effort(cohort, seated, here, examples, train)
    effort = effort.rows(torch.tensor(fine, dtype=torch.int64))
    drops = tuple(Drop(cohort.names[row], 2, why) for row, why in wrong.items())
    rows, exchange = [row for row in rows if row not in wrong], exchange.without(wrong)
    if not rows:
        return RoundReport(number, (), drops, (), (), 0.0, patience.deadline())
    headsets = [h for h in headsets if h.name in {cohort.names[row] for row in rows}]
    learned = theta[fine] if train.steps else None
    mixed, report = _mixed(exchange, learned, effort, headsets, rule, number, patience, server)
    cohort.adam.put(here, moments)
    exchange.merge(mixed)
    batteries.spend(report)
    return replace(report, drops=drops + report.drops)


def _mixed(
    exchange: Exchange,
    theta: Tensor | None,
    effort: Effort,
    headsets: Sequence[Headset],
    rule: LearningRule,
    number: int,
    patience: StragglerDeadline,
    server: ServerState | None,
) -> tuple[Tensor, RoundReport]:
    """(R, P') after the round of the federation, and its report; ``theta`` (A, P) and ``effort``
    are of those who are awake, after their shared steps; None where the rule has none: nobody has
    anything to say of adapters then."""
    values, samples = exchange.values(), exchange.samples() * (theta is not None)
    owns = exchange.owns() if rule.ownership == "tasks" else samples > 0
    stack = exchange.cohort.stack
    blocks = Blocks(
        tuple(Block(p.name, p.start, p.stop, p.kind, p.most) for p in exchange.parts),
        stack.factors if rule.round.exchange == "stacked" else (),
    )

    def adapt(awake: Tensor, union: bool) -> Updates:
        mine = values[awake] if theta is None else theta[:, : values.shape[1]]
        return Updates(blocks, mine, samples[awake], owns[awake], effort)

    sums = exchange.offer()
    return run_round(rule.round, headsets, values, adapt, number, patience, server, sums)


def _train_each(
    cohort: Cohort,
    rows: Sequence[int],
    moments: AdamState,
    examples: Sequence[Sequence[Example]],
    train: TrainSteps,
    chunk: int,
    faults: list[Fault],
) -> Slices[Tensor]:
    """(A, P): each headset after its shared steps, ``chunk`` in one pass, or alone where that
    fails; over whom it fails stays as it is, its ``moments`` too, and is put into ``faults``."""
    theta = cohort.stack.theta[list(rows)]
    waiting = deque(range(len(rows))[at : at + chunk] for at in range(0, len(rows), chunk))
    while waiting:
        these = list(waiting.popleft())
        moved = moments.rows(these)
        try:
            found = yield from learn(
                cohort.stack, theta[these], moved, [examples[i] for i in these], ("shared",), train,
                [cohort.names[rows[i]] for i in these], chunk,
                [cohort.headsets[rows[i]].identity.rank for i in these],
            )  # fmt: skip
            if not bool((torch.isfinite(found).all(1) & moved.finite).all()):
                raise NotFiniteError("its shared steps lead to numbers that are not finite")
        except Exception as error:  # noqa: BLE001 - named
            if len(these) > 1:
                waiting.extendleft(range(i, i + 1) for i in reversed(these))
            else:
                faults.append(Fault.of(rows[these[0]], error))
            continue
        theta[these] = found
        moments.put(these, moved)
    return theta


def _train_together(
    cohort: Cohort,
    rows: Sequence[int],
    moments: AdamState,
    examples: Sequence[Sequence[Example]],
    train: TrainSteps,
) -> Slices[Tensor]:
    """(A, P): one model on everyone's examples brought together, as many steps as a headset makes
    and batches of up to ``UNION`` headsets."""
    theta, one = cohort.stack.theta[list(rows[:1])], moments.rows(slice(0, 1))
    train = replace(train, batch=train.batch * min(UNION, len(rows)))
    every = [x for mine in examples for x in mine]
    theta = yield from learn(cohort.stack, theta, one, [every], ("shared",), train, ["all"])
    for i in range(len(rows)):
        moments.put([i], one)
    return theta.expand(len(rows), -1)


def _effort(
    cohort: Cohort,
    seated: Mapping[int, HeadsetProfile],
    rows: Sequence[int],
    examples: Sequence[Sequence[Example]],
    train: TrainSteps,
) -> Effort:
    """Seconds and joules of the round's steps on each device (not on this machine), and the bytes
    of the samples behind its examples: what pooling would move."""
    seconds, joules = [], []
    parameters = sum(p.numel() for p in cohort.checkpoint.model.backbone.parameters())
    for row, mine in zip(rows, examples, strict=True):
        tokens = sum(len(x.tokens.token_features) for x in mine) / max(1, len(mine))
        flops = FLOPS_PER_STEP * parameters * tokens * train.steps * train.batch
        computer = seated[row].computer
        seconds.append(flops / (computer.gflops * 1e9))
        joules.append(flops * computer.picojoules_per_flop * 1e-12)
    raw = torch.tensor([float(seated[row].raw_bytes) for row in rows], dtype=torch.float64)
    return Effort(torch.tensor(seconds), torch.tensor(joules), raw)


def held_losses(cohort: Cohort, shared: Mapping[int, Tensor], limit: int) -> Slices[list[Tensor]]:
    """Of each row of ``shared`` the losses (M,) on its newest ``limit`` examples held back, of the
    model's own head behind those adapters alone: that is the model which others would get."""
    out = []
    for row, theta in shared.items():
        held = [x for x in cohort.headsets[row].examples() if x.held]
        own = cohort.with_shared(theta)
        out.append((yield from example_losses(cohort.stack, own, held, limit)))
    return out
