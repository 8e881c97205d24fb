"""Pretraining: one model for all tasks, supervised and masked, on the pretraining users.

Each step takes a batch of one task's episodes; tasks take turns in proportion to the steps that
they need, not to their size (one that learns slowly gets more). Beside the cross-entropy, some
emissions are hidden and must be told from what came before and beside them (masked modelling).
Channels are left out at random, so that every subset of sensors answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fedxr.agent.adaptation.adapter_stack import losses
from fedxr.agent.checkpoints.ridge_fit import RidgeGrid
from fedxr.agent.encoders.base import Array
from fedxr.agent.inputs.batch import Batch, collate
from fedxr.agent.inputs.normalization import summary_key
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.m3t import M3T, Plan


@dataclass(frozen=True)
class Pretraining:
    """``steps`` per task unless ``more`` says otherwise; ``masked`` weighs the masked loss.

    A step takes ``batch`` episodes, fewer of long ones (about ``positions`` tokens a step, at
    least 16 episodes). ``absent`` is the chance that a channel is left out of an episode that has
    several, ``hidden`` the chance that an emission is hidden, ``noise`` in units of each feature's
    deviation. ``grid`` is what the ridge heads choose from.
    """

    steps: int = 300
    more: Mapping[str, float] = field(default_factory=dict)
    batch: int = 64
    positions: int = 5000
    rate: float = 2e-3
    decay: float = 0.08
    warm: float = 0.08
    smoothing: float = 0.08
    masked: float = 0.1
    absent: float = 0.15
    hidden: float = 0.15
    noise: float = 0.1
    grid: RidgeGrid = field(default_factory=RidgeGrid)
    seed: int = 0

    def __post_init__(self) -> None:
        counts = {n: getattr(self, n) for n in ("steps", "batch", "positions")}
        chances = {n: getattr(self, n) for n in ("warm", "smoothing", "absent", "hidden")}
        positive = {"rate": self.rate, **{f"more {t}": n for t, n in self.more.items()}}
        at_least_0 = {n: getattr(self, n) for n in ("decay", "masked", "noise")}
        wrong = [f"{n} {x}; take at least 1" for n, x in counts.items() if x < 1]
        wrong += [f"{n} {x}; take 0 to below 1" for n, x in chances.items() if not 0 <= x < 1]
        wrong += [f"{n} {x}; take more than 0" for n, x in positive.items() if not x > 0]
        wrong += [f"{n} {x}; take 0 or more" for n, x in at_least_0.items() if not x >= 0]
        if wrong:
            raise ValueError(f"pretraining: {wrong[0]}")


class Masked(nn.Module):
    """Tells hidden emissions from the states of the tokens that stand for them."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        width = plan.size.width
        self.blank = nn.Parameter(0.02 * torch.randn(width))
        self.tell = nn.ModuleDict(
            {n: nn.Linear(width, s.size) for n, s in plan.layouts.items() if s.stem == "linear"}
        )

    def hide(
        self, model: M3T, batch: Batch, inputs: Tensor, chance: float, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Inputs with some emissions blanked, and for each layout which rows they were."""
        hidden = {}
        for name in self.tell:
            if name not in batch.features:
                continue
            _, at = batch.features[name]
            rows = torch.nonzero(torch.rand(len(at), generator=generator) < chance)[:, 0]
            if len(rows) == 0:
                continue
            n = model.plan.layouts[name].tokens
            place = (at[rows][:, None] + torch.arange(n)).view(-1)
            value = (self.blank + model.layout[name]).repeat(len(rows), 1)
            inputs = inputs.index_copy(0, place, value)
            hidden[name] = rows
        return inputs, hidden

    def loss(self, model: M3T, batch: Batch, states: Tensor, hidden: dict[str, Tensor]) -> Tensor:
        """Mean squared error of the told features, in units of their deviation."""
        flat, total = states.flatten(0, 2).float(), torch.zeros(())
        for name, rows in hidden.items():
            features, at = batch.features[name]
            truth = model.standard(f"feature:{name}", features[rows])
            last = at[rows] + model.plan.layouts[name].tokens - 1
            total = total + functional.mse_loss(self.tell[name](flat[last]), truth)
        return total / max(1, len(hidden))


def fit_standards(model: M3T, episodes: Sequence[TokenizedEpisode]) -> None:
    """Set the population's means and deviations from the pretraining users' numbers."""
    found: dict[str, list[Array]] = {}
    for e in episodes:
        for m in e.token_features:
            found.setdefault(f"feature:{m.layout}", []).append(m.features)
        for ask in e.queries:
            for layout, v in ask.summary.items():
                found.setdefault(f"summary:{summary_key(ask.task, layout)}", []).append(v)
    for name, rows in found.items():
        kind, _, key = name.partition(":")
        x = torch.from_numpy(np.stack(rows))
        if kind == "feature" and key in model.plan.layouts:
            image = model.plan.layouts[key].stem == "image"
            axis = None if image else 0
            mean, deviation = x.mean(axis), x.std(axis, correction=0)
            model.set_standard(name, mean, deviation.clamp_min(1e-4))
        elif kind == "summary" and key in model.plan.summaries:
            deviation = x.std(0, correction=0)
            floor = 1e-3 * deviation.max().clamp_min(1e-3)
            model.set_standard(name, x.mean(0), deviation.clamp_min(floor))


def fastest() -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware, else float32: emulated, as by AVX2
    alone, a step in bfloat16 takes several times as long (``benchmarks/pretraining.py``)."""
    able = torch.cpu.get_capabilities()
    hardware = ("avx512_bf16", "amx_bf16", "bf16")  # the last is ARM's
    return torch.bfloat16 if any(able.get(name) for name in hardware) else torch.float32


def pretrain(
    model: M3T,
    episodes: Mapping[str, Sequence[TokenizedEpisode]],
    config: Pretraining,
    progress: Callable[[int, int, float], None] | None = None,
    dtype: torch.dtype | None = None,
) -> M3T:
    """Train every weight of ``model`` on ``episodes`` by task (augmented copies among them). The
    backbone computes in ``dtype``, by default in :func:`fastest`."""
    dtype = dtype or fastest()
    rng = np.random.default_rng((config.seed, 1))
    generator = torch.Generator().manual_seed(config.seed)
    masked = Masked(model.plan)
    model.requires_grad_(True).train()
    optimiser = _optimiser(model, masked, config)
    turns = _turns(episodes, config, rng)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda i: _rate(i / max(1, len(turns)), config.warm)
    )
    by_class = {task: _classes(found) for task, found in episodes.items()}
    counts = {task: _count(model, found, config) for task, found in episodes.items()}
    for i, task in enumerate(turns):
        batch = _draw(model, episodes[task], by_class[task], counts[task], config, rng)
        inputs = model.tokens(batch.features, batch.tick.numel())
        inputs, hidden = masked.hide(model, batch, inputs, config.hidden, generator)
        answers = model(batch, model.backbone.joined(dtype), inputs=inputs)
        loss = losses(answers, batch.label.flatten(1), config.smoothing).sum()
        told = masked.loss(model, batch, answers.tokens, hidden)
        optimiser.zero_grad(set_to_none=True)
        (loss + config.masked * told).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if progress:
            progress(i + 1, len(turns), float(loss.detach()))
    return model.requires_grad_(False).eval()


