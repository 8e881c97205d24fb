"""A run's folder: what is finished is in it at once, and is not done again.

``result.json`` holds what is finished so far, ``report.html`` comes at the end, ``metrics.jsonl``
is a line a round and a set as they are measured, ``rounds.jsonl`` tells all of finished sets'
rounds, ``models/`` holds what was learned (:mod:`fedxr.experiments.kept_models`). ``parts/`` has
what a resumed run goes on from: of each seed its checkpoint (until its last set is finished) and a
file a set.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from fedxr.agent.checkpoints.checkpoint_file import Card, load_checkpoint, save_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.experiments.config_file import OF_THE_RUN, as_mapping, read_config
from fedxr.experiments.outputs import OutputError, check_writable
from fedxr.experiments.run_config import RunConfig

T = TypeVar("T")
MAY_DIFFER = (*OF_THE_RUN, "seeds", "require")
"""What a run that is resumed may have otherwise: its figures do not depend on it."""


class RunFolder:
    """The folder of one run, fresh or resumed. Raises OutputError where nothing can be written, or
    where another run is to be resumed than the one that is there."""

    def __init__(self, path: Path, resumed: RunConfig | None = None) -> None:
        self.path, self.parts = path, path / "parts"
        if resumed is not None:
            refuse_another(path, resumed)
        check_writable(path, "--out")
        if resumed is None:
            for folder in (self.parts, path / "models"):
                shutil.rmtree(folder, ignore_errors=True)
            for lines in ("metrics.jsonl", "rounds.jsonl"):
                (path / lines).unlink(missing_ok=True)

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def models(self, seed: int) -> Path:
        """The folder of what was learned with ``seed``."""
        return self.path / "models" / f"seed{seed}"

    def keep(self, seed: int, name: str, part: object) -> None:
        """Something of ``seed`` that is finished, whole or not at all."""
        path = self._of(seed, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".part")
        draft.write_bytes(packed(part))
        draft.replace(path)

    def kept(self, seed: int, name: str, kind: type[T]) -> T | None:
        """What was kept under ``name``, of the type ``kind``; None where it is not finished, or was
        written by another version."""
        try:
            return unpacked(self._of(seed, name).read_bytes(), kind)
        except (OSError, msgspec.DecodeError):
            return None

    def keep_checkpoint(self, seed: int, checkpoint: Checkpoint, card: Card) -> None:
        self._checkpoint(seed).parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(checkpoint, self._checkpoint(seed), card)

    def kept_checkpoint(self, seed: int) -> Checkpoint | None:
        path = self._checkpoint(seed)
        return load_checkpoint(path) if path.exists() else None

    def drop_checkpoint(self, seed: int) -> None:
        """All sets of ``seed`` are finished."""
        self._checkpoint(seed).unlink(missing_ok=True)

    def leave_nothing(self) -> None:
        """Nothing was finished: no empty folder stays behind."""
        if not self.result.exists():
            with contextlib.suppress(OSError):
                self.path.rmdir()

    def _of(self, seed: int, name: str) -> Path:
        return self.parts / f"seed{seed}" / f"{name.replace('/', '-')}.msgpack"

    def _checkpoint(self, seed: int) -> Path:
        return self.parts / f"seed{seed}" / "checkpoint.safetensors"


def packed(part: object) -> bytes:
    """Studies and what belongs to them, exactly; :func:`unpacked` reads it."""
    return msgspec.msgpack.encode(part, enc_hook=np.ndarray.tolist)


def unpacked(content: bytes, kind: type[T]) -> T:
    """Raises msgspec.DecodeError where that is no ``kind``."""
    return msgspec.msgpack.decode(content, type=kind, dec_hook=_array)


def _array(kind: type, value: object) -> object:
    """numpy's arrays travel as lists of whole numbers."""
    return np.array(value, np.int64)


def refuse_another(path: Path, config: RunConfig) -> None:
    """Raises OutputError unless ``path`` holds a run of ``config``; it names what differs."""
    try:
        before = as_mapping(read_config(path / "result.json"))
    except OSError as error:
        raise OutputError(
            f"{path}: no run to resume ({error.strerror}); name a run's folder with --resume, one "
            "in which a set was finished"
        ) from None
    differing = [
        f"{name} {then} there and {now} here"
        for name, then, now in _differences(before, as_mapping(config))
        if name.split(".")[0] not in MAY_DIFFER
    ]
    if differing:
        raise OutputError(
            f"{path} is a run of another configuration: {'; '.join(differing)}. Leave these "
            "options out to go on with that run, or --resume to begin another"
        )


def _differences(
    before: dict[str, Any], after: dict[str, Any], at: str = ""
) -> list[tuple[str, object, object]]:
    """Name, and the value of both, of all that differs."""
    found: list[tuple[str, object, object]] = []
    for name in sorted({*before, *after}):
        then, now = before.get(name), after.get(name)
        if isinstance(then, dict) and isinstance(now, dict):
            found += _differences(then, now, f"{at}{name}.")
        elif then != now:
            found.append((f"{at}{name}", then, now))
    return found
