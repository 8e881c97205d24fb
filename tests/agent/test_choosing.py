"""Choices are adopted only when clearly better; memories hold back and stay fair."""

from __future__ import annotations

from collections import Counter

import made
import numpy as np
import torch
from agent.choosing import Verdict

from agent.memory import HOLD, Memory
from agent.normal import Normal
from agent.tokens import Ask, Tokens


def test_verdicts_add_up() -> None:
    g = torch.Generator().manual_seed(0)
    losses = torch.rand(4, 40, generator=g)
    both = Verdict.of(losses[:, :10]).plus(Verdict.of(losses[:, 10:]))
    whole = Verdict.of(losses)
    torch.testing.assert_close(both.total, whole.total)
    torch.testing.assert_close(both.square, whole.square)


def test_a_clear_winner_is_taken_and_a_lucky_one_is_not() -> None:
    g = torch.Generator().manual_seed(1)
    base = torch.rand(40, generator=g)
    clear = torch.stack((base, base - 0.3))
    assert Verdict.of(clear).best() == 1
    lucky = torch.stack((base, base - 0.01 + torch.randn(40, generator=g)))
    assert Verdict.of(lucky).best() == 0
    assert Verdict.of(clear[:, :3]).best() == 0  # three lessons confirm nothing


def _told(label: int) -> Tokens:
    return Tokens((), (Ask("doing", 5, label, {}),))


def test_every_fourth_is_held_back() -> None:
    memory = Memory()
    held = [memory.add(_told(i % 3), torch.zeros(1)).held for i in range(40)]
    assert [i for i, h in enumerate(held) if h] == list(range(HOLD - 1, 40, HOLD))
    assert memory.count("doing") == 40


def test_the_reservoir_is_a_fair_sample() -> None:
    """Of 2000 told, 100 are kept; early and late ones about alike (±4 deviations)."""
    memory = Memory(capacity=100)
    for i in range(2000):
        memory.add(_told(i % 5), torch.tensor([float(i)]))
    kept = [int(x.z) for x in memory.lessons["doing"]]
    assert len(kept) == 100
    early = sum(k < 1000 for k in kept)
    assert abs(early - 50) < 4 * np.sqrt(100 * 0.25)
    assert memory.told["doing"] == Counter(dict.fromkeys(range(5), 400))


def test_own_standardisation_starts_from_the_population() -> None:
    """With few observations close to the population's, with many close to one's own."""
    key = "mood|audio/pcm16"
    normal = Normal({"stress|physiology/eda": (np.zeros(2), np.ones(2))})
    few, many = Normal(dict(normal.population)), Normal(dict(normal.population))
    rng = np.random.default_rng(0)
    for i in range(400):
        v = (10 + rng.standard_normal(2)).astype(np.float32)
        ask = Tokens((), (Ask("stress", 0, 0, {"physiology/eda": v}),))
        many.observe(ask)
        if i < 1:
            few.observe(ask)
    now = Ask("stress", 0, 0, {"physiology/eda": np.full(2, 10, np.float32)})
    assert np.abs(many.ask(now).summary["physiology/eda"]).max() < 0.3
    assert few.ask(now).summary["physiology/eda"].min() > 3
    plain = made.tokens(1).asks[0]  # `doing` is not standardised per user
    assert many.ask(plain) is plain
    assert key not in many.own
