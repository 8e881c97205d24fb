"""Eight electrodes over the back of the head: noise, alpha and theta rhythms, flicker following.

Shapes: T samples, E electrodes. Volts.
"""

from __future__ import annotations

import numpy as np

from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds.base import Moment
from fedxr.scenarios.worlds.signals import band, coloured, smooth

LAYOUT = "eeg/Oz-O1-O2-PO3-POz-PO7-PO8-PO4"
FLICKER_HZ = (13.0, 17.0, 21.0)
"""What the application's three buttons flicker at; in task ``intent`` select, scroll and back."""
_VISUAL = np.array([1.0, 0.85, 0.85, 0.55, 0.7, 0.5, 0.5, 0.55])
_POSTERIOR = np.array([0.9, 1.0, 1.0, 0.8, 0.8, 0.7, 0.7, 0.8])
_DIFFUSE = np.array([0.6, 0.5, 0.5, 0.8, 1.0, 0.6, 0.6, 0.8])
VOLT = 1e-6
_THETA_HZ, _WIDTH_HZ, _HARMONIC = 6.0, 0.8, 0.5
_PINK_UV, _OWN_UV, _LOOSE = 4.0, 4.0, 1.5


def load_level(persona: Persona, workload: int) -> float:
    """How loaded this person's signals look: -1, 0, 1 for the classes, and their own lean."""
    return (workload - 1.0) * persona.liveliness + 0.7 * persona.lean("workload")


def flicker_of(persona: Persona, intent: int) -> int:
    """Index into FLICKER_HZ of the button of intent 1 to 3; some people exchanged the last two."""
    if persona.habit("buttons exchanged", 0.45) and intent in (2, 3):
        intent = 5 - intent
    return intent - 1


def rhythms_uv(
    persona: Persona, level: float, alpha_luck: float = 0.0, theta_luck: float = 0.0
) -> tuple[float, float]:
    """Amplitudes of alpha and theta at this load; the lucks are the episode's own accident."""
    alpha = 5.0 * np.exp(-0.38 * level + 0.25 * persona.lean("alpha") + alpha_luck)
    theta = 4.0 * np.exp(0.30 * level + 0.25 * persona.lean("theta") + theta_luck)
    return float(alpha), float(theta)


def response_uv(persona: Persona, button: int) -> float:
    """Usual amplitude of what follows the flicker of this button."""
    return float(2.8 * np.exp(0.3 * persona.lean(f"response {button}")))


def loose_electrode(persona: Persona) -> int:
    return int(abs(persona.lean("loose electrode")) * 1000) % len(persona.electrode_gain)


def parameters(persona: Persona) -> dict[str, object]:
    """This person's model of :func:`eeg` before drift and accident; lists by class or electrode."""
    buttons = [flicker_of(persona, intent) for intent in (1, 2, 3)]
    rhythms = [rhythms_uv(persona, load_level(persona, workload)) for workload in range(3)]
    loose = loose_electrode(persona)
    own = [_OWN_UV * (_LOOSE if i == loose else 1.0) for i in range(len(_VISUAL))]
    return {
        "layout": LAYOUT,
        "rate_hz": 256.0,
        "flicker_hz": [0.0, *(FLICKER_HZ[button] for button in buttons)],
        "following_uv": [0.0, *(response_uv(persona, button) for button in buttons)],
        "harmonic": _HARMONIC,
        "alpha_hz": persona.alpha_hz,
        "alpha_uv": [alpha for alpha, _ in rhythms],
        "theta_hz": _THETA_HZ,
        "theta_uv": [theta for _, theta in rhythms],
        "width_hz": _WIDTH_HZ,
        "pink_uv": _PINK_UV,
        "own_uv": own,
        "gain": list(persona.electrode_gain),
        "visual": _VISUAL.tolist(),
        "posterior": _POSTERIOR.tolist(),
        "diffuse": _DIFFUSE.tolist(),
    }


def eeg(moment: Moment, name: str, t: Array, rate_hz: float) -> Array:
    """(T, E) volts."""
    rng, persona, n = moment.draw(name), moment.persona, len(t)
    level = load_level(persona, moment.paths["workload"].states[0]) + 0.25 * rng.normal()
    alpha, theta = rhythms_uv(persona, level, rng.normal(0, 0.12), rng.normal(0, 0.12))
    brain = (
        alpha * band(rng, n, rate_hz, persona.alpha_hz, _WIDTH_HZ).T * _POSTERIOR
        + theta * band(rng, n, rate_hz, _THETA_HZ, _WIDTH_HZ).T * _DIFFUSE
        + _PINK_UV * coloured(rng, n, rate_hz, 1.0).T * _DIFFUSE
        + _following(rng, moment, t)[:, None] * _VISUAL
    )
    gain = np.array(persona.electrode_gain) * np.exp(rng.normal(0.0, 0.25))
    loose = loose_electrode(persona)
    own = _OWN_UV * coloured(rng, n, rate_hz, 0.8, len(gain)).T
    own[:, loose] *= _LOOSE + 0.6 * moment.drift("loose electrode")
    return np.asarray(VOLT * (brain * gain + own))


def _following(rng: np.random.Generator, moment: Moment, t: Array) -> Array:
    """(T,) microvolts: the response to the button looked at, with its first harmonic."""
    persona, path = moment.persona, moment.paths["intent"]
    states, total = path.over(t), np.zeros(len(t))
    for intent in sorted(set(path.states) - {0}):
        button = flicker_of(persona, intent)
        strength = response_uv(persona, button) * rng.uniform(0.7, 1.2)
        phase = 2 * np.pi * FLICKER_HZ[button] * t + rng.uniform(0, 2 * np.pi)
        wave = np.sin(phase) + _HARMONIC * np.sin(2 * phase + rng.uniform(0, 2 * np.pi))
        total += strength * smooth((states == intent) * 1.0, int(0.2 * len(t) / t[-1])) * wave
    return total
