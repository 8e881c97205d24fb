"""The store of headsets' states: who is saved when, what waits, who gets what back."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.checkpoints.state.errors import DamagedError, NotSavedError, OtherModelError
from fedxr.agent.checkpoints.state.file import Keep, StateFile
from fedxr.agent.checkpoints.state.format import is_asked, pack, task_of, unpack_state
from fedxr.agent.checkpoints.state.mirror import Mirror, has_learned, label_counts
from fedxr.agent.checkpoints.state.records import PackedHead
from fedxr.agent.checkpoints.state.rows import Stored

RETRY_S = 1.0
"""Seconds from a save that failed to the next try."""
WAITING = 1 << 27
"""Bytes of states that wait in memory for a disk, at most (128 MiB); beyond, the oldest is lost."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """What was loaded: ``extra`` as it was saved, when it was (seconds since 1970), and the tasks
    that were taught before and are not asked now: what was learned of them is kept. ``device`` is
    the other device of the same user whose state it is; empty: the headset's own."""

    extra: dict[str, float]
    saved: float
    unasked: tuple[str, ...]
    device: str = ""


@dataclass(frozen=True)
class _Waiting:
    """The state of a headset that has left, and that no disk has taken yet."""

    checkpoint: str
    head: bytes
    arrays: dict[str, bytes]
    fresh: bool

    @property
    def size(self) -> int:
        return len(self.head) + sum(map(len, self.arrays.values()))


