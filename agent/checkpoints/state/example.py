"""Arrays and examples as MessagePack, and what both must be to be read again."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np
import torch

from fedxr.agent.adaptation.replay import Example
from fedxr.agent.checkpoints.state.errors import DamagedError
from fedxr.agent.encoders.base import EncoderSpec
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedEpisode, TokenizedQuery
from fedxr.agent.model.nystroem import FEATURES

LAST = (1 << 31) - 1
"""The last tick that an episode can have (two years)."""
LARGE = 1e9
"""No float32 that is sensed or learned comes near it; nor does any float64 near ``LARGE_SUM``."""
LARGE_SUM = 1e30


class Array(msgspec.Struct, array_like=True):
    """An array: its dtype, shape and little-endian bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, value: np.ndarray) -> Array:
        """Raises DamagedError where it could not be read again."""
        value = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        _check_numbers("numbers", value)
        return cls(value.dtype.str, value.shape, value.tobytes())

    def get(self, what: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        """The array, which must have this dtype and shape. Raises DamagedError."""
        if (self.dtype, self.shape) != (dtype, shape):
            got = f"{self.dtype[:8]} {self.shape[:4]}"
            raise DamagedError(f"{what}: {got} instead of {dtype} {shape}")
        if len(self.data) != math.prod(shape) * np.dtype(dtype).itemsize:
            raise DamagedError(f"{what}: {len(self.data)} bytes for shape {shape}")
        found = np.frombuffer(self.data, dtype).reshape(shape).copy()
        _check_numbers(what, found)
        return found


def _check_numbers(what: str, value: np.ndarray) -> None:
    if value.size and value.dtype.kind == "f":
        low, high = float(value.min()), float(value.max())
        most = LARGE if value.dtype.itemsize == 4 else LARGE_SUM
        if not (low >= -most and high <= most):  # so says a NaN, too
            raise DamagedError(f"{what} from {low:.3g} to {high:.3g}")


class PackedAsk(msgspec.Struct, array_like=True):
    task: str
    tick: int
    label: int
    summary: dict[str, Array]


class PackedExample(msgspec.Struct, array_like=True):
    """An example; its emissions as layouts, which of them each is, ticks, and numbers by layout."""

    task: str
    label: int
    held: bool
    z: Array
    key: str
    ask: PackedAsk
    layouts: list[str]
    which: Array
    ticks: Array
    features: list[Array]

    @classmethod
    def of(cls, example: Example) -> PackedExample:
        token_features, ask = example.tokens.token_features, example.tokens.queries[-1]
        layouts = sorted({e.layout for e in token_features})
        summary = {k: Array.of(v) for k, v in ask.summary.items()}
        return cls(
            example.task,
            example.label,
            example.held,
            Array.of(example.z.numpy()),
            example.tokens.key,
            PackedAsk(ask.task, ask.tick, ask.label, summary),
            layouts,
            Array.of(np.array([layouts.index(e.layout) for e in token_features], np.int32)),
            Array.of(np.array([e.tick for e in token_features], np.int32)),
            [
                Array.of(np.stack([e.features for e in token_features if e.layout == n]))
                for n in layouts
            ],
        )

    def get(self, task: str, classes: int, layouts: Mapping[str, EncoderSpec]) -> Example:
        """The example, which must be of ``task``, and of sensors that the model reads.

        Raises DamagedError.
        """
        ask = self.ask
        if (self.task, ask.task) != (task, task) or self.label not in range(classes):
            raise DamagedError(f"an example of {self.task[:64]} of class {self.label}")
        if ask.label != self.label or not 0 <= ask.tick <= LAST:
            raise DamagedError(f"an example of class {ask.label} at tick {ask.tick}")
        if unknown := (set(self.layouts) | set(ask.summary)) - set(layouts):
            raise DamagedError(f"an example of layouts {sorted(unknown)[:4]}")
        z = torch.from_numpy(self.z.get("features", "<f4", (FEATURES,)))
        summary = {
            k: v.get(f"summary of {k}", "<f4", (layouts[k].summary,))
            for k, v in ask.summary.items()
        }
        known = TokenizedQuery(task, ask.tick, ask.label, summary)
        tokens = TokenizedEpisode(self._emissions(layouts), (known,), self.key)
        return Example(tokens, task, self.label, z, self.held)

    def _emissions(self, layouts: Mapping[str, EncoderSpec]) -> tuple[TokenFeatures, ...]:
        count = self.which.shape[0] if len(self.which.shape) == 1 else -1
        which = self.which.get("layouts of emissions", "<i4", (count,))
        ticks = self.ticks.get("ticks of emissions", "<i4", (count,))
        if count and (which.min() < 0 or which.max() >= len(self.layouts) or ticks.min() < 0):
            raise DamagedError("emissions of no layout or before the first tick")
        if len(self.features) != len(self.layouts) or len(set(self.layouts)) != len(self.layouts):
            raise DamagedError(f"{len(self.features)} arrays of {len(self.layouts)} layouts")
        numbers = [
            iter(part.get(name, "<f4", (int((which == i).sum()), layouts[name].size)))
            for i, (name, part) in enumerate(zip(self.layouts, self.features, strict=True))
        ]
        return tuple(
            TokenFeatures(self.layouts[w], t, next(numbers[w]))
            for w, t in zip(which.tolist(), ticks.tolist(), strict=True)
        )
