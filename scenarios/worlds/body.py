"""The body under tension: skin conductance, skin temperature, heart and breath.

Levels are the person's own and wander from episode to episode; tension and engagement show in
*how* the signals move: responses of the skin per minute, breathing's regularity, and how much the
heart follows the breath. Which organ tells most differs between people. T samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds.base import Moment
from fedxr.scenarios.worlds.signals import coloured, wander

MICROSIEMENS = 1e-6
_RISE_S, _FALL_S = 0.7, 3.0
_COOLING_K = 0.004  # a second, when tense
IMMERSED, OVERWHELMED, DISENGAGED = range(3)


def organ(persona: Persona, name: str) -> float:
    """How strongly this person's ``name`` (skin, heart, breath) shows tension; negative: upside."""
    return persona.liveliness * (0.5 + 0.5 * persona.lean(f"organ {name}"))


def tense(moment: Moment) -> float:
    """-1 relaxed, 1 tense, with this episode's own accident (the same for every organ)."""
    return 2.0 * moment.paths["tension"].states[0] - 1.0 + 0.25 * moment.draw("tension").normal()


def responses_hz(persona: Persona, tension: float, engagement: int) -> float:
    """Responses of the skin per second."""
    busy = (0.0, 0.35, -0.35)[engagement]
    return float(0.22 * np.exp(0.75 * organ(persona, "skin") * tension + busy))


def response_us(persona: Persona) -> float:
    """Height of a response of the skin, microsiemens."""
    return float(0.10 * np.exp(0.25 * persona.lean("skin response")) * persona.eda_us)


def uneven_hz(persona: Persona, tension: float, engagement: int) -> float:
    """How far the breath's rate strays."""
    push = 0.6 * organ(persona, "breath") * tension + (-0.2, 0.45, 0.0)[engagement]
    return float(0.022 * np.exp(push))


def swing_hz(persona: Persona, tension: float, engagement: int) -> float:
    """How far the heart follows the breath."""
    push = -0.6 * organ(persona, "heart") * tension + (0.2, 0.0, -0.3)[engagement]
    return float(0.05 * np.exp(push))


def parameters(persona: Persona) -> dict[str, object]:
    """This person's models of all four organs before drift and accident: what tension does by
    its class, and engagement by a factor of its class."""

    def shown(amount: Callable[[Persona, float, int], float]) -> dict[str, list[float]]:
        calm = amount(persona, -1.0, IMMERSED)
        return {
            "by_tension": [calm, amount(persona, 1.0, IMMERSED)],
            "by_engagement": [amount(persona, -1.0, state) / calm for state in range(3)],
        }

    return {
        "eda": {
            "level_us": persona.eda_us,
            "response_us": response_us(persona),
            "responses_hz": shown(responses_hz),
            "rise_s": _RISE_S,
            "fall_s": _FALL_S,
        },
        "respiration": {"level_hz": persona.breath_hz, "uneven_hz": shown(uneven_hz)},
        "heart_rate": {
            "level_hz": persona.heart_hz,
            "swing_hz": shown(swing_hz),
            "breath_hz": persona.breath_hz,
        },
        "temperature": {"level_k": persona.skin_k, "slope_k": [_COOLING_K, -_COOLING_K]},
    }


def conductance(moment: Moment, name: str, t: Array) -> Array:
    """(T,) siemens: a tonic level, and skin responses (rise 0.7 s, fall 3 s) at random times."""
    rng, persona = moment.draw(name), moment.persona
    engagement = moment.paths["engagement"].states[0]
    rate = responses_hz(persona, tense(moment), engagement)
    size = response_us(persona)
    past = 8.0
    onsets = rng.uniform(-past, t[-1], rng.poisson(rate * (t[-1] + past)))
    since = np.maximum(t[:, None] - onsets, 0.0)
    shape = (np.exp(-since / _FALL_S) - np.exp(-since / _RISE_S)) / 0.55
    bumps = (shape * rng.lognormal(0.0, 0.3, len(onsets))).sum(axis=1)
    level = persona.eda_us * np.exp(0.3 * moment.drift("skin") + rng.normal(0, 0.2))
    tonic = level * (1 + wander(rng, t, 0.02, 0.05)[:, 0]) - size * rate * 2.0
    return np.asarray(MICROSIEMENS * np.maximum(tonic + size * bumps, 0.05))


def breath(moment: Moment, name: str, t: Array) -> Array:
    """(T,) breaths per second: the more tense, the less even."""
    rng, persona = moment.draw(name), moment.persona
    engagement = moment.paths["engagement"].states[0]
    uneven = uneven_hz(persona, tense(moment), engagement)
    level = persona.breath_hz * np.exp(rng.normal(0, 0.1))
    n = len(t)
    rate_hz = (n - 1) / (t[-1] - t[0])
    return np.asarray(np.clip(level + uneven * coloured(rng, n, rate_hz, 0.5)[0], 0.05, 1.0))


def heart(moment: Moment, name: str, t: Array) -> Array:
    """(T,) beats per second: swings with the breath, less so when tense."""
    rng, persona = moment.draw(name), moment.persona
    engagement = moment.paths["engagement"].states[0]
    swing = swing_hz(persona, tense(moment), engagement)
    level = persona.heart_hz + 0.04 * moment.drift("heart") + rng.normal(0, 0.06)
    turn = 2 * np.pi * persona.breath_hz * rng.lognormal(0, 0.08) * t + rng.uniform(0, 2 * np.pi)
    slow = wander(rng, t, 0.012, 0.08)[:, 0]
    return np.asarray(level + swing * np.sin(turn) + slow + 0.008 * rng.standard_normal(len(t)))


def temperature(moment: Moment, name: str, t: Array) -> Array:
    """(T,) kelvin at the skin: a level of the day with a slow slope that tension hardly moves."""
    rng, persona = moment.draw(name), moment.persona
    slope = rng.normal(0, 0.012) - _COOLING_K * tense(moment)
    level = persona.skin_k + 0.4 * moment.drift("temperature") + rng.normal(0, 0.2)
    return np.asarray(level + slope * t + 0.01 * rng.standard_normal(len(t)))
