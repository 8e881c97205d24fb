"""Finding and reading recorded files: what other systems make of them is undone here, once, and
every problem becomes a DataError that says where.

Passed over: what systems leave beside the data (``._*``, ``.DS_Store``, ``__MACOSX``). Read as if
they were as distributed: files zipped or unzipped on the way, and folders from an archive that was
unpacked without its top folder, or with one more. :func:`users_of` is where one user's trouble
ends: they are left out and named, the others go on.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import TICK_US, Samples
from fedxr.scenarios.users import DataError, User, Users

FETCH = "fetch the file again from the distributor"
Say = Callable[[str], None]
"""Takes what is to be said of one user: a sentence without their name."""
LONGEST_S = 86_400.0
"""Seconds above which a recording lasts too long to be one: its clock was set meanwhile."""
MOST_BYTES = 2**30
"""Bytes of a file, unzipped, above which it is none of these sets'."""
_FOREIGN = re.compile(r"\..*|__MACOSX|thumbs\.db|desktop\.ini", re.IGNORECASE)
_GZIP = b"\x1f\x8b"
_NAMED = 3
"""How many users a message names when nobody is left."""


def users_of(
    name: str,
    people: Iterable[tuple[str, Callable[[Say], User]]],
    left_out: Mapping[str, str] | None = None,
    notes: Iterable[str] = (),
) -> Users:
    """Read every one of ``people`` (name, how to read them) of the set ``name``.

    Who cannot be read, or has nothing to learn from or to be tested on, is left out with the
    reason, beside those who are in ``left_out`` already. Raises DataError when nobody is left.
    """
    users, out, said = list[User](), dict[str, str](), list(notes)
    for who, read in people:
        mine: list[str] = []
        try:
            user = read(mine.append)
            why = _lacks(user)
        except (DataError, OSError) as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - whatever libraries make of damaged bytes
            why = f"cannot be read: {error!r}; fetch this user's files again"
        if why:
            out[who] = "; ".join([why, *mine])
        else:
            users.append(user)
            said += [f"{who}: {text}" for text in mine]
    out |= left_out or {}
    if not users:
        some = [f"{who}: {why}" for who, why in list(out.items())[:_NAMED]]
        more = f"; and {len(out) - _NAMED} more" if len(out) > _NAMED else ""
        raise DataError(f"{name}: nobody is left. {'; '.join([*some, *said])}{more}")
    return Users(users, out, said)


def _lacks(user: User) -> str:
    """Why nothing can be learned of ``user``, or they not be tested; empty where both can."""
    learnt, tested = (
        sum(len(e.queries) for e in user.episodes if e.adapt is half) for half in (True, False)
    )
    if learnt and tested:
        return ""
    return (
        f"{learnt} questions to learn from and {tested} to be tested on; both are needed: "
        "add what is missing of their recordings, or leave this user out"
    )


