"""Where the project's files are and by which GUIDs they are known."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from fedxr.plugins.nearest import nearest

PACKAGE = "Packages/com.fedxr.bridge"
_GUID = re.compile(r"^guid: ([0-9a-f]{32})\s*$", re.M)


class Project:
    """A Unity project on disk; ``root`` holds Assets, Packages and ProjectSettings."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or Path(__file__).resolve().parents[1]
        if not (self.root / "Assets").is_dir():
            raise ValueError(
                f"{self.root} is not a Unity project: it has no folder Assets; give the folder "
                "that holds Assets, Packages and ProjectSettings"
            )

    def assets(self) -> Iterator[Path]:
        """Every file and folder that Unity imports and that therefore owns a .meta, sorted.

        Unity passes over names that begin with a dot or end with ``~``.
        """
        for top in ("Assets", PACKAGE):
            folder = self.root / top
            for path in sorted(folder.rglob("*")):
                parts = path.relative_to(folder).parts
                hidden = any(part.startswith(".") or part.endswith("~") for part in parts)
                if not hidden and path.suffix != ".meta":
                    yield path

    def relative(self, path: Path) -> str:
        """``path`` as GUIDs and messages name it: from the project's root, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def guid(self, path: str) -> str:
        """The GUID in the asset's .meta, or the one it gets when `metas` writes that."""
        meta = self.root / f"{path}.meta"
        found = _GUID.search(meta.read_text(encoding="utf-8")) if meta.exists() else None
        return found[1] if found else hashlib.md5(f"fedxr:{path}".encode()).hexdigest()  # noqa: S324

    @cached_property
    def scripts(self) -> dict[str, str]:
        """C# file name without .cs -> path; Unity wants a script's class to be named so too."""
        return {path.stem: self.relative(path) for path in self.assets() if path.suffix == ".cs"}

    def script(self, name: str) -> str:
        """The path of the script whose class is ``name``, with its namespace or without."""
        path = self.scripts.get(name.rpartition(".")[2])
        if path is None:
            near = nearest(name.rpartition(".")[2], self.scripts, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "write that file first"
            raise ValueError(f"no C# file for the script {name} in Assets or {PACKAGE}; {hint}")
        return path
