"""One row as bytes: a small msgspec header and one flat blob.

    4 bytes      length of the header, little-endian
    header       MessagePack: digest of the blocks, number format, weights (K little-endian float64)
    blob         the values of the blocks that have weight, in order

Blocks without weight are not sent. The length depends only on which blocks are carried, so that
the ledger can count messages without making them (:func:`packet_bytes`).
"""

from __future__ import annotations

from typing import Literal

import msgspec
import torch
from torch import Tensor

from fedxr.federation.blocks import Blocks, Updates

NumberFormat = Literal["float32", "bf16"]
DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}


class Header(msgspec.Struct, array_like=True):
    """``weights``: K float64; a block is in the blob exactly when its weight is above 0."""

    digest: bytes
    codec: str
    weights: bytes


class PacketError(ValueError):
    """Bytes that are not a row of the expected blocks; the message says in what way."""


def dtype_of(codec: str) -> torch.dtype:
    """The number format called ``codec``; raises ValueError that lists the known ones."""
    if codec not in DTYPES:
        raise ValueError(f"unknown number format {codec!r}; allowed are {', '.join(DTYPES)}")
    return DTYPES[codec]


def rounded(values: Tensor, codec: NumberFormat) -> Tensor:
    """What the receiver sees of ``values``. float32 stands for exact: nothing is rounded."""
    return values if codec == "float32" else values.to(torch.bfloat16).to(values.dtype)


def _header(blocks: Blocks, weights_K: Tensor, codec: str) -> bytes:
    raw = weights_K.to(torch.float64).contiguous().numpy().astype("<f8").tobytes()
    return msgspec.msgpack.encode(Header(blocks.digest, codec, raw))


def packet_bytes(blocks: Blocks, carried: Tensor, codec: NumberFormat) -> Tensor:
    """Length of packets that carry the blocks where ``carried`` (..., K) is True: (...) int64."""
    fixed = 4 + len(_header(blocks, torch.zeros(len(blocks)), codec))
    return fixed + (carried.to(torch.int64) * blocks.sizes).sum(-1) * dtype_of(codec).itemsize


def to_bytes(updates: Updates, row: int, codec: NumberFormat = "float32") -> bytes:
    """Row ``row`` as one packet."""
    weights_K = updates.weights[row]
    carried = (weights_K > 0).repeat_interleave(updates.blocks.sizes)
    blob = updates.values[row][carried].to(dtype_of(codec)).contiguous()
    header = _header(updates.blocks, weights_K, codec)
    return b"".join(
        (len(header).to_bytes(4, "little"), header, blob.view(torch.uint8).numpy().tobytes())
    )


def from_bytes(data: bytes, blocks: Blocks) -> Updates:
    """The row in a packet as float32 updates with H = 1; blocks not carried are 0 with weight 0.

    Raises PacketError for truncated or foreign bytes and for blocks other than ``blocks``.
    """
    header, blob = _split(data)
    if header.digest != blocks.digest:
        raise PacketError("the packet is of other blocks; both ends must build the same model")
    if header.codec not in DTYPES or len(header.weights) != 8 * len(blocks):
        raise PacketError(
            f"number format {header.codec!r} with {len(header.weights)} bytes of weights; allowed "
            f"are {', '.join(DTYPES)} with {8 * len(blocks)}"
        )
    weights = torch.frombuffer(bytearray(header.weights), dtype=torch.float64)[None]
    carried = (weights[0] > 0).repeat_interleave(blocks.sizes)
    dtype = DTYPES[header.codec]
    expected = int(carried.sum()) * dtype.itemsize
    if len(blob) != expected:
        raise PacketError(f"{len(blob)} bytes of values; the header announces {expected}")
    values = torch.zeros(1, blocks.length)
    if expected:
        values[0, carried] = torch.frombuffer(bytearray(blob), dtype=dtype).float()
    try:
        return Updates(blocks, values, weights)
    except ValueError as error:
        raise PacketError(f"the weights in the packet are not sample counts: {error}") from error


def _split(data: bytes) -> tuple[Header, bytes]:
    size = int.from_bytes(data[:4], "little")
    if len(data) < 4 + size or len(data) < 4:
        raise PacketError(f"{len(data)} bytes; the header alone needs {4 + size}: cut short?")
    try:
        return msgspec.msgpack.decode(data[4 : 4 + size], type=Header), data[4 + size :]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PacketError(f"the header is not that of a row: {error}") from error
