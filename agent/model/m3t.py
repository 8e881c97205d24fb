"""M3T: the multi-modal multi-task model of a headset.

Emissions of every layout become tokens (``stems``), get the embedding of their layout, and pass
through the backbone in time order; each question is a query position that reads the tokens and is
read by none. A query starts from its task's embedding plus what the summaries say; the answer is
a linear head on (query state, mean of the visible tokens' states) plus a linear shortcut from the
standardised summaries, so that the model contains logistic regression on them.

An absent channel adds no tokens. A token is visible for ``FAST`` ticks, a slow one for ``SLOW``.

Shape legend: H headsets, B episodes, T tokens, Q queries, N = T + Q, D width, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from fedxr.agent.encoders.base import EncoderSpec
from fedxr.agent.inputs.batch import Batch, Rows
from fedxr.agent.inputs.normalization import LIMIT, summary_key, task_and_layout
from fedxr.agent.model.backbone import BACKBONES, Adapters, Backbone, Joined, Size, attend_within
from fedxr.agent.tasks import task_named

FAST = 150
"""Ticks (5 s) for which a fast token is visible."""
SLOW = 3840
"""Ticks (128 s) for which a slow token is visible."""


@dataclass(frozen=True)
class Plan:
    """What a model is built for: its size, the layouts it reads and the tasks it answers."""

    size: Size
    layouts: Mapping[str, EncoderSpec]
    tasks: tuple[str, ...]
    summaries: Mapping[str, int]

    @classmethod
    def of(cls, size: str, layouts: Mapping[str, EncoderSpec], tasks: tuple[str, ...]) -> Plan:
        """The plan for these layouts and tasks; raises ValueError for an unknown size or task."""
        backbone = BACKBONES.named(size)
        summaries = {
            summary_key(task, layout): shape.summary
            for task in tasks
            for layout, shape in sorted(layouts.items())
            if layout.split("/")[0] in task_named(task).modalities and shape.summary
        }
        return cls(backbone.size, dict(sorted(layouts.items())), tuple(tasks), summaries)

    @property
    def heads(self) -> list[tuple[str, str | None]]:
        """(task, None) of each head, then (task, layout) of each shortcut, as in a model."""
        return [*((task, None) for task in self.tasks), *map(task_and_layout, self.summaries)]

    @property
    def tokens_of(self) -> dict[str, tuple[int, bool]]:
        return {name: (s.tokens, s.slow) for name, s in self.layouts.items()}


class ImageStem(nn.Module):
    """A square picture to 16 tokens: two strided convolutions, then one token per 4 × 4 cell."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.side = int(size**0.5)
        channels = max(32, width // 4)
        self.near = nn.Conv2d(1, channels, 3, stride=2, padding=1)
        self.far = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.mix = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)
        self.out = nn.Linear(2 * channels * 4, width)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.gelu(self.near(x.view(-1, 1, self.side, self.side)))
        y = functional.gelu(self.far(y))
        y = y + functional.gelu(self.mix(y))
        y = functional.interpolate(y, size=(8, 8), mode="bilinear", align_corners=False)
        m, c = y.shape[:2]
        cells = y.view(m, c, 4, 2, 4, 2).permute(0, 2, 4, 1, 3, 5).reshape(m, 16, c * 4)
        return self.out(cells)  # type: ignore[no-any-return]


