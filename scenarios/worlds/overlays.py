"""Overlays: somebody walks a plant, looks at things, and listens to machines.

Hidden state: which thing the user is looking at (``target``) and how worn the machine beside them
is (``warning``). The camera shows two things on opposite sides, turned, scaled, bright or dark at
random, among faint clutter; only the gaze tells which of them is meant, so neither pixels nor
gaze alone hold the label. The machine's wear shows in how its impulses ring, not in how loud it
is. Sites differ: most exchange two of the signs, and every machine's baseline wear is its own.
"""

from __future__ import annotations

from types import MappingProxyType

from fedxr.bridge.channels import Channel
from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds import machine
from fedxr.scenarios.worlds.base import Course, Moment, no_sensor
from fedxr.scenarios.worlds.machine import sound, vibration
from fedxr.scenarios.worlds.pictures import camera, resting_gaze


class Overlays:
    use_case = "overlays"
    seconds = 8.0
    courses = (
        Course(
            "target", 6, dwell_s=3.0, ask_from_s=6.2, needs=(("vision", "gaze"),), ask_every_s=0.8
        ),
        Course(
            "warning",
            3,
            dwell_s=16.0,
            ask_from_s=1.9,
            needs=(("contact",), ("audio",)),
            ask_every_s=2.0,
        ),
    )
    drifts = MappingProxyType(
        {
            "light": "brightness of the camera's picture",
            "gaze": "bias of the eye tracker",
            "machine wear": "how worn a machine sounds in the same state",
        }
    )

    def person(self, persona: Persona) -> dict[str, object]:
        """See :meth:`World.person`."""
        return {"machine": machine.parameters(persona)}

    def sense(self, moment: Moment, channel: Channel, t: Array) -> Array:
        """See :meth:`World.sense`."""
        match channel.layout:
            case "vision/gray":
                return camera(moment, channel.name, t)
            case "gaze/point2":
                return resting_gaze(moment, channel.name, t)
            case "contact/vibration":
                return vibration(moment, channel.name, t, channel.rate_hz)
            case "audio/pcm16":
                return sound(moment, channel.name, t, channel.rate_hz)
        raise no_sensor(self, channel)
