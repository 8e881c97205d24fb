"""One version, one changelog, and a package that OpenUPM would take."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import yaml
from doc_names import ROOT

RELEASE = ROOT / ".github" / "release.py"
PACKAGE = ROOT / "unity_project" / "Packages" / "com.fedxr.bridge"


def release(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, RELEASE, *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_every_file_says_the_same_version() -> None:
    done = release("check")
    assert done.returncode == 0, done.stdout
    other = release("check", "9.9.9")
    assert (other.returncode, "the tag says 9.9.9" in other.stdout) == (1, True)


def test_the_notes_are_the_newest_part_of_the_changelog() -> None:
    notes = release("notes").stdout.strip()
    assert notes
    assert notes in (ROOT / "CHANGELOG.md").read_text()
    assert "\n## " not in notes


def test_openupm_would_take_the_package() -> None:
    """Its rules: https://openupm.com/docs/adding-upm-package.html."""
    entry = yaml.safe_load(release("openupm", "https://example.org/them/it").stdout)
    manifest = json.loads((PACKAGE / "package.json").read_text())
    assert entry["name"] == manifest["name"]
    assert re.fullmatch(r"com\.[a-z0-9-]+\.[a-z0-9-]+", entry["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert re.fullmatch(r"\d{4}\.\d", manifest["unity"])
    assert entry["repoUrl"] == "https://example.org/them/it"
    assert entry["hunter"] == "them"
    for name in ("README.md", "LICENSE.md", "CHANGELOG.md"):
        assert (PACKAGE / name).exists(), f"{name} is shown by the registry"
    for sample in manifest["samples"]:
        assert (PACKAGE / sample["path"]).is_dir()


def test_the_citation_can_be_read() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["cff-version"] == "1.2.0"
    assert {"title", "authors", "version", "license", "message"} <= cited.keys()


def test_workflows_and_forms_are_yaml() -> None:
    files = [*(ROOT / ".github").rglob("*.yml")]
    assert len(files) >= 6
    for file in files:
        assert isinstance(yaml.safe_load(file.read_text()), dict), file