def entries(folder: Path) -> list[Path]:
    """What is in ``folder`` but for what systems leave there; DataError when there is none."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected the data set in its official layout")
    try:
        return sorted(p for p in folder.iterdir() if not foreign(p.name))
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}; allow it") from error


def foreign(name: str) -> bool:
    """Whether a path within a set is what another system has left there, such as ``._a.wav``."""
    return any(_FOREIGN.fullmatch(part) for part in name.split("/"))


def place(folder: Path, inside: str, pattern: str, what: str) -> Path:
    """The folder with entries whose name matches ``pattern``, which ``what`` describes.

    It is ``folder / inside`` as distributed; ``folder`` itself where an archive was unpacked
    without its top folder; or either of them in a sub-folder, where there was one more. Raises
    DataError when there is none, or more than one.
    """
    folders = [p for p in entries(folder) if p.is_dir()]
    for candidates in ([folder / inside], [folder], [f / inside for f in folders], folders):
        found = [c for c in candidates if c.is_dir() and _matching(c, pattern)]
        if len(found) > 1:
            raise DataError(
                f"{folder}: {', '.join(f.relative_to(folder).as_posix() for f in found)} all hold "
                f"{what}; leave one of them"
            )
        if found:
            return found[0]
    packed = ", ".join(p.name for p in entries(folder) if p.suffix == ".zip")
    raise DataError(
        f"{folder}: expected {pattern} ({what}) in {folder / inside}; found none; "
        + (f"unpack {packed}" if packed else "point to the data set's own folder")
    )


def _matching(folder: Path, pattern: str) -> list[Path]:
    """Entries whose name matches ``pattern`` whole, zipped or not, under their unzipped name."""
    names = {p.name.removesuffix(".gz") for p in entries(folder)}
    return [folder / name for name in sorted(names) if re.fullmatch(pattern, name)]


def folders_in(folder: Path, pattern: str, what: str) -> list[Path]:
    """Sub-folders of ``folder`` whose name matches ``pattern`` whole, in the order of their names.

    Raises DataError when there is none; ``what`` says what such a folder is.
    """
    found = [p for p in _matching(folder, pattern) if p.is_dir()]
    if not found:
        raise DataError(
            f"{folder}: no sub-folder {pattern} ({what}); point to the data set's own folder"
        )
    return found


def files_in(folder: Path, pattern: str, what: str) -> list[Path]:
    """Files of ``folder`` whose name matches ``pattern`` whole, sorted; DataError when none is.

    A file ``a.csv.gz`` is found as ``a.csv``, which :func:`read_bytes` reads.
    """
    found = [p for p in _matching(folder, pattern) if not p.is_dir()]
    if not found:
        raise DataError(f"{folder}: no file {pattern} ({what}); {FETCH} or leave this user out")
    return found


def lies_at(path: Path) -> Path | None:
    """Where the file called ``path`` lies, zipped or not; None where it does not."""
    names = (path.name, path.name + ".gz", path.name.removesuffix(".gz"))
    return next((p for p in map(path.with_name, names) if p.is_file()), None)


def read_bytes(path: Path, what: str) -> bytes:
    """What the file holds, unzipped, whether its name ends in ``.gz`` or not.

    Raises DataError when it is missing, empty, cut while zipped or too large; ``what`` says what
    it should hold.
    """
    there = lies_at(path)
    if there is None:
        raise DataError(f"{path}: missing; expected {what}; {FETCH} or leave this user out")
    raw = there.read_bytes()
    if raw.startswith(_GZIP):
        try:
            with gzip.GzipFile(fileobj=BytesIO(raw)) as packed:
                raw = packed.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{there}: expected a whole gzip file, found: {error}; {FETCH}"
            ) from error
    if not raw:
        raise DataError(f"{there}: byte 0: the file is empty; expected {what}; {FETCH}")
    if len(raw) > MOST_BYTES:
        raise DataError(f"{there}: over {MOST_BYTES} bytes; expected {what}; {FETCH}")
    return raw


def check_rising(
    path: Path, t: NDArray[np.generic], rows: NDArray[np.int64], what: str = "time"
) -> None:
    """Raise DataError at the first row whose time is before that of the row above it; ``rows`` (n,)
    are the numbers of the rows in the file."""
    back = np.diff(t) < 0
    if back.any():
        at = int(back.argmax()) + 1
        raise DataError(
            f"{path}: row {rows[at]}: expected {what} >= {t[at - 1]}; found {t[at]}; {FETCH}"
        )


def microseconds(path: Path, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """``seconds`` (n,) as whole microseconds; DataError for times that nobody lives at."""
    furthest = float(np.abs(seconds).max(initial=0.0))
    if not furthest < 2**53 / 1e6:
        raise DataError(
            f"{path}: a time of {furthest:g} s: its times are not in the unit of this set; convert "
            f"them, or {FETCH}"
        )
    return np.rint(seconds * 1e6).astype(np.int64)


def check_span(path: Path, t_us: NDArray[np.int64]) -> None:
    """Raise DataError where a recording lasts longer than a day."""
    seconds = (int(t_us[-1]) - int(t_us[0])) / 1e6 if len(t_us) else 0.0
    if seconds > LONGEST_S:
        raise DataError(
            f"{path}: lasts {seconds:.0f} s; expected at most {LONGEST_S:.0f} s: its clock was set "
            "while it recorded, or its times are in another unit; correct them or leave it out"
        )


def check_rate(path: Path, t_us: NDArray[np.int64], least_hz: float, most_hz: float) -> None:
    """Raise DataError where most samples follow each other faster or more slowly than allowed."""
    step_us = float(np.median(np.diff(t_us))) if len(t_us) > 1 else 0.0
    if not 1e6 / most_hz <= step_us <= 1e6 / least_hz:
        raise DataError(
            f"{path}: its samples are {step_us / 1000:g} ms apart; expected {1000 / most_hz:g} to "
            f"{1000 / least_hz:g} ms: its times are not in the unit of this set; convert them, or "
            f"{FETCH}"
        )


def covered(samples: Samples, start_us: int, end_us: int, pause_us: float) -> bool:
    """Whether ``[start_us, end_us)`` has samples, and nowhere a pause longer than ``pause_us``."""
    t_us = samples.between(start_us, end_us).t_us
    pauses = np.diff(np.concatenate(([start_us], t_us, [end_us])))
    return len(t_us) > 0 and bool(pauses.max() <= pause_us)


def whole_ticks(last_us: int) -> int:
    """The first whole number of ticks after ``last_us``, in microseconds: when to ask."""
    return (last_us // TICK_US + 1) * TICK_US


def regular(
    values: NDArray[np.generic],
    rate_hz: float,
    start_us: int = 0,
    there: NDArray[np.bool_] | None = None,
) -> Samples:
    """``values`` as samples at ``rate_hz``, the first at ``start_us``, but only those ``there``."""
    t = start_us + np.rint(np.arange(len(values)) * (1e6 / rate_hz)).astype(np.int64)
    return Samples(t, values) if there is None else Samples(t[there], values[there])


def cut(samples: Mapping[str, Samples], start_us: int, end_us: int) -> dict[str, Samples]:
    """The stretch ``[start_us, end_us)`` of each channel with time counted from its start.

    A channel without samples there is left out: absent, never zeros.
    """
    parts = {name: s.between(start_us, end_us) for name, s in samples.items()}
    return {name: Samples(p.t_us - start_us, p.values) for name, p in parts.items() if len(p)}
