"""A headset's adapters as a PEFT checkpoint: what PEFT itself loads to the same states.

PEFT knows one low-rank pair per linear layer, we a shared and a personal one per group of layers.
:func:`save_peft` writes for each layer A = [A_shared; A_personal] of rank r + personal_r and
B = [s_shared B_shared, s_personal B_personal]ᵀ, with ``lora_alpha`` equal to the rank, so that
PEFT's own scale is 1. ``rank_pattern`` is not needed: all layers have the same rank. The checkpoint
belongs on a :class:`fedxr.agent.model.backbone.Backbone` with the same weights; heads are not part
of it.

Files and names as of peft 0.14 to 0.21: ``adapter_config.json`` and ``adapter_model.safetensors``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import AdapterStack
from fedxr.agent.model.backbone import GROUPS

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_TARGETS = sorted(name.rsplit(".", 1)[1] for names in GROUPS.values() for name in names)


def _places(stack: AdapterStack, row: Tensor) -> Iterator[tuple[str, str, Tensor, Tensor, float]]:
    """(PEFT's module name, part, its A (R, in), its B (R, O), scale), views of ``row`` (P,) where
    they are trained, layer by layer and the shared part before the personal one."""
    tuning = stack.tuning
    ranks = {"shared": tuning.r, "personal": tuning.personal_r}
    for index in range(len(stack.layers)):
        for group, names in GROUPS.items():
            widths = [stack.width(index, name) for name in names]
            for part, rank in ranks.items():
                key = f"{part}.{index}.{group}"
                own_a = f"{key}.A" in stack.blocks
                a = stack.view(f"{key}.A", row[None])[0] if own_a else stack.frozen_a[key]
                b = torch.split(stack.view(f"{key}.B", row[None])[0], widths, 1)
                for name, one_a, one_b in zip(names, a.chunk(len(names)), b, strict=True):
                    module = f"base_model.model.layers.{index}.{name}"
                    yield module, part, one_a, one_b, tuning.lora_alpha / rank


def save_peft(stack: AdapterStack, row: int, folder: Path) -> None:
    """Write the adapters of headset ``row`` to ``folder`` (made if it is not there)."""
    halves: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for module, _, a, b, scale in _places(stack, stack.theta[row]):
        halves.setdefault(module, []).append((a, b * scale))
    weights = {}
    for module, pairs in halves.items():
        weights[f"{module}.lora_A.weight"] = torch.cat([a for a, _ in pairs]).contiguous()
        weights[f"{module}.lora_B.weight"] = torch.cat([b for _, b in pairs]).T.contiguous()
    rank = stack.tuning.r + stack.tuning.personal_r
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": None,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": _TARGETS,
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def load_peft(stack: AdapterStack, row: int, folder: Path) -> None:
    """Set the adapters of headset ``row`` from a checkpoint that :func:`save_peft` wrote.

    All of it is checked before anything is changed. Raises FileNotFoundError without the two
    files, ValueError where the checkpoint is broken, is not a plain LoRA of the cohort's rank on
    all its layers, or was drawn from another A than the cohort's frozen one.
    """
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: no {name}; a PEFT checkpoint has both")
    _check_config(stack, folder)
    weights = _weights(folder / WEIGHTS)
    new = stack.theta[row].clone()
    at: dict[str, int] = {}
    for module, part, a, b, scale in _places(stack, new):
        start = at.get(module, 0)
        rows = slice(start, start + len(a))
        at[module] = rows.stop
        total = stack.tuning.r + stack.tuning.personal_r
        found_a = _tensor(weights, f"{module}.lora_A.weight", (total, a.shape[1]), folder)[rows]
        found_b = _tensor(weights, f"{module}.lora_B.weight", (b.shape[1], total), folder)[:, rows]
        if stack.tuning.trains_a:
            a.copy_(found_a)
        elif not torch.allclose(a, found_a, rtol=0, atol=1e-6):
            raise ValueError(
                f"{folder}: A of {module} ({part}) is not the one drawn from seed "
                f"{stack.tuning.seed}, which is frozen with exchange 'ffa'; load it into a "
                "cohort with the seed it was saved from, or with exchange 'naive'"
            )
        b.copy_(found_b.T / scale)
    foreign = sorted(k for k in weights if k.removesuffix(".weight").rsplit(".", 1)[0] not in at)
    if foreign:
        raise ValueError(f"{folder}: this model has no place for {', '.join(foreign[:4])}")
    stack.theta[row] = new


def _check_config(stack: AdapterStack, folder: Path) -> None:
    try:
        config = json.loads((folder / CONFIG).read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{folder / CONFIG} is not JSON: {error}") from error
    rank = stack.tuning.r + stack.tuning.personal_r
    wanted = {
        "peft_type": ("LORA",),
        "r": (rank,),
        "lora_alpha": (rank,),
        "bias": ("none", None),
        "use_rslora": (False, None),
        "use_dora": (False, None),
        "rank_pattern": ({}, None),
        "alpha_pattern": ({}, None),
        "modules_to_save": ([], None),
    }
    for key, allowed in wanted.items():
        if config.get(key) not in allowed:
            raise ValueError(
                f"{folder / CONFIG}: {key} is {config.get(key)!r}; this cohort (r "
                f"{stack.tuning.r}, personal_r {stack.tuning.personal_r}) loads {allowed[0]!r}"
            )


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file: {error}") from error


def _tensor(weights: dict[str, Tensor], name: str, shape: tuple[int, int], folder: Path) -> Tensor:
    if name not in weights:
        raise ValueError(f"{folder}: {name} is missing; every linear layer needs its adapter")
    if tuple(weights[name].shape) != shape:
        raise ValueError(
            f"{folder}: {name} has shape {tuple(weights[name].shape)}; this model needs {shape}"
        )
    return weights[name].to(torch.float32)
