"""Storytelling: a beach at dusk, a lighthouse, and a story that goes the way its reader goes.

The story is ``Assets/Stories/lighthouse.txt``; a beat with something to show has a prop that is
called like it.
"""

from __future__ import annotations

from unity_project.scenes import kit
from unity_project.scenes.materials import Material
from unity_project.scenes.parts import AudioSource, Cube, Cylinder, Plane, Sphere
from unity_project.scenes.scene import Component, GameObject, Scene
from unity_project.scenes.values import Color, text_asset

SAND = Material("Sand", Color(0.76, 0.68, 0.52), smoothness=0.1)
SEA = Material("Sea", Color(0.2, 0.38, 0.45), smoothness=0.8)
ROCK = Material("Rock", Color(0.36, 0.35, 0.36), smoothness=0.1)
TOWER = Material("Tower", Color(0.93, 0.92, 0.88))
RED = Material("Red band", Color(0.7, 0.2, 0.16))
BRONZE = Material("Bronze", Color(0.65, 0.5, 0.25), metallic=0.7, smoothness=0.6)
WOOD = Material("Old wood", Color(0.4, 0.31, 0.23), smoothness=0.1)
FUR = Material("Fur", Color(0.5, 0.48, 0.46), smoothness=0.1)
GLOW = Material("Glow", Color(1, 0.9, 0.6), emission=Color(1, 0.85, 0.5))
BEAM = Material("Beam", Color(1, 0.95, 0.7, 0.35), emission=Color(0.6, 0.55, 0.35))
PAGE = Material("Page", Color(0.13, 0.12, 0.12), smoothness=0.05)

MOTES = 24
ORGANS = (("eda", 4.0), ("heart-rate", 2.0), ("respiration", 2.0), ("temperature", 4.0))
"""Channel and rate of each of C#'s ``Organ``, in its order."""


def scene() -> Scene:
    made = Scene("Storytelling", ambient=Color(0.42, 0.4, 0.42), skybox=False)
    user = kit.user(made, "storytelling", "vision-pro", background=Color(0.6, 0.5, 0.4))
    user.rig.script("Fedxr.GazeSensor", view=user.camera)
    for organ, (channel, rate_hz) in enumerate(ORGANS):
        user.rig.script("Fedxr.SimulatedOrgan", organ=organ, channelName=channel, rateHz=rate_hz)
    _beach(made)
    sun = kit.sun(made, intensity=1.0)
    beam = _lighthouse(made)
    props = _props(made)
    book, page, omen, choices = _book(made, user)
    pace = kit.pace(made, book, (0, 0.52, 0))
    drift = made.object("Motes", position=(0, 1.7, 2.6))
    motes = [
        kit.block(
            made, drift, f"Mote {i + 1}", GLOW, (0, 0, 0), (0.035,) * 3, shape=Sphere
        ).transform
        for i in range(MOTES)
    ]
    sound = made.object("Sound", position=(0, 1, 6)).add(AudioSource(loop=True, spatial=0.3))
    made.object("Storyteller").script(
        "Fedxr.Storyteller",
        acts=["branch", "intensity"],
        script=text_asset("Assets/Stories/lighthouse.txt"),
        pace=pace,
        page=page,
        omen=omen,
        choices=choices,
        sun=sun,
        sound=sound,
        view=user.camera,
        motes=motes,
        props=props.transform,
        beam=beam.transform,
    )
    kit.caption(
        made, user, {"show where to look": "At the foot of the page the story waits for you."}
    )
    kit.panel(made, user)
    kit.help_board(made, user, ["[J] [K] choose a way through the story"])
    return made


def _beach(scene: Scene) -> None:
    beach = scene.object("Beach")
    kit.block(scene, beach, "Sand", SAND, (0, 0, 0), (6, 1, 6), shape=Plane)
    kit.block(scene, beach, "Sea", SEA, (-14, 0.02, 18), (4, 1, 2.4), shape=Plane)
    for i, (x, z, size) in enumerate(((4.5, 6, 1.1), (5.6, 8, 1.8), (7.0, 9.5, 2.6), (-4, 7, 0.7))):
        kit.block(scene, beach, f"Rock {i + 1}", ROCK, (x, size / 4, z), (size, size, size),
                  (20 * i, 35 * i, 10), Cube)  # fmt: skip


