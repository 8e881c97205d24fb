"""A headset's state on disk: one typed store that survives a kill at any instant.

One SQLite file in WAL mode; a save is one transaction, so that a reader finds the state of one
instant, whole, or the one before. Only what has changed since the last save is written: arrays as
raw little-endian bytes, the rest as MessagePack. A killed process loses nothing that was saved; a
power cut may lose the last saves, never the file (``synchronous=NORMAL``, sqlite.org/wal.html).

A state belongs to the model that it was learned with: its ``brain`` digest is kept with it, and
loading it into a fleet with another one is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from agent.analytic import Sums
from agent.experts import Trust
from agent.fleet import Fleet
from agent.memory import Lesson
from agent.normal import Moments
from agent.tokens import Ask, Emission, Tokens

_SCHEMA = """
CREATE TABLE IF NOT EXISTS headset (name TEXT PRIMARY KEY, head BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS array (
  name TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lesson (
  name TEXT, task TEXT, place INTEGER, value BLOB NOT NULL, PRIMARY KEY (name, task, place));
"""


class StateError(ValueError):
    """A stored state does not fit; the message says why and what to do."""


class Array(msgspec.Struct, array_like=True):
    """A float32 or float64 array: its dtype, shape and little-endian bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, value: np.ndarray) -> Array:
        value = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        return cls(value.dtype.str, value.shape, value.tobytes())

    def get(self) -> np.ndarray:
        return np.frombuffer(self.data, self.dtype).reshape(self.shape).copy()


class _Ask(msgspec.Struct, array_like=True):
    task: str
    tick: int
    label: int
    summary: dict[str, Array]


class _Lesson(msgspec.Struct, array_like=True):
    """A lesson; its emissions as layouts, which of them each is, ticks, and numbers by layout."""

    task: str
    label: int
    held: bool
    z: Array
    key: str
    asks: list[_Ask]
    layouts: list[str]
    which: Array
    ticks: Array
    features: list[Array]


class _Trust(msgspec.Struct, array_like=True):
    """As :class:`agent.experts.Trust`."""

    earned: list[float]
    losses: list[float]
    odds: list[float]
    against: list[float]
    count: int
    label: int
    classes: list[int]

    @classmethod
    def of(cls, trust: Trust) -> _Trust:
        return cls(
            trust.earned.tolist(),
            trust.losses.tolist(),
            trust.odds.tolist(),
            trust.against.tolist(),
            trust.count,
            trust.label,
            sorted(trust.classes),
        )

    def put(self, trust: Trust) -> None:
        trust.earned, trust.losses = torch.tensor(self.earned), torch.tensor(self.losses)
        trust.odds, trust.against = torch.tensor(self.odds), torch.tensor(self.against)
        trust.count, trust.label = self.count, self.label
        trust.classes = frozenset(self.classes)


class _Head(msgspec.Struct):
    """What is small: when saved, for which model, steps of Adam and draws, what the experts have
    earned and counts of feedback. ``extra`` is the caller's."""

    saved: float
    brain: str
    steps: float
    draws: float
    trusts: dict[str, _Trust]
    told: dict[str, dict[int, int]]
    sums: dict[str, list[str]]
    normal: dict[str, float]
    extra: dict[str, float]


class Store:
    """The states of any number of headsets in the file ``path``, by name. One thread at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # what is wrong, sqlite says below
            # What was learned of people is for this user alone; sqlite's other files follow suit.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise StateError(
                f"{path}: not a store of headset states ({error}); move it away"
            ) from None
        self._known: dict[tuple[str, str], np.ndarray] = {}
        self._lessons: dict[tuple[str, str, int], Lesson] = {}
        self._current: set[str] = set()  # whose stored state is what those two say

    def close(self) -> None:
        self._file.close()

    def names(self) -> list[str]:
        return [name for (name,) in self._file.execute("SELECT name FROM headset ORDER BY name")]

    # -- saving ----------------------------------------------------------------------------------

    def release(self, name: str) -> None:
        """Headset ``name`` is gone: what it last saved is not kept in memory any longer."""
        self._current.discard(name)
        self._known = {key: x for key, x in self._known.items() if key[0] != name}
        self._lessons = {key: x for key, x in self._lessons.items() if key[0] != name}

    def save(self, fleet: Fleet, row: int, extra: Mapping[str, float] | None = None) -> None:
        """Write what has changed of headset ``row`` since it was last saved or loaded here; of one
        that was neither, instead of all that may be stored under its name."""
        name, memory = fleet.members[row].name, fleet.memories[row]
        moments = dict(fleet.normals[row].own)  # may be counted into meanwhile
        arrays = _arrays(fleet, row, moments)
        head = _Head(
            time.time(),
            fingerprint(fleet),
            float(fleet.momentum.steps[row]),
            float(fleet.momentum.draws[row]),
            {task: _Trust.of(trust) for task, trust in fleet.trusts[row].items()},
            {task: dict(count) for task, count in memory.told.items()},
            {"own": sorted(fleet.sums[row]), "crowd": sorted(fleet.crowd[row])},
            {key: m.n for key, m in moments.items()},
            dict(extra or {}),
        )
        # Comparing is twenty times as fast as packing or hashing, and most has not changed.
        known = self._known
        fresh = {
            key: value
            for key, value in arrays.items()
            if (name, key) not in known or not np.array_equal(known[name, key], value)
        }
        packed = [(key, msgspec.msgpack.encode(Array.of(v))) for key, v in fresh.items()]
        lessons = [
            (task, place, lesson)
            for task, kept in memory.lessons.items()
            for place, lesson in enumerate(kept)
            if self._lessons.get((name, task, place)) is not lesson
        ]
        self._write(name, head, packed, lessons, {t: len(k) for t, k in memory.lessons.items()})
        known.update({(name, key): value.copy() for key, value in fresh.items()})
        self._lessons.update({(name, task, place): x for task, place, x in lessons})
        self._current.add(name)

    def _write(
        self,
        name: str,
        head: _Head,
        arrays: list[tuple[str, bytes]],
        lessons: list[tuple[str, int, Lesson]],
        kept: Mapping[str, int],
    ) -> None:
        run = self._file.execute
        run("BEGIN IMMEDIATE")
        try:
            if name not in self._current:
                run("DELETE FROM array WHERE name=?", (name,))
                run("DELETE FROM lesson WHERE name=?", (name,))
            packed = msgspec.msgpack.encode(head)
            run("INSERT OR REPLACE INTO headset VALUES (?, ?)", (name, packed))
            for key, value in arrays:
                run("INSERT OR REPLACE INTO array VALUES (?, ?, ?)", (name, key, value))
            for task, place, lesson in lessons:
                value = msgspec.msgpack.encode(_packed(lesson))
                run("INSERT OR REPLACE INTO lesson VALUES (?, ?, ?, ?)", (name, task, place, value))
            for task, count in kept.items():  # an undo makes a list shorter
                run("DELETE FROM lesson WHERE name=? AND task=? AND place>=?", (name, task, count))
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")

    # -- loading ---------------------------------------------------------------------------------

    def load(self, fleet: Fleet, row: int) -> dict[str, float] | None:
        """Put the stored state of headset ``row``'s name into the fleet; returns what was saved as
        ``extra``, with ``saved`` (seconds since 1970), or None when nothing is stored.

        Raises StateError when it was learned with another model, or stored by another version.
        """
        name = fleet.members[row].name
        run = self._file.execute
        run("BEGIN")
        try:
            found = run("SELECT head FROM headset WHERE name=?", (name,)).fetchone()
            rows = run("SELECT key, value FROM array WHERE name=?", (name,)).fetchall()
            told = run(
                "SELECT task, value FROM lesson WHERE name=? ORDER BY task, place", (name,)
            ).fetchall()
        finally:
            run("COMMIT")
        if found is None:
            return None
        try:
            head = msgspec.msgpack.decode(found[0], type=_Head)
        except msgspec.DecodeError as error:
            raise StateError(
                f"the stored state of {name} was stored by another version of fedxr ({error}); "
                "start with another state file"
            ) from None
        if head.brain != fingerprint(fleet):
            raise StateError(
                f"the stored state of {name} was learned with another model or tuning; start with "
                "the checkpoint that it belongs to, or with another state file"
            )
        arrays = {k: msgspec.msgpack.decode(v, type=Array).get() for k, v in rows}
        _restore(fleet, row, head, arrays)
        lessons: dict[str, list[Lesson]] = {}
        for task, value in told:
            stored = msgspec.msgpack.decode(value, type=_Lesson)
            lessons.setdefault(task, []).append(_unpacked(stored))
        memory = fleet.memories[row]
        memory.restore(lessons, {t: Counter(c) for t, c in head.told.items()})
        self._known.update({(name, key): value.copy() for key, value in arrays.items()})
        self._lessons.update(
            {
                (name, task, place): x
                for task, kept in lessons.items()
                for place, x in enumerate(kept)
            }
        )
        self._current.add(name)
        return {**head.extra, "saved": head.saved}


def fingerprint(fleet: Fleet) -> str:
    """Two fleets share it when their brain, tuning and so the meaning of all that is stored are the
    same."""
    cohort = fleet.cohort
    text = repr([(b.name, b.start, b.shape, b.kind) for b in cohort.blocks.values()])
    text += repr(cohort.tuning) + fleet.brain.digest
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _arrays(fleet: Fleet, row: int, moments: Mapping[str, Moments]) -> dict[str, np.ndarray]:
    """Every large part of a headset's state, by key."""
    parts: dict[str, np.ndarray | Tensor] = {
        "theta": fleet.cohort.theta[row],
        "first": fleet.momentum.first[row],
        "second": fleet.momentum.second[row],
    }
    for kind, sums in (("own", fleet.sums[row]), ("crowd", fleet.crowd[row])):
        for task, s in sums.items():
            parts |= {f"{kind}|{task}|a": s.a, f"{kind}|{task}|b": s.b, f"{kind}|{task}|n": s.n}
    for key, m in moments.items():
        parts |= {f"normal|{key}|total": m.total, f"normal|{key}|square": m.square}
    return {key: v.numpy() if isinstance(v, Tensor) else v for key, v in parts.items()}


def _restore(fleet: Fleet, row: int, head: _Head, arrays: dict[str, np.ndarray]) -> None:
    get = {key: torch.from_numpy(v) for key, v in arrays.items()}
    fleet.cohort.theta[row] = get["theta"]
    fleet.momentum.first[row], fleet.momentum.second[row] = get["first"], get["second"]
    fleet.momentum.steps[row], fleet.momentum.draws[row] = head.steps, head.draws
    for kind, sums in (("own", fleet.sums[row]), ("crowd", fleet.crowd[row])):
        sums.clear()
        for task in head.sums[kind]:
            sums[task] = Sums(*(get[f"{kind}|{task}|{part}"] for part in "abn"))
    for task, trust in head.trusts.items():
        if task in fleet.trusts[row]:
            trust.put(fleet.trusts[row][task])
    fleet.normals[row].own = {
        key: Moments(n, arrays[f"normal|{key}|total"], arrays[f"normal|{key}|square"])
        for key, n in head.normal.items()
    }


def _packed(lesson: Lesson) -> _Lesson:
    emissions = lesson.tokens.emissions
    layouts = sorted({e.layout for e in emissions})
    return _Lesson(
        lesson.task,
        lesson.label,
        lesson.held,
        Array.of(lesson.z.numpy()),
        lesson.tokens.key,
        [
            _Ask(a.task, a.tick, a.label, {k: Array.of(v) for k, v in a.summary.items()})
            for a in lesson.tokens.asks
        ],
        layouts,
        Array.of(np.array([layouts.index(e.layout) for e in emissions], np.int32)),
        Array.of(np.array([e.tick for e in emissions], np.int32)),
        [Array.of(np.stack([e.features for e in emissions if e.layout == n])) for n in layouts],
    )


def _unpacked(stored: _Lesson) -> Lesson:
    rows = [iter(part.get()) for part in stored.features]
    emissions = tuple(
        Emission(stored.layouts[which], tick, next(rows[which]))
        for which, tick in zip(
            stored.which.get().tolist(), stored.ticks.get().tolist(), strict=True
        )
    )
    asks = tuple(
        Ask(a.task, a.tick, a.label, {k: v.get() for k, v in a.summary.items()})
        for a in stored.asks
    )
    z = torch.from_numpy(stored.z.get())
    return Lesson(Tokens(emissions, asks, stored.key), stored.task, stored.label, z, stored.held)
