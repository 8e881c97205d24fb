"""A task: everything that the rest of fedxr has to know of one thing that an agent is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fedxr.agent.tasks.cues import CueRule

USE_CASES = ("overlays", "neuroadaptive", "companion", "storytelling")
"""Those that are simulated. A task or a recorded set may name one of its own."""
Metric = Literal["accuracy", "balanced accuracy"]
METRICS = ("accuracy", "balanced accuracy")
_USE_CASE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def check_use_case(name: str) -> str:
    """What is wrong with the name of a use case; empty where nothing is."""
    if _USE_CASE.fullmatch(name) and name != "all":
        return ""
    return (
        f"use case {name!r}; take {', '.join(USE_CASES)}, or a name of your own: up to 32 "
        "lower-case letters, digits, - and _, beginning with a letter"
    )


@dataclass(frozen=True)
class Task:
    """One output of the model.

    ``modalities`` are those the task can use (any non-empty subset answers); ``deadline_ms`` is
    the longest useful time from capture to reply (Nadimi et al., arXiv:2506.05683, Table 2);
    ``per_user`` says that summary features are standardised by the user's own unlabelled data,
    which suits signals whose level is personal (EEG, emotional speech) and harms those whose
    level is the label (gravity in motion).

    ``cues`` is what its answers tell the scene; without a rule it is answered, and silent.
    ``metric`` is what tables show of it: where one class is rare, "balanced accuracy" counts
    them alike. ``pretraining`` is its share of pretraining steps: a task that learns slowly takes
    more than 1.

    Raises ValueError for what could not be asked, answered or told.
    """

    name: str
    use_case: str
    classes: tuple[str, ...]
    modalities: tuple[str, ...]
    deadline_ms: float
    per_user: bool = False
    cues: CueRule | None = None
    metric: Metric = "accuracy"
    pretraining: float = 1.0

    def __post_init__(self) -> None:
        if wrong := self._wrong():
            raise ValueError(f"task {self.name!r}: {wrong}")

    def _wrong(self) -> str:
        # The bridge allows names of 64 characters, and the model cuts names of blocks at ":|.".
        if not 1 <= len(self.name) <= 64 or set(self.name) & set(":|./ "):
            return "give it a name of 1 to 64 characters, none of : | . / or blank"
        if wrong := check_use_case(self.use_case):
            return wrong
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            return f"classes {', '.join(self.classes) or 'none'}; give two or more, each once"
        if not self.modalities:
            return "no modalities; name those that can answer it"
        if not self.deadline_ms > 0 or not self.pretraining > 0:
            return (
                f"deadline_ms {self.deadline_ms:g}, pretraining {self.pretraining:g}; "
                "both are above 0"
            )
        if self.metric not in METRICS:
            return f"metric {self.metric!r}; known are {', '.join(METRICS)}"
        strange = [
            name for name in (self.cues.acts if self.cues else ()) if name not in self.classes
        ]
        if strange:
            return f"cues of {', '.join(strange)}; its classes are {', '.join(self.classes)}"
        return ""
