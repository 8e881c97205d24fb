"""A body sitting, walking, turning, reaching or waving, felt at one wrist and at the head.

Shapes: T samples. The wrist's mounting and posture are random, so gravity's direction says
little; phases, directions and the hand that happens to act are random too.
"""

from __future__ import annotations

import numpy as np

from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds.base import Moment
from fedxr.scenarios.worlds.signals import product, quaternion, smooth, turned, unit, wander

GRAVITY = 9.81
SITTING, WALKING, TURNING, REACHING, WAVING = range(5)
_UP, _RIGHT = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
_AGITATION = (1.0, 1.25, 0.8, 1.45)
_SWING, _WAVE, _REACH = 0.5, 0.4, 0.6  # rad
_REACH_M = 0.25
_STEP, _STEP_TWICE, _TURNING_STEPS = 1.1, 0.6, 0.55  # m/s^2, m/s^2, share
_WALK_M_S = 1.2


def agitation(moment: Moment) -> float:
    """How much larger the movements are in this mood (calm, happy, sad, angry) than usual."""
    size = _AGITATION[moment.paths["mood"].states[0]]
    return float(size**moment.persona.liveliness)


def step_hz(persona: Persona) -> float:
    return 1.85 * persona.pace


def turn_speed(persona: Persona) -> float:
    """rad/s"""
    return float(0.8 * persona.pace * np.exp(0.4 * persona.lean("turning")))


def rocking(persona: Persona) -> float:
    """How much this person rocks or taps while sitting; nearly half of all people do."""
    return 0.36 if persona.habit("rocks", 0.45) else 0.0


def beckons(persona: Persona) -> bool:
    """Whether this person waves by single strokes, much as others reach for something."""
    return persona.habit("beckons", 0.45)


def firmness(persona: Persona) -> float:
    """How hard this person's steps are felt: some stride, some shuffle."""
    return float(np.exp(0.55 * persona.lean("step")))


def arm_swing(persona: Persona) -> float:
    return float(0.5 * np.exp(0.7 * persona.lean("arm swing")))


def wave_hz(persona: Persona) -> float:
    return float(step_hz(persona) / 2 * np.exp(0.25 + 0.5 * persona.lean("waving tempo")))


def acting(persona: Persona) -> float:
    """How much of what the arms do reaches the watch."""
    return 0.25 if persona.habit("watch on the resting arm", 0.3) else 1.0


def parameters(persona: Persona) -> dict[str, object]:
    """This person's models of :func:`wrist` and :func:`head` before accident."""
    return {
        "agitation": [size**persona.liveliness for size in _AGITATION],
        "step_hz": step_hz(persona),
        "swing": _SWING * arm_swing(persona),
        "firmness": firmness(persona),
        "step": _STEP * firmness(persona),
        "step_twice": _STEP_TWICE * firmness(persona),
        "turning_steps": _TURNING_STEPS,
        "turn_rad_s": turn_speed(persona),
        "wave": _WAVE * acting(persona),
        "wave_hz": wave_hz(persona),
        "beckons": beckons(persona),
        "reach": _REACH * acting(persona),
        "reach_m": _REACH_M * acting(persona),
        "reach_every_s": 1.3 / persona.pace,
        "rocking": rocking(persona),
        "restlessness": persona.restlessness,
        "walk_m_s": _WALK_M_S * persona.pace,
        "gravity": GRAVITY,
    }


def _strokes(rng: np.random.Generator, t: Array, every_s: float) -> Array:
    """(T,) positions of minimum-jerk strokes there and back, about ``every_s`` apart."""
    place, x = 0.0, np.zeros(len(t))
    at = -rng.uniform(0, every_s)
    while at < t[-1]:
        s = np.clip((t - at) / rng.uniform(0.5, 0.8), 0, 1)
        goal = rng.uniform(0.6, 1.2) * (1 if place <= 0 else 0) * 1.0
        x += (goal - place) * s**3 * (10 - 15 * s + 6 * s**2)
        place = goal
        at += every_s * rng.uniform(0.7, 1.3)
    return x


def _masks(moment: Moment, t: Array) -> Array:
    """(5, T) soft 0..1: which of the five is being done."""
    states = moment.paths["doing"].over(t)
    width = max(1, int(0.15 * len(t) / moment.seconds))
    return np.stack([smooth((states == k) * 1.0, width) for k in range(5)])


