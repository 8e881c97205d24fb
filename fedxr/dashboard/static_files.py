"""The live page and the headset's page as the bridge serves them: their files, and the tables that
they read."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from fedxr.agent.tasks import TASKS
from fedxr.bridge.grants import Grant
from fedxr.bridge.serving.web import Page

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "uPlot": "text/plain; charset=utf-8",  # vendor/LICENSE.uPlot
    "msgpack": "text/plain; charset=utf-8",  # vendor/msgpack/LICENSE.msgpack
}


def page_files() -> dict[str, tuple[str, bytes]]:
    """Path to content type and body; ``/`` is the live page and ``/xr`` the headset's."""
    pages = {
        path: (_TYPES[path.rsplit(".", 1)[-1]], file.read_bytes())
        for path, file in _below(files("fedxr") / "pages", "/")
    }
    return {"/": pages["/live.html"], "/xr": pages["/xr/index.html"], **pages}


def all_pages() -> dict[str, Page]:
    """For ``BridgeServer(pages=…)``: the files, and ``/tasks.json``, what every task's answers are
    called, those of plug-ins too."""
    return {**page_files(), "/tasks.json": ("application/json", _tasks)}


def _tasks(_: frozenset[Grant]) -> bytes:
    return msgspec.json.encode({name: {"classes": task.classes} for name, task in TASKS.items()})


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry
