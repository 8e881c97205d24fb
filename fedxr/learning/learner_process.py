"""A learner in a process of its own, so that learning never takes the interpreter from answering.

Calls go through a pipe, one at a time, and come back as if the learner were here. The process ends
with the one that started it, however that ends; it yields to all others (``nice``). One that has
ended before can be started :meth:`LearnerProcess.again` (:mod:`fedxr.learning.restart` does).
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.allocation import keep_freed_memory
from fedxr.agent.checkpoints.state import Keep, StateError
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedEpisode, TokenizedQuery
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.serving.weight_update import WeightUpdate
from fedxr.agent.tasks import register_written, written_tasks
from fedxr.learning.learner import Learner
from fedxr.learning.learning_rule import LearningRule
from fedxr.learning.signals import born_deaf
from fedxr.learning.walls import SaidError, briefly
from fedxr.plugins import loaded

P = ParamSpec("P")
T = TypeVar("T")
NICE = 3
"""By how much the learning process yields (Linux); much more, and a busy machine starves it."""
CLOSE_S = 5.0
"""Seconds that it has to end by itself; what it has saved survives a kill (SQLite's WAL)."""


ANSWER_S = 120.0
"""Seconds after which a process that does not answer is taken for stuck, and ended: the longest
step is some tenths of a second."""


class LearningError(RuntimeError):
    """The learning process failed or is gone; the message says what it said last."""


class LearnerExitedError(LearningError, SaidError):
    """The learning process has ended; what it had not saved is lost."""

    def __init__(self, how: str) -> None:
        super().__init__(f"the learner ended ({how}); states are kept as they were last saved")


class LearnerProcess:
    """Starts the process; :meth:`ready` waits until it can learn."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        tuning: Tuning,
        rule: LearningRule,
        state: Path | None = None,
        keep: Keep | None = None,
    ) -> None:
        self.rule = rule
        packed = io.BytesIO()
        torch.save(checkpoint, packed)
        self._parts = pickle.dumps((packed.getvalue(), written_tasks(), tuning, rule, state, keep))
        self._started = self._closed = False
        self._asking = threading.Lock()  # nobody may close the pipe under who reads from it
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        # Not with what it starts from: that would block here until the process has imported all
        # that it needs, and for ever where it ends before.
        self._begun = False
        self._refused: object = None
        self._process = context.Process(target=_learn, args=(theirs,), daemon=True)
        with born_deaf():
            self._process.start()
        theirs.close()  # so that the pipe ends when the process does
        if self._closed:  # meanwhile
            self._process.kill()

    def again(self) -> None:
        """Start a process in place of the one that has ended; it knows what was saved, and nobody
        is seated there. Raises LearnerExitedError where it cannot start, or nobody wants it any
        more."""
        with self._asking:
            if self._closed:
                raise LearnerExitedError("the server stops")
            self._process.join()
            self._pipe.close()
            self._start()
            if (refused := self._begin()) is not None:
                self._process.kill()
                raise LearnerExitedError(str(refused))

    def ready(self) -> None:
        """Raises LearnerExitedError where the process could not start, StateError where the
        state file cannot be had: another server has it."""
        with self._asking:
            refused = self._begin()
        if refused is not None:
            raise StateError(refused)
        self._started = True

    def ask(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, WeightUpdate]:
        """As :meth:`fedxr.learning.learner.Learner.ask`; ``what`` must be a method of Learner.
        Raises LearningError where that failed, LearnerExitedError where there is no process any
        more."""
        packed = _packed((what.__name__, args, kwargs))
        with self._asking:
            if (refused := self._begin()) is not None:  # who asks may be sooner than `ready`
                raise LearnerExitedError(str(refused))
            try:
                self._pipe.send_bytes(packed)
            except OSError as error:
                raise LearnerExitedError(self._end()) from error
            return cast(tuple[T, WeightUpdate], self._heard(ANSWER_S))

    def _begin(self) -> object:
        """Give the process what it starts from, once; why it cannot, if so."""
        if not self._begun:
            try:
                self._pipe.send_bytes(self._parts)
            except OSError as error:
                raise LearnerExitedError(self._end()) from error
            self._refused = self._heard()
            self._begun = True
        return self._refused

    def _heard(self, patience: float | None = None) -> object:
        try:
            if not self._pipe.poll(patience):
                self._process.kill()
            fine, found = pickle.loads(self._pipe.recv_bytes())  # noqa: S301 - from our own child
        except (EOFError, OSError) as error:
            raise LearnerExitedError(self._end()) from error
        if not fine:
            raise LearningError(f"the learning process failed: {found}")
        return found

    @property
    def cut_short(self) -> bool:
        """Whether it was ended by force before it was done; who never began has lost nothing."""
        return self._started and bool(self._process.exitcode)

    def _end(self) -> str:
        self._process.join(CLOSE_S)
        return f"exit code {self._process.exitcode}"

    @property
    def closed(self) -> bool:
        """Whether it is ended for good."""
        return self._closed

    def kill(self) -> None:
        """End the process now and for good, whatever it does; who waits for it gets
        LearnerExitedError."""
        self._closed = True
        if self._process.pid is not None:  # else `_start` ends it
            self._process.kill()

    def close(self) -> None:
        """End the process: by itself when it is done within some seconds, else by force."""
        self._closed = True
        if self._process.pid is None:
            return
        if not self._started:
            self.kill()
        until = time.monotonic() + CLOSE_S
        if self._asking.acquire(timeout=CLOSE_S):
            self._pipe.close()
            self._asking.release()
            self._process.join(max(0.0, until - time.monotonic()))
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(1)
            self._process.kill()
        self._process.join()
        with self._asking:
            self._pipe.close()


def _learn(pipe: Connection) -> None:
    """The process: what comes through the pipe first is what to start from; do what comes then,
    until it closes."""
    # Ctrl-C is for the parent, who asks for the last things to be saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    torch.set_num_threads(1)
    loaded()  # what the checkpoint reads and answers may be a plug-in's,
    try:
        # Our own parent's bytes.
        checkpoint, tasks, tuning, rule, state, keep = pickle.loads(pipe.recv_bytes())  # noqa: S301
    except (EOFError, OSError):
        return
    register_written(tasks)  # or of a set of somebody's own
    # An object, not weights alone.
    found = torch.load(io.BytesIO(checkpoint), weights_only=False)
    try:
        learner = Learner(found, tuning, rule, state, keep=keep)
    except StateError as error:
        pipe.send_bytes(_packed((True, str(error))))
        return
    if sys.platform == "linux":
        os.nice(NICE)  # not sooner: whoever comes waits for this process to start
    try:
        pipe.send_bytes(_packed((True, None)))
        while True:
            name, args, kwargs = pickle.loads(pipe.recv_bytes())  # noqa: S301 - from our parent
            try:
                answer: tuple[bool, object] = (
                    True,
                    learner.ask(getattr(Learner, name), *args, **kwargs),
                )
            except Exception as error:  # noqa: BLE001 - the parent raises it
                answer = False, f"{briefly(error)}\n{traceback.format_exc()}"
            pipe.send_bytes(_packed(answer))
    except (EOFError, OSError):
        return
    finally:
        learner.close()


class _Pickler(pickle.Pickler):
    """Tensors by value, and examples column by column: thousands of small objects would hold the
    interpreter for as long as a tick takes."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Tensor:
            return torch.from_numpy, (obj.detach().contiguous().numpy(),)
        if type(obj) is TokenizedEpisode:
            return _tokens, _columns(obj)
        return NotImplemented


def _packed(obj: object) -> bytes:
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(obj)
    return file.getvalue()


Columns = tuple[
    list[str], np.ndarray, np.ndarray, list[np.ndarray], tuple[TokenizedQuery, ...], str, bool
]


def _columns(tokens: TokenizedEpisode) -> Columns:
    """Layouts, which of them each emission is, ticks, and the numbers by layout; then the rest."""
    layouts = sorted({e.layout for e in tokens.token_features})
    at = {layout: i for i, layout in enumerate(layouts)}
    which = np.array([at[e.layout] for e in tokens.token_features], np.int16)
    ticks = np.array([e.tick for e in tokens.token_features], np.int64)
    numbers = [
        np.stack([e.features for e in tokens.token_features if e.layout == x]) for x in layouts
    ]
    return layouts, which, ticks, numbers, tokens.queries, tokens.key, tokens.adapt


def _tokens(
    layouts: list[str],
    which: np.ndarray,
    ticks: np.ndarray,
    numbers: list[np.ndarray],
    queries: tuple[TokenizedQuery, ...],
    key: str,
    adapt: bool,
) -> TokenizedEpisode:
    rows = [iter(each) for each in numbers]
    token_features = tuple(
        TokenFeatures(layouts[w], t, next(rows[w]))
        for w, t in zip(which.tolist(), ticks.tolist(), strict=True)
    )
    return TokenizedEpisode(token_features, queries, key, adapt)
