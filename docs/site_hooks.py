"""The site's pages from the repository's Markdown (mkdocs.yml), which reads there as it stands.

Home is README.md. Whatever a page links to outside docs/ comes along: Markdown as a page, source as
a page with its code, so that a walk through the code can be followed on the site, and no link of it
needs another server. The reference of the public API is made of ``fedxr.__all__``.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import fedxr

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(\]\(<?)(?!\w+:|#)([^)>#\s]*)((?:#[^)>\s]*)?>?\))")
CODE = {"py": "python", "js": "javascript", "cs": "csharp", "sh": "bash", "yml": "yaml"}
PICTURES = (".png", ".svg", ".webp")


class Roles(griffe.Extension):
    """Docstrings name what they mean by roles (:class:`X`); the site shows the name alone."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", obj.docstring.value)


def place(path: str) -> str:
    """Where the site has the repository's file ``path``."""
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    whole = f"repository/{path}"
    return whole if path.endswith((".md", *PICTURES)) else f"{whole}.md"


def linked(path: str, text: str) -> Iterator[str]:
    """Files and folders of the repository that ``text``, which stands in ``path``, links to."""
    for _, target, _ in LINK.findall(text):
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if target and (ROOT / found).exists():
            yield found


def with_links(path: str, text: str) -> str:
    """``text`` of the repository's file ``path``, its links as the site has them."""
    here = posixpath.dirname(place(path))

    def moved(link: re.Match[str]) -> str:
        start, target, end = link.groups()
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not target or not (ROOT / found).exists():
            return link[0]  # mkdocs says what is wrong with it
        return f"{start}{posixpath.relpath(place(found), here or '.')}{end}"

    return LINK.sub(moved, text)


def page_of(path: str) -> str:
    """What the site shows of the repository's file or folder ``path``."""
    file = ROOT / path
    if file.is_dir():
        inside = subprocess.run(
            ["git", "ls-files", path], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split()
        return f"# {path}\n\n" + "\n".join(f"- `{name}`" for name in inside)
    text = file.read_text()
    if path.endswith(".md"):
        return with_links(path, text)
    kind = CODE.get(file.suffix[1:], file.suffix[1:])
    return f"---\nsearch: {{exclude: true}}\n---\n\n# {path}\n\n``````{kind}\n{text}\n``````\n"


def reference() -> str:
    """The page of the public API, which mkdocstrings fills in."""
    public = [getattr(fedxr, name) for name in fedxr.__all__]
    # By the module that defines each: mkdocstrings reads source and follows no lazy import.
    names = [f"{x.__module__}.{x.__qualname__}" for x in public if hasattr(x, "__qualname__")]
    parts = [f"::: {name}" for name in (*names, "fedxr.register")]
    told = "What `import fedxr` offers; [python.md](python.md) tells how to use it."
    return "\n\n".join(("# Public API", told, *parts))


def on_startup(**_: object) -> None:
    """One namespace, as folders, for mkdocstrings, which reads source (setup.py, Makefile): before
    it is configured, for it leaves out a path that is not there."""
    namespace = ROOT / "build" / "namespace" / "fedxr"
    namespace.mkdir(parents=True, exist_ok=True)
    tops = ("plugins", "bridge", "agent", "federation", "scenarios", "evaluation")
    for source in (*(ROOT / top for top in tops), *(ROOT / "fedxr").iterdir()):
        link = namespace / source.name
        if link.is_symlink() and not link.exists():  # of a checkout that was moved
            link.unlink()
        if not link.exists():
            link.symlink_to(source)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add README.md, the reference, and all that is linked to, whatever that links to included."""
    files.append(File.generated(config, "api.md", content=reference()))
    waiting = ["README.md", "CHANGELOG.md", "bridge/PROTOCOL.md"]
    for document in (ROOT / "docs").glob("*.md"):
        waiting += linked(f"docs/{document.name}", document.read_text())
    while waiting:
        path = waiting.pop()
        if files.get_file_from_path(place(path)) is not None:
            continue
        if path.endswith(PICTURES):
            files.append(File.generated(config, place(path), abs_src_path=str(ROOT / path)))
            continue
        files.append(File.generated(config, place(path), content=page_of(path)))
        if path.endswith(".md"):
            waiting += linked(path, (ROOT / path).read_text())
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links out of docs/ lead to where the site has what they mean."""
    if page.file.generated_by:
        return markdown
    return with_links(f"docs/{page.file.src_uri}", markdown)
