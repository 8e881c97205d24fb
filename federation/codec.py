"""One row as bytes: a small msgspec header and one flat blob.

    4 bytes      length of the header, little-endian
    header       MessagePack: digest of the blocks, number format, weights (K little-endian float64)
    blob         the values of the blocks that have weight, in order; of ``int8`` each block's
                 scales before it

Blocks without weight are not sent. The length depends only on which blocks are carried, so that
the ledger can count messages without making them (:func:`packet_bytes`).
"""

from __future__ import annotations

from typing import Literal, TypeVar, get_args

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from fedxr.federation.blocks import Blocks, Updates

NumberFormat = Literal["float32", "bf16", "int8"]
NUMBER_FORMATS: tuple[NumberFormat, ...] = get_args(NumberFormat)
CHUNK = 128
"""Numbers of int8 that share a scale, counted from the start of their block."""
SCALE = 4
"""Bytes of a scale, which is float32."""


class Header(msgspec.Struct, array_like=True):
    """``weights``: K float64; a block is in the blob exactly when its weight is above 0."""

    digest: bytes
    codec: str
    weights: bytes


class PacketError(ValueError):
    """Bytes that are not a row of the expected blocks; the message says in what way."""


def check_format(codec: str) -> None:
    """Raises ValueError for an unknown number format, which lists the known ones."""
    if codec not in NUMBER_FORMATS:
        raise ValueError(
            f"unknown number format {codec!r}; allowed are {', '.join(NUMBER_FORMATS)}"
        )


def rounded(values: Tensor, codec: NumberFormat) -> Tensor:
    """What the receiver sees of ``values`` (R, p) of one block, or of whole chunks of one. float32
    stands for exact: nothing is rounded."""
    if codec == "float32":
        return values
    if codec == "bf16":
        return values.to(torch.bfloat16).to(values.dtype)
    whole, scale = _scaled(values)
    return (whole * scale).flatten(1)[:, : values.shape[1]]


def rounded_rows(blocks: Blocks, values: Tensor, codec: NumberFormat) -> Tensor:
    """What the receiver sees of whole rows (R, P)."""
    if codec != "int8":
        return rounded(values, codec)
    return torch.cat([rounded(values[:, b.columns], codec) for b in blocks], 1)


