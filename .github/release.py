"""What a release needs to know, from pyproject.toml and CHANGELOG.md alone.

python .github/release.py check [VERSION]   exits 1 unless all files say one version, VERSION
python .github/release.py set VERSION       writes it into all of them (make version V=VERSION)
python .github/release.py notes             that version's part of the changelog
python .github/release.py openupm URL       by what OpenUPM finds Unity's package at URL
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = Path("unity_project/Packages/com.fedxr.bridge")


def version() -> str:
    """The one source of it."""
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return found


def manifest() -> dict[str, str]:
    """Of Unity's package."""
    found: dict[str, str] = json.loads((ROOT / PACKAGE / "package.json").read_text())
    return found


def said() -> dict[str, str]:
    """The version that each other file says."""

    def first(path: str | Path, pattern: str) -> str:
        found = re.search(pattern, (ROOT / path).read_text(), re.M)
        return found[1] if found else "none"

    heading = r"^## \[?([\d.]+\w*)\]?"
    return {
        "CHANGELOG.md": first("CHANGELOG.md", heading),
        f"{PACKAGE}/CHANGELOG.md": first(PACKAGE / "CHANGELOG.md", heading),
        f"{PACKAGE}/package.json": manifest()["version"],
        "CITATION.cff": first("CITATION.cff", r"^version: (\S+)"),
    }


HEADING = re.compile(r"^## .*$", re.M)
PLACES = {
    "pyproject.toml": r'^version = "(.+)"$',
    f"{PACKAGE}/package.json": r'^  "version": "(.+)",$',
    "CITATION.cff": r"^version: (\S+)$",
}


def set_version(new: str) -> None:
    """Into every file that says it. The newest part of a changelog is this version's where it is
    not yet released; else a new part begins."""
    for path, pattern in PLACES.items():
        file = ROOT / path
        text = file.read_text(encoding="utf-8")
        found = re.search(pattern, text, re.M)
        if found is None:
            raise SystemExit(
                f"{path} says no version; nothing is left half done by: git checkout ."
            )
        file.write_text(text[: found.start(1)] + new + text[found.end(1) :], encoding="utf-8")
    for path, head in (
        ("CHANGELOG.md", f"## {new} (unreleased)"),
        (f"{PACKAGE}/CHANGELOG.md", f"## [{new}] - unreleased"),
    ):
        file = ROOT / path
        text = file.read_text(encoding="utf-8")
        newest = HEADING.search(text)
        if newest is None:
            raise SystemExit(f"{path} has no heading `## …` for a version")
        begun = "unreleased" in newest[0]
        rest = text[newest.end() :] if begun else "\n\n" + text[newest.start() :]
        file.write_text(text[: newest.start()] + head + rest, encoding="utf-8")


def notes() -> str:
    """This version's part of the changelog, without its heading."""
    parts = re.split(r"^## .*$", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
    return parts[1].strip()


def openupm(url: str) -> str:
    """An entry of https://github.com/openupm/openupm (data/packages/*.yml)."""
    package = manifest()
    entry = {
        "name": package["name"],
        "displayName": package["displayName"],
        "description": package["description"],
        "repoUrl": url,
        "parentRepoUrl": None,
        "licenseSpdxId": package["license"],
        "licenseName": "Apache License 2.0",
        "topics": ["ar-vr-mr", "machine-learning"],
        "hunter": url.rstrip("/").split("/")[-2],
        "gitTagPrefix": "v",
        "gitTagIgnore": "",
        "minVersion": package["version"],
        "readme": f"main:{PACKAGE}/README.md",
    }
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in entry.items())


def main(words: list[str]) -> int:
    match words:
        case ["check", *given]:
            wrong = {f: v for f, v in said().items() if v != version()}
            if given not in ([], [version()]):
                wrong["the tag"] = " ".join(given)
            for file, other in wrong.items():
                print(f"pyproject.toml says {version()}, {file} says {other}: make them one")
            return int(bool(wrong))
        case ["set", new]:
            if not re.fullmatch(r"\d+\.\d+\.\d+", new):
                print(f"version {new!r}; write three numbers, such as 1.2.3")
                return 2
            set_version(new)
            print(f"all say {new}; `git diff` shows where")
        case ["notes"]:
            print(notes())
        case ["openupm", url]:
            print(openupm(url))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
