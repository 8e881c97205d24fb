"""Which plug-ins are installed, and what became of them: each is imported once per process.

One that fails is left out whole, is told once on standard error, and stands in `fedxr doctor`; the
others and everything of ours go on. $FEDXR_PLUGINS, where it is set, names the ones that may be
loaded (comma-separated entry points; empty for none): a server need not run whatever somebody has
installed beside it.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from fedxr.plugins.registry import LOADERS, REGISTRIES

GROUP = "fedxr.plugins"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """One installed plug-in. ``adds`` are (kind, name) of what it has registered; ``problem`` says
    why it was left out, if it was."""

    name: str
    package: str
    adds: tuple[tuple[str, str], ...] = ()
    problem: str = ""


_lock = threading.RLock()
_plugins: list[Plugin] | None = None  # None until the first use; then as far as they are loaded


def loaded() -> tuple[Plugin, ...]:
    """All installed plug-ins, in order of their names."""
    load()
    return tuple(_plugins or ())


def load() -> None:
    """Import every plug-in that may be, unless that was done or is being done."""
    global _plugins
    with _lock:
        if _plugins is not None:
            return
        _plugins = []  # a plug-in that looks something up while it is imported finds what is there
        allowed = os.environ.get("FEDXR_PLUGINS")
        names = None if allowed is None else {name.strip() for name in allowed.split(",")}
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            if names is None or point.name in names:
                _plugins.append(_import(point))


def _import(point: EntryPoint) -> Plugin:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    before = {id(registry): registry.snapshot() for registry in REGISTRIES}
    try:
        point.load()
    except Exception as error:  # noqa: BLE001 - somebody else's code
        for registry in REGISTRIES:  # also of those that its import has brought
            registry.restore(before.get(id(registry), registry.ours))
        problem = f"{type(error).__name__}: {error}"
        log.warning("plug-in %s (%s) is left out: %s", point.name, package, problem)
        return Plugin(point.name, package, problem=problem)
    adds = [
        (registry.kind, name)
        for registry in REGISTRIES
        for name, entry in registry.snapshot().items()
        if before.get(id(registry), registry.ours).get(name) != entry
    ]
    return Plugin(point.name, package, tuple(adds))


LOADERS.append(load)