class Store:
    """The states of any number of headsets in the file ``path``, by name. One thread at a time.

    ``trouble`` says why nothing can be saved at present; it is empty while all is well."""

    def __init__(self, path: Path, keep: Keep | None = None) -> None:
        """Raises TakenError where another server keeps its states there. A disk that fails is
        trouble, no error."""
        self._mirrors: dict[str, Mirror] = {}
        self._file = StateFile(path, keep or Keep(), self._mirrors.keys())
        self._waiting: dict[str, _Waiting] = {}
        self._unsaved = set[str]()  # of those who are here
        self._again = 0.0
        self.trouble = ""
        self.tend()

    def close(self) -> None:
        """What waits is tried once more."""
        self._again = 0.0
        with contextlib.suppress(NotSavedError):
            self._flush()
        if self._waiting:
            _log.error("the disk has not taken, and lost are: %s", ", ".join(self._waiting))
        self._file.close()

    def names(self) -> list[str]:
        return sorted({*self._file.names(), *self._waiting})

    def tend(self) -> str:
        """Save what waits, and let go who was not seen for too long; returns the ``trouble``."""
        with contextlib.suppress(NotSavedError):
            self._try(self._file.disk.check)
            self._flush()
            if self.trouble and not self._unsaved:  # nothing is left that would show that it works
                self._try(self._file.probe)
                self._works()
            self._try(self._file.trim)
        return self.trouble

    # -- saving ----------------------------------------------------------------------------------

    def save(self, cohort: Cohort, row: int, extra: Mapping[str, float] | None = None) -> None:
        """Write what has changed of headset ``row`` since it was last saved or loaded here; nothing
        of one that has learned nothing, and nothing that could not be loaded again: what is not
        finite stays as it was last saved.

        Raises NotSavedError; what has changed is then written with the next save.
        """
        name = _name(cohort, row)
        mirror = self._mirror(cohort, row)
        if mirror is None:
            return
        number = -1
        while number != self._file.number:  # a new file lacks what was in the old one
            number = self._file.number
            if mirror.file != number:
                mirror.head, mirror.file = None, number
                mirror.parts.clear()
            try:
                self._write(name, mirror, cohort, row, extra or {})
            except DamagedError as error:
                if not mirror.odd:
                    _log.error("%s stays as it was last saved: %s", name, error)
                mirror.odd = True
                return

    def _mirror(self, cohort: Cohort, row: int) -> Mirror | None:
        """Of a headset that was loaded, or has learned something."""
        name = _name(cohort, row)
        found = self._mirrors.get(name)
        if found is not None and found.lent and found.lent == label_counts(cohort, row):
            return None  # nothing beyond what another device of the user has learned
        if (found is None or not (found.parts or found.carried)) and not has_learned(cohort, row):
            return None
        if found is None:
            found = self._mirrors[name] = Mirror(fingerprint(cohort), self._file.number, fresh=True)
        return found

    def _write(
        self, name: str, mirror: Mirror, cohort: Cohort, row: int, extra: Mapping[str, float]
    ) -> None:
        head, parts = mirror.now(cohort, row, extra)
        changed = mirror.changed(parts)
        gone = (mirror.gone | mirror.parts.keys()) - parts.keys()
        if not (changed or gone or mirror.carried) and head == mirror.head:
            return
        packed = {**{key: pack(x) for key, x in changed.items()}, **mirror.carried}
        saved = _pack_head(head)
        self._unsaved.add(name)
        self._flush()
        write = partial(self._file.write, name, mirror.checkpoint, saved, packed, gone)
        self._try(partial(write, fresh=mirror.fresh))
        mirror.wrote(head, parts, changed)
        self._unsaved.discard(name)
        self._works()

    def leave(self, cohort: Cohort, row: int, extra: Mapping[str, float] | None = None) -> None:
        """Headset ``row`` goes: it is saved, or waits in memory to be."""
        name = _name(cohort, row)
        try:
            self.save(cohort, row, extra)
        except NotSavedError:
            mirror = self._mirrors[name]
            head, parts = mirror.now(cohort, row, extra or {})
            arrays = {**{key: pack(x) for key, x in parts.items()}, **mirror.carried}
            self._waiting.pop(name, None)
            self._waiting[name] = _Waiting(
                mirror.checkpoint, _pack_head(head), arrays, mirror.fresh
            )
            while sum(one.size for one in self._waiting.values()) > WAITING:
                lost = next(iter(self._waiting))
                del self._waiting[lost]
                _log.error("the disk takes nothing and memory is full: %s is lost", lost)
        finally:
            self.release(name)

    def release(self, name: str) -> None:
        """Headset ``name`` is gone: what is stored of it is not kept in memory any longer."""
        self._mirrors.pop(name, None)
        self._unsaved.discard(name)

    def _flush(self) -> None:
        for name, one in list(self._waiting.items()):
            write = partial(self._file.write, name, one.checkpoint, one.head, one.arrays)
            self._try(partial(write, fresh=one.fresh))
            del self._waiting[name]
            self._works()

    def _try(self, what: Callable[[], None]) -> None:
        if time.monotonic() < self._again:
            raise NotSavedError(self.trouble)
        try:
            what()
        except NotSavedError as error:
            if not self.trouble:
                _log.error("not saving: %s; it is tried again and again", error)
            self.trouble, self._again = str(error), time.monotonic() + RETRY_S
            raise

    def _works(self) -> None:
        """Something was saved; is all of it?"""
        if self.trouble and not self._unsaved and not self._waiting:
            _log.warning("saving again")
            self.trouble = ""

    # -- loading ---------------------------------------------------------------------------------

    def load(self, cohort: Cohort, row: int) -> Loaded | None:
        """Put what is stored of headset ``row``, who knows nothing yet, into the cohort; None where
        nothing is. What belongs to tasks that it is not asked stays where it is.

        Raises OtherModelError where all there is was learned with another model, DamagedError where
        it is damaged and now set aside, NotSavedError where it cannot be read. In each case the
        headset is as it was, and what is stored will not be overwritten.
        """
        name, checkpoint, tasks = (
            _name(cohort, row),
            fingerprint(cohort),
            cohort.headsets[row].identity.tasks,
        )
        mirror = self._mirrors[name] = Mirror(checkpoint, self._file.number, fresh=True)
        waiting, whose = self._waiting.pop(name, None), name
        stored = self._stored(name, checkpoint, tasks, waiting)
        if stored is None:
            whose = self._other_device(name, checkpoint)
            stored = self._stored(whose, checkpoint, tasks, None) if whose else None
        if stored is None:
            if self._file.checkpoints(name):
                raise OtherModelError(
                    f"the stored state of {name} was learned with another model or tuning; it is "
                    "kept for when the checkpoint that it belongs to is served again"
                )
            return None
        try:
            state, used = unpack_state(cohort, row, stored.head, stored.arrays)
        except DamagedError as error:
            raise self._damaged(whose, checkpoint, error) from None
        state.put(cohort, row)
        if waiting is not None:
            mirror.fresh = waiting.fresh
            mirror.carried = {k: v for k, v in waiting.arrays.items() if not is_asked(k, tasks)}
        elif whose == name:
            mirror.fresh, mirror.file = False, self._file.number
            mirror.gone = {k for k in stored.keys if is_asked(k, tasks)} - used
            mirror.loaded(cohort, row, state, used)
            with contextlib.suppress(NotSavedError):
                self._try(lambda: self._file.see(name))
        else:
            mirror.lent = label_counts(cohort, row)
        taught = {task for key in stored.keys if (task := task_of(key)) is not None}
        unasked = tuple(sorted(taught - set(tasks)))
        device = "" if whose == name else whose.rpartition("/")[2]
        return Loaded(state.extra, state.saved, unasked, device)

    def _other_device(self, name: str, checkpoint: str) -> str:
        """The name of the state that another device of the same user left last; "": of none."""
        user = name.rpartition("/")[0]
        return self._file.latest(f"{user}/", checkpoint) if user else ""

    def _stored(
        self, name: str, checkpoint: str, tasks: tuple[str, ...], waiting: _Waiting | None
    ) -> Stored | None:
        """What the file holds, and over it what it has not taken yet."""
        stored = None
        if waiting is None or not waiting.fresh:
            try:
                stored = self._file.read(name, checkpoint, lambda key: is_asked(key, tasks))
            except DamagedError as error:
                raise self._damaged(name, checkpoint, error) from None
            except NotSavedError as error:
                if waiting is None:
                    raise NotSavedError(
                        f"the stored state of {name} cannot be read now ({error}); it is kept"
                    ) from None
        if waiting is None:
            return stored
        asked = {k: v for k, v in waiting.arrays.items() if is_asked(k, tasks)}
        before = stored or Stored(b"", {}, frozenset())
        keys = before.keys | waiting.arrays.keys()
        return Stored(waiting.head, {**before.arrays, **asked}, keys)

    def _damaged(self, name: str, checkpoint: str, error: DamagedError) -> DamagedError:
        # Where it can't be marked now, it will be when another state takes its place.
        with contextlib.suppress(NotSavedError):
            self._try(lambda: self._file.set_aside(name, checkpoint, str(error)))
        return DamagedError(f"the stored state of {name} is damaged ({error}) and set aside")


def _name(cohort: Cohort, row: int) -> str:
    """Under which the state of headset ``row`` is stored: whose it is, "/", device."""
    return cohort.headsets[row].identity.kept_as


def _pack_head(head: PackedHead) -> bytes:
    return msgspec.msgpack.encode(msgspec.structs.replace(head, saved=time.time()))


def fingerprint(cohort: Cohort) -> str:
    """Two cohorts share it when their checkpoint, tuning and so the meaning of all that is stored
    are the same."""
    stack = cohort.stack
    text = repr([(b.name, b.start, b.shape, b.kind) for b in stack.blocks.values()])
    text += repr(stack.tuning) + cohort.checkpoint.digest
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
