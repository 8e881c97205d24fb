"""Blocks by their fields; names are what stored states and the wire compare, so they are frozen."""

from __future__ import annotations

import made
import pytest

from fedxr.agent.adaptation.adapter_stack import TUNINGS, AdapterStack, NamedTuning, Tuning
from fedxr.agent.adaptation.blocks import BlockId
from fedxr.agent.model.m3t import Plan


@pytest.mark.parametrize(
    ("block", "name"),
    [
        (BlockId("shared", "lora_B", layer=0, group="qkv"), "shared.0.qkv.B"),
        (BlockId("personal", "lora_A", layer=3, group="down"), "personal.3.down.A"),
        (BlockId("shared", "head", "doing"), "shared.head:doing"),
        (BlockId("shared", "head", "mood", "eeg/tc"), "shared.shortcut:mood|eeg/tc"),
    ],
)
def test_a_name_is_a_rendering_of_the_fields(block: BlockId, name: str) -> None:
    assert block.name == name


def test_the_blocks_of_a_cohort_are_those_of_its_model() -> None:
    model = made.model()
    stack = AdapterStack(model, 1, Tuning(exchange="naive"))
    heads = [b.id.head for b in stack.blocks.values() if b.id.kind == "head"]
    assert heads == [*model.heads] * 2  # shared, personal
    for name, block in stack.blocks.items():
        assert name == block.id.name
        assert (block.id.task is None) == block.id.kind.startswith("lora_")
    stops = [b.stop for b in stack.blocks.values()]
    assert [b.start for b in stack.blocks.values()] == [0, *stops[:-1]]
    assert stops[-1] == stack.theta.shape[1]


def test_a_registered_tuning_and_size_are_used_by_name() -> None:
    before = TUNINGS.snapshot()
    try:
        TUNINGS.add(NamedTuning("wide", "rank 16", Tuning(r=16)))
        assert TUNINGS.named("wide").tuning.r == 16
        with pytest.raises(ValueError, match="unknown tuning 'narrow'; known are lora, wide"):
            TUNINGS.named("narrow")
    finally:
        TUNINGS.restore(before)
    with pytest.raises(ValueError, match="unknown model size 'huge'; known are tiny, small, base"):
        Plan.of("huge", {}, ())
