"""What is found in a folder that is wrong, or that somebody should know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

_NAMED = 4
"""How many other places a message names."""


@dataclass(frozen=True)
class Finding:
    """``text`` (what was got, what is allowed, what to do) of ``place``: a file, and a row where
    there is one. Those of one ``kind`` are one thing to mend and are said once; by default the text
    is the kind."""

    place: str
    text: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text

    def of(self, who: str) -> Finding:
        """The same, with whose it is before the place."""
        return replace(self, place=f"{who}: {self.place}" if self.place else who)


def gathered(findings: Iterable[Finding]) -> list[str]:
    """Each kind once, as the first one has it, with the other places where it is so."""
    kinds: dict[str, list[Finding]] = {}
    for one in findings:
        kinds.setdefault(one.kind or one.text, []).append(one)
    out = []
    for first, *others in kinds.values():
        places = [p for p in dict.fromkeys(one.place for one in others) if p != first.place]
        said = ", ".join([*places[:_NAMED], *["…"] * (len(places) > _NAMED)])
        more = f" (the same in {len(places)} more: {said})" if places else ""
        out.append(f"{first}{more}")
    return out
