"""What a release needs to know, from pyproject.toml and CHANGELOG.md alone.

python .github/release.py check [VERSION]   exits 1 unless all files say one version, VERSION
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
