"""Faults outside the scenes: metas, materials, assemblies, packages and settings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from unity_project.scenes.documents import UnityYamlError, Value, parse, read
from unity_project.scenes.findings import Finding
from unity_project.scenes.known import ASSEMBLIES, BUILTIN_GUIDS, VERSION_DEFINES, Assembly, Library
from unity_project.scenes.metas import importer
from unity_project.scenes.project import PACKAGE

_SYMBOL = re.compile(r"\bFEDXR_[A-Z]+\b")
WRITE_METAS = "run `python -m unity_project.scenes metas`"


def findings(library: Library) -> Iterator[Finding]:
    """Every fault of the project but those inside its scenes."""
    yield from _metas(library)
    yield from _orphans(library)
    for path in library.files:
        if path.endswith(".mat"):
            yield from _material(library, path)
    yield from _assemblies(library)
    yield from _scripts(library)
    yield from _symbols(library)
    yield from _settings(library)
    yield from _packages(library)


def _metas(library: Library) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for path in library.files:
        meta = f"{path}.meta"
        try:
            wanted = re.findall(r"^\w+Importer", importer(library.project.root / path), re.M)[0]
        except ValueError as trouble:
            yield Finding(
                path, 1, str(trouble), "a kind of file with a known importer", "see metas.py"
            )
            continue
        if not (library.project.root / meta).exists():
            yield Finding(path, 1, "no .meta", "a .meta beside every file and folder", WRITE_METAS)
            continue
        try:
            told = parse((library.project.root / meta).read_text(encoding="utf-8-sig"))
        except UnityYamlError as trouble:
            yield Finding(meta, trouble.line, trouble.found, trouble.allowed, "write it anew")
            continue
        yield from _meta(meta, told, wanted)
        guid = told.get("guid")
        if guid.text in owners:
            yield Finding(
                meta, guid.line, f"guid {guid.text}, which {owners[guid.text]} has too",
                "a GUID of its own for each asset", f"delete one of the two and {WRITE_METAS}",
            )  # fmt: skip
        owners.setdefault(guid.text, path)


def _meta(meta: str, told: Value, wanted: str) -> Iterator[Finding]:
    version, guid = told.get("fileFormatVersion"), told.get("guid")
    if version.text != "2":
        yield Finding(meta, version.line, f"fileFormatVersion {version.text!r}", "2", "correct it")
    if not re.fullmatch(r"[0-9a-f]{32}", guid.text):
        yield Finding(
            meta, guid.line, f"guid {guid.text!r}", "32 of the digits 0-9 and a-f",
            f"delete the file and {WRITE_METAS}",
        )  # fmt: skip
    found = [key for key in told.entries or {} if key.endswith("Importer")]
    if found and found != [wanted]:  # a short .meta without importer is Unity's to complete
        yield Finding(
            meta, told.get(found[0]).line, ", ".join(found), f"{wanted} for such a file",
            f"delete the file and {WRITE_METAS}; references to its GUID must then follow",
        )  # fmt: skip


def _orphans(library: Library) -> Iterator[Finding]:
    for top in ("Assets", PACKAGE):
        for meta in sorted((library.project.root / top).rglob("*.meta")):
            if not meta.with_suffix("").exists():
                yield Finding(
                    library.project.relative(meta), 1, "a .meta of nothing",
                    "a .meta beside the file it belongs to", "delete it, or bring the file back",
                )  # fmt: skip


def _material(library: Library, path: str) -> Iterator[Finding]:
    try:
        found = read((library.project.root / path).read_text(encoding="utf-8"))
    except UnityYamlError as trouble:
        yield Finding(path, trouble.line, trouble.found, trouble.allowed, "write it anew")
        return
    if [(one.class_id, one.file_id, one.name) for one in found] != [(21, 2100000, "Material")]:
        yield Finding(
            path, 3, "other objects than one material", "one document --- !u!21 &2100000, Material",
            "write it anew",
        )  # fmt: skip
        return
    name = found[0].fields.get("m_Name")
    if name.text != Path(path).stem:
        yield Finding(
            path, name.line, f"the name {name.text}", f"{Path(path).stem}, as the file",
            "rename one of the two",
        )  # fmt: skip
    for field, reference in found[0].fields.references():
        known = reference.file_id in BUILTIN_GUIDS.get(reference.guid, ())
        if reference.file_id and not known and reference.guid not in library.paths:
            yield Finding(
                path, reference.line, f"{field}: fileID {reference.file_id} of {reference.guid}",
                "an asset of this project, or Unity's Standard shader (46)", "correct it",
            )  # fmt: skip


def _assemblies(library: Library) -> Iterator[Finding]:
    readable = {one.path: one for one in library.assemblies}
    names: dict[str, str] = {}
    for path in (path for path in library.files if path.endswith(".asmdef")):
        if path not in readable:
            yield Finding(
                path, 1, "no JSON with a name", "an assembly definition", "correct its syntax"
            )
            continue
        one = readable[path]
        line = _lines(library, path)
        if one.name != Path(path).stem or one.name in names:
            yield Finding(
                path, line(one.name), f"the name {one.name}",
                f"{Path(path).stem}, as the file, and only once", "rename one of the two",
            )  # fmt: skip
        names[one.name] = path
        yield from _assembly(library, one, line)


def _assembly(library: Library, one: Assembly, line: Callable[[str], int]) -> Iterator[Finding]:
    ours = {other.name for other in library.assemblies}
    for reference in one.told.get("references", []):
        if reference not in ours | ASSEMBLIES:
            yield Finding(
                one.path, line(reference), f"a reference to {reference}",
                f"{', '.join(sorted(ours))}, or one of ASSEMBLIES in known.py",
                "correct the name, or add Unity's assembly to known.py",
            )  # fmt: skip
    for package, symbol in one.defines.items():
        if VERSION_DEFINES.get(package) != symbol:
            allowed = ", ".join(f"{name}: {define}" for name, define in VERSION_DEFINES.items())
            yield Finding(
                one.path, line(package), f"{symbol} for {package}", allowed, "correct the define"
            )
    for symbol in one.told.get("defineConstraints", []):
        if symbol.startswith("FEDXR_") and symbol not in one.defines.values():
            yield Finding(
                one.path, line(symbol), f"the constraint {symbol}, which nothing defines",
                "a symbol among its versionDefines", "add that version define",
            )  # fmt: skip


def _scripts(library: Library) -> Iterator[Finding]:
    """Classes that neither Unity nor our writer could find by the name of their file."""
    homes: dict[str, str] = {}
    for path, found in library.sources.by_path.items():
        stem = Path(path).stem
        if stem in library.behaviours and homes.setdefault(stem, path) != path:
            yield Finding(
                path, 1, f"a second {stem}.cs beside {homes[stem]}",
                "one script of a name: scenes are described by names", "rename one of the two",
            )  # fmt: skip
        for one in found:
            shown = not one.outer and "abstract" not in one.modifiers
            if (
                shown
                and one.name != stem
                and {"MonoBehaviour", "ScriptableObject"} & set(library.sources.lineage(one.name))
            ):
                yield Finding(
                    path, one.line, f"the class {one.name}", f"{stem}, as the file",
                    f"move it to {one.name}.cs, or rename it",
                )  # fmt: skip


def _symbols(library: Library) -> Iterator[Finding]:
    """#if of a symbol that the file's assembly does not define: code that never compiles."""
    for path in library.sources.by_path:
        defined = set(library.assembly(path).defines.values())
        text = (library.project.root / path).read_text(encoding="utf-8-sig")
        for number, line in enumerate(text.splitlines(), 1):
            if not re.match(r"\s*#\s*(if|elif)\b", line):
                continue
            for symbol in sorted(set(_SYMBOL.findall(line)) - defined):
                yield Finding(
                    path, number, f"#if {symbol}, never defined in {library.assembly(path).name}",
                    ", ".join(sorted(defined)) or "no symbol of a package",
                    "correct it, or add it to the assembly's versionDefines",
                )  # fmt: skip


