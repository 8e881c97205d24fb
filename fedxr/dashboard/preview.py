"""What a headset senses, drawn on the live page: hands, head and gaze, of opened headsets only.

A page that opens a headset's preview asks for it by name (:mod:`fedxr.dashboard.controls`). From
then on the newest samples of that headset are kept as they arrive, and shown to that page some
twelve times a second: :meth:`Preview.beat`. Of headsets that nobody has opened nothing is kept, and
a page whose socket is full is left out until it reads again: nothing waits for it here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec
import numpy as np

from fedxr.bridge.channels import Samples
from fedxr.bridge.clock import now_us
from fedxr.bridge.frames import Frame
from fedxr.bridge.serving.session import Session
from fedxr.bridge.serving.watchers import Watcher
from fedxr.dashboard.state import SensedState, SenseState
from fedxr.learning.walls import briefly

MOST = 8
"""Headsets that are drawn at once on one page."""
HANDS = ("hands/webxr25", "hands/openxr26", "hands/shrec22")
SHOWN = (*HANDS, "motion/head", "gaze/ray", "gaze/point2")
"""Layouts that are shown. Pictures and sound never are."""
OFF = "this server shows no previews: it was started with --no-preview"
AWAY = "no headset of this name is here"
MANY = f"{MOST} headsets at most are drawn at once; close another one"


class Look:
    """The newest hands, head and gaze of one opened headset; ``count`` says that there are newer
    ones."""

    def __init__(self, session: Session) -> None:
        channels = session.channels.values()
        self._layouts = {c.name: c.layout for c in channels if c.layout in SHOWN}
        self._newest: dict[str, tuple[Samples, int]] = {}
        self._others = ", ".join(c.name for c in channels)
        self.count = 0

    def take(self, frame: Frame) -> None:
        """On the event loop, with every frame: only references are kept."""
        for name in self._layouts:
            if name in frame.samples:
                self._newest[name] = frame.samples[name], frame.received_us
                self.count += 1

    def state(self) -> SensedState:
        """All of it for the page, rounded to millimetres."""
        if not self._layouts:
            return _nothing(f"it sends neither hands nor head nor gaze, only {self._others}")
        senses = [
            SenseState(
                name=name,
                layout=self._layouts[name],
                age_ms=max(0, now_us() - at_us) // 1000,
                values=_rounded(self._layouts[name], samples),
            )
            for name, (samples, at_us) in self._newest.items()
            if len(samples)  # of hands that are not tracked there is nothing to show
        ]
        return SensedState(senses=senses, error="")


Looking = Callable[[Collection[str]], Mapping[str, Look]]
"""Keeps the newest of the named headsets from now on, and of no other; returns those that are
here."""


class Preview:
    """Who has opened what. ``look_at`` is told as often as that may have changed."""

    def __init__(self, look_at: Looking, allowed: bool = True) -> None:
        self._look_at, self._allowed = look_at, allowed
        self._opened: dict[Watcher, tuple[str, ...]] = {}
        self._shown: dict[Watcher, tuple[object, ...]] = {}
        self.wanted = asyncio.Event()
        """Set while somebody has something open."""

    def open(self, watcher: Watcher, names: Sequence[str]) -> None:
        """From now on ``watcher`` has these open, and nothing else."""
        self._shown.pop(watcher, None)
        self._opened[watcher] = tuple(dict.fromkeys(names))
        self.wanted.set()

    def beat(self) -> None:
        """Show every page what is new on what it has open; pages that have gone are forgotten."""
        self._opened = {w: names for w, names in self._opened.items() if names and w.open}
        self._shown = {w: shown for w, shown in self._shown.items() if w in self._opened}
        served = {n for names in self._opened.values() for n in names[:MOST]}
        looks = self._look_at(served if self._allowed else ())
        packed: dict[str, msgspec.Raw] = {}
        for watcher, names in self._opened.items():
            # By identity as well: a headset that came back is looked at anew, from 0.
            fresh = tuple((n, looks.get(n), looks[n].count if n in looks else 0) for n in names)
            if watcher.congested or fresh == self._shown.get(watcher):
                continue
            told = {}
            for place, name in enumerate(names):
                if place >= MOST:
                    told[name] = _packed(_nothing(MANY))
                else:
                    if name not in packed:
                        packed[name] = _packed(self._state(looks.get(name)))
                    told[name] = packed[name]
            if watcher.show(msgspec.json.encode({"sensed": told})):
                self._shown[watcher] = fresh
        if not self._opened:
            self.wanted.clear()

    def _state(self, look: Look | None) -> SensedState:
        if not self._allowed:
            return _nothing(OFF)
        if look is None:
            return _nothing(AWAY)
        try:
            return look.state()
        except Exception as error:  # noqa: BLE001 - the others are drawn
            return _nothing(f"it cannot be drawn: {briefly(error)}")


def _nothing(why: str) -> SensedState:
    return SensedState(senses=[], error=why)


def _packed(state: SensedState) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(state))


def _rounded(layout: str, samples: Samples) -> list[float] | list[list[float]]:
    """The last sample; of a hand's joints the positions alone."""
    last = samples.values[-1].astype(np.float64)
    shown = last[:, :3] if layout in HANDS else last
    found: list[float] | list[list[float]] = shown.round(3).tolist()
    return found
