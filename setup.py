"""The folders at the top of the repository are one namespace: bridge/ is ``fedxr.bridge``."""

from setuptools import find_namespace_packages, find_packages, setup

TOP = ("plugins", "bridge", "agent", "federation", "scenarios", "evaluation")
INSIDE = find_packages(include=[name for top in TOP for name in (top, f"{top}.*")])

# Pages and checkpoints are folders without Python, which the wheel has all the same.
FEDXR = find_namespace_packages(include=["fedxr", "fedxr.*"])

setup(
    packages=[*FEDXR, *(f"fedxr.{name}" for name in INSIDE)],
    package_dir={"fedxr": "fedxr", **{f"fedxr.{top}": top for top in TOP}},
)
