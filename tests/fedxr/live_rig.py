"""What the tests of the live path share: a tiny checkpoint that knows nothing, and a small cast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.trainer import TrainSteps
from fedxr.agent.checkpoints.checkpoint_file import fit_ridge
from fedxr.agent.checkpoints.pretrain import fit_standards
from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.tokens import tokenize
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.m3t import M3T, Plan
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.experiments.splits import one_ask_each
from fedxr.federation import RoundReport
from fedxr.learning.agents import Agents
from fedxr.learning.learner import Learner
from fedxr.learning.learner_process import LearnerProcess
from fedxr.learning.learning_rule import LearningRule, TrainSchedule
from fedxr.live.live import Live
from fedxr.scenarios.devices import device_named
from fedxr.virtual.headsets import simulated_actor
from fedxr.virtual.streaming import VirtualHeadset

DEVICES = ("voice-glasses", "quest-3-watch", "quest-3")


def cast_of(devices: Sequence[str] = DEVICES, seconds: float = 8.0) -> list[VirtualHeadset]:
    return [simulated_actor(device_named(d), 3, i, seconds) for i, d in enumerate(devices)]


def checkpoint_of(cast: Sequence[VirtualHeadset]) -> Checkpoint:
    """A model of random weights whose standards and ridge heads fit the cast's sensors."""
    torch.manual_seed(0)
    channels = [c for a in cast for c in a.user.channels]
    layouts = {c.layout: encoder_for(c).shape(c) for c in channels}
    tasks = tuple(dict.fromkeys(t for a in cast for t in a.user.tasks))
    model = M3T(Plan.of("tiny", layouts, tasks)).requires_grad_(False)
    users = [
        [
            x
            for e in a.user.episodes[:2]
            for x in one_ask_each(tokenize(e, a.user.channels), a.user.channels)
        ]
        for a in cast
    ]
    fit_standards(model, [x for user in users for x in user])
    by_task = {t: [[x for x in u if x.queries[0].task == t] for u in users] for t in tasks}
    ridges = {t: fit_ridge(model, t, [u for u in found if u]) for t, found in by_task.items()}
    return Checkpoint(model, ridges)


PACE = TrainSchedule(TrainSteps(steps=1, rate=2e-3, batch=2))
RULE = LearningRule(shared=PACE, personal=PACE, each=2, guard=0.0)


def agents_of(checkpoint: Checkpoint, state: Path | None = None) -> Agents:
    return Agents(checkpoint, Tuning(), Learner(checkpoint, Tuning(), RULE, state))


class Rig:
    """A live server whose loops are not started: the test says when what happens. Its learner is
    here, or ``apart`` in a process of its own, as in ``fedxr serve``."""

    def __init__(
        self, checkpoint: Checkpoint, state: Path, rule: LearningRule = RULE, apart: bool = False
    ) -> None:
        learner = (LearnerProcess if apart else Learner)(checkpoint, Tuning(), rule, state)
        if isinstance(learner, LearnerProcess):
            learner.ready()
        self.live = Live(Agents(checkpoint, Tuning(), learner))
        self.server = BridgeServer(self.live, ServerConfig(port=0))

    async def __aenter__(self) -> Rig:
        await self.server.start()
        return self

    async def personalise(self) -> bool:
        """All personal steps that are due; whether there were some."""
        found = False
        while await self.live.work_once():
            found = True
        return found

    async def meet(self) -> RoundReport | None:
        """A round of everyone who is here, as it comes in its time; None when there are not two."""
        before = self.live.agents.report
        await self.live.round_due()
        while self.live.agents.report is before:
            if not await self.live.work_once():
                return None
        return self.live.agents.report

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()
        self.live.close()
