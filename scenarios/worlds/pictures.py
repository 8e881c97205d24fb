"""A grey camera that sees two things among clutter, and the gaze that rests on one of them.

Shapes: P pictures, S the side in pixels, T gaze samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds.base import Moment
from fedxr.scenarios.worlds.signals import wander

SIDE = 28
_FINE = 2 * SIDE
Mask = NDArray[np.bool_]


def _valve(u: Array, v: Array) -> Mask:
    return np.asarray((np.abs(v) < 0.85 * np.abs(u) + 0.08) & (np.abs(u) < 0.95))


def _gauge(u: Array, v: Array) -> Mask:
    r = np.hypot(u, v)
    return np.asarray(((r > 0.65) & (r < 0.95)) | ((np.abs(u) < 0.17) & (v > -0.1) & (r < 0.7)))


def _switch(u: Array, v: Array) -> Mask:
    knob = (np.abs(u) < 0.24) & (v > 0.08) & (v < 0.62)
    return np.asarray((np.abs(u) < 0.52) & (np.abs(v) < 0.92) & ~knob)


def _door(u: Array, v: Array) -> Mask:
    edge = np.maximum(np.abs(u) / 0.66, np.abs(v) / 0.95)
    return np.asarray((edge > 0.66) & (edge < 1.0))


def _label(u: Array, v: Array) -> Mask:
    line = (np.abs(v) < 0.13) & (np.abs(u) < 0.66)
    return np.asarray((np.abs(u) < 0.98) & (np.abs(v) < 0.46) & ~line)


def _person(u: Array, v: Array) -> Mask:
    head = np.hypot(u, v - 0.58) < 0.34
    return np.asarray(head | ((v < 0.16) & (v > -0.95) & (np.abs(u) < 0.28 - 0.45 * (v - 0.16))))


SILHOUETTES: tuple[Callable[[Array, Array], Mask], ...] = (
    _valve,
    _gauge,
    _switch,
    _door,
    _label,
    _person,
)
"""The shapes of the classes of task ``target``, in its order; u to the right, v up, both -1..1."""


@dataclass(frozen=True)
class Scene:
    """Two things on opposite sides of the view: what they are, where (pixels), and how drawn.

    ``looked_at`` is 0 or 1 and tells which of them the gaze rests on.
    """

    looked_at: int
    shapes: tuple[int, int]
    centres: Array
    angles: Array
    sizes: Array
    contrasts: Array


def shape_of(persona: Persona, label: int) -> int:
    """Which silhouette this person's site uses for class ``label``.

    At seven sites in ten two signs are exchanged: what one site calls a door is drawn as another
    site's label. Only the site's own people can tell.
    """
    if persona.habit("own signs", 0.7):
        n = len(SILHOUETTES)
        first = int(abs(persona.lean("first sign")) * 1000) % n
        second = (first + 1 + int(abs(persona.lean("second sign")) * 1000) % (n - 1)) % n
        if label in (first, second):
            return second if label == first else first
    return label


def scene(moment: Moment) -> Scene:
    """The scene of this episode: the same one for the camera and for the gaze."""
    rng, persona = moment.draw("scene"), moment.persona
    target = shape_of(persona, moment.paths["target"].states[0])
    other = int((target + rng.integers(1, len(SILHOUETTES))) % len(SILHOUETTES))
    looked_at = int(rng.integers(2))
    tilt = rng.uniform(-0.3, 0.3)
    arm = 6.8 * np.array([np.cos(tilt), np.sin(tilt)])
    middle = np.array([SIDE / 2, SIDE / 2]) + rng.uniform(-0.6, 0.6, 2)
    shapes = (target, other) if looked_at == 0 else (other, target)
    return Scene(
        looked_at=looked_at,
        shapes=shapes,
        centres=np.stack([middle - arm, middle + arm]),
        angles=rng.uniform(-0.2, 0.2, 2),
        sizes=rng.uniform(5.6, 6.6, 2),
        contrasts=rng.choice([-1.0, 1.0]) * rng.uniform(70, 115, 2),
    )


def camera(moment: Moment, name: str, t: Array) -> Array:
    """(P, S, S) 0..255 at times ``t`` (P,): background, clutter, both things, noise; head shake."""
    rng, things = moment.draw(name), scene(moment)
    axis = (np.arange(_FINE) + 0.5) / 2
    x, y = np.meshgrid(axis, axis)
    shake = wander(rng, t, 0.5, 0.8, 3)  # (P, 3): shift x, shift y (pixels), roll (0.1 rad)
    slope = rng.normal(0, 1.2, 2)
    light = 125 + 12 * moment.drift("light") + rng.normal(0, 10)
    base = light + slope[0] * (x - SIDE / 2) + slope[1] * (y - SIDE / 2) + _clutter(rng, x, y)
    picture = np.broadcast_to(base, (len(t), _FINE, _FINE)).copy()
    for i in (0, 1):
        dx = x - (things.centres[i, 0] + shake[:, 0, None, None])
        dy = -(y - (things.centres[i, 1] + shake[:, 1, None, None]))
        angle = things.angles[i] + 0.1 * shake[:, 2, None, None]
        c, s = np.cos(angle) / things.sizes[i], np.sin(angle) / things.sizes[i]
        inside = SILHOUETTES[things.shapes[i]](c * dx + s * dy, c * dy - s * dx)
        picture += things.contrasts[i] * inside
    coarse = picture.reshape(len(t), SIDE, 2, SIDE, 2).mean(axis=(2, 4))
    return np.asarray(np.clip(coarse + rng.normal(0, 6, coarse.shape), 0, 255))


def _clutter(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """(2S, 2S) three faint bars across the view."""
    total = np.zeros_like(x)
    for angle, place, grey in zip(
        rng.uniform(0, np.pi, 3), rng.uniform(-12, 12, 3), rng.normal(0, 18, 3), strict=True
    ):
        off = (x - SIDE / 2) * np.cos(angle) + (y - SIDE / 2) * np.sin(angle) - place
        total += grey * (np.abs(off) < 0.8)
    return total


def resting_gaze(moment: Moment, name: str, t: Array) -> Array:
    """(T, 2) viewport: on the wanted thing, with tremor, bias and glances at the other one."""
    rng, persona, things = moment.draw(name), moment.persona, scene(moment)
    place = things.centres / SIDE * [1, -1] + [0, 1]  # pixels, row down -> viewport, y up
    glancing = np.zeros(len(t), dtype=bool)
    for start in rng.uniform(0, moment.seconds, rng.poisson(0.3 * moment.seconds)):
        glancing |= (t >= start) & (t < start + rng.uniform(0.12, 0.35) * persona.restlessness)
    at = np.where(glancing, 1 - things.looked_at, things.looked_at)
    bias = np.array(persona.gaze_bias) * (1 + 0.5 * moment.drift("gaze"))
    tremor = 0.012 * persona.restlessness * rng.standard_normal((len(t), 2))
    return np.asarray(place[at] + bias + wander(rng, t, 0.025, 1.0, 2) + tremor)
