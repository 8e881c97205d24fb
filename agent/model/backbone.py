"""The shared backbone ``gpt``: a causal transformer over the tokens of all modalities.

RMSNorm, rotary positions, SwiGLU and grouped-query attention, with the parameter names of the
Llama family (Touvron et al., arXiv:2302.13971), so a Hugging Face checkpoint of it loads with
:meth:`Backbone.load_llama`. Positions are ticks, not token counts: tokens of one tick share one.

Shape legend: H headsets (rows of a cohort), B episodes a headset, N positions (tokens, then
queries), D width, G attention heads, V key/value heads, E head width, R adapter rank.

One :meth:`Backbone.forward` serves training, the full pass and streaming; they differ only in
the ``attend`` they hand in. Frozen weights are joined and cast once to the compute type by
:meth:`Backbone.joined`: q, k, v are one matrix product, gate and up another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from fedxr.agent.model.lora import lora_linear
from fedxr.agent.model.ops import attention, rms_norm, rotary, split_heads, swiglu
from fedxr.plugins import Registry

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, q (H,B,G,N,E), k (H,B,V,N,E), v (H,B,V,N,E)) -> (H,B,N,G*E)"""


@dataclass(frozen=True)
class Size:
    """Width, depth and heads of a backbone; ``rope`` is the base of the rotary frequencies."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    hidden: int
    rope: float = 10_000.0
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if self.width % self.heads or self.heads % self.kv_heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"backbone of width {self.width} with {self.heads} heads and {self.kv_heads} "
                "key/value heads: width must be a multiple of heads, heads one of kv_heads, and "
                "the width of a head even"
            )


GROUPS = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
"""Linear layers that read the same input, by the name under which they are computed together."""


class _Attention(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        narrow = size.width // size.heads * size.kv_heads
        self.q_proj = nn.Linear(size.width, size.width, bias=False)
        self.k_proj = nn.Linear(size.width, narrow, bias=False)
        self.v_proj = nn.Linear(size.width, narrow, bias=False)
        self.o_proj = nn.Linear(size.width, size.width, bias=False)


class _Feedforward(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(size.width, size.hidden, bias=False)
        self.up_proj = nn.Linear(size.width, size.hidden, bias=False)
        self.down_proj = nn.Linear(size.hidden, size.width, bias=False)


class _Layer(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.self_attn = _Attention(size)
        self.mlp = _Feedforward(size)
        self.input_layernorm = nn.RMSNorm(size.width, size.epsilon)
        self.post_attention_layernorm = nn.RMSNorm(size.width, size.epsilon)


Joined = dict[str, Tensor]
"""One layer's weights by group, cast, with the gain of the norm before them folded in."""

Adapters = dict[str, tuple[Tensor, Tensor]]
"""One layer's low-rank pairs (A, B) by group; see :func:`fedxr.agent.model.lora.lora_linear`."""


