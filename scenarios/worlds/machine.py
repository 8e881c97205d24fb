"""A rotating machine, felt at its housing and heard in the room.

Model (after the usual one of rolling-bearing faults, Randall and Antoni 2011): harmonics of the
shaft, broadband noise, and impulses at a fault frequency of about 3.6 per turn, each of which
rings a resonance. Wear makes the impulses stronger and tied to the load zone, hence modulated by
the shaft. T samples.
"""

from __future__ import annotations

import numpy as np

from scenarios.personas import Array
from scenarios.worlds.base import Moment

IMPULSES_PER_TURN = 3.585


def severity(moment: Moment) -> float:
    """How worn the machine sounds: -1, 0, 1 for the classes, moved by this site's own machine."""
    persona = moment.persona
    state = moment.paths["warning"].states[0] - 1.0
    return state + 0.45 * persona.lean("machine wear") + 0.25 * moment.drift("machine wear")


def machine(moment: Moment, name: str, t: Array, rate_hz: float, far: bool) -> Array:
    """(T,) of rms about 1 before its random gain; ``far``: with the room's noise, as by ear."""
    rng, persona = moment.draw(name), moment.persona
    shared = moment.draw("machine")  # the load of this episode, the same for ear and probe
    turn_hz = 21.0 * np.exp(0.2 * persona.lean("shaft") + 0.08 * shared.normal())
    n, s = len(t), severity(moment) + 0.2 * shared.normal()
    phase = 2 * np.pi * turn_hz * t + 0.3 * np.cumsum(rng.standard_normal(n)) / np.sqrt(rate_hz)
    weights = rng.lognormal(0.0, 0.3, 4) / np.arange(1, 5)
    hum = sum(
        w * np.sin(k * phase + rng.uniform(0, 2 * np.pi)) for k, w in enumerate(weights, start=1)
    )
    load = 0.5 + 0.45 * (moment.paths["warning"].states[0] - 1.0)
    depth = 1 + load * np.sin(phase + rng.uniform(0, 2 * np.pi))
    clicks = np.diff(np.floor(IMPULSES_PER_TURN * phase / (2 * np.pi)), prepend=0.0) > 0
    train = clicks * depth * rng.lognormal(0.0, 0.3, n)
    resonance = rate_hz * float(np.clip(0.27 + 0.035 * persona.lean("resonance"), 0.15, 0.4))
    ring_t = np.arange(int(0.012 * rate_hz)) / rate_hz
    ring = np.exp(-ring_t / 0.003) * np.sin(2 * np.pi * resonance * ring_t)
    ringing = np.convolve(train, ring)[:n]
    floor = (0.45 if far else 0.3) * np.exp(0.15 * persona.lean("machine noise"))
    strength = 0.9 * np.exp(0.85 * s * persona.liveliness)
    return np.asarray(hum + strength * ringing + floor * rng.standard_normal(n))


def vibration(moment: Moment, name: str, t: Array, rate_hz: float) -> Array:
    """(T,) m/s^2 at the housing; how hard the probe is pressed sets the gain, anew each time."""
    gain = np.exp(moment.draw(f"{name} gain").normal(0.0, 0.5))
    return np.asarray(gain * machine(moment, name, t, rate_hz, far=False))


def sound(moment: Moment, name: str, t: Array, rate_hz: float) -> Array:
    """(T,) in units of full scale: the machine from some metres away."""
    gain = 0.03 * np.exp(moment.draw(f"{name} gain").normal(0.0, 0.5))
    return np.asarray(gain * machine(moment, name, t, rate_hz, far=True))
