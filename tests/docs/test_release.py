"""One version, one changelog, and a package that OpenUPM would take."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

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


def test_one_command_sets_it_everywhere(tmp_path: Path) -> None:
    """On a copy: once where the newest part of the changelogs is unreleased, once after that."""
    places = ["pyproject.toml", "CHANGELOG.md", "CITATION.cff", ".github/release.py", "Makefile"]
    package = PACKAGE.relative_to(ROOT)
    for place in (*places, package / "package.json", package / "CHANGELOG.md"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / place, tmp_path / place)

    def make(version: str) -> subprocess.CompletedProcess[str]:
        words = ["make", "version", f"V={version}", f"PYTHON={sys.executable}"]
        return subprocess.run(
            words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    def parts() -> int:
        return (tmp_path / "CHANGELOG.md").read_text().count("\n## ")

    before = parts()
    assert make("7.8.9").returncode == 0
    check = [sys.executable, tmp_path / ".github" / "release.py", "check", "7.8.9"]
    assert subprocess.run(check, timeout=60, check=False).returncode == 0
    assert parts() == before
    text = (tmp_path / "CHANGELOG.md").read_text()
    (tmp_path / "CHANGELOG.md").write_text(text.replace("(unreleased)", "(2027-01-01)"))
    assert make("7.9.0").returncode == 0
    assert parts() == before + 1
    assert "## 7.8.9 (2027-01-01)" in (tmp_path / "CHANGELOG.md").read_text()
    wrong = make("next")
    assert wrong.returncode != 0
    assert "write three numbers" in wrong.stdout


PLACEHOLDER = re.compile(
    r"\b(?:YOU|YOUR[-_]\w+|OWNER|USERNAME)/|github\.com/(?:you|your|user|owner|org|example)\b|<URL\b",
)


def test_no_document_names_an_address_that_nobody_has() -> None:
    """What has to be filled in is a variable that is explained, or a path in a checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--", "*.md", "*.cff", "*.json", "*.toml", "*.yml"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    ).stdout.split()  # fmt: skip
    shipped = [name for name in listed if not name.startswith("tests/")]
    assert "README.md" in shipped
    found = {
        name: sorted(set(PLACEHOLDER.findall((ROOT / name).read_text(encoding="utf-8"))))
        for name in shipped
    }
    assert not {name: words for name, words in found.items() if words}


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
