"""Every file, module and command that a document names exists."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from doc_names import FOLDERS, ROOT, documents, lines, places, tracked

from fedxr.cli.command_table import COMMANDS

DOCUMENTS = [path.relative_to(ROOT).as_posix() for path in documents()]
PATH = re.compile(r"[\w./~-]+/[\w.-]+\.(?:py|cs|js|css|html|md|toml|json|sh|png|svg)\b")
TOP = "|".join(FOLDERS)
BARE = re.compile(r"(?<![\w/.-])\w+\.py\b")
FOLDER = re.compile(rf"`((?:{TOP}|fedxr|tests|benchmarks)/[\w/]+)/?`")
DOTTED = re.compile(r"(?<![\w.@/-])((?:fedxr|benchmarks)(?:\.\w+)+)")
REFERENCE = re.compile(rf":(?:mod|class|func|meth|data|attr):`[.~]?((?:fedxr|{TOP})(?:\.\w+)+)`")
IMPORT = re.compile(r"from (fedxr[\w.]*) import (\w[\w, ]*)")
COMMAND = re.compile(r"(?:^    |`|bin/)fedxr ([a-z]+)", re.M)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
TITLE = re.compile(r'^```\w+ title="([^"]+)"', re.M)
NOT_OURS = {
    "fedxr.v1": "the websocket's subprotocol",
    "fedxr.plugins": "a group of entry points, too",
    **{f"fedxr.{n}": "a schema of recordings" for n in ("Samples", "Frame", "Clock", "Closed",
                                                        "Dropped", "Session", "session")},
}  # fmt: skip
YOURS = {
    "tool_task.py", "Packages/manifest.json", "agent.py", "FIRST/result.json", "RUN/result.json",
    "RUN/report.html", "meta/info.json",
}  # fmt: skip
"""Files of a reader's own project."""


def exists(dotted: str) -> bool:
    """Whether it is a module, or something in one."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        try:
            if find_spec(".".join(parts[:n])) is None:
                continue
        except ModuleNotFoundError:
            continue
        found: object = import_module(".".join(parts[:n])) if n < len(parts) else None
        for part in parts[n:]:
            found = getattr(found, part, None)
            if found is None:
                return False
        return True
    return False


def anchors(document: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    heads = (text.lstrip("# ") for _, text in lines(document) if text.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_is_named_exists(name: str) -> None:
    document, files = ROOT / name, tracked()
    last = {file.rsplit("/", 1)[-1] for file in files}
    shown = set(TITLE.findall(document.read_text()))  # files that the reader is to write
    yours = YOURS | shown | {title.rsplit("/", 1)[-1] for title in shown}
    wrong = []
    for number, text in lines(document):
        text = text.replace("\\", "")
        for path in PATH.findall(re.sub(r"https?://\S+", "", text)):
            here = (document.parent / path).exists() or path in files
            if not here and not any(f.endswith(f"/{path}") for f in files) and path not in yours:
                wrong.append(f"{number}: {path}")
        wrong += [f"{number}: {file}" for file in BARE.findall(text) if file not in last | yours]
        wrong += [f"{number}: {f}" for f in FOLDER.findall(text)
                  if not any((ROOT / f"{f}{end}").exists() for end in ("", ".py"))]  # fmt: skip
    assert not wrong, f"{name} names what is not there: {wrong}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_module_that_is_named_exists(name: str) -> None:
    wrong = []
    for number, text in lines(ROOT / name):
        said = DOTTED.findall(re.sub(r"com\.fedxr\.\w+|https?://\S+", "", text))
        wrong += [f"{number}: {one}" for one in said if one not in NOT_OURS and not exists(one)]
    assert not wrong, f"{name} names what cannot be imported: {wrong}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_import_and_command_that_is_shown_works(name: str) -> None:
    text, wrong = (ROOT / name).read_text(), []
    if name == "CHANGELOG.md":
        text = "\n".join(line for _, line in lines(ROOT / name))
    for module, names in IMPORT.findall(text):
        said = [one.split(" as ")[0].strip() for one in names.split(",")]
        wrong += [f"{module}.{one}" for one in said if not exists(f"{module}.{one}")]
    known = {command.name.split()[0] for command in COMMANDS}
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S))
    said = [*COMMAND.findall(text), *re.findall(r"^fedxr ([a-z]+)", blocks, re.M)]
    wrong += [f"fedxr {one}" for one in said if one not in known]
    assert not wrong, f"{name} shows what does not work: {wrong}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    document, wrong = ROOT / name, []
    for number, text in lines(document):
        for path, anchor in LINK.findall(text):
            target = document.parent / path.strip("<>") if path else document
            if not target.exists():
                wrong.append(f"{number}: {path}")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                wrong.append(f"{number}: {path}#{anchor}")
    assert not wrong, f"{name} links to what is not there: {wrong}"


def test_every_name_that_a_docstring_refers_to_exists() -> None:
    wrong = []
    for name in sorted(n for n in tracked() if n.endswith(".py")):
        said = REFERENCE.findall((ROOT / name).read_text())
        # ``bridge.…`` can be imported from here, and from nowhere else.
        fine = {one for one in said if one.startswith("fedxr.") and exists(one)}
        wrong += [f"{name}: {one}" for one in said if one not in {*fine, *NOT_OURS}]
    assert not wrong, f"docstrings refer to what is not there: {wrong}"


def test_a_newcomer_finds_the_round_the_tick_and_the_wire() -> None:
    """From ``ls``, the README and three names: what is named is there and does what it says."""
    told = {place.name: place.object for place in places()}
    assert {"Live.tick_once", "run_round", "HeadsetState"} <= told.keys()
    readme = (ROOT / "README.md").read_text()
    for where in ("federation/rounds.py", "fedxr/live/live.py", "bridge/transport/connection.py"):
        assert where in readme
    first = readme[: readme.index("## Four use cases")]
    assert "make demo" in first
    assert "make test" in first


def test_the_readme_is_short_and_its_pictures_are_small() -> None:
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) < 120
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", readme)
    assert pictures, "a README shows what it is about"
    for said, path in pictures:
        assert len(said) > 20, f"{path}: say what is to be seen for who cannot see it"
        assert (ROOT / path).stat().st_size < 300_000
