"""A registry: everything of one kind by its name, our own and what plug-ins add.

Our own entries are there from import. Plug-ins are loaded when a name is looked up that nobody has
registered yet, or when all names are asked for (:func:`fedxr.plugins.loading.load`): so importing
one of our modules never imports a plug-in, and a plug-in may import any of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Protocol, TypeVar

from fedxr.plugins.nearest import did_you_mean


class PluginError(ValueError):
    """What a plug-in brings cannot be taken; the message says why and what would be."""


class Named(Protocol):
    """Whatever can be registered."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)
REGISTRIES: list[Registry] = []  # type: ignore[type-arg]  # of every kind
"""All of them, so that what a plug-in has registered before it failed can be taken back."""
LOADERS: list[Callable[[], None]] = []
"""What loads plug-ins (:mod:`fedxr.plugins.loading`, which knows this module, puts it here)."""


class Registry(MutableMapping[str, N]):
    """``kind`` is what an entry is called in messages ("task", "aggregation rule")."""

    def __init__(self, kind: str, ours: tuple[N, ...] = ()) -> None:
        self.kind = kind
        self._entries: dict[str, N] = {}
        for entry in ours:
            self.add(entry)
        self.ours = self.snapshot()
        REGISTRIES.append(self)

    def add(self, entry: N) -> N:
        """Register ``entry`` under its name, and return it. Raises PluginError where there is
        another of that name: whoever comes second may not change what the first one means."""
        if entry.name in self._entries and self._entries[entry.name] != entry:
            raise PluginError(
                f"a {self.kind} {entry.name!r} is there already; name yours otherwise"
            )
        self._entries[entry.name] = entry
        return entry

    def named(self, name: str) -> N:
        """The entry called ``name``; raises ValueError with the nearest and all known."""
        found = self.get(name)
        if found is None:
            hint = f"{did_you_mean(name, self)}known are {', '.join(self)}"
            raise ValueError(f"unknown {self.kind} {name!r}; {hint}")
        return found

    def __getitem__(self, name: str) -> N:
        if name not in self._entries:
            _load()
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        if name not in self._entries:
            _load()
        return name in self._entries

    def __setitem__(self, name: str, entry: N) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        _load()
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        _load()
        return len(self._entries)

    def snapshot(self) -> Mapping[str, N]:
        """What is registered now, without loading anything."""
        return dict(self._entries)

    def restore(self, entries: Mapping[str, N]) -> None:
        """As it was when ``entries`` was its :meth:`snapshot`."""
        self._entries = dict(entries)


def _load() -> None:
    for load in LOADERS:
        load()
