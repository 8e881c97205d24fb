"""One tracked hand doing what its owner wants: 25 WebXR joints by forward kinematics.

Every gesture is an oscillation around a random pose, so the mean pose says nothing. Shapes:
T samples, 5 fingers, 25 joints.
"""

from __future__ import annotations

import numpy as np

from fedxr.scenarios.personas import Array, Persona
from fedxr.scenarios.worlds.base import Moment
from fedxr.scenarios.worlds.signals import product, quaternion, rotated, wander

_BASE = np.array(  # first joint of thumb .. little, from the wrist (m); -Z along the hand, +Y back
    [[-0.03, -0.01, -0.03], [-0.02, 0, -0.04], [0, 0, -0.04], [0.017, 0, -0.04], [0.03, 0, -0.035]]
)
_BONES = (
    (0.040, 0.033, 0.025),
    (0.055, 0.042, 0.025, 0.020),
    (0.055, 0.046, 0.029, 0.020),
    (0.052, 0.042, 0.028, 0.020),
    (0.048, 0.034, 0.020, 0.018),
)
_SPREAD = np.array([0.75, 0.12, 0.0, -0.10, -0.22])  # rad about +Y
_X, _Y, _Z = np.eye(3)
_TEMPO_HZ = 1.5
_ROLL = 0.35  # rad
_PINCH_THUMB, _PINCH_FINGER = 0.18, 0.22  # rad per joint
_STROKE_M, _STROKE_BACK_M, _STROKE_CURL = 0.03, 0.02, 0.25
_REST_CURL = (0.15, 0.55)


def gesture_of(persona: Persona, intent: int) -> int:
    """0 rest, 1 pinch, 2 stroke, 3 roll; who exchanged the buttons also exchanged the gestures."""
    if persona.habit("buttons exchanged", 0.45) and intent in (2, 3):
        return 5 - intent
    return intent


def pinching_finger(persona: Persona) -> int:
    return 1 if persona.habit("pinch with the index", 0.6) else 2


def parameters(persona: Persona) -> dict[str, object]:
    """This person's model of :func:`hand` before accident; lengths in metres, angles in radians."""
    finger = persona.habit("strokes with a finger", 0.5)
    return {
        "gestures": [gesture_of(persona, intent) for intent in range(4)],
        "tempo_hz": _TEMPO_HZ * persona.pace,
        "vigour": persona.liveliness,
        "pinching_finger": pinching_finger(persona),
        "pinch_thumb": _PINCH_THUMB,
        "pinch_finger": _PINCH_FINGER,
        "stroke_m": _STROKE_M - (_STROKE_BACK_M if finger else 0.0),
        "stroke_curl": _STROKE_CURL if finger else 0.0,
        "roll": _ROLL,
        "rest_curl": sum(_REST_CURL) / 2,
        "scale": persona.hand_scale,
        "left": persona.left_handed,
        "bases": _BASE.ravel().tolist(),
        "bones": [length for bones in _BONES for length in bones],
        "spread": _SPREAD.tolist(),
    }


def hand(moment: Moment, name: str, t: Array) -> Array:
    """(T, 25, 7) world poses in metres."""
    rng, persona = moment.draw(name), moment.persona
    gestures = np.array([gesture_of(persona, i) for i in range(4)])[moment.paths["intent"].over(t)]
    tempo = _TEMPO_HZ * persona.pace * rng.uniform(0.8, 1.25)
    beat = 2 * np.pi * tempo * t + rng.uniform(0, 2 * np.pi)
    wave = np.sin(beat + 0.5 * np.sin(beat))  # quicker one way than back
    vigour = persona.liveliness * rng.uniform(0.7, 1.3)
    curl = rng.uniform(*_REST_CURL, 5) + wander(rng, t, 0.06, 0.7, 5)
    closing = pinching_finger(persona)
    pinch = (gestures == 1) * vigour * wave
    curl[:, 0] += _PINCH_THUMB * pinch
    curl[:, closing] += _PINCH_FINGER * pinch
    place = wander(rng, t, 0.012, 0.5, 3) + rng.normal(0, 0.12, 3)
    way = rng.choice([-1.0, 1.0])
    stroke = (gestures == 2) * vigour * wave * way
    place[:, 1] += _STROKE_M * stroke
    if persona.habit("strokes with a finger", 0.5):
        place[:, 1] -= _STROKE_BACK_M * stroke
        curl[:, 1] += _STROKE_CURL * stroke
    roll = rng.uniform(-0.6, 0.6) + wander(rng, t, 0.08, 0.5)[:, 0]
    roll += (gestures == 3) * _ROLL * vigour * way * wave
    pitch = rng.uniform(-0.5, 0.5) + wander(rng, t, 0.06, 0.5)[:, 0]
    yaw = np.full(len(t), rng.uniform(-0.8, 0.8))
    turn = product(quaternion(_Y, yaw), product(quaternion(_X, pitch), quaternion(_Z, roll)))
    place += [0.0, 0.62 * persona.height_m, -0.35]
    pose = _skeleton(curl, place, turn, persona)
    pose[..., :3] += 0.0012 * rng.standard_normal(pose[..., :3].shape)
    return pose


def _skeleton(curl: Array, place: Array, turn: Array, persona: Persona) -> Array:
    """(T, 25, 7) from curls (T, 5) rad per joint, the wrist's place (T, 3) and turn (T, 4)."""
    n = len(curl)
    mirror = np.array([-1.0 if persona.left_handed else 1.0, 1.0, 1.0])
    side = mirror[0]
    local = [np.zeros((n, 3))]
    bend = [np.tile([0.0, 0.0, 0.0, 1.0], (n, 1))]
    for finger, bones in enumerate(_BONES):
        at = np.tile(_BASE[finger] * mirror, (n, 1))
        splay = quaternion(_Y, np.full(n, side * _SPREAD[finger]))
        for joint in range(len(bones) + 1):
            angle = -curl[:, finger] * max(joint - 0.5, 0.0)
            q = product(splay, quaternion(_X, angle))
            local.append(at)
            bend.append(q)
            if joint < len(bones):
                at = at + rotated(q, np.array([0.0, 0.0, -bones[joint]]) + np.zeros((n, 3)))
    points = persona.hand_scale * np.stack(local, axis=1)
    world = rotated(turn[:, None], points) + place[:, None]
    return np.concatenate([world, product(turn[:, None], np.stack(bend, axis=1))], axis=-1)
