"""Companion: somebody goes about their day, talks, and is in some mood.

Hidden state: what they do (``doing``, which may change within an episode) and how they feel
(``mood``, over several episodes). Doing shows in periods, phases and axes of one wrist and the
head, with random mounting, direction and start; mood shows in the pitch, tempo, level and tilt of
a voice against the person's own, and a little in how large the movements are. People differ: arm
swing, waving tempo, firmness of step, which arm wears the watch, and voice; nearly half rock while
sitting, nearly half wave by single strokes much as others reach, and many show a mood otherwise
than most (cold anger, soft joy, wailing).
"""

from __future__ import annotations

from types import MappingProxyType

from fedxr.bridge.channels import Channel
from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds import movement
from fedxr.scenarios.worlds import voice as voices
from fedxr.scenarios.worlds.base import Course, Moment, no_sensor
from fedxr.scenarios.worlds.movement import head, wrist
from fedxr.scenarios.worlds.voice import voice


class Companion:
    use_case = "companion"
    seconds = 4.0
    courses = (
        Course("doing", 5, dwell_s=9.0, ask_from_s=1.9, needs=(("motion",),), quick=True),
        Course("mood", 4, dwell_s=8.0, ask_from_s=1.9, needs=(("audio",),)),
    )
    drifts = MappingProxyType(
        {
            "distance to the microphone": "level of the voice",
            "gyro": "zero of the watch's gyroscope",
        }
    )

    def person(self, persona: Persona) -> dict[str, object]:
        """See :meth:`World.person`."""
        return {"movement": movement.parameters(persona), "voice": voices.parameters(persona)}

    def sense(self, moment: Moment, channel: Channel, t: Array) -> Array:
        """See :meth:`World.sense`."""
        match channel.layout:
            case "audio/pcm16":
                return voice(moment, channel.name, t, channel.rate_hz)
            case "motion/wrist":
                return wrist(moment, channel.name, t, channel.rate_hz)
            case "motion/head":
                return head(moment, channel.name, t)
        raise no_sensor(self, channel)