def wrist(moment: Moment, name: str, t: Array, rate_hz: float) -> Array:
    """(T, 6) acceleration with gravity (m/s^2), angular rate (rad/s), in the wearer's own mount."""
    rng, persona = moment.draw(name), moment.persona
    m, size = _masks(moment, t), agitation(moment) * rng.lognormal(0.0, 0.12)
    acts, swing = acting(persona), arm_swing(persona)
    phase = 2 * np.pi * step_hz(persona) * rng.lognormal(0, 0.04) * t + rng.uniform(0, 2 * np.pi)
    wave = np.sin(
        2 * np.pi * wave_hz(persona) * rng.lognormal(0, 0.05) * t + rng.uniform(0, 2 * np.pi)
    )
    beckon = 0.6 * _strokes(rng, t, 1.1 / persona.pace) if beckons(persona) else wave
    stroke = acts * size * _strokes(rng, t, 1.3 / persona.pace) * rng.choice([-1.0, 1.0])
    fidget = wander(rng, t, 0.09 * persona.restlessness * size, 1.5)[:, 0]
    gravity = turned(_mount(moment, rng)[None], unit(rng), np.full(1, rng.normal(0, 0.5)))[0]
    angle = m[WALKING] * _SWING * swing * size * np.sin(phase / 2)
    angle += m[WAVING] * _WAVE * acts * size * beckon + m[REACHING] * _REACH * stroke + fidget
    angle += m[SITTING] * rocking(persona) * size * wave
    axis = unit(rng)
    steps = (
        firmness(persona)
        * (m[WALKING] + _TURNING_STEPS * m[TURNING])
        * (_STEP * np.sin(phase) + _STEP_TWICE * np.sin(2 * phase + rng.uniform(0, 2 * np.pi)))
    )
    yaw = m[TURNING] * turn_speed(persona) * rng.lognormal(0, 0.2) * rng.choice([-1.0, 1.0])
    down = turned(gravity, axis, -angle)
    push = np.gradient(np.gradient(m[REACHING] * _REACH_M * stroke, t), t)[:, None] * unit(rng)
    acc = down * (GRAVITY + size * steps[:, None]) + push
    gyro = np.gradient(angle, t)[:, None] * axis + yaw[:, None] * down
    shift = 0.03 * moment.drift("gyro") * np.ones(3)
    noise = rng.standard_normal((len(t), 6)) * [0.15, 0.15, 0.15, 0.03, 0.03, 0.03]
    return np.concatenate([acc, gyro + shift], axis=1) + noise


def _mount(moment: Moment, rng: np.random.Generator) -> Array:
    """(3,) where up is for the watch: the wearer's own way, loosely kept, and any posture."""
    lean = [moment.persona.lean(f"watch mount {k}") for k in range(3)]
    v = np.array(lean) + 1.2 * rng.standard_normal(3)
    return np.asarray(v / np.linalg.norm(v))


def head(moment: Moment, name: str, t: Array) -> Array:
    """(T, 7) pose of the head in the room."""
    rng, persona = moment.draw(name), moment.persona
    m, size = _masks(moment, t), agitation(moment) * rng.lognormal(0.0, 0.12)
    dt = float(t[1] - t[0])
    phase = 2 * np.pi * step_hz(persona) * rng.lognormal(0, 0.04) * t + rng.uniform(0, 2 * np.pi)
    turn = m[TURNING] * turn_speed(persona) * rng.lognormal(0, 0.2) * rng.choice([-1.0, 1.0])
    yaw = rng.uniform(-np.pi, np.pi) + np.cumsum(turn) * dt + wander(rng, t, 0.1 * size, 0.6)[:, 0]
    lean = _strokes(rng, t, 1.3 / persona.pace) * m[REACHING]
    nod = 0.12 * np.exp(0.5 * persona.lean("nod when reaching")) * lean
    wave = np.sin(2 * np.pi * 1.1 * persona.pace * t + rng.uniform(0, 2 * np.pi))
    pitch = rng.normal(-0.1, 0.2) + wander(rng, t, 0.04 * size, 0.7)[:, 0] - nod
    pitch += 0.02 * m[WALKING] * np.sin(phase)
    pitch += (0.03 * m[WAVING] + 0.1 * rocking(persona) * m[SITTING]) * size * wave
    bob = 0.015 * firmness(persona) * (m[WALKING] + 0.4 * m[TURNING]) * np.sin(phase) - 0.04 * lean
    sway = wander(rng, t, 0.008 * persona.restlessness * size, 0.5, 3)
    sway[:, 0] += 0.012 * m[WAVING] * wave
    ahead = np.cumsum(m[WALKING] * _WALK_M_S * persona.pace) * dt
    place = rng.normal(0, 1.0, 3) * [1, 0.15, 1] + sway
    place[:, 0] -= np.sin(yaw) * ahead
    place[:, 2] -= np.cos(yaw) * ahead
    place[:, 1] += 0.93 * persona.height_m - 0.2 + bob
    turnq = product(quaternion(_UP, yaw), quaternion(_RIGHT, pitch))
    noise = 0.0006 * rng.standard_normal(place.shape)
    return np.concatenate([place + noise, turnq], axis=1)
