"""Neuroadaptive: somebody steers an application by a glance, a thought or a small gesture.

Hidden state: what they want now (``intent``, which may change within an episode) and how loaded
they are (``workload``, over several episodes). Wanting something means to look at a button that
flickers at 13, 17 or 21 Hz, which the visual cortex follows, and to make its gesture: pinch,
stroke or roll, around a random pose with a random phase. Load raises theta and lowers alpha,
shortens fixations and spreads them. People differ: electrodes fit better or worse, nearly half
exchanged the last two buttons and gestures, everyone's rhythms and fixations have their own
baseline, and one electrode works loose.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from fedxr.bridge.channels import Channel
from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds import brain, hands
from fedxr.scenarios.worlds.base import Course, Moment, no_sensor
from fedxr.scenarios.worlds.brain import LAYOUT, eeg, load_level
from fedxr.scenarios.worlds.hands import hand
from fedxr.scenarios.worlds.scanpath import Scan, parameters, scanpath


def _scan(persona: Persona, level: float, fixation: float = 0.0, places: float = 0.0) -> Scan:
    """How this person looks under this load; the others are the episode's own accidents."""
    own = 0.15 * persona.lean("fixation") + fixation
    return Scan(
        fixation_s=0.42 * float(np.exp(-0.42 * level + own)),
        spread=0.10 * float(np.exp(0.25 * level + places)),
        pursuit=0.1,
        pursuit_speed=0.1,
        tremor=0.006,
    )


def _searching_gaze(moment: Moment, name: str, t: Array) -> Array:
    """(T, 2): the more load, the shorter the fixations and the wider their places."""
    rng, persona = moment.draw(name), moment.persona
    level = load_level(persona, moment.paths["workload"].states[0]) + 0.2 * rng.normal()
    scan = _scan(persona, level, 0.1 * moment.drift("fixation"), rng.normal(0, 0.1))
    return scanpath(rng, scan, persona, t)


class Neuroadaptive:
    use_case = "neuroadaptive"
    seconds = 8.0
    courses = (
        Course(
            "intent",
            4,
            dwell_s=6.0,
            ask_from_s=3.9,
            needs=(("eeg",), ("hands",)),
            held_s=3.8,
            quick=True,
        ),
        Course(
            "workload",
            3,
            dwell_s=16.0,
            ask_from_s=6.2,
            needs=(("eeg",), ("gaze",)),
            ask_every_s=0.8,
        ),
    )
    drifts = MappingProxyType(
        {
            "loose electrode": "noise of the electrode that works loose",
            "fixation": "length of fixations in the same state",
        }
    )

    def person(self, persona: Persona) -> dict[str, object]:
        """See :meth:`World.person`."""
        scans = [_scan(persona, load_level(persona, load)) for load in range(3)]
        return {
            "eeg": brain.parameters(persona),
            "hand": hands.parameters(persona),
            "gaze": parameters(persona, "workload", scans),
        }

    def sense(self, moment: Moment, channel: Channel, t: Array) -> Array:
        """See :meth:`World.sense`."""
        if channel.layout == LAYOUT:
            return eeg(moment, channel.name, t, channel.rate_hz)
        if channel.layout == "hands/webxr25":
            return hand(moment, channel.name, t)
        if channel.layout == "gaze/point2":
            return _searching_gaze(moment, channel.name, t)
        raise no_sensor(self, channel)
