"""``python -m unity_project.scenes write | metas | scenarios | check``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from pathlib import Path

from fedxr.scenarios.export import definition
from unity_project.scenes.findings import Finding
from unity_project.scenes.materials import FONT, Material
from unity_project.scenes.metas import write_missing
from unity_project.scenes.project import Project
from unity_project.scenes.scene import Scene

USE_CASES = ("overlays", "neuroadaptive", "companion", "storytelling")


def scenes() -> list[Scene]:
    """The described scenes; a use case without a description yet is left out."""
    names = [f"unity_project.scenes.{use_case}" for use_case in USE_CASES]
    found = [name for name in names if importlib.util.find_spec(name)]
    return [importlib.import_module(name).scene() for name in found]


def write_scenes(project: Project, described: list[Scene]) -> list[str]:
    """Write every scene and every material that one of them uses; returns the paths."""
    materials: dict[str, Material] = {}
    for material in (material for scene in described for material in scene.materials):
        if materials.setdefault(material.name, material) != material:
            raise ValueError(
                f"two different materials are named {material.name!r}; each is one file: rename one"
            )
    texts = {f"Assets/Scenes/{scene.name}.unity": scene.text(project) for scene in described}
    texts |= {m.asset.path: m.text(project) for m in materials.values() if m != FONT}
    return [_write(project.root / path, text) for path, text in texts.items()]


def write_scenarios(project: Project) -> list[str]:
    """What scenes know of tasks, cues and worlds, exported from `scenarios`; returns the paths."""
    return [
        _write(
            project.root / f"Assets/Scenarios/{use_case}.json",
            json.dumps(definition(use_case), indent=2) + "\n",
        )
        for use_case in USE_CASES
    ]


def _write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return str(path)


def tell(findings: list[Finding]) -> int:
    """Print what was found; the exit status: 1 if there is anything."""
    for finding in findings:
        print(finding)
    print(f"{len(findings)} found" if findings else "nothing is wrong")
    return 1 if findings else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m unity_project.scenes", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "command",
        choices=("write", "metas", "scenarios", "check"),
        help="write: scenes, materials, scenarios and missing metas; metas: missing ones only; "
        "scenarios: only Assets/Scenarios/*.json; check: tell what is wrong with the project",
    )
    parser.add_argument("--project", type=Path, help="another Unity project than this one")
    told = parser.parse_args(arguments)
    try:
        project = Project(told.project)
        if told.command == "check":
            try:
                from unity_project.scenes.check import check
            except ModuleNotFoundError as missing:
                raise ValueError(
                    f"check reads Unity's files with PyYAML: {missing}; pip install pyyaml"
                ) from missing
            return tell(check(project))
        written = []
        if told.command in {"write", "scenarios"}:
            written += write_scenarios(project)
        if told.command == "write":
            written += write_scenes(project, scenes())
        written += write_missing(Project(project.root))
    except ValueError as trouble:
        print(trouble, file=sys.stderr)
        return 2
    print("\n".join(written) or "nothing was missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
