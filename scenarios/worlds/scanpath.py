"""Where people look when nothing in particular is asked: fixations, saccades and pursuit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds.signals import wander

SACCADE_S = 0.04
_HOLD_SPREAD = 0.45


@dataclass(frozen=True)
class Scan:
    """A way of looking: median fixation (s), spread of places and tremor (viewport widths).

    ``pursuit`` is the share of fixations that follow something, at ``pursuit_speed`` widths/s.
    """

    fixation_s: float
    spread: float
    pursuit: float
    pursuit_speed: float
    tremor: float


def parameters(persona: Persona, task: str, scans: Iterable[Scan]) -> dict[str, object]:
    """This person's ways of looking, by class of ``task``."""
    return {
        "task": task,
        "saccade_s": SACCADE_S,
        "hold_spread": _HOLD_SPREAD,
        "bias": list(persona.gaze_bias),
        "restlessness": persona.restlessness,
        "scans": [asdict(scan) for scan in scans],
    }


def scanpath(rng: np.random.Generator, scan: Scan, persona: Persona, t: Array) -> Array:
    """(T, 2) viewport at the times ``t`` (T,): one walk over random places, around a random one."""
    seconds = float(t[-1]) + 1.0
    n = int(4 * seconds / scan.fixation_s) + 4
    hold = scan.fixation_s * rng.lognormal(0.0, _HOLD_SPREAD, n)
    start = np.cumsum(hold + SACCADE_S) - hold - SACCADE_S - rng.uniform(0, hold[0])
    centre = 0.5 + rng.uniform(-0.12, 0.12, 2)
    place = centre + scan.spread * rng.standard_normal((n, 2))
    angle = rng.uniform(0, 2 * np.pi, n)
    follows = (rng.random(n) < scan.pursuit) * scan.pursuit_speed * rng.lognormal(0, 0.3, n)
    moved = (follows * hold)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    knots_t = np.stack([start, start + hold], axis=1).ravel()
    knots = np.stack([place - moved / 2, place + moved / 2], axis=1).reshape(-1, 2)
    look = np.stack([np.interp(t, knots_t, knots[:, i]) for i in (0, 1)], axis=1)
    noise = scan.tremor * persona.restlessness * rng.standard_normal(look.shape)
    return np.asarray(look + persona.gaze_bias + noise + wander(rng, t, 0.01, 0.3, 2))
