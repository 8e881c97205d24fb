"""Omniglot by drawer: characters of several alphabets, each drawn once by each of 20 people.

Layout of the distributor: ``python/images_background_small1.zip`` with
``images_background_small1/{alphabet}/characterNN/{code}_{drawer}.png``, 105 x 105, black on white;
the unzipped folder is read too, wherever below ``omniglot`` it lies. The task's 70 classes are the
characters of the set's first three alphabets in sorted order; drawings of other alphabets are
passed over.

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
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fedxr.scenarios.recorded.pictures import CAMERA, picture
from fedxr.scenarios.recorded.reading import FETCH, Say, entries, foreign, users_of
from fedxr.scenarios.users import DataError, RecordedSet, User, Users

ALPHABETS = (("Balinese", 24), ("Early_Aramaic", 22), ("Greek", 24))
"""The alphabets of the task and how many characters each has: 70 classes in this order."""
_SIDE = 105
_SIZE = (_SIDE, _SIDE)
_STEM = "images_background_small1"
_PATH = re.compile(r"(?:.*/)?([^/]+)/character([0-9]+)/([0-9]+_([0-9]+)\.png)")
_MOST_BYTES = 2**20
"""Bytes of a drawing, unzipped; they have some hundreds."""
_TASK = "character"
Drawing = tuple[str, str, Callable[[], bytes]]
"""Name within the set, place for messages, and how to read it."""


def load(folder: Path) -> Users:
    """Every drawer in ``folder``, by number. Raises DataError when there is none."""
    found: dict[int, list[tuple[str, int, Drawing]]] = defaultdict(list)
    passed = []
    for drawing in _files(folder):
        match = _PATH.fullmatch(drawing[0])
        if match is None:
            passed.append(
                f"{drawing[1]} is passed over: expected {_STEM}/<alphabet>/character<NN>/"
                "<code>_<drawer>.png; take the file out"
            )
        elif match[1] in dict(ALPHABETS):
            found[int(match[4])].append((match[1], int(match[2]), drawing))
    if not found:
        alphabets = ", ".join(alphabet for alphabet, _ in ALPHABETS)
        raise DataError(
            f"{folder / 'python'}: no drawing of {alphabets} found; expected {_STEM}.zip of "
            f"{SET.source}" + "".join(f"; {text}" for text in passed[:3])
        )
    people = [(_name(n), partial(_user, n, found[n])) for n in sorted(found)]
    return users_of(SET.name, people, notes=passed)


def _name(drawer: int) -> str:
    return f"drawer_{drawer:02d}"


def label_of(alphabet: str, character: int, where: str) -> int:
    """The class of ``character`` (from 1) of one of the `ALPHABETS`.

    Raises DataError for a character that the alphabet does not have.
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
    raise DataError(f"{where}: unknown alphabet {alphabet}; known are {dict(ALPHABETS)}")


def _user(drawer: int, drawings: list[tuple[str, int, Drawing]], _: Say) -> User:
    episodes = {}
    for alphabet, character, (name, where, raw) in drawings:
        label = label_of(alphabet, character, where)
        adapt = (label + drawer) % 2 == 0
        episodes[label] = picture(name, _read(raw, where), _TASK, label, adapt)
    ordered = tuple(episodes[label] for label in sorted(episodes))
    return User(SET.name, _name(drawer), SET.use_case, (CAMERA,), (_TASK,), ordered)


def _files(folder: Path) -> Iterator[Drawing]:
    """Every PNG, in order of the names: of the archive, where there is one."""
    entries(folder)  # which says where there is no such folder
    archives = sorted(p for p in folder.rglob(f"{_STEM}.zip") if p.is_file())
    if not archives:
        for path in sorted(folder.rglob("*.png")):
            name = path.relative_to(folder).as_posix()
            if not foreign(name):
                yield _within(name), str(path), path.read_bytes
        return
    archive = archives[0]
    try:
        pack = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(
            f"{archive}: expected a whole zip file, but reading stopped: {error}; {FETCH}"
        ) from error
    for info in sorted(pack.infolist(), key=lambda i: i.filename):
        if info.filename.endswith(".png") and not foreign(info.filename):
            where = f"{archive}: {info.filename}"
            yield _within(info.filename), where, partial(_unzipped, pack, info)


def _within(name: str) -> str:
    """``name`` with the top folder that it has as distributed."""
    return f"{_STEM}/" + "/".join(name.split("/")[-3:])


def _unzipped(pack: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > _MOST_BYTES:
        raise ValueError(f"{info.file_size} bytes unzipped")
    return pack.read(info)


def _read(raw: Callable[[], bytes], where: str) -> NDArray[np.uint8]:
    """(105, 105) grey values, paper 255."""
    try:
        with Image.open(io.BytesIO(raw())) as image:
            size = image.size
            pixels = np.asarray(image.convert("L") if size == _SIZE else (), dtype=np.uint8)
    except Exception as error:  # whatever zip and PNG make of damaged bytes
        raise DataError(f"{where}: expected a whole PNG, found: {error}; {FETCH}") from error
    if size != _SIZE:
        raise DataError(
            f"{where}: expected {_SIDE} x {_SIDE} pixels, found {size[0]} x {size[1]}; {FETCH}"
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