def _optimiser(model: M3T, masked: Masked, config: Pretraining) -> torch.optim.Optimizer:
    named = [*model.named_parameters(), *masked.named_parameters()]
    matrices = [p for n, p in named if p.dim() > 1 and not n.startswith("layout.")]
    vectors = [p for n, p in named if p.dim() <= 1 or n.startswith("layout.")]
    groups = [
        {"params": matrices, "weight_decay": config.decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98), fused=True)


def _turns(
    episodes: Mapping[str, Sequence[TokenizedEpisode]],
    config: Pretraining,
    rng: np.random.Generator,
) -> list[str]:
    more = config.more
    turns = [t for t in sorted(episodes) for _ in range(int(config.steps * more.get(t, 1.0)))]
    return [turns[i] for i in rng.permutation(len(turns))]


def _rate(done: float, warm: float) -> float:
    if done < warm:
        return max(done / warm, 0.01)
    return float(0.5 + 0.5 * np.cos(np.pi * (done - warm) / (1 - warm))) * 0.99 + 0.01


def _classes(episodes: Sequence[TokenizedEpisode]) -> list[list[int]]:
    """Indices of episodes by the label of their last question, for balanced drawing."""
    out: dict[int, list[int]] = {}
    for i, e in enumerate(episodes):
        out.setdefault(e.queries[-1].label, []).append(i)
    return [out[k] for k in sorted(out)]


def _count(model: M3T, episodes: Sequence[TokenizedEpisode], config: Pretraining) -> int:
    """Episodes a step: ``batch``, or as many as ``positions`` allows."""
    some = episodes[:: max(1, len(episodes) // 100)]
    tokens_of = model.plan.tokens_of
    tokens = [sum(tokens_of.get(m.layout, (0, False))[0] for m in e.token_features) for e in some]
    mean = max(1.0, sum(tokens) / len(tokens))
    return int(np.clip(config.positions / mean, min(16, config.batch), config.batch))


def _draw(
    model: M3T,
    episodes: Sequence[TokenizedEpisode],
    classes: list[list[int]],
    count: int,
    config: Pretraining,
    rng: np.random.Generator,
) -> Batch:
    """A batch, half balanced over classes and half as it comes, with channels left out."""
    chosen = []
    for i in range(count):
        if i % 2:
            group = classes[int(rng.integers(len(classes)))]
            chosen.append(episodes[group[int(rng.integers(len(group)))]])
        else:
            chosen.append(episodes[int(rng.integers(len(episodes)))])
    chosen = [_without(e, config.absent, rng) for e in chosen]
    batch = collate([chosen], model.plan.tokens_of, model.plan.tasks)
    for name, (x, at) in batch.features.items():
        deviation = model.get_buffer(f"deviation:feature:{name}")
        noise = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32))
        batch.features[name] = (x + config.noise * deviation * noise, at)
    for name, (x, at) in batch.summaries.items():
        deviation = model.get_buffer(f"deviation:summary:{name}")
        noise = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32))
        batch.summaries[name] = (x + config.noise * deviation * noise, at)
    return batch


def _without(e: TokenizedEpisode, chance: float, rng: np.random.Generator) -> TokenizedEpisode:
    layouts = sorted({m.layout for m in e.token_features})
    if len(layouts) < 2 or rng.random() >= chance:
        return e
    gone = layouts[int(rng.integers(len(layouts)))]
    queries = tuple(
        replace(a, summary={k: v for k, v in a.summary.items() if k != gone}) for a in e.queries
    )
    return replace(
        e, token_features=tuple(m for m in e.token_features if m.layout != gone), queries=queries
    )
