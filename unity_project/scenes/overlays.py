"""Overlays: a plant hall with things to look at, machines to listen to and notes to read.

The six things are drawn as the signs that the simulated camera sees
(`fedxr.scenarios.worlds.pictures`), so that the scene and the simulation show the same world to the
agent."""

from __future__ import annotations

from itertools import pairwise
from math import atan2, cos, hypot, radians, sin

from fedxr.scenarios.worlds.pictures import SIDE
from unity_project.scenes import kit
from unity_project.scenes.materials import Material
from unity_project.scenes.parts import AudioSource, Camera, Cube, Cylinder, Sphere
from unity_project.scenes.scene import Component, GameObject, Scene
from unity_project.scenes.values import Color

FLOOR = Material("Hall floor", Color(0.33, 0.34, 0.36))
WALL = Material("Hall wall", Color(0.52, 0.55, 0.56))
POST = Material("Post", Color(0.3, 0.32, 0.35))
SIGN = Material("Sign", Color(0.88, 0.88, 0.84))
BOARD = Material("Board", Color(0.5, 0.5, 0.5), smoothness=0.05)
HOUSING = Material("Housing", Color(0.2, 0.42, 0.45), metallic=0.3)
SHAFT = Material("Shaft", Color(0.75, 0.7, 0.55), metallic=0.7, smoothness=0.6)
LAMP = Material("Lamp", Color(0.12, 0.16, 0.12))
PAPER = Material("Paper", Color(0.95, 0.94, 0.88), smoothness=0.05)

THINGS = ("valve", "gauge", "switch", "door", "label", "person")
"""The classes of task ``target``, in its order."""
STEP_DEG = 13.5
"""From one thing to the next, as the user sees them."""

# strokes of a pen on a sheet 1 wide and 1 high, x to the right and y up, from the middle
SEVEN = (((-0.25, 0.35), (0.25, 0.35), (-0.05, -0.35)), ((-0.12, 0.0), (0.16, 0.02)))
THREE = (
    (
        (-0.2, 0.33),
        (0.1, 0.36),
        (0.2, 0.2),
        (0.0, 0.03),
        (0.22, -0.14),
        (0.08, -0.34),
        (-0.22, -0.3),
    ),
)
LETTER = (
    ((-0.25, 0.3), (0.25, 0.32)),
    ((0.0, 0.36), (-0.02, -0.35)),
    ((-0.25, -0.05), (0.2, -0.3)),
)


def scene() -> Scene:
    made = Scene("Overlays", ambient=Color(0.42, 0.44, 0.46))
    kit.room(made, FLOOR, WALL)
    user = kit.user(made, "overlays", "hololens-2")
    eye = _eye(made, user)
    gaze = user.rig.script("Fedxr.GazeSensor", view=user.camera, picture=eye)
    user.rig.script("Fedxr.SimulatedProbe")
    user.rig.script("Fedxr.SimulatedSound")
    things = [_thing(made, user, i, name) for i, name in enumerate(THINGS)]
    for i, strokes in enumerate((SEVEN, THREE, LETTER)):
        _board(made, user, i, strokes)
    machines = [
        _machine(made, user, name, (-4.2 + 1.7 * i, 0, 4.6), turns, wear)
        for i, (name, turns, wear) in enumerate(
            (("pump", 2.0, 0), ("fan", 4.0, 1), ("compressor", 3.0, 2))
        )
    ]
    tip = kit.block(made, user.rig, "Probe", kit.STEEL, (0.3, 1.2, 0.5), (0.03, 0.12, 0.03),
                    shape=Cylinder)  # fmt: skip
    probe = user.rig.script("Fedxr.Probe", machines=machines, tip=tip.transform)
    attention = user.rig.script("Fedxr.Attention", head=user.head.transform, gaze=gaze)
    actors = made.object("Actors")
    actors.script("Fedxr.Labels", acts=["label"], attention=attention)
    actors.script("Fedxr.Warnings", acts=["warning", "hint"], probe=probe)
    actors.script(
        "Fedxr.Visit", person=user.person, rig=user.tracking, probe=probe, gaze=gaze, things=things
    )
    kit.caption(made, user)
    kit.panel(made, user)
    kit.help_board(made, user, ["The probe lies on a machine as worn as you chose."])
    return made


def _eye(scene: Scene, user: kit.User) -> Component:
    """The camera that the agent sees through. Two neighbours fill it as in
    `fedxr.scenarios.worlds`:
    13.6 of 28 pixels apart and nearly as large."""
    eye = scene.object("Eye", parent=user.head)
    camera = eye.add(Camera(field_of_view=27, background=Color(0.5, 0.5, 0.5), enabled=False))
    eye.script("Fedxr.CameraSensor", side=SIDE)
    return camera


def _thing(scene: Scene, user: kit.User, i: int, name: str) -> Component:
    """One of the six, on a post, in an arc before the user."""
    angle = radians(STEP_DEG * (i - 2.5))
    place = (3.2 * sin(angle), kit.EYES_M, 3.2 * cos(angle))
    thing = scene.object(name.capitalize(), position=place, rotation=(0, kit.turn_to(place), 0))
    kit.block(scene, thing, "Post", POST, (0, -1.0, 0.05), (0.08, 1.2, 0.08))
    kit.block(scene, thing, "Back", BOARD, (0, 0, 0.04), (0.74, 0.9, 0.02))
    _SIGNS[i](scene, thing)
    label = kit.tag(scene, thing, user, (0, 0.42, 0), height=0.11)
    return thing.script("Fedxr.Thing", title=name, label=label)


def _bar(
    scene: Scene, thing: GameObject, name: str, place: tuple[float, float],
    size: tuple[float, float], turn: float = 0.0,
) -> None:  # fmt: skip
    kit.block(scene, thing, name, SIGN, (*place, 0), (*size, 0.03), (0, 0, turn))


