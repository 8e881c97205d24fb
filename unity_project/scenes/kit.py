"""What the four scenes have in common: the user, the panel, help, texts that hang on things.

Unity's coordinates: x right, y up, z forward; metres and degrees. The user starts at the origin and
looks along z; eyes are 1.6 m above the ground. Texts and panels are read along their z axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import atan2, degrees
from typing import Any

from unity_project.scenes.materials import Material
from unity_project.scenes.parts import AudioListener, AudioSource, Camera, Cube, Light, Plane, Text
from unity_project.scenes.scene import Component, GameObject, Scene
from unity_project.scenes.values import Color, text_asset

EYES_M = 1.6
Place = tuple[float, float, float]

INK = Material("Ink", Color(0.12, 0.14, 0.2), smoothness=0.1)
PLATE = Material("Plate", Color(0.1, 0.12, 0.16), smoothness=0.1)
STEEL = Material("Steel", Color(0.55, 0.58, 0.62), metallic=0.6, smoothness=0.5)
WHITE = Material("White", Color(0.92, 0.92, 0.9))
SKIN = Material("Skin", Color(0.85, 0.66, 0.52))


@dataclass(frozen=True)
class User:
    """The camera rig and what it carries."""

    rig: GameObject
    head: GameObject
    camera: Component
    left_hand: GameObject
    right_hand: GameObject
    connection: Component
    person: Component
    tracking: Component


def user(scene: Scene, use_case: str, device: str, background: Color | None = None) -> User:
    """A camera rig with head, hands, connection and simulated person; sensors are added to it."""
    rig = scene.object("User")
    head = scene.object("Head", parent=rig, position=(0, EYES_M, 0), tag="MainCamera")
    camera = head.add(Camera(background=background))
    head.add(AudioListener())
    left, right = _hand(scene, rig, "Left", -0.22), _hand(scene, rig, "Right", 0.22)
    connection = rig.script(
        "Fedxr.HeadsetConnection",
        scenarioJson=text_asset(f"Assets/Scenarios/{use_case}.json"),
        user=f"unity-{use_case}",
        device=device,
    )
    person = rig.script("Fedxr.SimulatedPerson")
    head.script("Fedxr.LaptopHead", person=person)
    tracking = rig.script(
        "Fedxr.TrackedRig",
        head=head.transform,
        leftHand=left.transform,
        rightHand=right.transform,
    )
    return User(rig, head, camera, left, right, connection, person, tracking)


def _hand(scene: Scene, rig: GameObject, side: str, x: float) -> GameObject:
    hand = scene.object(f"{side} hand", parent=rig, position=(x, 1.15, 0.4), rotation=(-10, 0, 0))
    palm = scene.object("Palm", parent=hand, scale=(0.07, 0.02, 0.1))
    palm.add(Cube(SKIN))
    for i in range(4):
        at = (-0.027 + 0.018 * i, 0, 0.09)
        scene.object(f"Finger {i + 1}", parent=hand, position=at, scale=(0.013, 0.013, 0.08)).add(
            Cube(SKIN)
        )
    return hand


def panel(scene: Scene, user: User, *fingers: GameObject) -> Component:
    """The in-scene panel, low on the right, turned to the user's eyes; it goes with the user.

    The rig's hands point at it, and ``fingers``.
    """
    return _board(scene, user, "Panel", (0.74, 1.19, 1.25)).script(
        "Fedxr.Panel",
        connection=user.connection,
        view=user.camera,
        pointers=[hand.transform for hand in (user.left_hand, user.right_hand, *fingers)],
    )


def help_board(scene: Scene, user: User, more: Sequence[str] = ()) -> None:
    """What the simulated user is at and how the scene is played, low on the left."""
    board = _board(scene, user, "Help", (-0.74, 1.19, 1.25))
    plate = scene.object("Plate", parent=board, position=(0, 0, 0.01), scale=(1.0, 0.9, 0.01))
    plate.add(Cube(PLATE))
    holder = scene.object("Text", parent=board, position=(-0.47, 0.42, 0))
    text = holder.add(line("", 0.042, Color(0.85, 0.9, 0.85), "upper left"))
    board.script(
        "Fedxr.StateBoard",
        connection=user.connection,
        person=user.person,
        text=text,
        more=list(more),
    )


def _board(scene: Scene, user: User, name: str, place: Place) -> GameObject:
    """Within reach and, on a laptop, in the lower corners of the view."""
    return scene.object(
        name, parent=user.rig, position=place, rotation=(15, turn_to(place), 0), scale=0.52
    )


def turn_to(place: Place) -> float:
    """The turn about y (degrees) with which a board at ``place`` is read from the origin."""
    return degrees(atan2(place[0], place[2]))


def line(words: str, height: float, color: Color, anchor: str = "middle center") -> Text:
    """A text whose lines are ``height`` metres high.

    The letters are drawn 64 texels high, and Unity makes a texel 0.1 units at size 1.
    """
    return Text(words, size=10 * height / 64, color=color, anchor=anchor)


def tag(
    scene: Scene,
    parent: GameObject,
    user: User,
    place: Place,
    height: float = 0.07,
    columns: int = 26,
    flash_hz: float = 0.0,
    name: str = "Tag",
) -> Component:
    """A text above ``parent`` that turns to the user; empty until an actor shows something."""
    holder = scene.object(name, parent=parent, position=place)
    board = scene.object("Board", parent=holder)
    text = board.add(line("", height, Color(1, 1, 1), "lower center"))
    return holder.script(
        "Fedxr.Tag",
        text=text,
        turning=board.transform,
        reader=user.camera,
        columns=columns,
        flashHz=flash_hz,
    )


def options(
    scene: Scene, user: User, parent: GameObject, keys: str, apart: float, low: float, height: float
) -> Component:
    """Texts to choose from, one for each of ``keys``, ``apart`` metres from each other."""
    texts = []
    for i, key in enumerate(keys):
        x = apart * (i - (len(keys) - 1) / 2)
        holder = scene.object(f"Option {key}", parent=parent, position=(x, low, 0))
        texts.append(holder.add(line("", height, Color(1, 0.8, 0.45))))
    return parent.script(
        "Fedxr.Options",
        texts=texts,
        keys=keys,
        rig=user.tracking,
        head=user.head.transform,
    )


def caption(scene: Scene, user: User, words: Mapping[str, str] | None = None) -> Component:
    """Texts before the user's eyes: the act ``hint``. ``words`` says what is told in place of a
    cue's text that is advice to the scene."""
    words = words or {}
    holder = scene.object("Caption", position=(0, EYES_M - 0.25, 1.4))
    voice = holder.add(AudioSource(volume=0.6, spatial=0))
    text = tag(scene, holder, user, (0, 0, 0), height=0.05, columns=34)
    return holder.script(
        "Fedxr.Caption",
        acts=["hint"],
        text=text,
        voice=voice,
        head=user.head.transform,
        advice=list(words),
        words=list(words.values()),
    )


