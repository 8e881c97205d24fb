"""One round of the federation: :func:`run_round`, whose numbered comments are the algorithm.

Legend: H headsets, A of them awake, P length of the flat vector.

A round starts with every headset's current values as rows of one tensor and ends with the mixed
ones. The caller hands in how headsets learn (``adapt``) and keeps the values, the
StragglerDeadline, the ServerState and the SharedSums between rounds.

What to know: a headset that sleeps through a round keeps its values and starts its next one from
them, however old. A late one keeps what it learned and joins the next round. Everything random is
drawn by name from one seed (:mod:`fedxr.federation.streams`), so the order of the headsets, the
number of workers and the chunks in which ``adapt`` works change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from fedxr.federation import server_steps, steps
from fedxr.federation.blocks import Updates
from fedxr.federation.config import Round
from fedxr.federation.coordination import coordination_named, form_clusters, survivors
from fedxr.federation.exchange import select
from fedxr.federation.ledger import adapt_rows, written
from fedxr.federation.network import Headset, StragglerDeadline, check_headsets, who_is_awake
from fedxr.federation.report import RoundReport
from fedxr.federation.server_optimizer import ServerState
from fedxr.federation.shared_sums import SharedSums


class Adapt(Protocol):
    """How headsets learn: ``awake`` (A,) indices in, their updates out, row for row.

    With ``union`` False row i may use the samples of headset ``awake[i]`` alone. With ``union``
    True (``pooled``) the samples of all the awake have been brought together: every row is the one
    model trained on them, and ``effort.raw_bytes`` says how much was moved.
    """

    def __call__(self, awake: Tensor, union: bool) -> Updates: ...


def run_round(
    config: Round,
    headsets: Sequence[Headset],
    values: Tensor,
    adapt: Adapt,
    number: int,
    pace: StragglerDeadline,
    server: ServerState | None = None,
    sums: SharedSums[Any] | None = None,
) -> tuple[Tensor, RoundReport]:
    """Round ``number``: values (H, P) before in, after out (a new tensor), and what happened.

    ``pace`` learns how long the headsets took; ``server`` is what the server goes on from, and need
    be given only where it has an optimiser (``config.server``) or is sent changes (``config.top``).
    ``sums`` are what the headsets have offered beside their values, where they have such; they are
    passed on.
    """
    sums = SharedSums() if sums is None else sums
    server = ServerState() if server is None else server
    check_headsets(headsets, values)
    plan, seed, mixed = coordination_named(config.coordination), config.seed, values.clone()

    # 1. Who is awake, and between whom there are links.
    clusters = form_clusters(plan, config.topology, headsets, seed)
    awake = who_is_awake(headsets, seed, number, config.participation)
    names = tuple(headsets[i].name for i in awake)
    if not awake:
        return mixed, RoundReport(number, (), (), (), (), 0.0, pace.deadline())

    # 2. Each learns from its own samples. Who is broken or late is left out of the rest.
    got = adapt(torch.tensor(awake), plan.union)
    learned = steps.learn(config, headsets, awake, got, pace)
    steps.keep(mixed, awake, learned.updates)
    drops, travels = learned.drops, select(learned.updates, config.exchange)

    # 3. Nothing is clipped and no noise is added: what travels is what was learned.

    # 4. Neighbours agree, cluster by cluster, in as few exchanges as the target allows.
    left = survivors(clusters, learned.active, headsets, seed, number)
    row_of = {i: row for row, i in enumerate(awake)}
    agreed = [steps.agree(config, headsets, one, row_of, travels, values, sums) for one in left]
    for one in agreed:
        steps.merge(mixed, one.cluster.members, one.carried, one.carried.owns)

    # 5. Each cluster elects who speaks for it; a lost representative is replaced by the next.
    representatives: list[int | None] = [None] * len(agreed)
    if plan.server:
        representatives = [
            server_steps.elect_representative(config, one, number, drops) for one in agreed
        ]
    to_speaker = server_steps.relayed(config, agreed, representatives, number)
    sent, up = server_steps.uplink(config, agreed, representatives, number, sums, server.heard)

    # 6. The server makes one of what it was sent, block by block over owners.
    # 7. Its answer goes back and replaces the blocks that the receiver owns.
    answer = None if sent is None else server_steps.combined(config, sent)
    if answer is not None:
        here = [i for one in agreed for i in one.cluster.members]
        before = partial(server_steps.held_before, travels, here, row_of, values)
        answer = server.step(config.server, answer, before)
    down, spread, reached = server_steps.broadcast(
        config, agreed, representatives, answer, mixed, number, sums, server.heard
    )
    if plan.union:  # what is known of raw samples, is known
        sums.together(names)

    # 8. The ledger: every message that the steps above have sent.
    spent = adapt_rows(number, [headsets[i] for i in awake], got, plan.union, config.codec)
    d2d = steps.consensus_messages(config, agreed, number)
    rows, seconds = written(*spent, d2d, to_speaker, up, down, spread)
    reports = tuple(
        one.report(m, heard) for one, m, heard in zip(agreed, representatives, reached, strict=True)
    )
    return mixed, RoundReport(number, names, tuple(drops), reports, rows, seconds, learned.deadline)