def _lighthouse(scene: Scene) -> GameObject:
    """The tower; returns its beam, which lies along x and turns about y."""
    tower = scene.object("Lighthouse", position=(6.5, 0, 13))
    kit.block(scene, tower, "Shaft", TOWER, (0, 3, 0), (1.8, 3, 1.8), shape=Cylinder)
    for i in range(2):
        kit.block(
            scene, tower, f"Band {i + 1}", RED, (0, 2 + 2 * i, 0), (1.84, 0.4, 1.84), shape=Cylinder
        )
    kit.block(scene, tower, "Lamp room", kit.PLATE, (0, 6.4, 0), (1.2, 0.5, 1.2), shape=Cylinder)
    kit.block(scene, tower, "Cap", RED, (0, 7.1, 0), (1.5, 0.2, 1.5), shape=Cylinder)
    beam = scene.object("Beam", parent=tower, position=(0, 6.5, 0), active=False)
    kit.block(scene, beam, "Light", BEAM, (8, 0, 0), (16, 0.5, 0.5))
    kit.block(scene, beam, "Lamp", GLOW, (0, 0, 0), (0.7, 0.7, 0.7), shape=Sphere)
    return beam


def _book(scene: Scene, user: kit.User) -> tuple[GameObject, Component, Component, Component]:
    """The book, its page, the line of what a cue is about to do, and the choices."""
    book = scene.object("Book", position=(0, 1.85, 2.0))
    kit.block(scene, book, "Leaf", PAGE, (0, 0, 0.02), (1.75, 0.9, 0.02))
    page = scene.object("Page", parent=book, position=(-0.8, 0.38, 0))
    omen = scene.object("Omen", parent=book, position=(0, -0.08, 0))
    return (
        book,
        page.add(kit.line("", 0.06, Color(0.95, 0.92, 0.85), "upper left")),
        omen.add(kit.line("", 0.05, Color(0.7, 0.8, 0.95))),
        kit.options(scene, user, book, "JK", apart=0.86, low=-0.3, height=0.055),
    )


def _props(scene: Scene) -> GameObject:
    """One child per beat that has something to show, on a rock to the left of the book."""
    kit.block(scene, scene.objects["Beach"], "Stage", ROCK, (-2.6, 0.6, 4), (2.2, 1.2, 1.4))
    props = scene.object("Props", position=(-2.6, 1.2, 4))
    bell = scene.object("bell", parent=props, active=False)
    kit.block(scene, bell, "Bell", BRONZE, (0, 0.2, 0), (0.4, 0.4, 0.4), shape=Sphere)
    kit.block(scene, bell, "Rim", BRONZE, (0, 0.06, 0), (0.46, 0.04, 0.46), shape=Cylinder)
    goat = scene.object("goat", parent=props, active=False)
    kit.block(scene, goat, "Body", FUR, (0, 0.6, 0), (0.9, 0.4, 0.35))
    kit.block(scene, goat, "Head", FUR, (0.55, 0.95, 0), (0.3, 0.25, 0.2))
    for i, (x, z) in enumerate(((-0.35, -0.1), (-0.35, 0.1), (0.35, -0.1), (0.35, 0.1))):
        kit.block(scene, goat, f"Leg {i + 1}", FUR, (x, 0.2, z), (0.09, 0.4, 0.09))
    for side, z in (("Left", -0.07), ("Right", 0.07)):
        kit.block(
            scene, goat, f"{side} horn", kit.INK, (0.5, 1.17, z), (0.05, 0.22, 0.05), (0, 0, 25)
        )
    bench = scene.object("bench", parent=props, active=False)
    kit.block(scene, bench, "Seat", WOOD, (0, 0.45, 0), (1.4, 0.06, 0.4))
    kit.block(scene, bench, "Back", WOOD, (0, 0.75, 0.2), (1.4, 0.4, 0.05))
    wreck = scene.object("wreck", parent=props, active=False)
    kit.block(scene, wreck, "Hull", WOOD, (0, 0.35, 0), (1.8, 0.5, 0.7), (0, 20, 0), Sphere)
    letter = scene.object("letter", parent=props, active=False)
    kit.block(scene, letter, "Sheet", TOWER, (0, 0.35, 0), (0.5, 0.35, 0.01), (-20, 0, 4))
    seal = scene.object("seal", parent=props, active=False)
    kit.block(scene, seal, "Body", FUR, (0, 0.25, 0), (1.1, 0.5, 0.5), (0, 15, 0), Sphere)
    kit.block(scene, seal, "Head", FUR, (0.5, 0.55, -0.1), (0.35, 0.35, 0.35), shape=Sphere)
    lamp = scene.object("lamp", parent=props, active=False)
    kit.block(scene, lamp, "Glass", GLOW, (0, 0.4, 0), (0.25, 0.35, 0.25), shape=Cylinder)
    storm = scene.object("storm", parent=props, active=False)
    for i in range(8):
        place = (-1.5 + 0.45 * i, 1.2 + 0.3 * (i % 3), 0.4 * (i % 2))
        kit.block(scene, storm, f"Rain {i + 1}", SEA, place, (0.015, 1.4, 0.015), (0, 0, 25))
    return props
