"""The body under tension: skin conductance, skin temperature, heart and breath.

Levels are the person's own and wander from episode to episode; tension and engagement show in
*how* the signals move: responses of the skin per minute, breathing's regularity, and how much the
heart follows the breath. Which organ tells most differs between people. T samples.
"""

from __future__ import annotations

import numpy as np

from scenarios.personas import Array, Persona
from scenarios.worlds.base import Moment
from scenarios.worlds.signals import coloured, wander

MICROSIEMENS = 1e-6
IMMERSED, OVERWHELMED, DISENGAGED = range(3)


def organ(persona: Persona, name: str) -> float:
    """How strongly this person's ``name`` (skin, heart, breath) shows tension; negative: upside."""
    return persona.liveliness * (0.5 + 0.5 * persona.lean(f"organ {name}"))


def tense(moment: Moment) -> float:
    """-1 relaxed, 1 tense, with this episode's own accident (the same for every organ)."""
    return 2.0 * moment.paths["tension"].states[0] - 1.0 + 0.25 * moment.draw("tension").normal()


def conductance(moment: Moment, name: str, t: Array) -> Array:
    """(T,) siemens: a tonic level, and skin responses (rise 0.7 s, fall 3 s) at random times."""
    rng, persona = moment.draw(name), moment.persona
    engagement = moment.paths["engagement"].states[0]
    busy = (0.0, 0.35, -0.35)[engagement]
    rate = 0.22 * np.exp(0.75 * organ(persona, "skin") * tense(moment) + busy)
    size = 0.10 * np.exp(0.25 * persona.lean("skin response")) * persona.eda_us
    past = 8.0
    onsets = rng.uniform(-past, t[-1], rng.poisson(rate * (t[-1] + past)))
    since = np.maximum(t[:, None] - onsets, 0.0)
    shape = (np.exp(-since / 3.0) - np.exp(-since / 0.7)) / 0.55
    bumps = (shape * rng.lognormal(0.0, 0.3, len(onsets))).sum(axis=1)
    level = persona.eda_us * np.exp(0.3 * moment.drift("skin") + rng.normal(0, 0.2))
    tonic = level * (1 + wander(rng, t, 0.02, 0.05)[:, 0]) - size * rate * 2.0
    return np.asarray(MICROSIEMENS * np.maximum(tonic + size * bumps, 0.05))


def breath(moment: Moment, name: str, t: Array) -> Array:
    """(T,) breaths per second: the more tense, the less even."""
    rng, persona = moment.draw(name), moment.persona
    engagement = moment.paths["engagement"].states[0]
    push = 0.6 * organ(persona, "breath") * tense(moment) + (-0.2, 0.45, 0.0)[engagement]
    uneven = 0.022 * np.exp(push)
    level = persona.breath_hz * np.exp(rng.normal(0, 0.1))
    n = len(t)
    rate_hz = (n - 1) / (t[-1] - t[0])
    return np.asarray(np.clip(level + uneven * coloured(rng, n, rate_hz, 0.5)[0], 0.05, 1.0))


def heart(moment: Moment, name: str, t: Array) -> Array:
    """(T,) beats per second: swings with the breath, less so when tense."""
    rng, persona = moment.draw(name), moment.persona
    engagement = moment.paths["engagement"].states[0]
    push = -0.6 * organ(persona, "heart") * tense(moment) + (0.2, 0.0, -0.3)[engagement]
    swing = 0.05 * np.exp(push)
    level = persona.heart_hz + 0.04 * moment.drift("heart") + rng.normal(0, 0.06)
    turn = 2 * np.pi * persona.breath_hz * rng.lognormal(0, 0.08) * t + rng.uniform(0, 2 * np.pi)
    slow = wander(rng, t, 0.012, 0.08)[:, 0]
    return np.asarray(level + swing * np.sin(turn) + slow + 0.008 * rng.standard_normal(len(t)))


def temperature(moment: Moment, name: str, t: Array) -> Array:
    """(T,) kelvin at the skin: a level of the day with a slow slope that tension hardly moves."""
    rng, persona = moment.draw(name), moment.persona
    slope = rng.normal(0, 0.012) - 0.004 * tense(moment)
    level = persona.skin_k + 0.4 * moment.drift("temperature") + rng.normal(0, 0.2)
    return np.asarray(level + slope * t + 0.01 * rng.standard_normal(len(t)))
