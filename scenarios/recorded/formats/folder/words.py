"""Words of labels as classes, and what is said of those that are none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from fedxr.plugins.nearest import nearest
from fedxr.scenarios.recorded.formats.folder.description import Description
from fedxr.scenarios.recorded.formats.folder.findings import Finding

_SHOWN = 12


@dataclass
class Words:
    """The labels of one user in ``set_``; what is no class is counted in ``unknown`` with the place
    of the first, and how often each class was seen in ``seen``."""

    set_: Description
    unknown: dict[str, tuple[int, str]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def class_of(self, word: str, where: str) -> int | None:
        """The class that ``word`` is; None where it is none, or passed over."""
        named, asked = self.called(word), self.set_.task
        if named is None:
            return None
        word, names = named, asked.names()
        if asked.edges:
            try:
                value = float(word.replace(",", "."))
            except ValueError:
                value = float("nan")
            if asked.edges[0] <= value <= asked.edges[-1]:
                at = int(np.searchsorted(asked.edges, value, "right")) - 1
                at = min(at, len(names) - 1)
                self.seen[names[at]] += 1
                return at
        elif word in names:
            self.seen[word] += 1
            return names.index(word)
        count, first = self.unknown.get(word, (0, where))
        self.unknown[word] = count + 1, first
        return None

    def called(self, word: str) -> str | None:
        """What ``word`` is called here; None where it is passed over, wherever it stands."""
        word = self.set_.labels.names.get(word, word)
        return word if word and word not in self.set_.labels.ignore else None

    def told(self) -> list[Finding]:
        """A problem for each word that is no class."""
        names, named, out = self.set_.task.names(), self.set_.toml.named, list[Finding]()
        ignore = f"put it into {named('labels.ignore')}"
        for word, (count, where) in self.unknown.items():
            kind = f"label {word}"
            if self.set_.task.edges:
                low, high = self.set_.task.edges[0], self.set_.task.edges[-1]
                text = (
                    f"label {word!r} ({count} times) is no value from {low:g} to {high:g}; widen "
                    f"{named('task.edges')}, or {ignore}"
                )
                out.append(Finding(where, text, kind))
                continue
            twin = next((n for n in names if _plain(n) == _plain(word)), None)
            near = twin or next(iter(nearest(word, names)), "")
            how = "differs by case or blanks only from" if twin else "is nearest to"
            said = f", and {how} {near!r}" if near else ""
            text = (
                f"label {word!r} ({count} times) is none of task.classes "
                f"({', '.join(names[:_SHOWN])}){said}: add it to {named('task.classes')}, say what "
                f"it is in {named('labels.names')}, or {ignore}"
            )
            out.append(Finding(where, text, kind))
        return out


def _plain(word: str) -> str:
    return "".join(word.split()).casefold()