def _disc(
    scene: Scene, thing: GameObject, name: str, size: float, depth: float, dark: bool
) -> None:
    material = BOARD if dark else SIGN
    kit.block(
        scene, thing, name, material, (0, 0, depth), (size, 0.015, size), (90, 0, 0), Cylinder
    )


def _valve(scene: Scene, thing: GameObject) -> None:
    """A bow tie, as on a piping plan."""
    for name, x in (("Left", -0.27), ("Right", 0.27)):
        _bar(scene, thing, name, (x, 0), (0.08, 0.5))
        for turn, way in ((38.0, "up"), (-38.0, "down")):
            _bar(scene, thing, f"{name} {way}", (x / 2, 0), (0.34, 0.12), turn)
    _bar(scene, thing, "Middle", (0, 0), (0.14, 0.12))


def _gauge(scene: Scene, thing: GameObject) -> None:
    _disc(scene, thing, "Ring", 0.6, 0.0, dark=False)
    _disc(scene, thing, "Face", 0.42, -0.012, dark=True)
    kit.block(scene, thing, "Needle", SIGN, (0, 0.08, -0.03), (0.07, 0.24, 0.02))


def _switch(scene: Scene, thing: GameObject) -> None:
    _bar(scene, thing, "Plate", (0, 0), (0.34, 0.6))
    kit.block(scene, thing, "Knob", BOARD, (0, 0.11, -0.03), (0.16, 0.18, 0.04))


def _door(scene: Scene, thing: GameObject) -> None:
    for name, place, size in (
        ("Left", (-0.18, 0.0), (0.08, 0.64)),
        ("Right", (0.18, 0.0), (0.08, 0.64)),
        ("Top", (0.0, 0.28), (0.44, 0.08)),
        ("Sill", (0.0, -0.28), (0.44, 0.08)),
    ):
        _bar(scene, thing, name, place, size)


def _label(scene: Scene, thing: GameObject) -> None:
    _bar(scene, thing, "Plate", (0, 0), (0.64, 0.3))
    kit.block(scene, thing, "Line", BOARD, (0, 0, -0.02), (0.42, 0.08, 0.02))


def _person(scene: Scene, thing: GameObject) -> None:
    kit.block(scene, thing, "Head", SIGN, (0, 0.2, 0), (0.22, 0.22, 0.06), shape=Sphere)
    _bar(scene, thing, "Chest", (0, 0.0), (0.16, 0.18))
    _bar(scene, thing, "Coat", (0, -0.19), (0.34, 0.22))


_SIGNS = (_valve, _gauge, _switch, _door, _label, _person)


def _board(
    scene: Scene, user: kit.User, i: int, strokes: tuple[tuple[tuple[float, float], ...], ...]
) -> Component:
    """A sheet with handwriting on the back wall, to the right of the machines."""
    place = (1.4 + 1.5 * i, 1.9, 5.85)
    sheet = scene.object(f"Sheet {i + 1}", position=place)
    kit.block(scene, sheet, "Paper", PAPER, (0, 0, 0.02), (1.0, 1.1, 0.02))
    for s, stroke in enumerate(strokes):
        for p, (a, b) in enumerate(pairwise(stroke)):
            middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, 0.0)
            dx, dy = b[0] - a[0], b[1] - a[1]
            kit.block(
                scene, sheet, f"Stroke {s + 1}.{p + 1}", kit.INK, middle,
                (hypot(dx, dy) + 0.05, 0.055, 0.012), (0, 0, atan2(dy, dx) * 57.29578),
            )  # fmt: skip
    label = kit.tag(scene, sheet, user, (0, 0.65, -0.05), height=0.09)
    return sheet.script("Fedxr.Thing", title="note", handwriting=True, label=label)


def _machine(
    scene: Scene, user: kit.User, name: str, place: kit.Place, turns: float, wear: int
) -> Component:
    stand = scene.object(name.capitalize(), position=place)
    kit.block(scene, stand, "Foot", POST, (0, 0.15, 0), (0.9, 0.3, 0.7))
    body = scene.object("Body", parent=stand, position=(0, 0.6, 0))
    kit.block(scene, body, "Housing", HOUSING, (0, 0, 0), (0.8, 0.6, 0.6), shape=Cube)
    shaft = scene.object("Shaft", parent=body, position=(0, 0.05, -0.36), rotation=(-90, 0, 0))
    kit.block(scene, shaft, "Disc", SHAFT, (0, 0, 0), (0.4, 0.03, 0.4), shape=Cylinder)
    kit.block(scene, shaft, "Mark", kit.INK, (0.12, 0.04, 0), (0.12, 0.02, 0.05))
    kit.block(scene, stand, "Pole", kit.STEEL, (0.3, 1.65, 0), (0.04, 0.85, 0.04), shape=Cylinder)
    lamp = kit.block(scene, stand, "Lamp", LAMP, (0.3, 2.55, 0), (0.16, 0.16, 0.16), shape=Sphere)
    sounds = [
        scene.object(sound, parent=stand, position=(0, 0.6, 0)).add(AudioSource(volume=volume))
        for sound, volume in (("Hum", 0.5), ("Alarm", 0.7))
    ]
    note = kit.tag(scene, stand, user, (0.3, 2.72, 0), height=0.13, columns=22, flash_hz=1.0)
    return stand.script(
        "Fedxr.Machine",
        title=name,
        body=body.transform,
        shaft=shaft.transform,
        turns=turns,
        wear=wear,
        lamp=kit.renderer(lamp),
        note=note,
        hum=sounds[0],
        alarm=sounds[1],
    )
