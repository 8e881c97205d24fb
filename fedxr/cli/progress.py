"""What a long command says of its progress: bars with the time left on a terminal, plain lines with
the time of day elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from fedxr.experiments.progress import Progress

QUIET_S = 30.0
"""Between two lines of one stage, where there is no terminal."""


@dataclass
class Stage:
    """Where a stage stands. What is left is reckoned from the pieces done since it began here."""

    total: int
    first: int = 0
    done: int = 0
    began: float = field(default_factory=time.monotonic)
    moved: float = field(default_factory=time.monotonic)

    def seconds_left(self, now: float) -> float | None:
        """None before the first piece is done."""
        if self.done <= self.first or self.done >= self.total:
            return None
        each = (self.moved - self.began) / (self.done - self.first)
        return max(0.0, each * (self.total - self.done) - (now - self.moved))


def in_words(seconds: float | None) -> str:
    """``about 3 min left``; empty where that is not known."""
    if seconds is None:
        return ""
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5))} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 100 else f"about {minutes / 60:.0f} h left"


class Shown(Progress):
    """Progress on ``console``; ``bars`` where that is a terminal. ``text`` was said last."""

    def __init__(self, console: Console, bars: Bars | None) -> None:
        super().__init__()
        self._console, self._bars = console, bars
        self.text = ""
        self._stages: dict[str, Stage] = {}
        self._tasks: dict[str, TaskID] = {}
        self._head, self._said = "", dict[str, float]()
        self._lock = threading.RLock()  # domains are heard from another thread
        self._now = bars.add_task("starting", total=None, left="") if bars else TaskID(0)

    def __call__(self, text: str) -> None:
        self.text = text
        if self._bars is not None:
            self._bars.update(self._now, description=text)
            return
        with self._lock:
            head, self._head = self._head, text.split(":")[0]
            if head != self._head:
                self._line(text)

    def stage(self, name: str, done: int, total: int) -> None:
        with self._lock:
            self._stage(name, done, total)

    def remind(self) -> None:
        """Say again, where there is no terminal, what has been under way without a line for
        :data:`QUIET_S`: whoever reads a log sees that it goes on, and how long."""
        with self._lock:
            for name, stage in self._stages.items():
                if stage.seconds_left(time.monotonic()) is not None:
                    self._show(name, stage)

    def _stage(self, name: str, done: int, total: int) -> None:
        stage = self._stages.get(name)
        if stage is None or done < stage.done or stage.total != total:
            stage = self._stages[name] = Stage(total, done, done)
        elif done == stage.done == total:  # it is over, and that was said
            return
        if done > stage.done:
            stage.done, stage.moved = done, time.monotonic()
        if total > 1:  # of one there is nothing to count
            self._show(name, stage)

    def _show(self, name: str, stage: Stage) -> None:
        now = time.monotonic()
        if self._bars is not None:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=stage.total, left="")
            left = f"{stage.done} of {stage.total} {in_words(stage.seconds_left(now))}"
            self._bars.update(self._tasks[name], completed=stage.done, total=stage.total, left=left)
        elif now - self._said.get(name, -QUIET_S) >= QUIET_S or stage.done == stage.total:
            self._said[name] = now
            left = in_words(stage.seconds_left(now))
            self._line(f"{name}: {stage.done} of {stage.total}" + (f", {left}" if left else ""))

    def _line(self, text: str) -> None:
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        self._console.print(f"{now} {text}", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def shown(console: Console) -> Iterator[Shown]:
    """A :class:`Shown` that leaves nothing on the screen when it ends."""
    if not console.is_terminal:
        plain, over = Shown(console, None), threading.Event()
        reminding = threading.Thread(target=_remind, args=(plain, over), daemon=True)
        reminding.start()
        try:
            yield plain
        finally:
            over.set()
            reminding.join()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(16),
        TextColumn("{task.fields[left]}"),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        yield Shown(console, bars)


def _remind(plain: Shown, over: threading.Event) -> None:
    while not over.wait(QUIET_S / 6):
        plain.remind()
