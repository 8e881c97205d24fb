"""Companion: a room with a round walk, and somebody who comes near only when there is a reason."""

from __future__ import annotations

from unity_project.scenes import kit
from unity_project.scenes.materials import Material
from unity_project.scenes.parts import AudioSource, Capsule, Cube, Cylinder, Sphere
from unity_project.scenes.scene import Component, GameObject, Scene
from unity_project.scenes.values import Color

FLOOR = Material("Wood", Color(0.5, 0.38, 0.27), smoothness=0.4)
WALL = Material("Plaster", Color(0.42, 0.4, 0.38))
COAT = Material("Coat", Color(0.85, 0.85, 0.8))
FACE = Material("Face", Color(0.95, 0.88, 0.8))
LEAF = Material("Leaf", Color(0.25, 0.5, 0.25))
CLAY = Material("Clay", Color(0.6, 0.33, 0.22))
CLOTH = Material("Cloth", Color(0.35, 0.42, 0.55))
STONE = Material("Step stone", Color(0.62, 0.6, 0.56))

WAY = ((2.2, 2.6), (3.6, 0.0), (2.0, -2.6), (-2.0, -2.6), (-3.6, 0.0), (-2.2, 2.6))
"""The round walk, x and z."""
ABOUT = {
    "armchair": "It came with the house. Everybody who sits in it starts to talk about the sea.",
    "lemon tree": "It has one lemon, and has had it for two years. Nobody dares.",
    "watering can": "It is half full. The lemon tree likes it best before noon.",
    "teapot": "The lid is from another pot. They found each other at a flea market.",
    "bookshelf": "The blue one is about whales, and you have lent it to your sister twice.",
}
PLAN = ["water the plants", "call your sister back", "take the bread out of the oven"]


def scene() -> Scene:
    made = Scene("Companion", ambient=Color(0.5, 0.48, 0.45))
    kit.room(made, FLOOR, WALL, size=14)
    user = kit.user(made, "companion", "phone-glasses")
    user.rig.script("Fedxr.SimulatedSound")
    user.rig.script("Fedxr.SimulatedWatch")
    user.rig.script("Fedxr.HeadSensor", head=user.head.transform)
    walk = made.object("Walk")
    stones = []
    for i, (x, z) in enumerate(WAY):
        stone = made.object(f"Stone {i + 1}", parent=walk, position=(x, 0, z))
        kit.block(made, stone, "Slab", STONE, (0, 0.01, 0), (0.5, 0.01, 0.5), shape=Cylinder)
        stones.append(stone.transform)
    _furniture(made)
    _avatar(made, user, stones)
    user.rig.script(
        "Fedxr.Walker", person=user.person, rig=user.tracking, head=user.head.transform, way=stones
    )
    kit.panel(made, user)
    kit.help_board(made, user, ["[Y] [N] answer the companion"])
    return made


def _furniture(scene: Scene) -> None:
    chair = _thing(scene, "armchair", (-1.9, 0.45, 1.2))
    kit.block(scene, chair, "Seat", CLOTH, (0, -0.15, 0), (0.7, 0.3, 0.7))
    kit.block(scene, chair, "Back", CLOTH, (0, 0.3, 0.3), (0.7, 0.7, 0.15))
    plant = _thing(scene, "lemon tree", (2.9, 0.8, 1.8))
    kit.block(scene, plant, "Pot", CLAY, (0, -0.55, 0), (0.4, 0.25, 0.4), shape=Cylinder)
    kit.block(scene, plant, "Crown", LEAF, (0, 0.15, 0), (0.7, 0.9, 0.7), shape=Sphere)
    can = _thing(scene, "watering can", (2.3, 0.2, 1.3))
    kit.block(scene, can, "Can", kit.STEEL, (0, 0, 0), (0.2, 0.14, 0.2), shape=Cylinder)
    table = _thing(scene, "teapot", (0.8, 0.95, 2.2))
    kit.block(scene, table, "Table", FLOOR, (0, -0.5, 0), (0.9, 0.85, 0.6))
    kit.block(scene, table, "Pot", CLAY, (0, 0.02, 0), (0.22, 0.18, 0.22), shape=Sphere)
    shelf = _thing(scene, "bookshelf", (-3.4, 1.0, 3.2))
    kit.block(scene, shelf, "Shelf", FLOOR, (0, 0, 0.1), (1.2, 2.0, 0.3))
    for i, colour in enumerate((CLAY, LEAF, CLOTH, COAT)):
        kit.block(
            scene, shelf, f"Book {i + 1}", colour, (-0.4 + 0.26 * i, 0.3, -0.1), (0.2, 0.4, 0.1)
        )


def _thing(scene: Scene, title: str, place: kit.Place) -> GameObject:
    thing = scene.object(title.capitalize(), position=place)
    thing.script("Fedxr.Thing", title=title, about=ABOUT[title])
    return thing


def _avatar(scene: Scene, user: kit.User, stones: list[Component]) -> None:
    corner = scene.object("Corner", position=(-0.9, 0, 3.6))
    avatar = scene.object("Companion", position=(-0.9, 0, 3.6), rotation=(0, 180, 0))
    body = scene.object("Body", parent=avatar)
    coat = kit.block(scene, body, "Coat", COAT, (0, 0.65, 0), (0.42, 0.6, 0.36), shape=Capsule)
    head = scene.object("Head", parent=body, position=(0, 1.45, 0))
    kit.block(scene, head, "Face", FACE, (0, 0, 0), (0.34, 0.36, 0.34), shape=Sphere)
    for side, x in (("Left", -0.07), ("Right", 0.07)):
        kit.block(
            scene, head, f"{side} eye", kit.INK, (x, 0.04, 0.155), (0.05, 0.06, 0.03), shape=Sphere
        )
    arm = scene.object("Arm", parent=body, position=(0.27, 1.1, 0))
    kit.block(scene, arm, "Sleeve", COAT, (0, -0.25, 0), (0.09, 0.5, 0.09))
    kit.block(scene, arm, "Hand", FACE, (0, -0.53, 0), (0.1, 0.1, 0.1), shape=Sphere)
    kit.block(scene, body, "Other arm", COAT, (-0.27, 0.85, 0), (0.09, 0.5, 0.09), shape=Cube)
    voice = head.add(AudioSource(volume=0.7))
    speech = kit.tag(scene, avatar, user, (0, 1.95, 0), height=0.075, columns=30)
    board = scene.objects["Companion/Tag/Board"]
    answers = kit.options(scene, user, board, "YN", apart=0.5, low=-0.12, height=0.075)
    avatar.script(
        "Fedxr.CompanionAvatar",
        acts=["suggest", "remind", "hint", "navigate", "tone"],
        user=user.head.transform,
        body=body.transform,
        coat=kit.renderer(coat),
        arm=arm.transform,
        speech=speech,
        voice=voice,
        answers=answers,
        corner=corner.transform,
        way=stones,
        plan=PLAN,
    )
