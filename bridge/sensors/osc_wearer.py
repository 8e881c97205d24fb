"""What OSC messages say of whoever sends them: an avatar (VMC), a face, VRChat-style trackers.

    VMC        /VMC/Ext/Hmd/Pos, or Root/Pos and Bone/Pos along the spine: the head
               /VMC/Ext/Blend/Val and Apply: the face, where shapes are called as ARKit's
               /VMC/Ext/T: the sender's clock, in seconds, at the end of a frame
    ARKit      any address that ends with the name of a shape (…/jawOpen), with its weight
    VRChat     /tracking/trackers/{head, 1 to 8}/{position, rotation}: metres, Euler degrees

All are Unity's, left-handed. Bones are told against their parents; the head is at the end of root,
hips, spine, chest, upper chest and neck, those of them that the avatar has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from fedxr.bridge.channels import layout_of
from fedxr.bridge.sensors.source import Column, Floats, Source, columns_of

SHAPES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
    "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight", "jawForward",
    "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft",
    "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft",
    "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft",
    "mouthUpperUpRight", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft",
    "noseSneerRight", "tongueOut",
)  # fmt: skip
"""ARKit's, in the order of ``face/arkit52``."""
_SHAPE = {name.lower(): n for n, name in enumerate(SHAPES)}
_SPINE = ("root", "Hips", "Spine", "Chest", "UpperChest", "Neck", "Head")
_LEAST = 26
"""A face of fewer shapes of these names is no ARKit face."""
_TRACKED = [[name, what] for name in ("head", *"12345678") for what in ("position", "rotation")]
_NAMED = 10
"""So many shapes of other names are remembered, to be said."""
_POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")

Put = Callable[[Source, Floats], None]
Pose = tuple[Floats, Floats]
"""Position (3,) and quaternion (4,)."""


class Wearer:
    """One sender. ``put`` takes each sample that its messages complete, ``say`` hears what a person
    should know; ``key`` begins the keys of its sources."""

    def __init__(self, key: str, put: Put, say: Callable[[str], None]) -> None:
        self._key, self._put, self._say = key, put, say
        self._bones: dict[str, Pose] = {}
        self._moved: set[str] = set()  # in this frame
        self._has_hmd = False
        self._shapes: dict[int, float] = {}
        self._shaped: set[int] = set()
        self._others: set[str] = set()  # shapes of other names
        self._face: Source | None = None
        self._trackers: dict[str, dict[str, Floats]] = {}
        self._said: set[str] = set()

    def take(self, address: str, values: Sequence[object]) -> bool:
        """Whether it is a message that one knows. Raises ValueError where its values do not fit."""
        parts = address.strip("/").split("/")
        if parts[:2] == ["VMC", "Ext"]:
            self._vmc("/".join(parts[2:]), values)
        elif parts[:2] == ["tracking", "trackers"] and parts[2:] in _TRACKED:
            self._tracker(parts[2], parts[3], _floats(values, 3))
        elif parts[-1].lower() in _SHAPE:
            self._shape(parts[-1], _floats(values, 1)[0])
        else:
            return False
        return True

    def end_frame(self) -> None:
        """What the messages up to here have told of the spine and the face is one moment's."""
        if self._moved and not self._has_hmd:
            self._put(self._source("head", "motion/head"), self._spine())
        self._moved.clear()
        if self._shaped:
            self._end_face()

    def _vmc(self, what: str, values: Sequence[object]) -> None:
        if what == "Hmd/Pos":
            self._has_hmd = True
            self._put(self._source("head", "motion/head"), _floats(values[1:], 7))
        elif what in ("Bone/Pos", "Root/Pos") and values and values[0] in _SPINE:
            name, pose = str(values[0]), _floats(values[1:], 7)
            if name in self._moved:  # the next frame has begun
                self.end_frame()
            self._moved.add(name)
            self._bones[name] = pose[:3], pose[3:]
        elif what == "Blend/Val" and len(values) == 2:
            self._shape(str(values[0]), _floats(values[1:], 1)[0])
        elif what == "Blend/Apply" and self._shaped:
            self._end_face()

    def _spine(self) -> Floats:
        """The head (7,) in the scene; NaN where a bone has no orientation."""
        from scipy.spatial.transform import Rotation  # not by every command

        at, turn = np.zeros(3), Rotation.identity()
        for position, quaternion in (self._bones[b] for b in _SPINE if b in self._bones):
            if not np.linalg.norm(quaternion) > 0.5:
                return np.full(7, np.nan)
            at = at + turn.apply(position)
            turn = turn * Rotation.from_quat(quaternion)
        if "Head" not in self._bones:
            return np.full(7, np.nan)
        return np.concatenate((at, turn.as_quat()))

    def _shape(self, name: str, weight: float) -> None:
        n = _SHAPE.get(name.lower())
        if n is None:
            if len(self._others) < _NAMED:
                self._others.add(name)
            return
        if n in self._shaped:
            self._end_face()
        self._shaped.add(n)
        self._shapes[n] = weight

    def _end_face(self) -> None:
        self._shaped.clear()
        if len(self._shapes) < _LEAST:
            others = ", ".join(sorted(self._others)[:5])
            self._say_once(
                f"the face has {len(self._shapes)} of ARKit's 52 shapes"
                + (f" and others ({others}, …)" if others else "")
                + f"; with {_LEAST} it would be used"
            )
            return
        if self._face is None:
            lack = [name for n, name in enumerate(SHAPES) if n not in self._shapes]
            note = (f"shapes that do not come are taken as 0: {', '.join(lack)}",) if lack else ()
            self._face = replace(self._source("face", "face/arkit52"), notes=note)
        self._put(self._face, np.array([self._shapes.get(n, 0.0) for n in range(len(SHAPES))]))

    def _tracker(self, name: str, what: str, values: Floats) -> None:
        """A pose once both its parts have come; rotations are Unity's: about z, then x, then y."""
        from scipy.spatial.transform import Rotation

        parts = self._trackers.setdefault(name, {})
        if what == "position" and "position" in parts:
            self._say_once(f"tracker {name} has positions without rotations: not used")
        parts[what] = values
        if parts.keys() >= {"position", "rotation"}:
            x, y, z = parts["rotation"]
            turn = Rotation.from_euler("YXZ", (y, x, z), degrees=True).as_quat()
            pose = np.concatenate((parts["position"], turn))
            parts.clear()
            if name == "head":
                self._put(self._source("head", "motion/head"), pose)
            else:
                self._put(self._tracked(name), pose * layout_of("motion/head").signs)

    def _tracked(self, name: str) -> Source:
        """Where on the body a tracker is, only the user knows: numbers, in our coordinates."""
        columns = tuple(Column(c, "m" if c in "xyz" else "1") for c in _POSE)
        key = f"{self._key} tracker-{name}"
        return Source(f"tracker-{name}", "OSC", columns, 0.0, key, steady=True)

    def _source(self, name: str, layout: str) -> Source:
        key = f"{self._key} {name}"
        return Source(
            name, "OSC", columns_of(layout), 0.0, key, layout, left_handed=True, steady=True
        )

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)


def _floats(values: Sequence[object], n: int) -> Floats:
    """The ``n`` numbers of a message; raises ValueError that says what is due."""
    if len(values) < n or not all(isinstance(value, int | float) for value in values[:n]):
        raise ValueError(f"{len(values)} values {list(values)[:8]}; {n} numbers are due")
    return np.array(values[:n], np.float64)
