"""A voice that says nothing in particular, in a mood: harmonics under two formants per syllable.

A person's own pitch, level and tilt are the baseline from which a mood departs, and people show
the same mood differently: nearly half are angry coldly (lower, quieter, tense), four in ten are
happy softly, three in ten wail when sad. H harmonics, T samples.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds.base import Moment
from fedxr.scenarios.worlds.signals import coloured, smooth

HARMONICS = 18
RATE_HZ = 8000.0
_SYLLABLES_HZ = 4.0
_FORMANTS_HZ = np.array([[300, 2300], [500, 1800], [750, 1250], [550, 900], [330, 750]])


@dataclass(frozen=True)
class Tone:
    """How a mood changes a voice: pitch (semitones), its spread, tempo, level and tilt (dB)."""

    pitch: float
    spread: float
    tempo: float
    level_db: float
    tilt_db: float


CALM = Tone(0.0, 1.0, 1.0, 0.0, 0.0)
HAPPY = Tone(2.8, 2.2, 1.12, 2.0, 1.5)
SAD = Tone(-1.6, 0.6, 0.74, -3.0, -2.5)
SOFT_JOY = Tone(0.8, 1.7, 0.86, -2.0, -2.0)
WAILING = Tone(2.6, 2.2, 0.84, 2.0, -0.5)
HOT_ANGER = Tone(2.4, 1.5, 1.3, 6.0, 4.0)
COLD_ANGER = Tone(-1.4, 0.8, 1.15, -2.0, 3.0)


def tone_of(persona: Persona, mood: int) -> Tone:
    """The voice of this person in mood 0 calm, 1 happy, 2 sad, 3 angry."""
    anger = COLD_ANGER if persona.habit("cold anger", 0.45) else HOT_ANGER
    joy = SOFT_JOY if persona.habit("soft joy", 0.4) else HAPPY
    grief = WAILING if persona.habit("wailing", 0.3) else SAD
    return (CALM, joy, grief, anger)[mood]


def parameters(persona: Persona) -> dict[str, object]:
    """This person's model of :func:`voice` before accident; tones by class of ``mood``."""
    return {
        "rate_hz": RATE_HZ,
        "pitch_hz": persona.voice_hz,
        "level_db": persona.voice_level_db,
        "tilt_db": persona.voice_tilt_db,
        "syllables_hz": _SYLLABLES_HZ * persona.pace,
        "liveliness": persona.liveliness,
        "harmonics": HARMONICS,
        "formants_hz": _FORMANTS_HZ.ravel().tolist(),
        "tones": [asdict(tone_of(persona, mood)) for mood in range(4)],
    }


def voice(moment: Moment, name: str, t: Array, rate_hz: float) -> Array:
    """(T,) in units of full scale: syllables, pauses, room noise, a random distance to the mic."""
    rng, persona = moment.draw(name), moment.persona
    tone = tone_of(persona, moment.paths["mood"].states[0])
    life, n = persona.liveliness, len(t)
    base = persona.voice_hz * 2 ** ((tone.pitch * life + rng.normal(0, 0.4)) / 12)
    slow = np.interp(t, t[::80], coloured(rng, len(t[::80]), rate_hz / 80, 1.6)[0])
    pitch = base * 2 ** (tone.spread * slow / 12)
    z = np.exp(1j * (2 * np.pi * np.cumsum(pitch) / rate_hz + rng.uniform(0, 2 * np.pi)))
    tempo = (
        _SYLLABLES_HZ * persona.pace * (1 + (tone.tempo - 1) * life) * np.exp(rng.normal(0, 0.04))
    )
    tilt = persona.voice_tilt_db + tone.tilt_db * life + rng.normal(0, 0.4)
    x = _syllables(rng, z, tempo, tilt, float(base), rate_hz)
    level = persona.voice_level_db + tone.level_db * life + rng.normal(0, 1.5)
    level += 2.0 * moment.drift("distance to the microphone")
    hiss = 0.0015 * np.exp(rng.normal(0, 0.4)) * rng.standard_normal(n)
    return np.asarray(0.05 * 10 ** (level / 20) * x + hiss)


def _syllables(
    rng: np.random.Generator, z: Array, tempo: float, tilt_db: float, base: float, rate_hz: float
) -> Array:
    """(T,) voiced syllables at ``tempo`` per second, one in six silent; ``z`` (T,) e^(i phase)."""
    n = len(z)
    powers = np.empty((HARMONICS, n))
    turn = np.ones(n, dtype=complex)
    for k in range(HARMONICS):
        turn = turn * z
        powers[k] = turn.imag
    octaves = np.log2(np.arange(1, HARMONICS + 1))
    audible = np.arange(1, HARMONICS + 1) * base < 0.45 * rate_hz
    slope = 10 ** (tilt_db * octaves / 20) * audible
    x, edge = np.zeros(n), np.zeros(n)
    a = -int(rng.uniform(0, rate_hz / tempo))
    while a < n:
        b = a + int(rate_hz / tempo * rng.uniform(0.75, 1.25))
        lo, hi = max(a, 0), min(a + int(0.7 * (b - a)), n)
        if hi > lo and rng.random() > 1 / 6:
            f = np.arange(1, HARMONICS + 1) * base
            peaks = _FORMANTS_HZ[rng.integers(len(_FORMANTS_HZ))]
            lift = 0.15 + sum(np.exp(-(((f - p) / 180) ** 2)) for p in peaks)
            x[lo:hi] = (slope * lift) @ powers[:, lo:hi]
            edge[lo:hi] = rng.uniform(0.7, 1.2)
        a = b
    return x * smooth(edge, int(0.03 * rate_hz))
