"""Storytelling: somebody follows a story that may hold, flood or lose them.

Hidden state: how they take the story (``engagement``) and whether they are tense (``tension``),
both over whole episodes. The immersed follow things with their eyes and fixate long, the
overwhelmed jump about, the disengaged stare and drift; tension shows in the responses of the
skin, the evenness of breath and how far the heart follows it. People differ: about four in ten
are scanners, whose immersed eyes jump like a starer's overwhelmed ones, and which organ gives
tension away is personal (some react the other way round).
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np

from fedxr.bridge.channels import Channel
from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds import body
from fedxr.scenarios.worlds.base import Course, Moment, no_sensor
from fedxr.scenarios.worlds.body import breath, conductance, heart, temperature
from fedxr.scenarios.worlds.scanpath import Scan, parameters, scanpath

_STARER = (
    Scan(0.75, 0.09, 0.60, 0.20, 0.006),
    Scan(0.26, 0.17, 0.25, 0.30, 0.008),
    Scan(0.95, 0.12, 0.12, 0.06, 0.007),
)
_SCANNER = (
    Scan(0.34, 0.15, 0.40, 0.30, 0.006),
    Scan(0.20, 0.11, 0.10, 0.15, 0.008),
    Scan(0.62, 0.18, 0.10, 0.10, 0.007),
)


def _scan(persona: Persona, engagement: int, fixation: float = 0.0, places: float = 0.0) -> Scan:
    """How this person looks; ``fixation`` and ``places`` are the episode's own accidents."""
    style = _SCANNER if persona.habit("scans", 0.4) else _STARER
    scan = style[engagement]
    longer = 0.25 * persona.lean("fixation") + fixation
    return replace(
        scan,
        fixation_s=scan.fixation_s * float(np.exp(longer)),
        spread=scan.spread * float(np.exp(places)),
    )


def _story_gaze(moment: Moment, name: str, t: Array) -> Array:
    """(T, 2): immersed, overwhelmed or disengaged, in this person's style."""
    rng, persona = moment.draw(name), moment.persona
    accident = 0.1 * moment.drift("fixation") + rng.normal(0, 0.15)
    state = moment.paths["engagement"].states[0]
    scan = _scan(persona, state, accident, rng.normal(0, 0.2))
    return scanpath(rng, scan, persona, t)


class Storytelling:
    use_case = "storytelling"
    seconds = 12.0
    courses = (
        Course(
            "engagement",
            3,
            dwell_s=20.0,
            ask_from_s=6.2,
            needs=(("gaze",), ("physiology",)),
            ask_every_s=1.9,
        ),
        Course(
            "tension", 2, dwell_s=20.0, ask_from_s=6.2, needs=(("physiology",),), ask_every_s=1.9
        ),
    )
    drifts = MappingProxyType(
        {
            "fixation": "length of fixations in the same state",
            "skin": "conductance level of the skin",
            "heart": "heart rate level",
            "temperature": "skin temperature level",
        }
    )

    def person(self, persona: Persona) -> dict[str, object]:
        """See :meth:`World.person`."""
        scans = [_scan(persona, state) for state in range(3)]
        return {"gaze": parameters(persona, "engagement", scans), **body.parameters(persona)}

    def sense(self, moment: Moment, channel: Channel, t: Array) -> Array:
        """See :meth:`World.sense`."""
        match channel.layout:
            case "gaze/point2":
                return _story_gaze(moment, channel.name, t)
            case "physiology/eda":
                return conductance(moment, channel.name, t)
            case "physiology/heart-rate":
                return heart(moment, channel.name, t)
            case "physiology/respiration":
                return breath(moment, channel.name, t)
            case "physiology/temperature":
                return temperature(moment, channel.name, t)
        raise no_sensor(self, channel)
