"""The same work on several domains at a time: a process each, with one thread.

Which domain is worked on in which process decides nothing: the work draws from streams of its own
and computes on one thread, so that what comes out is the same with any number of workers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, TypeVar

import torch

from fedxr.agent.tasks import register_written, task_named, written_tasks
from fedxr.experiments.progress import Heard, Progress, Say, Told, progress_of, repeated
from fedxr.experiments.splits import Split

R = TypeVar("R")


def on_each(
    splits: Sequence[Split],
    work: Callable[[Split, Progress], R],
    workers: int,
    say: Say,
    take: Callable[[int, R], None],
) -> None:
    """``work`` (picklable) on each of ``splits``, ``workers`` at a time (0: one a core). What comes
    out is given to ``take`` at once, with the number of the split, so that what was finished before
    an interrupt is there; the processes have then ended."""
    workers, progress = min(workers or os.cpu_count() or 1, len(splits)), progress_of(say)
    if workers < 2:
        for number, split in enumerate(splits):
            take(number, work(split, progress))
        return
    with _pool(workers, work, progress) as pool:
        waiting: dict[Future[R], int] = {
            pool.submit(_one, splits[i]): i for i in _largest_first(splits)
        }
        while waiting:
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for job in ready:
                take(waiting.pop(job), job.result())


def _largest_first(splits: Sequence[Split]) -> list[int]:
    """So that no large domain is begun when the others are over. The classical models of many
    classes take longest."""

    def size(split: Split) -> int:
        people = (*split.pretraining, *split.federation, *split.unseen)
        classes = max((len(task_named(t).classes) for p in people for t in p.tasks), default=0)
        return classes * sum(len(p.episodes) for p in people)

    return sorted(range(len(splits)), key=lambda i: (-size(splits[i]), i))


@contextlib.contextmanager
def _pool(
    workers: int, work: Callable[..., Any], progress: Progress
) -> Iterator[ProcessPoolExecutor]:
    """Processes that know ``work`` and tell here what they do; ended at once if this is left by an
    exception."""
    context = multiprocessing.get_context("spawn")
    # Pickled here: torch would hand tensors over as shared memory, of which containers have little.
    told, packed = context.SimpleQueue(), pickle.dumps((work, written_tasks()))
    listener = threading.Thread(target=_listen, args=(told, progress), daemon=True)
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


def _listen(told: multiprocessing.SimpleQueue[Heard], progress: Progress) -> None:
    while heard := told.get():
        repeated(heard, progress)


_work: Callable[[Split, Progress], Any]
_progress: Progress


def _begin(packed: bytes, told: multiprocessing.SimpleQueue[Heard]) -> None:
    """In a worker, once."""
    global _work, _progress
    torch.set_num_threads(1)
    _work, tasks = pickle.loads(packed)  # noqa: S301 (written by our own process)
    _progress = Told(told.put)
    register_written(tasks)  # those of one's own sets are known nowhere else


def _one(split: Split) -> Any:
    """In a worker."""
    return _work(split, _progress)
