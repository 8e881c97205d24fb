"""Describe Unity scenes in Python, write them as Unity would, and check the project without Unity.

One description is one module with a function ``scene() -> Scene``; `python -m
unity_project.scenes write` turns each into ``Assets/Scenes/<Name>.unity``, with the materials it
uses beside it. Nothing here needs the editor; nothing here draws or simulates.
"""

from unity_project.scenes.materials import Material
from unity_project.scenes.parts import (
    AudioListener,
    AudioSource,
    BoxCollider,
    Camera,
    Capsule,
    Cube,
    Cylinder,
    Light,
    Plane,
    Quad,
    Sphere,
    Text,
)
from unity_project.scenes.project import Project
from unity_project.scenes.scene import Component, GameObject, Scene
from unity_project.scenes.values import Asset, Color, Quaternion, Vector2, Vector3, text_asset

__all__ = [
    "Scene",
    "GameObject",
    "Component",
    "Cube",
    "Sphere",
    "Capsule",
    "Cylinder",
    "Plane",
    "Quad",
    "Text",
    "Camera",
    "Light",
    "AudioSource",
    "AudioListener",
    "BoxCollider",
    "Material",
    "Color",
    "Vector2",
    "Vector3",
    "Quaternion",
    "Asset",
    "text_asset",
    "Project",
]
