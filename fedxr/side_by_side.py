"""The studies of one seed, several domains at a time: a process each, with one thread.

Which domain runs in which process decides nothing: every study draws from streams of its own and
computes on one thread, so that what comes out is the same with any number of workers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Protocol

import torch

from agent.fleet import Brain
from agent.tasks import task_named
from fedxr.people import Split
from fedxr.study import Study

Say = Callable[[str], None]


class Work(Protocol):
    """Runs every study of one domain; picklable."""

    def __call__(self, split: Split, brain: Brain, say: Say) -> list[Study]: ...


def run_domains(
    splits: Sequence[Split], brain: Brain, work: Work, workers: int, say: Say, done: list[Study]
) -> None:
    """``work`` on each of ``splits``, ``workers`` at a time (0: one a core). Studies are put into
    ``done`` as they come and end in the order of ``splits``; an interrupt ends the processes and
    leaves what was finished there."""
    workers = min(workers or os.cpu_count() or 1, len(splits))
    if workers < 2:
        for split in splits:
            done += work(split, brain, say)
        return
    found: dict[int, list[Study]] = {}
    try:
        with _pool(workers, brain, work, say) as pool:
            waiting = {pool.submit(_one, splits[i]): i for i in _largest_first(splits)}
            _collect(waiting, found)
    finally:
        done += [study for i in sorted(found) for study in found[i]]


def _collect(waiting: dict[Future[list[Study]], int], found: dict[int, list[Study]]) -> None:
    """Put into ``found`` what comes, by the number of its domain; raises what a worker raised."""
    while waiting:
        ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for job in ready:
            found[waiting.pop(job)] = job.result()


def _largest_first(splits: Sequence[Split]) -> list[int]:
    """So that no large domain is begun when the others are over. The classical models of many
    classes take longest."""

    def size(split: Split) -> int:
        people = (*split.pretraining, *split.federation, *split.unseen)
        classes = max((len(task_named(t).classes) for p in people for t in p.tasks), default=0)
        return classes * sum(len(p.episodes) for p in people)

    return sorted(range(len(splits)), key=lambda i: (-size(splits[i]), i))


@contextlib.contextmanager
def _pool(workers: int, brain: Brain, work: Work, say: Say) -> Iterator[ProcessPoolExecutor]:
    """Processes that have ``brain`` and tell here what they do; ended at once if this is left by an
    exception."""
    context = multiprocessing.get_context("spawn")
    # Pickled here: torch would hand tensors over as shared memory, of which containers have little.
    told, packed = context.SimpleQueue(), pickle.dumps((brain, work))
    listener = threading.Thread(target=_listen, args=(told, say), daemon=True)
    listener.start()
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(workers, context, _begin, (packed, told))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        ours = [p for p in multiprocessing.active_children() if p not in others]
        for process in ours:
            process.terminate()
        for process in ours:
            process.join()
        raise
    else:
        pool.shutdown()
    finally:
        told.put("")
        listener.join()


def _listen(told: multiprocessing.SimpleQueue[str], say: Say) -> None:
    while text := told.get():
        say(text)


_brain: Brain
_work: Work
_say: Say


def _begin(packed: bytes, told: multiprocessing.SimpleQueue[str]) -> None:
    """In a worker, once."""
    global _brain, _work, _say
    torch.set_num_threads(1)
    _brain, _work = pickle.loads(packed)  # noqa: S301 (written by our own process)
    _say = told.put


def _one(split: Split) -> list[Study]:
    """In a worker."""
    return _work(split, _brain, _say)
