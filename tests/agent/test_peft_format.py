"""Adapters saved as a PEFT checkpoint: PEFT loads them to the same answers, and so do we."""

from __future__ import annotations

import json
from pathlib import Path

import made
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from tolerance import pass_terms, root_mean_square, rounding

from benchmarks.plain import Plain
from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.checkpoints.peft_format import CONFIG, WEIGHTS, load_peft, save_peft
from fedxr.agent.inputs.batch import collate


def _cohort(exchange: str = "ffa", rows: int = 3, **kwargs: int) -> AdapterStack:
    tuning = Tuning(r=4, personal_r=2, exchange=exchange, **kwargs)  # type: ignore[arg-type]
    stack = AdapterStack(made.model(), rows, tuning)
    generator = torch.Generator().manual_seed(1)
    stack.theta += 0.1 * torch.randn(stack.theta.shape, generator=generator)
    return stack


def _adapters(stack: AdapterStack, row: int) -> torch.Tensor:
    kinds = [b for b in stack.blocks.values() if b.kind != "head"]
    return torch.cat([stack.theta[row, b.start : b.stop] for b in kinds])


@pytest.mark.parametrize("exchange", ["ffa", "fedsa", "naive"])
def test_peft_loads_it_to_the_same_answers(exchange: str, tmp_path: Path) -> None:
    stack = _cohort(exchange)
    plan = stack.model.plan
    batch = collate([[made.tokens(s)] for s in range(3)], plan.tokens_of, plan.tasks)
    ours = stack.answers(batch)
    for row in range(3):
        save_peft(stack, row, tmp_path / str(row))
        plain = Plain(stack.model)
        PeftModel.from_pretrained(plain.model.backbone, str(tmp_path / str(row)))
        heads = stack.heads(stack.leaves(stack.theta, ()))
        for name, head in plain.model.heads.items():
            head.copy_(heads[name][row])
        alone = collate([[made.tokens(row)]], plan.tokens_of, plan.tasks)
        relative = rounding(torch.float32, pass_terms(plan.size, alone.tick.shape[2]))
        with torch.no_grad():
            theirs = plain(alone)
        for task in plan.tasks:
            got = ours.logits[task][row, : len(theirs[task])]
            atol = relative * root_mean_square(theirs[task])
            torch.testing.assert_close(got, theirs[task], atol=atol, rtol=relative)
    unadapted = AdapterStack(stack.model, 3, stack.tuning).answers(batch)
    assert (ours.state - unadapted.state).abs().max() > 1e-2  # else the above shows nothing


@pytest.mark.parametrize("exchange", ["ffa", "fedsa", "naive"])
def test_load_of_save_is_the_same(exchange: str, tmp_path: Path) -> None:
    stack, other = _cohort(exchange), _cohort(exchange)
    other.theta.zero_()
    heads = [b for b in other.blocks.values() if b.kind == "head"]
    save_peft(stack, 1, tmp_path)
    load_peft(other, 2, tmp_path)
    there_and_back = rounding(torch.float32, 2)  # times a scale, and divided by it
    torch.testing.assert_close(
        _adapters(other, 2), _adapters(stack, 1), atol=0, rtol=there_and_back
    )
    assert not other.theta[:2].any()
    assert not any(other.theta[2, b.start : b.stop].any() for b in heads)


def test_another_seed_is_refused(tmp_path: Path) -> None:
    save_peft(_cohort(), 0, tmp_path)
    other = _cohort(seed=5)
    before = other.theta.clone()
    with pytest.raises(ValueError, match="seed 5"):
        load_peft(other, 0, tmp_path)
    assert torch.equal(other.theta, before)


def test_a_checkpoint_made_by_peft_itself_loads(tmp_path: Path) -> None:
    """PEFT writes what the cohort can take when rank, alpha and layers are the same."""
    stack = _cohort("naive")
    save_peft(stack, 0, tmp_path / "ours")
    config = LoraConfig(
        r=6,
        lora_alpha=6,
        target_modules=json.loads((tmp_path / "ours" / CONFIG).read_text())["target_modules"],
    )
    theirs = get_peft_model(Plain(stack.model).model.backbone, config)  # type: ignore[arg-type]
    theirs.save_pretrained(str(tmp_path / "theirs"))
    load_peft(stack, 0, tmp_path / "theirs")
    save_peft(stack, 0, tmp_path / "back")
    saved, back = (load_file(tmp_path / f / WEIGHTS) for f in ("theirs", "back"))
    assert saved.keys() == back.keys()
    for name, value in saved.items():
        torch.testing.assert_close(back[name], value)


def _without_a_file(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def _truncated(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])


def _not_json(folder: Path) -> None:
    (folder / CONFIG).write_text("{")


def _configured(key: str, value: object) -> object:
    def change(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps(config | {key: value}))

    return change


def _tensors(kind: str) -> object:
    def change(folder: Path) -> None:
        weights = load_file(folder / WEIGHTS)
        name = "base_model.model.layers.2.mlp.up_proj.lora_B.weight"
        if kind == "missing":
            del weights[name]
        elif kind == "shape":
            weights[name] = weights[name][:, :3].contiguous()
        else:
            weights["base_model.model.layers.9.mlp.up_proj.lora_B.weight"] = weights[name].clone()
        save_file(weights, folder / WEIGHTS)

    return change


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (_without_a_file, FileNotFoundError, WEIGHTS),
        (_truncated, ValueError, "not a whole safetensors file"),
        (_not_json, ValueError, "not JSON"),
        (_configured("r", 8), ValueError, "r is 8.*loads 6"),
        (_configured("peft_type", "IA3"), ValueError, "peft_type is 'IA3'"),
        (_configured("use_rslora", True), ValueError, "use_rslora"),
        (_tensors("missing"), ValueError, "layers.2.mlp.up_proj.lora_B.weight is missing"),
        (_tensors("shape"), ValueError, r"has shape \(352, 3\); this model needs \(352, 6\)"),
        (_tensors("foreign"), ValueError, "no place for base_model.model.layers.9"),
    ],
)
def test_foreign_and_broken_checkpoints_are_refused(
    change: object, error: type[Exception], words: str, tmp_path: Path
) -> None:
    stack = _cohort()
    save_peft(stack, 0, tmp_path)
    change(tmp_path)  # type: ignore[operator]
    before = stack.theta.clone()
    with pytest.raises(error, match=words):
        load_peft(stack, 0, tmp_path)
    assert torch.equal(stack.theta, before)
