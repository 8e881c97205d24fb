"""A cohort: everything that H headsets can learn, as one flat tensor, trained in one pass.

``theta`` (H, P) holds each headset's adapters and heads as named blocks; modules are views. The
blocks starting with ``shared.`` are what a federation exchanges, ``personal.`` never leaves the
headset. One forward and one backward serve all headsets against one frozen base; one headset is a
cohort of one. Low-rank adapters of the shared and the personal part are stacked along the rank:
ΔW = s (A_s B_s + A_p B_p) (dual adapters, FedDPA arXiv:2403.19211).

Shape legend: H headsets, P numbers a headset, R rank, C classes, D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from fedxr.agent.adaptation.blocks import BlockId
from fedxr.agent.inputs.batch import Batch
from fedxr.agent.model.backbone import GROUPS, Adapters
from fedxr.agent.model.lora import stack_ranks
from fedxr.agent.model.m3t import M3T, Answers
from fedxr.federation.blocks import Factors
from fedxr.federation.exchange import STAYS_HOME, Exchange
from fedxr.plugins import Registry


@dataclass(frozen=True)
class Tuning:
    """Low-rank tuning; the words are those of PEFT's ``LoraConfig``.

    ``r`` and ``personal_r`` are the ranks of the shared and the personal adapter, both scaled by
    ``lora_alpha`` / rank. With the ``exchange`` ``ffa`` A is frozen, from ``seed``; with the
    others it is trained, too (:mod:`fedxr.federation.exchange`).
    """

    r: int = 8
    personal_r: int = 4
    lora_alpha: float = 16.0
    exchange: Exchange = "ffa"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.r < 1 or self.personal_r < 1:
            raise ValueError(f"ranks {self.r} and {self.personal_r}: each must be at least 1")
        if self.exchange not in STAYS_HOME:
            allowed = ", ".join(STAYS_HOME)
            raise ValueError(f"exchange {self.exchange!r}; allowed are {allowed}")

    @property
    def trains_a(self) -> bool:
        """Whether A is a block of its own, which is trained."""
        return self.exchange != "ffa"


@dataclass(frozen=True)
class NamedTuning:
    """A tuning by the ``name`` under which it is chosen; ``about`` is one line for who chooses.
    Of ``tuning`` the exchange and the seed are those of the run."""

    name: str
    about: str
    tuning: Tuning


TUNINGS: Registry[NamedTuning] = Registry(
    "tuning", (NamedTuning("lora", "low-rank, shared rank 8 and personal rank 4", Tuning()),)
)


@dataclass(frozen=True)
class AdapterBlock:
    """A named range of theta: ``theta[:, start:stop]`` viewed as (H, *shape)."""

    id: BlockId
    start: int
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.id.name

    @property
    def kind(self) -> str:
        return self.id.kind

    @property
    def stop(self) -> int:
        n = 1
        for size in self.shape:
            n *= size
        return self.start + n


class AdapterStack:
    """The trainable state of H headsets over one frozen :class:`M3T`."""

    def __init__(
        self, model: M3T, rows: int, tuning: Tuning, dtype: torch.dtype = torch.float32
    ) -> None:
        self.model, self.tuning, self.dtype = model.requires_grad_(False), tuning, dtype
        with torch.no_grad():
            self.layers = model.backbone.joined(dtype)
        self.frozen_a = self._frozen_a()
        self.blocks = self._blocks()
        self.theta = self.start(rows)

    # -- layout ---------------------------------------------------------------------------------

    def _frozen_a(self) -> dict[str, Tensor]:
        """A of every group and part, drawn as PEFT does (uniform Kaiming), from the shared seed."""
        generator = torch.Generator().manual_seed(self.tuning.seed)
        out = {}
        for part, rank in self._ranks().items():
            for index, layer in enumerate(self.layers):
                for group, names in GROUPS.items():
                    wide = layer[group].shape[1]
                    a = torch.rand(len(names) * rank, wide, generator=generator)
                    a = (2 * a - 1) * wide**-0.5
                    out[f"{part}.{index}.{group}"] = a.to(self.model.device)
        return out

    def _ranks(self) -> dict[str, int]:
        return {"shared": self.tuning.r, "personal": self.tuning.personal_r}

    def _blocks(self) -> dict[str, AdapterBlock]:
        shapes: list[tuple[BlockId, tuple[int, ...]]] = []
        for part, rank in self._ranks().items():
            for index, layer in enumerate(self.layers):
                for group in GROUPS:
                    b = BlockId(part, "lora_B", layer=index, group=group)
                    shapes.append((b, (rank, layer[group].shape[0])))
                    if self.tuning.trains_a:
                        a = replace(b, kind="lora_A")
                        shapes.append((a, tuple(self.frozen_a[a.place].shape)))
            for task, layout in self.model.plan.heads:
                head = BlockId(part, "head", task, layout)
                shapes.append((head, tuple(self.model.heads[head.head].shape)))
        blocks: dict[str, AdapterBlock] = {}
        at = 0
        for block_id, shape in shapes:
            blocks[block_id.name] = block = AdapterBlock(block_id, at, shape)
            at = block.stop
        return blocks

    def start(self, rows: int) -> Tensor:
        """(rows, P): no adaptation yet, the model's own heads, A as drawn."""
        parts = []
        for block in self.blocks.values():
            if block.kind == "lora_A":
                value = self.frozen_a[block.id.place]
            elif block.kind == "head" and block.id.part == "shared":
                value = self.model.heads[block.id.head].detach()
            else:
                value = torch.zeros(block.shape)
            parts.append(value.reshape(-1).to(self.model.device))
        return torch.cat(parts).repeat(rows, 1)

    @property
    def shared(self) -> int:
        """``theta[:, :shared]`` is the part that a federation exchanges."""
        return max(b.stop for b in self.blocks.values() if b.id.part == "shared")

    def within(self, ranks: Sequence[int | None]) -> Tensor:
        """(H, P) of 0 and 1: 0 at the rows of shared B that are beyond a headset's rank. While they
        are 0 they add nothing, and A has no gradient there."""
        mask = self.theta.new_ones(len(ranks), self.theta.shape[1])
        for h, rank in enumerate(ranks):
            for block in self.blocks.values() if rank is not None else ():
                if block.id.part == "shared" and block.kind == "lora_B":
                    self.view(block.name, mask)[h, rank:] = 0.0
        return mask

    @cached_property
    def factors(self) -> tuple[Factors, ...]:
        """Where theta has the two factors of each shared change, linear layer by linear layer."""
        columns, found = torch.arange(self.shared)[None], list[Factors]()
        for block in self.blocks.values():
            if block.id.part != "shared" or block.kind != "lora_B":
                continue
            b = self.view(block.name, columns)[0]
            a = self.view(replace(block.id, kind="lora_A").name, columns)[0]
            names, at = GROUPS[block.id.group or ""], 0
            for n, name in enumerate(names):
                rank, wide = len(b), self.width(block.id.layer or 0, name)
                found.append(Factors(a[n * rank : (n + 1) * rank], b[:, at : at + wide]))
                at += wide
        return tuple(found)

    def view(self, name: str, theta: Tensor) -> Tensor:
        block = self.blocks[name]
        return theta[:, block.start : block.stop].view(len(theta), *block.shape)

    # -- forward --------------------------------------------------------------------------------

    def leaves(self, theta: Tensor, parts: Iterable[str]) -> dict[str, Tensor]:
        """Every block as its own view; those of ``parts`` want gradients."""
        wanted = set(parts)
        return {
            n: self.view(n, theta).detach().requires_grad_(b.id.part in wanted)
            for n, b in self.blocks.items()
        }

    def adapters(self, leaves: dict[str, Tensor]) -> list[Adapters]:
        """(A, B) of each layer's groups, shared and personal stacked along the rank."""
        out: list[Adapters] = []
        for index in range(len(self.layers)):
            layer: Adapters = {}
            for group, names in GROUPS.items():
                widths = [self.width(index, name) for name in names]
                a, b, scales = [], [], []
                for part, rank in self._ranks().items():
                    key = f"{part}.{index}.{group}"
                    a.append(leaves[f"{key}.A"] if f"{key}.A" in leaves else self.frozen_a[key])
                    b.append(leaves[f"{key}.B"])
                    scales.append(self.tuning.lora_alpha / rank)
                dim = a[0].dim() - 2
                layer[group] = (
                    torch.cat(a, dim).to(self.layers[0]["o"]),
                    stack_ranks(b, scales, widths, self.dtype),
                )
            out.append(layer)
        return out

    def width(self, index: int, name: str) -> int:
        """Numbers that linear layer ``name`` of layer ``index`` puts out."""
        layer = self.model.backbone.layers[index]
        return layer.get_parameter(f"{name}.weight").shape[0]

    def heads(self, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
        """Shared head plus the user's own difference to it."""
        return {
            name: leaves[f"shared.{name}"] + leaves[f"personal.{name}"] for name in self.model.heads
        }

    def answers(self, batch: Batch, theta: Tensor | None = None) -> Answers:
        """Answer ``batch`` (rows of theta = rows of the batch) without gradients."""
        with torch.no_grad():
            leaves = self.leaves(self.theta if theta is None else theta, ())
            adapters, heads = self.adapters(leaves), self.heads(leaves)
            return self.model(batch, self.layers, adapters, heads)  # type: ignore[no-any-return]

    def generic(self, batch: Batch) -> Answers:
        """Answer ``batch`` as the checkpoint does, without any adapter."""
        with torch.no_grad():
            return self.model(batch, self.layers)  # type: ignore[no-any-return]

    # -- learning -------------------------------------------------------------------------------

    def gradient(
        self, batch: Batch, theta: Tensor, parts: tuple[str, ...], smoothing: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Loss (H,) and its gradient (H, P) of each headset's own mean cross-entropy."""
        leaves = self.leaves(theta, parts)
        answers = self.model(batch, self.layers, self.adapters(leaves), self.heads(leaves))
        loss = losses(answers, batch.label.flatten(1), smoothing)
        wanted = {n: v for n, v in leaves.items() if v.requires_grad}
        found = torch.autograd.grad(loss.sum(), list(wanted.values()), allow_unused=True)
        by_name = dict(zip(wanted, found, strict=True))
        rows = len(theta)
        flat = [
            torch.zeros(rows, b.stop - b.start, device=theta.device)
            if by_name.get(n) is None
            else by_name[n].reshape(rows, -1)
            for n, b in self.blocks.items()
        ]
        return loss.detach(), torch.cat(flat, 1)


def losses(answers: Answers, label: Tensor, smoothing: float = 0.0) -> Tensor:
    """(H,) mean cross-entropy of each headset over its labelled questions; label (H, B·Q)."""
    label = label.to(answers.state.device)
    total = torch.zeros(len(label), device=label.device)
    count = torch.zeros(len(label), device=label.device)
    for task, logits in answers.logits.items():
        here = answers.asked[task] & (label >= 0)
        each = functional.cross_entropy(
            logits.flatten(0, 1),
            label.clamp(0, logits.shape[-1] - 1).flatten(),
            reduction="none",
            label_smoothing=smoothing,
        ).view(label.shape)
        total = total + (each * here).sum(1)
        count = count + here.sum(1)
    return total / count.clamp_min(1)
