"""QMNIST by writer: the MNIST test digits, each with the person who wrote it.

Layout of the distributors (gzipped IDX): ``t10k-images-idx3-ubyte.gz``,
``t10k-labels-idx1-ubyte.gz``, ``qmnist-test-labels-idx2-int.gz``, unzipped or not. The first rows
of the last file are the MNIST digits in order; its columns 2 and 3 are the writer and the digit's
place on the form that the writer filled in. A user is a writer, an episode is a digit, and time
runs along the form.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedxr.scenarios.recorded.pictures import CAMERA, picture
from fedxr.scenarios.recorded.reading import FETCH, Say, lies_at, place, read_bytes, users_of
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

_IMAGES = "t10k-images-idx3-ubyte.gz"
_LABELS = "t10k-labels-idx1-ubyte.gz"
_WRITERS = "qmnist-test-labels-idx2-int.gz"
_TYPES = {8: ("u1", 1), 12: (">i4", 4)}
_CLASS, _WRITER, _PLACE = 0, 2, 3
_COLUMNS = 8
_SIZE = (28, 28)
_TASK = "digit_written"


def load(folder: Path) -> Users:
    """Every writer in ``folder``, by number. Raises DataError for a missing or broken file."""
    folder = place(folder, ".", r".*-labels.idx.-.*", f"the IDX files of {SET.source}")
    images = read_idx(folder / _IMAGES, 3)
    labels = read_idx(folder / _LABELS, 1)
    rows = read_idx(folder / _WRITERS, 2)
    _check(folder, images, labels, rows)
    rows = rows[: len(images)]
    people = []
    for writer in np.unique(rows[:, _WRITER]).tolist():
        mine = np.flatnonzero(rows[:, _WRITER] == writer)
        mine = mine[np.argsort(rows[mine, _PLACE], kind="stable")]
        name = f"writer_{writer:04d}"
        people.append((name, partial(_user, name, mine, images, labels)))
    return users_of(SET.name, people)


def _user(
    name: str,
    mine: NDArray[np.intp],
    images: NDArray[np.integer],
    labels: NDArray[np.integer],
    _: Say,
) -> User:
    """The writer of the rows ``mine``, in the order of the form."""
    half = (len(mine) + 1) // 2
    episodes = tuple(
        picture(f"t10k/{row}", images[row].astype(np.uint8), _TASK, int(labels[row]), place < half)
        for place, row in enumerate(mine.tolist())
    )
    return User(SET.name, name, SET.use_case, (CAMERA,), (_TASK,), episodes)


def _check(
    folder: Path,
    images: NDArray[np.integer],
    labels: NDArray[np.integer],
    rows: NDArray[np.integer],
) -> None:
    """Raise DataError unless the three files speak of the same digits."""
    if images.shape[1:] != _SIZE:
        found = " x ".join(map(str, images.shape[1:]))
        raise DataError(f"{folder / _IMAGES}: expected images of 28 x 28, found {found}; {FETCH}")
    if len(images) != len(labels):
        raise DataError(
            f"{folder / _LABELS}: expected {len(images)} labels, one per image of {_IMAGES}, "
            f"found {len(labels)}; fetch both files again"
        )
    if rows.shape[1] != _COLUMNS or len(rows) < len(images):
        raise DataError(
            f"{folder / _WRITERS}: expected {len(images)} rows or more of {_COLUMNS} numbers, "
            f"found {rows.shape[0]} x {rows.shape[1]}; {FETCH}"
        )
    differs = (rows[: len(labels), _CLASS] != labels) | (labels > 9)
    if differs.any():
        row = int(differs.argmax())
        raise DataError(
            f"{folder / _WRITERS}: row {row}: its class is {rows[row, _CLASS]}, {_LABELS} has "
            f"{labels[row]}; expected the same digit 0 to 9: these files do not belong together"
        )


def read_idx(path: Path, axes: int) -> NDArray[np.integer]:
    """The array in an IDX file, gzipped or not: unsigned bytes or 32-bit integers, ``axes`` axes.

    Raises DataError that names the byte (of the unzipped file) where reading stopped.
    """
    other = path.with_name(path.name.replace("-idx", ".idx"))  # as some programs unzip it
    raw = read_bytes(path if lies_at(path) or not lies_at(other) else other, "an IDX file")
    header = 4 + 4 * axes
    if len(raw) < header or raw[:2] != b"\0\0" or raw[2] not in _TYPES or raw[3] != axes:
        raise DataError(
            f"{path}: byte 0: expected the IDX header of an array with {axes} axes "
            f"(00 00 08 or 0c, {axes:02x}), found {raw[:4].hex(' ')}; {FETCH}"
        )
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", axes, 4))
    dtype, width = _TYPES[raw[2]]
    want = header + math.prod(shape) * width
    if len(raw) != want:
        raise DataError(
            f"{path}: ends at byte {len(raw)} when unzipped, expected {want} bytes for "
            f"{' x '.join(map(str, shape))} numbers; {FETCH}"
        )
    numbers: NDArray[np.integer] = np.frombuffer(raw, dtype, offset=header)
    return numbers.reshape(shape)


SET = RecordedSet(
    name="qmnist",
    folder="mnist-qmnist",
    use_case="overlays",
    task=_TASK,
    licence="MNIST CC BY-SA 3.0 (as usually stated), QMNIST BSD",
    source="https://github.com/facebookresearch/qmnist",
    halves="time forward: the first half of a writer's form adapts, the second half tests",
    load=load,
)
