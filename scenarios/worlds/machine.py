"""A rotating machine, felt at its housing and heard in the room.

Model (after the usual one of rolling-bearing faults, Randall and Antoni 2011): harmonics of the
shaft, broadband noise, and impulses at a fault frequency of about 3.6 per turn, each of which
rings a resonance. Wear makes the impulses stronger and tied to the load zone, hence modulated by
the shaft. T samples.
"""

from __future__ import annotations

import numpy as np

from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds.base import Moment

IMPULSES_PER_TURN = 3.585
_TURN_HZ, _RING_S, _STRENGTH = 21.0, 0.003, 0.9
_FLOOR, _FAR_FLOOR, _FAR_GAIN = 0.3, 0.45, 0.03


def severity(moment: Moment) -> float:
    """How worn the machine sounds: -1, 0, 1 for the classes, moved by this site's own machine."""
    persona = moment.persona
    state = moment.paths["warning"].states[0] - 1.0
    return state + 0.45 * persona.lean("machine wear") + 0.25 * moment.drift("machine wear")


def strength(persona: Persona, worn: float) -> float:
    """How loud the impulses ring at this wear."""
    return float(_STRENGTH * np.exp(0.85 * worn * persona.liveliness))


def load(state: int) -> float:
    """How much the shaft modulates the impulses."""
    return 0.5 + 0.45 * (state - 1.0)


def resonance(persona: Persona) -> float:
    """Where the housing rings, as a share of the sensor's rate."""
    return float(np.clip(0.27 + 0.035 * persona.lean("resonance"), 0.15, 0.4))


def parameters(persona: Persona) -> dict[str, object]:
    """The machine at this person's site before drift and accident; lists by class."""
    noise = float(np.exp(0.15 * persona.lean("machine noise")))
    own = 0.45 * persona.lean("machine wear")
    return {
        "rate_hz": 2000.0,
        "far_rate_hz": 8000.0,
        "turn_hz": float(_TURN_HZ * np.exp(0.2 * persona.lean("shaft"))),
        "impulses_per_turn": IMPULSES_PER_TURN,
        "strength": [strength(persona, state - 1.0 + own) for state in range(3)],
        "load": [load(state) for state in range(3)],
        "ring_s": _RING_S,
        "resonance": resonance(persona),
        "floor": _FLOOR * noise,
        "far_floor": _FAR_FLOOR * noise,
        "far_gain": _FAR_GAIN,
    }


def machine(moment: Moment, name: str, t: Array, rate_hz: float, far: bool) -> Array:
    """(T,) of rms about 1 before its random gain; ``far``: with the room's noise, as by ear."""
    rng, persona = moment.draw(name), moment.persona
    shared = moment.draw("machine")  # the load of this episode, the same for ear and probe
    turn_hz = _TURN_HZ * np.exp(0.2 * persona.lean("shaft") + 0.08 * shared.normal())
    n, s = len(t), severity(moment) + 0.2 * shared.normal()
    phase = 2 * np.pi * turn_hz * t + 0.3 * np.cumsum(rng.standard_normal(n)) / np.sqrt(rate_hz)
    weights = rng.lognormal(0.0, 0.3, 4) / np.arange(1, 5)
    hum = sum(
        w * np.sin(k * phase + rng.uniform(0, 2 * np.pi)) for k, w in enumerate(weights, start=1)
    )
    depth = 1 + load(moment.paths["warning"].states[0]) * np.sin(phase + rng.uniform(0, 2 * np.pi))
    clicks = np.diff(np.floor(IMPULSES_PER_TURN * phase / (2 * np.pi)), prepend=0.0) > 0
    train = clicks * depth * rng.lognormal(0.0, 0.3, n)
    rings_hz = rate_hz * resonance(persona)
    ring_t = np.arange(int(0.012 * rate_hz)) / rate_hz
    ring = np.exp(-ring_t / _RING_S) * np.sin(2 * np.pi * rings_hz * ring_t)
    ringing = np.convolve(train, ring)[:n]
    floor = (_FAR_FLOOR if far else _FLOOR) * np.exp(0.15 * persona.lean("machine noise"))
    return np.asarray(hum + strength(persona, s) * ringing + floor * rng.standard_normal(n))


def vibration(moment: Moment, name: str, t: Array, rate_hz: float) -> Array:
    """(T,) m/s^2 at the housing; how hard the probe is pressed sets the gain, anew each time."""
    gain = np.exp(moment.draw(f"{name} gain").normal(0.0, 0.5))
    return np.asarray(gain * machine(moment, name, t, rate_hz, far=False))


def sound(moment: Moment, name: str, t: Array, rate_hz: float) -> Array:
    """(T,) in units of full scale: the machine from some metres away."""
    gain = _FAR_GAIN * np.exp(moment.draw(f"{name} gain").normal(0.0, 0.5))
    return np.asarray(gain * machine(moment, name, t, rate_hz, far=True))
