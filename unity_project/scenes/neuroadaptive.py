"""Neuroadaptive: an app launcher and a virtual arm, moved by looking at what flickers.

The three buttons flicker at the rates of `fedxr.scenarios.worlds.brain.FLICKER_HZ`. Messages drop
in around the user; the more load the agent sees, the fewer they become."""

from __future__ import annotations

from fedxr.scenarios.worlds.brain import FLICKER_HZ
from unity_project.scenes import kit
from unity_project.scenes.materials import Material
from unity_project.scenes.parts import AudioSource, Cube, Cylinder, Sphere
from unity_project.scenes.scene import Component, GameObject, Scene
from unity_project.scenes.values import Color

FLOOR = Material("Lab floor", Color(0.22, 0.23, 0.27))
WALL = Material("Lab wall", Color(0.3, 0.32, 0.38))
TILE = Material("Tile", Color(0.16, 0.2, 0.28))
BUTTON = Material("Button", Color(0.6, 0.6, 0.6), smoothness=0)
JOINT = Material("Joint", Color(0.2, 0.22, 0.25), metallic=0.4)
BONE = Material("Bone", Color(0.85, 0.87, 0.9))
ORNAMENT = Material("Ornament", Color(0.5, 0.35, 0.6))

APPS = ("Mail", "Music", "Maps", "Photos", "Lights")
BUTTONS = ("select", "scroll", "back")


def scene() -> Scene:
    made = Scene("Neuroadaptive", ambient=Color(0.4, 0.41, 0.46))
    kit.room(made, FLOOR, WALL)
    user = kit.user(made, "neuroadaptive", "neuro-band")
    user.rig.script("Fedxr.SimulatedEeg")
    user.rig.script("Fedxr.GazeSensor", view=user.camera)
    finger = _hand(made, user)
    actors = made.object("Actors")
    pace = kit.pace(made, actors, (0, 2.75, 2.6))
    _launcher(made, actors, pace)
    _buttons(made)
    _limb(made, pace)
    _visitors(made, user, pace)
    kit.panel(made, user, finger)
    kit.help_board(
        made,
        user,
        ["[F] flicker on and off. Not for people with", "photosensitive epilepsy."],
    )
    return made


def _hand(scene: Scene, user: kit.User) -> GameObject:
    """The tracked right hand, in place of the rig's; returns what its index finger points with."""
    hand = user.rig.script("Fedxr.HandSensor")
    view = scene.object("Tracked hand")
    balls = [
        kit.block(scene, view, f"Joint {i}", kit.SKIN, (0, 0, 0), (0.018,) * 3, shape=Sphere)
        for i in range(26)
    ]
    finger = scene.object("Finger", parent=view)
    view.script(
        "Fedxr.HandView",
        hand=hand,
        balls=[ball.transform for ball in balls],
        pointer=finger.transform,
        otherwise=user.right_hand,
    )
    return finger


def _launcher(scene: Scene, actors: GameObject, pace: Component) -> None:
    board = scene.object("Launcher", position=(0, 1.8, 2.4))
    tiles = []
    for i, app in enumerate(APPS):
        tile = kit.block(scene, board, app, TILE, (-1.0 + 0.5 * i, 0, 0), (0.42, 0.42, 0.04))
        tile_text = scene.object(
            "Name", parent=tile, position=(0, 0, -0.6), scale=(1 / 0.42, 1 / 0.42, 1)
        )
        tile_text.add(kit.line(app, 0.07, Color(0.95, 0.95, 1)))
        tiles.append(kit.renderer(tile))
    texts = []
    for name, y, height in (("Page", 0.6, 0.11), ("Said", 0.33, 0.07)):
        holder = scene.object(name, parent=board, position=(0, y, 0))
        texts.append(holder.add(kit.line("", height, Color(1, 0.9, 0.6))))
    click = board.add(AudioSource(volume=0.5))
    actors.script(
        "Fedxr.LauncherBoard",
        acts=["effector"],
        tiles=tiles,
        page=texts[0],
        said=texts[1],
        click=click,
        pace=pace,
    )


def _buttons(scene: Scene) -> None:
    row = scene.object("Flicker", position=(0, 1.3, 2.2))
    for i, (word, hz) in enumerate(zip(BUTTONS, FLICKER_HZ, strict=True)):
        x = -0.55 + 0.55 * i
        face = kit.block(scene, row, word.capitalize(), BUTTON, (x, 0, 0), (0.26, 0.26, 0.02))
        face.script("Fedxr.Flicker", hz=hz)
        words = scene.object(f"{word.capitalize()} name", parent=row, position=(x, -0.19, 0))
        words.add(kit.line(f"{word}, {hz:g} Hz", 0.05, Color(0.85, 0.88, 0.9)))


def _limb(scene: Scene, pace: Component) -> None:
    """Shoulder, elbow, wrist and four fingers; each bone lies along its joint's z axis."""
    post = scene.object("Limb", position=(-1.15, 0, 1.7))
    kit.block(scene, post, "Post", JOINT, (0, 0.5, 0), (0.12, 0.5, 0.12), shape=Cylinder)
    joints, parent, place = [], post, (0.0, 1.05, 0.0)
    for name, length, thick in (
        ("Shoulder", 0.38, 0.09),
        ("Elbow", 0.34, 0.075),
        ("Wrist", 0.1, 0.09),
    ):
        joint = scene.object(name, parent=parent, position=place)
        kit.block(scene, joint, "Ball", JOINT, (0, 0, 0), (1.2 * thick,) * 3, shape=Sphere)
        kit.block(scene, joint, "Bone", BONE, (0, 0, length / 2), (thick, 0.8 * thick, length))
        joints.append(joint.transform)
        parent, place = joint, (0.0, 0.0, length)
    fingers = []
    for i in range(4):
        finger = scene.object(
            f"Finger {i + 1}", parent=parent, position=(-0.036 + 0.024 * i, 0, 0.1)
        )
        kit.block(scene, finger, "Bone", BONE, (0, 0, 0.05), (0.018, 0.018, 0.1))
        fingers.append(finger.transform)
    post.script(
        "Fedxr.Limb",
        acts=["effector"],
        shoulder=joints[0],
        elbow=joints[1],
        wrist=joints[2],
        fingers=fingers,
        pace=pace,
    )


def _visitors(scene: Scene, user: kit.User, pace: Component) -> None:
    around = scene.object("Visitors")
    tags = [
        kit.tag(scene, around, user, place, height=0.06, name=f"Message {i + 1}")
        for i, place in enumerate(
            ((-1.5, 2.6, 2.4), (1.5, 2.6, 2.4), (-2.2, 1.9, 2.6), (2.2, 1.9, 2.6))
        )
    ]
    ornaments = []
    for i, x in enumerate((-3.0, 3.0)):
        ornament = scene.object(f"Ornament {i + 1}", parent=around, position=(x, 2.6, 3.6))
        kit.block(
            scene, ornament, "Cube", ORNAMENT, (0, 0, 0), (0.35, 0.35, 0.35), (35, 0, 45), Cube
        )
        ornaments.append(ornament.transform)
    around.script("Fedxr.Visitors", places=tags, ornaments=ornaments, pace=pace)
