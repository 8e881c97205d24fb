"""The files of the live page as the bridge serves them."""

from __future__ import annotations

from importlib.resources import files

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "uPlot": "text/plain; charset=utf-8",  # vendor/LICENSE.uPlot
}


def page_files() -> dict[str, tuple[str, bytes]]:
    """Path to content type and body, for ``BridgeServer(pages=…)``; ``/`` is the live page."""
    root = files("fedxr") / "pages"
    pages = {}
    for folder, prefix in ((root, "/"), (root / "vendor", "/vendor/")):
        for file in folder.iterdir():
            if file.is_file():
                kind = _TYPES[file.name.rsplit(".", 1)[-1]]
                pages[prefix + file.name] = (kind, file.read_bytes())
    return {"/": pages["/live.html"], **pages}
