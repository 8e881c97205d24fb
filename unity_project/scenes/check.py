"""Everything that can be said of the project without Unity."""

from __future__ import annotations

from unity_project.scenes import check_project
from unity_project.scenes.check_scene import SceneCheck
from unity_project.scenes.findings import Finding
from unity_project.scenes.known import Library
from unity_project.scenes.project import Project


def check(project: Project) -> list[Finding]:
    """The faults of the whole project, in the order of its files; none is the aim."""
    library = Library(project)
    found = list(check_project.findings(library))
    for path in library.files:
        if path.endswith(".unity"):
            found += SceneCheck(library, path).run()
    return found
