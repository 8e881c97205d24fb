"""Small made-up streams for the tests of the agent: real encoders, tiny model, seeded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.checkpoints.checkpoint_file import fit_ridge
from fedxr.agent.checkpoints.pretrain import fit_standards
from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.tokens import TokenizedEpisode, tokenize
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.m3t import M3T, Plan
from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import TICK_US, Channel, Samples

WATCH = Channel("watch", "motion/wrist", 100)
PHONE = Channel("phone", "motion/phone", 100)
MICROPHONE = Channel("microphone", "audio/pcm16", 8000)
CHANNELS = (WATCH, PHONE, MICROPHONE)
TASKS = ("doing", "mood")
TUNING = Tuning()


def episode(seed: int, seconds: float = 3.0, channels: tuple[Channel, ...] = CHANNELS) -> Episode:
    """Noise whose level and tempo follow the label, with a question each second."""
    rng = np.random.default_rng(seed)
    label = seed % 4
    samples = {}
    for channel in channels:
        n = int(seconds * channel.rate_hz)
        t = (np.arange(n) * 1e6 / channel.rate_hz).astype(np.int64)
        wave = np.sin(2 * np.pi * (1 + label) * t / 1e6 + rng.uniform(0, 6))
        if channel.modality == "audio":
            values = (3000 * wave + 300 * rng.standard_normal(n)).astype(np.int16)
        else:
            values = (wave[:, None] + 0.3 * rng.standard_normal((n, 6))).astype(np.float32)
        samples[channel.name] = Samples(t, values)
    queries = []
    for second in range(1, int(seconds) + 1):
        t_us = -(-second * 1_000_000 // TICK_US) * TICK_US
        queries += [Query("doing", t_us, label), Query("mood", t_us, label)]
    return Episode(f"e{seed}", samples, tuple(queries), True, seconds)


def tokens(seed: int, seconds: float = 3.0) -> TokenizedEpisode:
    return tokenize(episode(seed, seconds), CHANNELS)


def model(seed: int = 0) -> M3T:
    torch.manual_seed(seed)
    layouts = {c.layout: encoder_for(c).shape(c) for c in CHANNELS}
    m3t = M3T(Plan.of("tiny", layouts, TASKS)).requires_grad_(False)
    for parameter in m3t.parameters():  # larger than at the start, so that differences show
        if parameter.dim() > 1:
            parameter.mul_(3.0)
    return m3t


def each(tokens: TokenizedEpisode) -> list[TokenizedEpisode]:
    """``tokens`` once per question, each with what was known at that moment."""
    return [
        replace(
            tokens,
            queries=(a,),
            token_features=tuple(e for e in tokens.token_features if e.tick <= a.tick),
        )
        for a in tokens.queries
    ]


def checkpoint() -> Checkpoint:
    """A random model whose ridge heads have learned from 12 episodes."""
    m3t = model()
    episodes = [one for s in range(12) for one in each(tokens(s))]
    fit_standards(m3t, episodes)
    by_task = {t: [e for e in episodes if e.queries[0].task == t] for t in TASKS}
    return Checkpoint(m3t, {t: fit_ridge(m3t, t, [by_task[t]]) for t in TASKS})


def moment(seed: int, label: int) -> TokenizedEpisode:
    """The episode's last question on what the user does, and what they say of it."""
    whole = tokens(seed)
    ask = [a for a in whole.queries if a.task == "doing"][-1]
    return TokenizedEpisode(whole.token_features, (replace(ask, label=label),), f"e{seed}")
