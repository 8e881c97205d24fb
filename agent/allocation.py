"""Keep freed memory: large tensors come and go at every step, and fresh pages cost more than the
arithmetic on them. What a crowd has needed is given back when it has left."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import cast

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # malloc.h


def keep_freed_memory(pad: int = 64 << 20) -> bool:
    """Tell glibc to serve large blocks from its heap and not to give the heap back by itself.

    Training a cohort is 10 to 25 % faster for it (benchmarks/cohort.py). The price: the process
    keeps its largest size. It holds for the whole process, so a command decides it, not a library
    on import. ``pad`` bytes are asked for at a time. False where there is no glibc: nothing done.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return False
    wanted = ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, pad))
    return all(mallopt(option, value) == 1 for option, value in wanted)


def give_back_freed_memory() -> bool:
    """Give free pages back to the system now: milliseconds. False where there is no glibc."""
    trim = _glibc("malloc_trim")
    return trim is not None and bool(trim(0))


def _glibc(name: str) -> Callable[..., int] | None:
    found = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    return cast(Callable[..., int] | None, found)
