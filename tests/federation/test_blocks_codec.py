from __future__ import annotations

import contextlib

import pytest
import torch

from fedxr.federation import Block, Blocks, PacketError, Updates, from_bytes, to_bytes
from fedxr.federation.codec import packet_bytes, rounded_rows

BLOCKS = Blocks((Block("a", 0, 3, "lora_A"), Block("b", 3, 8, "lora_B"), Block("c", 8, 10)))


def some(wire_safe: bool = False) -> Updates:
    values = torch.arange(20.0).view(2, 10) / (4 if wire_safe else 7)
    return Updates(BLOCKS, values, torch.tensor([[2.0, 0.0, 5.0], [1.0, 1.0, 1.0]]))


def test_blocks_must_tile_the_vector() -> None:
    with pytest.raises(ValueError, match="starts at column 4"):
        Blocks((Block("a", 0, 3), Block("b", 4, 8)))
    with pytest.raises(ValueError, match="twice: \\['a'\\]"):
        Blocks((Block("a", 0, 3), Block("a", 3, 8)))
    with pytest.raises(ValueError, match="start < stop"):
        Block("a", 3, 3)


def test_updates_refuse_what_does_not_fit() -> None:
    values, weights = torch.zeros(2, 10), torch.ones(2, 3)
    with pytest.raises(ValueError, match="weights has shape"):
        Updates(BLOCKS, values, torch.ones(2, 2))
    with pytest.raises(ValueError, match="floating"):
        Updates(BLOCKS, values.long(), weights)


def test_a_count_that_is_none_breaks_its_own_row() -> None:
    for count in (-1.0, torch.nan, torch.inf, 1e9):
        weights = torch.ones(2, 3)
        weights[1, 2] = count
        assert Updates(BLOCKS, torch.zeros(2, 10), weights).broken().tolist() == [False, True]


def test_broken_rows_are_those_with_weight_on_what_is_not_finite() -> None:
    updates = some()
    updates.values[0, 4] = torch.nan  # headset 0 does not own b
    assert updates.broken().tolist() == [False, False]
    updates.values[1, 9] = torch.inf
    assert updates.broken().tolist() == [False, True]


@pytest.mark.parametrize(("codec", "size"), [("float32", 4), ("bf16", 2)])
def test_a_packet_carries_only_blocks_with_weight_and_is_as_long_as_foretold(
    codec: str, size: int
) -> None:
    updates = some(wire_safe=True)  # quarters below 5 are exact in bf16
    lengths = packet_bytes(BLOCKS, updates.weights > 0, codec)  # type: ignore[arg-type]
    for row, columns in enumerate(([0, 1, 2, 8, 9], list(range(10)))):
        data = to_bytes(updates, row, codec)  # type: ignore[arg-type]
        assert len(data) == lengths[row]
        # the blob is at the end: as many numbers as there are columns with weight
        header = len(data) - size * len(columns)
        assert int.from_bytes(data[:4], "little") == header - 4
        back = from_bytes(data, BLOCKS)
        assert torch.equal(back.weights[0], updates.weights[row])
        assert torch.equal(back.values[0, columns], updates.values[row, columns])


def test_bf16_is_within_its_precision() -> None:
    back = from_bytes(to_bytes(some(), 1, "bf16"), BLOCKS)
    # bf16 keeps 8 significant bits, so rounding to nearest is off by at most 2^-8
    assert ((back.values[0] - some().values[1]).abs() <= some().values[1].abs() * 2**-8).all()


def wide(seed: int = 0) -> Updates:
    """Three headsets; blocks of 300, 1 and 128 numbers, of which one headset lacks the first."""
    ends = ((0, 300), (300, 301), (301, 429))
    blocks = Blocks(tuple(Block(f"b{k}", *end) for k, end in enumerate(ends)))
    values = torch.randn(3, 429, generator=torch.Generator().manual_seed(seed))
    return Updates(blocks, values, torch.tensor([[1.0, 1, 1], [0, 2, 3], [4, 1, 0]]))


def test_int8_is_within_half_a_step_of_its_chunk_and_a_byte_a_number() -> None:
    sent = wide()
    seen = rounded_rows(sent.blocks, sent.values, "int8")
    for block in sent.blocks:
        for start in range(block.start, block.stop, 128):
            part = slice(start, min(start + 128, block.stop))
            step = sent.values[:, part].abs().amax(1, keepdim=True) / 127
            # half a step, and what float32 rounds in the scale and in their product
            most = step / 2 + 128 * step * torch.finfo(torch.float32).eps
            assert ((seen[:, part] - sent.values[:, part]).abs() <= most).all()
    lengths = packet_bytes(sent.blocks, sent.weights > 0, "int8")
    empty = packet_bytes(sent.blocks, torch.zeros(3, dtype=torch.bool), "int8")
    assert (lengths - empty).tolist() == [429 + 5 * 4, 129 + 2 * 4, 301 + 4 * 4]
    for row in range(3):
        data = to_bytes(sent, row, "int8")
        assert len(data) == lengths[row]
        back = from_bytes(data, sent.blocks)
        carried = (sent.weights[row] > 0).repeat_interleave(sent.blocks.sizes)
        assert torch.equal(back.values[0], seen[row].masked_fill(~carried, 0.0))


def test_int8_of_zeros_is_zero() -> None:
    none = Updates(BLOCKS, torch.zeros(1, 10), torch.ones(1, len(BLOCKS)))
    assert not from_bytes(to_bytes(none, 0, "int8"), BLOCKS).values.any()


def test_foreign_and_damaged_bytes_are_refused_with_the_reason() -> None:
    data = to_bytes(some(), 1)
    other = Blocks((Block("z", 0, 10),))
    for bad, blocks, reason in (
        (b"", BLOCKS, "cut short"),
        (data[:20], BLOCKS, "cut short"),
        (data[:-1], BLOCKS, "announces 40"),
        (data + b"x", BLOCKS, "announces 40"),
        (data, other, "other blocks"),
        (b"\x02\0\0\0\xc1\xc1", BLOCKS, "not that of a row"),
        (data.replace(b"float32", b"float99"), BLOCKS, "float99.*allowed are float32, bf16, int8"),
    ):
        with pytest.raises(PacketError, match=reason):
            from_bytes(bad, blocks)


def test_every_truncation_and_every_flipped_byte_is_refused_or_decodes() -> None:
    data = to_bytes(some(), 0)
    for cut in range(len(data)):
        with pytest.raises(PacketError):
            from_bytes(data[:cut], BLOCKS)
    for place in range(len(data)):
        bad = bytearray(data)
        bad[place] ^= 0xFF
        with contextlib.suppress(PacketError):  # refused with a reason, never another exception
            assert from_bytes(bytes(bad), BLOCKS).values.shape == (1, 10)
