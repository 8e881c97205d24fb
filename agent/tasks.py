"""What an agent can be asked, and how a stretch of a user's life with questions in it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bridge.channels import Samples


@dataclass(frozen=True)
class Task:
    """One output of the model.

    ``modalities`` are those the task can use (any non-empty subset answers); ``deadline_ms`` is
    the longest useful time from capture to reply (Nadimi et al., arXiv:2506.05683, Table 2);
    ``per_user`` says that summary features are standardised by the user's own unlabelled data,
    which suits signals whose level is personal (EEG, emotional speech) and harms those whose
    level is the label (gravity in motion).
    """

    name: str
    use_case: str
    classes: tuple[str, ...]
    modalities: tuple[str, ...]
    deadline_ms: float
    per_user: bool = False


@dataclass(frozen=True)
class Query:
    """At ``t_us`` of its episode the user wants ``task`` answered; the truth is class ``label``."""

    task: str
    t_us: int
    label: int


@dataclass(frozen=True)
class Episode:
    """A stretch of one user's time that the model sees as a whole; context starts anew with it.

    Times count from the episode's start (microseconds, >= 0). ``adapt`` tells whether the episode
    belongs to the half that a user may learn from or to the half it is tested on; the rule by
    which a data set is halved stands in its loader.
    """

    key: str
    samples: Mapping[str, Samples]
    queries: tuple[Query, ...]
    adapt: bool
    seconds: float


_COMMANDS = ("rest", "13 Hz", "17 Hz", "21 Hz")
_GESTURES = (
    "grab",
    "tap",
    "expand",
    "pinch",
    "rotate clockwise",
    "rotate counter-clockwise",
    "swipe right",
    "swipe left",
    "swipe up",
    "swipe down",
    "swipe X",
    "swipe +",
    "swipe V",
    "shake",
)
_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_DIGITS = tuple("0123456789")
_CHARACTERS = tuple(f"character {n:02d}" for n in range(70))

# fmt: off - a table reads by the line
_TABLE = (
    # asked of recorded people
    Task("digit_written", "overlays", _DIGITS, ("vision",), 100),
    Task("character", "overlays", _CHARACTERS, ("vision",), 100),
    Task("digit_spoken", "overlays", _DIGITS, ("audio",), 200),
    Task("fault", "overlays", ("normal", "ball", "inner race", "outer race"), ("contact",), 200),
    Task("mental_command", "neuroadaptive", _COMMANDS, ("eeg",), 100, per_user=True),
    Task("gesture", "neuroadaptive", _GESTURES, ("hands",), 50),
    Task(
        "activity",
        "companion",
        ("seated", "standing up", "walking", "turning", "sitting down"),
        ("motion",),
        200,
    ),
    Task("emotion", "companion", _EMOTIONS, ("audio",), 500, per_user=True),
    Task(
        "occupation",
        "storytelling",
        ("browse", "play", "read", "search", "watch", "write"),
        ("gaze",),
        1000,
    ),
    Task("stress", "storytelling", ("rest", "stress"), ("physiology",), 1000, per_user=True),
    # asked in the simulated worlds
    Task(
        "target",
        "overlays",
        ("valve", "gauge", "switch", "door", "label", "person"),
        ("vision", "gaze"),
        50,
    ),
    Task("warning", "overlays", ("healthy", "worn", "failing"), ("contact", "audio"), 200),
    Task("intent", "neuroadaptive", ("rest", "select", "scroll", "back"), ("eeg", "hands"), 50),
    Task("workload", "neuroadaptive", ("low", "medium", "high"), ("eeg", "gaze"), 500),
    Task(
        "doing",
        "companion",
        ("sitting", "walking", "turning", "reaching", "waving"),
        ("motion",),
        200,
    ),
    Task("mood", "companion", ("calm", "happy", "sad", "angry"), ("audio", "motion"), 500),
    Task(
        "engagement",
        "storytelling",
        ("immersed", "overwhelmed", "disengaged"),
        ("gaze", "physiology", "face"),
        1000,
    ),
    Task("tension", "storytelling", ("low", "high"), ("physiology",), 1000),
)
# fmt: on
TASKS = {task.name: task for task in _TABLE}
UseCase = Literal["overlays", "neuroadaptive", "companion", "storytelling"]
USE_CASES = ("overlays", "neuroadaptive", "companion", "storytelling")


def task_named(name: str) -> Task:
    """The task called ``name``; raises ValueError that lists the known ones."""
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}; known are {', '.join(TASKS)}")
    return TASKS[name]