def _settings(library: Library) -> Iterator[Finding]:
    scenes = {path for path in library.files if path.endswith(".unity")}
    build = "ProjectSettings/EditorBuildSettings.asset"
    editor = "ProjectSettings/EditorSettings.asset"
    try:
        listed = read((library.project.root / build).read_text(encoding="utf-8"))[0].fields
        mode = read((library.project.root / editor).read_text(encoding="utf-8"))[0].fields
    except (UnityYamlError, OSError) as trouble:
        yield Finding(
            "ProjectSettings", 1, str(trouble), f"{build} and {editor}", "bring them back"
        )
        return
    for item in listed.get("m_Scenes").items or []:
        path, guid = item.get("path").text, item.get("guid").text
        if library.paths.get(guid) != path or path not in scenes:
            yield Finding(
                build, item.line, f"{path} with guid {guid}",
                "the scenes of Assets, each with the GUID of its .meta", "correct path and guid",
            )  # fmt: skip
        scenes.discard(path)
    for path in sorted(scenes):
        yield Finding(
            build, listed.line, f"no {path}", "every scene of Assets",
            f"add it with guid {library.project.guid(path)}",
        )  # fmt: skip
    if mode.get("m_SerializationMode").text != "2":
        yield Finding(
            editor, mode.line, f"m_SerializationMode {mode.get('m_SerializationMode').text!r}",
            "2: everything is saved as text", "set Asset Serialization to Force Text",
        )  # fmt: skip


def _packages(library: Library) -> Iterator[Finding]:
    told: dict[str, dict[str, Any]] = {}
    for path in ("Packages/manifest.json", f"{PACKAGE}/package.json"):
        try:
            told[path] = json.loads((library.project.root / path).read_text(encoding="utf-8"))
        except (ValueError, OSError) as trouble:
            yield Finding(path, 1, str(trouble), "a JSON object", "correct its syntax")
            return
    manifest, package = told.values()
    line = _lines(library, f"{PACKAGE}/package.json")
    if package.get("name") not in manifest.get("testables", []):
        yield Finding(
            "Packages/manifest.json", 1, f"testables {manifest.get('testables', [])}",
            f"{package.get('name')} among them: its tests show in the Test Runner only so",
            "add it",
        )  # fmt: skip
    for sample in package.get("samples", []):
        if not (library.project.root / PACKAGE / sample["path"]).is_dir():
            yield Finding(
                f"{PACKAGE}/package.json", line(sample["path"]),
                f"the sample {sample['path']}, which does not exist", "a folder below Samples~",
                "write it, or take the entry out",
            )  # fmt: skip


def _lines(library: Library, path: str) -> Callable[[str], int]:
    """For a JSON file: where a quoted text first stands, or 1."""
    lines = (library.project.root / path).read_text(encoding="utf-8").splitlines()
    return lambda text: next((n for n, line in enumerate(lines, 1) if f'"{text}"' in line), 1)