def pace(scene: Scene, parent: GameObject, place: Place) -> Component:
    """The act ``pace``, with its gauge at ``place``."""
    gauge = scene.object("Pace", parent=parent, position=place)
    text = gauge.add(line("pace 100 %", 0.05, Color(0.7, 0.8, 0.75)))
    return gauge.script("Fedxr.Pace", acts=["pace"], gauge=text)


def room(scene: Scene, floor: Material, wall: Material, size: float = 12.0) -> GameObject:
    """Floor, three walls and two lights."""
    place = scene.object("Room")
    ground = scene.object("Floor", parent=place, scale=(size / 10, 1, size / 10))
    ground.add(Plane(floor, solid=True, shadows=False))
    for name, at, shape in (
        ("Back", (0.0, 1.75, size / 2), (size, 3.5, 0.1)),
        ("Left", (-size / 2, 1.75, 0.0), (0.1, 3.5, size)),
        ("Right", (size / 2, 1.75, 0.0), (0.1, 3.5, size)),
    ):
        scene.object(f"{name} wall", parent=place, position=at, scale=shape).add(Cube(wall))
    sun(scene, place)
    return place


def sun(scene: Scene, parent: GameObject | None = None, intensity: float = 1.0) -> Component:
    """The main light; returns it."""
    place = scene.object("Sun", parent=parent, position=(0, 6, 0), rotation=(50, -30, 0))
    return place.add(Light("directional", intensity=intensity, shadows=True))


def block(
    scene: Scene,
    parent: GameObject,
    name: str,
    material: Material,
    place: Place,
    size: Place,
    rotation: Place = (0, 0, 0),
    shape: Any = Cube,
) -> GameObject:
    """A primitive ``size`` metres large (times the mesh's own size) in ``parent``."""
    made = scene.object(name, parent=parent, position=place, rotation=rotation, scale=size)
    made.add(shape(material))
    return made


def renderer(made: GameObject) -> Component:
    """The MeshRenderer of what `block` made, for scripts that colour it."""
    return next(part for part in made.components if part.name == "MeshRenderer")