class LinearStem(nn.Module):
    """An emission's numbers, cut into its tokens, each through one linear layer."""

    def __init__(self, size: int, tokens: int, width: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.out = nn.Linear(size // tokens, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x.view(len(x), self.tokens, -1))  # type: ignore[no-any-return]


@dataclass
class Answers:
    """What the model says of a batch.

    ``logits[task]`` (H, B·Q, C) at every question, of which ``asked[task]`` (H, B·Q) are its own;
    ``state`` (H, B·Q, 2D); ``summaries`` standardised; ``tokens`` (H, B, T, D) final states.
    """

    logits: dict[str, Tensor]
    asked: dict[str, Tensor]
    state: Tensor
    summaries: Rows
    tokens: Tensor


Heads = Mapping[str, Tensor]
"""By name: ``head:<task>`` (H, C, 2D + 1) and ``shortcut:<task>|<layout>`` (H, C, F)."""


class M3T(nn.Module):
    def __init__(self, plan: Plan, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.plan = plan
        self.backbone = backbone or Backbone(plan.size)
        width = plan.size.width
        self.stems = nn.ModuleDict()
        for name, s in plan.layouts.items():
            image = s.stem == "image"
            stem = ImageStem(s.size, width) if image else LinearStem(s.size, s.tokens, width)
            self.stems[name] = stem
            self._standard(f"feature:{name}", 1 if image else s.size)
        self.layout = nn.ParameterDict(
            {n: 0.02 * torch.randn(s.tokens, width) for n, s in plan.layouts.items()}
        )
        self.query = nn.ParameterDict({t: 0.02 * torch.randn(width) for t in plan.tasks})
        self.hints = nn.ModuleDict()
        self.heads = nn.ParameterDict()
        for task in plan.tasks:
            classes = len(task_named(task).classes)
            self.heads[f"head:{task}"] = 0.02 * torch.randn(classes, 2 * width + 1)
        for key, size in plan.summaries.items():
            hint = nn.Linear(size, width, bias=False)
            nn.init.normal_(hint.weight, std=0.1 * size**-0.5)
            self.hints[key] = hint
            classes = len(task_named(task_and_layout(key)[0]).classes)
            self.heads[f"shortcut:{key}"] = torch.zeros(classes, size)
            self._standard(f"summary:{key}", size)

    def _standard(self, name: str, size: int) -> None:
        self.register_buffer(f"mean:{name}", torch.zeros(size))
        self.register_buffer(f"deviation:{name}", torch.ones(size))

    def set_standard(self, name: str, mean: Tensor, deviation: Tensor) -> None:
        """Fix the population's mean and deviation of ``feature:<layout>`` or ``summary:<key>``."""
        self.get_buffer(f"mean:{name}").copy_(mean)
        self.get_buffer(f"deviation:{name}").copy_(deviation)

    def standard(self, name: str, x: Tensor) -> Tensor:
        mean, deviation = (
            self.get_buffer(f"{kind}:{name}").to(x.device) for kind in ("mean", "deviation")
        )
        return ((x - mean) / deviation).clamp(-LIMIT, LIMIT)

    def summaries(self, rows: Rows) -> Rows:
        """The batch's summaries, standardised where they are: ridge heads are on the CPU."""
        return {k: (self.standard(f"summary:{k}", v), at) for k, (v, at) in rows.items()}

    def tokens(self, features: Rows, count: int) -> Tensor:
        """(count, D) token inputs; places that no emission fills stay zero."""
        x = torch.zeros(count, self.plan.size.width, device=self.device)
        for name, (rows, at) in features.items():
            made = self.stems[name](self.standard(f"feature:{name}", rows)) + self.layout[name]
            n = made.shape[1]
            place = (at[:, None] + torch.arange(n, device=at.device)).view(-1)
            x = x.index_copy(0, place, made.view(-1, made.shape[-1]))
        return x

    @property
    def device(self) -> torch.device:
        return self.backbone.norm.weight.device

    def queries(self, ask_task: Tensor, summaries: Rows) -> Tensor:
        """(H, B, Q, D) query inputs: the task's embedding and a hint from each summary."""
        table = torch.stack([self.query[t] for t in self.plan.tasks])
        x = table[ask_task.clamp_min(0)].view(-1, table.shape[1])
        for key, (z, at) in summaries.items():
            x = x.index_add(0, at, self.hints[key](z))
        return x.view(*ask_task.shape, -1)

    def base_heads(self, rows: int) -> dict[str, Tensor]:
        """The model's own heads for ``rows`` headsets."""
        return {k: v.expand(rows, -1, -1) for k, v in self.heads.items()}

    def forward(
        self,
        batch: Batch,
        layers: list[Joined],
        adapters: list[Adapters] | None = None,
        heads: Heads | None = None,
        inputs: Tensor | None = None,
        context: Context | None = None,
    ) -> Answers:
        """Answer every query of ``batch``.

        The batch may be on the CPU; the answers are where the model is.
        ``inputs`` (H·B·T, D) may replace the token inputs; ``context`` is what the batch's
        positions can see: by default each other, in streaming also what came before.
        """
        h, b, t = batch.tick.shape
        present = set(batch.ask_task.flatten().tolist())
        batch = batch.to(self.device)
        context = context or Whole(batch)
        summaries = self.summaries(batch.summaries)
        x = self.tokens(batch.features, h * b * t) if inputs is None else inputs
        x = torch.cat((x.view(h, b, t, -1), self.queries(batch.ask_task, summaries)), 2)
        ticks = torch.cat((batch.tick, batch.ask_tick.clamp_min(0)), 2)
        x = self.backbone(x.to(layers[0]["o"].dtype), ticks, context.attend, layers, adapters)
        state = torch.cat((x[:, :, t:], context.mean(x[:, :, :t])), -1).float().flatten(1, 2)
        asked = {
            task: (batch.ask_task == i).flatten(1)
            for i, task in enumerate(self.plan.tasks)
            if i in present
        }
        heads = heads or self.base_heads(h)
        logits = {task: self.answer(task, state, summaries, heads) for task in asked}
        return Answers(logits, asked, state, summaries, x[:, :, :t])

    def answer(self, task: str, state: Tensor, summaries: Rows, heads: Heads) -> Tensor:
        """(H, M, C) logits of ``task`` for states (H, M, 2D)."""
        rows, m, _ = state.shape
        head = heads[f"head:{task}"]
        logits = torch.baddbmm(head[:, None, :, -1], state, head[..., :-1].transpose(1, 2))
        for key, (z, at) in summaries.items():
            if task_and_layout(key)[0] == task:
                full = torch.zeros(rows * m, z.shape[1], device=z.device).index_copy(0, at, z)
                shortcut = heads[f"shortcut:{key}"].transpose(1, 2)
                logits = logits + torch.bmm(full.view(rows, m, -1), shortcut)
        return logits


class Context(Protocol):
    """What the positions of a batch can see."""

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """As :data:`fedxr.agent.model.backbone.Attend`."""
        ...

    def mean(self, states: Tensor) -> Tensor:
        """(H, B, Q, D): mean state of the tokens that each query sees; states (H, B, T, D)."""
        ...


class Whole:
    """The batch's episodes are whole: positions see each other."""

    def __init__(self, batch: Batch) -> None:
        t = batch.tick.shape[2]
        mask = visible(batch)
        self.attend = attend_within(mask)
        self._seen = mask[:, :, 0, t:, :t]

    def mean(self, states: Tensor) -> Tensor:
        return mean_of(self._seen, states)


def visible(batch: Batch) -> Tensor:
    """(H, B, 1, N, N) True where position i may see position j.

    Tokens see earlier tokens and themselves; queries see tokens up to their tick and themselves;
    nobody sees a query or padding. A token is seen for FAST ticks, a slow one for SLOW.
    """
    h, b, t = batch.tick.shape
    q = batch.ask_tick.shape[2]
    n = t + q
    tick = torch.cat((batch.tick, batch.ask_tick), 2)
    age = tick[..., :, None] - batch.tick[..., None, :]  # (H, B, N, T)
    reach = torch.where(batch.slow, SLOW, FAST)[..., None, :]
    order = torch.ones(n, t, dtype=torch.bool, device=tick.device).tril()
    seen = (age >= 0) & (age < reach) & order & batch.valid[..., None, :]
    mask = torch.zeros(h, b, n, n, dtype=torch.bool, device=tick.device)
    mask[..., :t] = seen
    return (mask | torch.eye(n, dtype=torch.bool, device=tick.device))[:, :, None]


def mean_of(seen: Tensor, states: Tensor) -> Tensor:
    """Mean over the seen tokens: seen (H, B, Q, T), states (H, B, T, D) -> (H, B, Q, D)."""
    weight = seen.to(states.dtype)
    total = torch.matmul(weight, states)
    return total / weight.sum(-1, keepdim=True).clamp_min(1)
