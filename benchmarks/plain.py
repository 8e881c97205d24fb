"""One headset's model in plain torch, as somebody who uses PEFT would write it.

The oracle of the tests and the other side of benchmarks/cohort.py: every linear layer is its own
``nn.Linear``, so that ``peft.get_peft_model`` can put adapters on them, and every formula is the
textbook's.

Shape legend: B episodes, N positions, D width, G heads, E their width, P numbers of theta.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn import functional

from fedxr.agent.adaptation.adapter_stack import AdapterStack
from fedxr.agent.inputs.batch import Batch
from fedxr.agent.model.backbone import GROUPS
from fedxr.agent.model.m3t import M3T, mean_of, visible

Attention = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(q, k, v (B, G, N, E), mask (B, 1, N, N)) -> (B, G, N, E)"""


def explicit(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    return torch.softmax(scores.masked_fill(~mask, float("-inf")), -1) @ v


def fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(q, k, v, mask)


def turn(x: Tensor, ticks: Tensor, base: float) -> Tensor:
    """Rotary positions as in transformers' Llama: x (B, G, N, E), ticks (B, N)."""
    each = x.shape[-1]
    speed = base ** (-torch.arange(0, each, 2, dtype=torch.float64) / each)
    angle = ticks[:, None, :, None].double() * speed
    cos, sin = (f(torch.cat((angle, angle), -1)).to(x.dtype) for f in (torch.cos, torch.sin))
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat((-high, low), -1) * sin


class Plain(nn.Module):
    """A copy of ``model`` for one headset; ``forward`` gives the logits (B·Q, C) of each task."""

    def __init__(self, model: M3T, attention: Attention = explicit) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        self.attention = attention

    def states(self, x: Tensor, ticks: Tensor, mask: Tensor) -> Tensor:
        """(B, N, D) inputs at ``ticks`` (B, N), ``mask`` (B, 1, N, N) -> final states (B, N, D)."""
        backbone, size = self.model.backbone, self.model.plan.size
        b, n, _ = x.shape
        each = size.width // size.heads
        for layer in backbone.layers:
            y, attn = layer.input_layernorm(x), layer.self_attn
            q, k, v = (
                p(y).view(b, n, -1, each).transpose(1, 2)
                for p in (attn.q_proj, attn.k_proj, attn.v_proj)
            )
            q, k = turn(q, ticks, size.rope), turn(k, ticks, size.rope)
            k, v = (t.repeat_interleave(size.heads // size.kv_heads, 1) for t in (k, v))
            seen = self.attention(q, k, v, mask).transpose(1, 2).reshape(b, n, -1)
            x = x + attn.o_proj(seen)
            y, mlp = layer.post_attention_layernorm(x), layer.mlp
            x = x + mlp.down_proj(functional.silu(mlp.gate_proj(y)) * mlp.up_proj(y))
        return backbone.norm(x)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        _, b, t = batch.tick.shape
        model = self.model
        summaries = model.summaries(batch.summaries)
        x = model.tokens(batch.features, b * t).view(b, t, -1)
        x = torch.cat((x, model.queries(batch.ask_task, summaries)[0]), 1)
        ticks = torch.cat((batch.tick[0], batch.ask_tick[0].clamp_min(0)), 1)
        mask = visible(batch)[0]
        x = self.states(x, ticks, mask)
        seen = mean_of(mask[:, 0, t:, :t], x[:, :t])
        state = torch.cat((x[:, t:], seen), -1).flatten(0, 1)
        logits = {}
        for i, task in enumerate(model.plan.tasks):
            if not bool((batch.ask_task == i).any()):
                continue
            head = model.heads[f"head:{task}"]
            logits[task] = functional.linear(state, head[:, :-1], head[:, -1])
            for key, (z, at) in summaries.items():
                if key.split("|")[0] == task:
                    shortcut = functional.linear(z, model.heads[f"shortcut:{key}"])
                    logits[task] = logits[task].index_add(0, at, shortcut)
        return logits

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the labelled questions."""
        label, asked = batch.label.flatten(), batch.ask_task.flatten()
        total = torch.zeros(())
        for task, logits in self(batch).items():
            here = (asked == self.model.plan.tasks.index(task)) & (label >= 0)
            total = total + functional.cross_entropy(logits[here], label[here], reduction="sum")
        return total / (label >= 0).sum().clamp_min(1)


class Peft:
    """A PEFT loop over headsets: load one's start, train it, take its weights as a row of theta."""

    def __init__(self, stack: AdapterStack, attention: Attention = explicit) -> None:
        self.plain, self.stack, tuning = Plain(stack.model, attention), stack, stack.tuning
        modules = [name.split(".")[-1] for group in GROUPS.values() for name in group]
        config = LoraConfig(r=tuning.r, lora_alpha=tuning.lora_alpha, target_modules=modules)
        get_peft_model(self.plain.model.backbone, config)  # type: ignore[arg-type]
        self.train_a = tuning.trains_a
        for name, parameter in self.plain.named_parameters():
            wanted = "lora_B" in name or ".heads." in name or ("lora_A" in name and self.train_a)
            parameter.requires_grad_(wanted)
        self.trained = [p for p in self.plain.parameters() if p.requires_grad]

    def _pairs(self, row: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """(PEFT's tensor, where the same numbers lie in ``row`` (P,)), without gradients."""
        stack = self.stack
        for index, layer in enumerate(self.plain.model.backbone.layers):
            for group, names in GROUPS.items():
                key = f"shared.{index}.{group}"
                b = stack.view(f"{key}.B", row[None])[0]
                a = stack.view(f"{key}.A", row[None])[0] if self.train_a else stack.frozen_a[key]
                modules = [layer.get_submodule(name) for name in names]
                bs = b.split([m.base_layer.out_features for m in modules], 1)
                for module, a_own, b_own in zip(modules, a.chunk(len(names)), bs, strict=True):
                    yield module.lora_A["default"].weight.detach(), a_own
                    yield module.lora_B["default"].weight.detach(), b_own.T
        for name, head in self.plain.model.heads.items():
            yield head.detach(), stack.view(f"shared.{name}", row[None])[0]

    def train(self, row: Tensor, batches: Sequence[Batch], rate: float) -> tuple[Tensor, Tensor]:
        """``row`` (P,) of theta after one SGD step on each of ``batches``, and their losses."""
        for own, value in self._pairs(row):
            own.copy_(value)
        optimiser = torch.optim.SGD(self.trained, lr=rate)
        losses = []
        for batch in batches:
            optimiser.zero_grad(set_to_none=True)
            loss = self.plain.loss(batch)
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        row = row.clone()
        for own, place in self._pairs(row):
            place.copy_(own)
        return row, torch.stack(losses)
