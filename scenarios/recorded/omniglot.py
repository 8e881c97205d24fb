"""Omniglot by drawer: characters of several alphabets, each drawn once by each of 20 people.

Layout of the distributor: ``python/images_background_small1.zip`` with
``images_background_small1/{alphabet}/characterNN/{code}_{drawer}.png``, 105 x 105, black on white;
the unzipped folder is read too. The task's 70 classes are the characters of the set's first three
alphabets in sorted order; drawings of other alphabets are passed over.

A user is a drawer's number. It is the same person within an alphabet, but not always across
alphabets: here the drawings of one number make one user, by that rule and no other.

Each character is drawn once, so no half can know the other's classes. Characters alternate between
the halves, and the drawers alternate in which comes first: a class that one person is tested on is
learnt from another.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from scenarios.recorded.pictures import CAMERA, picture
from scenarios.recorded.reading import FETCH
from scenarios.users import DataError, RecordedSet, User

ALPHABETS = (("Balinese", 24), ("Early_Aramaic", 22), ("Greek", 24))
"""The alphabets of the task and how many characters each has: 70 classes in this order."""
_SIDE = 105
_STEM = "images_background_small1"
_PATH = re.compile(rf"{_STEM}/([^/]+)/character([0-9]+)/[0-9]+_([0-9]+)\.png")
_TASK = "character"


def load(folder: Path) -> list[User]:
    """Every drawer in ``folder``, by number. Raises DataError for a missing or broken file."""
    found: dict[int, dict[int, tuple[str, NDArray[np.uint8]]]] = defaultdict(dict)
    for name, where, raw in _files(folder / "python"):
        match = _PATH.fullmatch(name)
        if match is None:
            raise DataError(
                f"{where}: expected {_STEM}/<alphabet>/character<NN>/<code>_<drawer>.png; "
                "take the file out"
            )
        label = label_of(match[1], int(match[2]), where)
        if label is not None:
            found[int(match[3])][label] = (name, _read(raw, where))
    if not found:
        alphabets = ", ".join(alphabet for alphabet, _ in ALPHABETS)
        raise DataError(
            f"{folder / 'python'}: no drawing of {alphabets} found; expected {_STEM}.zip of "
            f"{SET.source}"
        )
    return [_user(drawer, found[drawer]) for drawer in sorted(found)]


def label_of(alphabet: str, character: int, where: str) -> int | None:
    """The class of ``character`` (from 1); None for an alphabet outside the task.

    Raises DataError for a character that a known alphabet does not have.
    """
    before = 0
    for name, count in ALPHABETS:
        if name == alphabet:
            if not 1 <= character <= count:
                raise DataError(
                    f"{where}: expected character01 to character{count} in {alphabet}, "
                    f"found character{character:02d}; {FETCH}"
                )
            return before + character - 1
        before += count
    return None


def _user(drawer: int, drawings: dict[int, tuple[str, NDArray[np.uint8]]]) -> User:
    episodes = tuple(
        picture(drawings[label][0], drawings[label][1], _TASK, label, (label + drawer) % 2 == 0)
        for label in sorted(drawings)
    )
    return User(SET.name, f"drawer_{drawer:02d}", SET.use_case, (CAMERA,), (_TASK,), episodes)


def _files(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Name within the set, place for messages, and bytes of every PNG, in order of the names."""
    archive = folder / f"{_STEM}.zip"
    if not archive.is_file():
        for path in sorted((folder / _STEM).rglob("*.png")):
            yield path.relative_to(folder).as_posix(), str(path), path.read_bytes()
        return
    try:
        with zipfile.ZipFile(archive) as pack:
            for name in sorted(pack.namelist()):
                if name.endswith(".png"):
                    yield name, f"{archive}: {name}", pack.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(
            f"{archive}: expected a whole zip file, but reading stopped: {error}; {FETCH}"
        ) from error


def _read(raw: bytes, where: str) -> NDArray[np.uint8]:
    """(105, 105) grey values, paper 255."""
    try:
        with Image.open(io.BytesIO(raw)) as image:
            pixels = np.asarray(image.convert("L"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{where}: expected a whole PNG, found: {error}; {FETCH}") from error
    if pixels.shape != (_SIDE, _SIDE):
        raise DataError(
            f"{where}: expected {_SIDE} x {_SIDE} pixels, found "
            f"{pixels.shape[1]} x {pixels.shape[0]}; {FETCH}"
        )
    return pixels


SET = RecordedSet(
    name="omniglot",
    folder="omniglot",
    use_case="overlays",
    task=_TASK,
    licence="MIT",
    source="https://github.com/brendenlake/omniglot",
    halves="characters alternate between the halves, shifted by drawer (each is drawn once)",
    load=load,
    ordered=False,
)
