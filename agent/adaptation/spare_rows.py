"""Room for rows: a tensor grows by a row without being copied, and rows cost memory once written.

A cohort grows with every headset that comes. Copying all rows for each leaves holes of every size
in a heap that is never given back (:mod:`fedxr.agent.allocation`), and rows that nobody has trained
are zeros for the most part. An anonymous mapping has neither cost: a page that was never written is
the system's own zero page."""

from __future__ import annotations

import mmap

import torch
from torch import Tensor

ROWS = 1024
"""Rows that there is room for at first: addresses, no memory."""


class SpareRows:
    """Of one tensor (n, P)."""

    def __init__(self) -> None:
        self._all: Tensor | None = None

    def add(self, rows: Tensor) -> Tensor:
        """``rows`` (n, P) and one more, of zeros. What :meth:`add` returned last and nobody has
        replaced stays where it is."""
        n, room = len(rows), self._all
        if room is None or room.data_ptr() != rows.data_ptr() or n == len(room):
            room = self._all = _zeros(max(ROWS, 2 * n), rows)
            if room is None:
                return torch.cat((rows, rows.new_zeros(1, *rows.shape[1:])))
            room[:n] = rows
        return room[: n + 1]


def _zeros(rows: int, like: Tensor) -> Tensor | None:
    """(rows, P); None where pages that were never written cost memory too."""
    flags = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)
    if not flags or like.device.type != "cpu":
        return None
    size = rows * like.shape[1]
    pages = mmap.mmap(-1, size * like.element_size(), flags=flags)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # one row would else pay for its neighbours
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    return torch.frombuffer(pages, dtype=like.dtype, count=size).view(rows, -1)
