"""The .meta file of every asset: by its GUID Unity knows it, whatever its name becomes."""

from __future__ import annotations

from pathlib import Path

from unity_project.scenes.project import Project

_TAIL = "  userData: \n  assetBundleName: \n  assetBundleVariant: \n"
_EXTERNAL = "  externalObjects: {}\n"

IMPORTERS = {
    ".cs": "MonoImporter:\n"
    + _EXTERNAL
    + "  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n"
    + "  icon: {instanceID: 0}\n",
    ".asmdef": "AssemblyDefinitionImporter:\n" + _EXTERNAL,
    ".mat": "NativeFormatImporter:\n" + _EXTERNAL + "  mainObjectFileID: 2100000\n",
    ".json": "TextScriptImporter:\n" + _EXTERNAL,
    ".md": "TextScriptImporter:\n" + _EXTERNAL,
    ".txt": "TextScriptImporter:\n" + _EXTERNAL,
    ".unity": "DefaultImporter:\n" + _EXTERNAL,
    ".xml": "TextScriptImporter:\n" + _EXTERNAL,  # link.xml: what IL2CPP must not strip
}
PACKAGE_MANIFEST = "PackageManifestImporter:\n" + _EXTERNAL
FOLDER = "folderAsset: yes\nDefaultImporter:\n" + _EXTERNAL


def importer(path: Path) -> str:
    """The importer's part of the .meta.

    Raises ValueError for a kind of file that the project has none of yet.
    """
    if path.is_dir():
        return FOLDER
    if path.name == "package.json":
        return PACKAGE_MANIFEST
    if path.suffix not in IMPORTERS:
        raise ValueError(
            f"{path}: no importer is known for {path.suffix or 'a file without a suffix'}; known "
            f"are {', '.join(sorted(IMPORTERS))}; add it to IMPORTERS in {Path(__file__).name}"
        )
    return IMPORTERS[path.suffix]


def write_missing(project: Project) -> list[str]:
    """Give every asset without a .meta one, leave the others; returns what was written."""
    written = []
    for path in project.assets():
        meta = path.with_name(path.name + ".meta")
        if not meta.exists():
            relative = project.relative(path)
            guid = f"fileFormatVersion: 2\nguid: {project.guid(relative)}\n"
            meta.write_text(guid + importer(path) + _TAIL, encoding="utf-8")
            written.append(f"{relative}.meta")
    return written