class Backbone(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.layers = nn.ModuleList(_Layer(size) for _ in range(size.layers))
        self.norm = nn.RMSNorm(size.width, size.epsilon)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.02 / (2 * size.layers) ** 0.5 if deep else 0.02)

    def joined(self, dtype: torch.dtype) -> list[Joined]:
        """What the forward pass reads of each layer, in ``dtype``; differentiable."""
        out = []
        for layer in self.layers:
            gains = {"qkv": layer.get_parameter("input_layernorm.weight")}
            gains["gate_up"] = layer.get_parameter("post_attention_layernorm.weight")
            joined = {}
            for group, names in GROUPS.items():
                weight = torch.cat([layer.get_parameter(f"{name}.weight") for name in names])
                joined[group] = (weight * gains[group] if group in gains else weight).to(dtype)
            out.append(joined)
        return out

    def forward(
        self,
        x: Tensor,
        ticks: Tensor,
        attend: Attend,
        layers: list[Joined],
        adapters: list[Adapters] | None = None,
    ) -> Tensor:
        """(H, B, N, D) tokens and queries at ``ticks`` (H, B, N) -> (H, B, N, D), normalised."""
        size, (rows, episodes, n, width) = self.size, x.shape
        each = width // size.heads
        cos, sin = rotary(ticks, each, size.rope, x.dtype)
        heads = size.heads + 2 * size.kv_heads
        for index, layer in enumerate(layers):
            pair = adapters[index].get if adapters else _no_adapter
            qkv = lora_linear(rms_norm(x, size.epsilon), layer["qkv"], pair("qkv"))
            qkv = qkv.view(rows, episodes, n, heads, each)
            seen = attend(index, *split_heads(qkv, cos, sin, size.heads))
            x = x + lora_linear(seen, layer["o"], pair("o"))
            y = lora_linear(rms_norm(x, size.epsilon), layer["gate_up"], pair("gate_up"))
            x = x + lora_linear(swiglu(y), layer["down"], pair("down"))
        return rms_norm(x, size.epsilon) * self.norm.weight.to(x.dtype)

    @classmethod
    def load_llama(cls, folder: Path) -> Backbone:
        """A backbone from a Hugging Face Llama-family folder (config.json, *.safetensors).

        Raises FileNotFoundError or ValueError naming what is missing or does not fit.
        """
        config = json.loads((folder / "config.json").read_text())
        rope = _check_llama(folder, config)
        heads = config["num_attention_heads"]
        size = Size(
            config["hidden_size"],
            config["num_hidden_layers"],
            heads,
            config.get("num_key_value_heads") or heads,
            config["intermediate_size"],
            rope,
            config["rms_norm_eps"],
        )
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise FileNotFoundError(f"{folder}: no *.safetensors beside config.json")
        found = {k.removeprefix("model."): v for f in files for k, v in load_file(f).items()}
        backbone = cls(size)
        own = backbone.state_dict()
        missing = sorted(set(own) - set(found))
        if missing:
            raise ValueError(f"{folder}: the checkpoint lacks {', '.join(missing[:4])}")
        backbone.load_state_dict({k: found[k].to(torch.float32) for k in own})
        return backbone


def _check_llama(folder: Path, config: dict[str, Any]) -> float:
    """The base of the rotary frequencies; ValueError where the formula is not ours."""
    width, heads = config.get("hidden_size", 0), config.get("num_attention_heads", 1)
    allowed = {
        "model_type": ("llama",),
        "attention_bias": (False, None),
        "mlp_bias": (False, None),
        "hidden_act": ("silu", "swish", None),
        "head_dim": (width // heads, None),
    }
    for key, values in allowed.items():
        if config.get(key) not in values:
            raise ValueError(
                f"{folder}: {key} is {config.get(key)!r}; a Llama-family checkpoint with "
                f"{values[0]!r} loads"
            )
    base = config.get("rope_theta")
    for key in ("rope_parameters", "rope_scaling"):
        rope = config.get(key) or {}
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind != "default":
            raise ValueError(
                f"{folder}: {key} are of type {kind!r}; only unscaled ('default') positions load"
            )
        base = rope.get("rope_theta") or base
    return float(base or 10_000.0)


def _no_adapter(_: str) -> None:
    return None


def attend_within(mask: Tensor) -> Attend:
    """Attention among the given positions; ``mask`` (H, B, 1, N, N), True where i may see j."""
    bias = torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, -1e9)[:, :, 0]

    def attend(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attention(q, k, v, bias.to(q.dtype))

    return attend


@dataclass(frozen=True)
class NamedBackbone:
    """A backbone by the ``name`` under which it is chosen; ``about`` is one line for who chooses.

    ``build`` makes the weights to pretrain from: drawn by chance, or a language model's
    (:meth:`Backbone.load_llama`; ``size`` must be the model's). It returns a :class:`Backbone`,
    whose linear layers (:data:`GROUPS`) adapters, streaming and checkpoints rely on.
    """

    name: str
    about: str
    size: Size
    build: Callable[[Size], Backbone] = Backbone


BACKBONES: Registry[NamedBackbone] = Registry(
    "model size",
    (
        NamedBackbone("tiny", "width 128, 4 layers", Size(128, 4, 4, 4, 352)),
        NamedBackbone("small", "width 256, 6 layers", Size(256, 6, 8, 8, 704)),
        NamedBackbone("base", "width 320, 8 layers", Size(320, 8, 10, 10, 896)),
    ),
)