def _scaled(values: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers (R, chunks, CHUNK) from -127 to 127, 0 beyond the end of ``values`` (R, p), and
    the scale (R, chunks, 1) of each chunk, a float32: its largest magnitude is 127."""
    padded = functional.pad(values, (0, -values.shape[1] % CHUNK))
    chunks = padded.reshape(len(values), padded.shape[1] // CHUNK, CHUNK)
    scale = (chunks.abs().amax(2, keepdim=True) / 127).float().to(values.dtype)
    whole = (chunks / torch.where(scale > 0, scale, 1.0)).round_()
    return whole, scale


Count = TypeVar("Count", int, Tensor)


def numbers_bytes(count: Count, codec: NumberFormat) -> Count:
    """Bytes of so many numbers of one block."""
    if codec == "int8":
        return count + (count + CHUNK - 1) // CHUNK * SCALE
    return count * {"float32": 4, "bf16": 2}[codec]


def weights_to(weights_K: Tensor) -> bytes:
    """K little-endian float64."""
    return weights_K.to(torch.float64).contiguous().numpy().astype("<f8").tobytes()


def weights_from(raw: bytes, blocks: int) -> Tensor:
    """(K,) float64. Raises PacketError for another number than that of the blocks."""
    if len(raw) != 8 * blocks:
        raise PacketError(f"{len(raw)} bytes of weights; allowed are {8 * blocks}")
    return torch.frombuffer(bytearray(raw), dtype=torch.float64)


def format_named(codec: str) -> NumberFormat:
    """Raises PacketError for an unknown one."""
    found = next((known for known in NUMBER_FORMATS if known == codec), None)
    if found is None:
        raise PacketError(f"number format {codec!r}; allowed are {', '.join(NUMBER_FORMATS)}")
    return found


def _header(blocks: Blocks, weights_K: Tensor, codec: NumberFormat) -> bytes:
    return msgspec.msgpack.encode(Header(blocks.digest, codec, weights_to(weights_K)))


def packet_bytes(blocks: Blocks, carried: Tensor, codec: NumberFormat) -> Tensor:
    """Length of packets that carry the blocks where ``carried`` (..., K) is True: (...) int64."""
    fixed = 4 + len(_header(blocks, torch.zeros(len(blocks)), codec))
    return fixed + (carried.to(torch.int64) * numbers_bytes(blocks.sizes, codec)).sum(-1)


def to_bytes(updates: Updates, row: int, codec: NumberFormat = "float32") -> bytes:
    """Row ``row`` as one packet."""
    header = _header(updates.blocks, updates.weights[row], codec)
    carried = (updates.weights[row] > 0).tolist()
    blob = [
        numbers_to(updates.values[row : row + 1, block.columns], codec)
        for block, goes in zip(updates.blocks, carried, strict=True)
        if goes
    ]
    return b"".join((len(header).to_bytes(4, "little"), header, *blob))


def numbers_to(values: Tensor, codec: NumberFormat) -> bytes:
    """``values`` (1, p) of one block; of int8 first the scales."""
    if codec == "int8":
        whole, scale = _scaled(values.float())
        numbers = whole.flatten()[: values.shape[1]].to(torch.int8)
        return scale.numpy().astype("<f4").tobytes() + numbers.numpy().tobytes()
    sent = values.to(torch.float32 if codec == "float32" else torch.bfloat16).contiguous()
    return sent.view(torch.uint8).numpy().tobytes()


def numbers_from(data: bytes, size: int, codec: NumberFormat) -> Tensor:
    """(size,) float32."""
    raw = bytearray(data)
    if codec != "int8":
        dtype = torch.float32 if codec == "float32" else torch.bfloat16
        return torch.frombuffer(raw, dtype=dtype).float()
    scales = len(raw) - size
    scale = torch.frombuffer(raw[:scales], dtype=torch.float32).repeat_interleave(CHUNK)[:size]
    return torch.frombuffer(raw[scales:], dtype=torch.int8).float() * scale


def from_bytes(data: bytes, blocks: Blocks) -> Updates:
    """The row in a packet as float32 updates with H = 1; blocks not carried are 0 with weight 0.

    Raises PacketError for truncated or foreign bytes and for blocks other than ``blocks``.
    """
    header, blob = split(data, Header)
    if header.digest != blocks.digest:
        raise PacketError("the packet is of other blocks; both ends must build the same model")
    codec, weights = format_named(header.codec), weights_from(header.weights, len(blocks))[None]
    sizes = (numbers_bytes(blocks.sizes, codec) * (weights[0] > 0)).tolist()
    if len(blob) != sum(sizes):
        raise PacketError(f"{len(blob)} bytes of values; the header announces {sum(sizes)}")
    values, at = torch.zeros(1, blocks.length), 0
    for block, size in zip(blocks, sizes, strict=True):
        if size:
            part = blob[at : at + size]
            values[0, block.columns] = numbers_from(part, block.size, codec)
            at += size
    try:
        return Updates(blocks, values, weights)
    except ValueError as error:
        raise PacketError(f"the weights in the packet are not sample counts: {error}") from error


Kind = TypeVar("Kind")


def split(data: bytes, kind: type[Kind]) -> tuple[Kind, bytes]:
    """The header and what follows it. Raises PacketError for what has none of this ``kind``."""
    size = int.from_bytes(data[:4], "little")
    if len(data) < 4 + size or len(data) < 4:
        raise PacketError(f"{len(data)} bytes; the header alone needs {4 + size}: cut short?")
    try:
        return msgspec.msgpack.decode(data[4 : 4 + size], type=kind), data[4 + size :]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PacketError(f"the header is not that of a row: {error}") from error
