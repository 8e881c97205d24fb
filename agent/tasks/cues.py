"""What the scene may be told to do, and how one task's answers come to tell it.

The rule stands in its task (:class:`fedxr.agent.tasks.Task`); who follows it is
:mod:`fedxr.scenarios.cues`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Payload = Mapping[str, str | float | bool]

ACTS = {
    "label": "anchor text to what the user looks at",
    "hint": "show or say a short text",
    "warning": "mark a machine and warn of it",
    "effector": "send a command to the virtual limb or the application",
    "pace": "slow down or speed up the interface or the story",
    "suggest": "offer something, and wait for a yes",
    "remind": "tell something once",
    "navigate": "walk along and show the way",
    "tone": "change the companion's voice and manner",
    "intensity": "change light, sound and density of the scene",
    "branch": "take another branch of the story",
    "clear": "take back the last cue of this task",
}
"""What every scene and page knows how to do; a task tells nothing else."""


@dataclass(frozen=True)
class CueRule:
    """How one task's answers become cues.

    ``acts`` maps a class to its (act, payload); a class that is missing is silence. A cue begins
    after ``agree`` answers in a row with probability >= ``enter``, and ends when the
    probability of its class falls below ``leave``: between the two nothing changes, so that an
    answer that wavers does not make the scene flicker. Nothing begins below ``trust`` confidence
    (the share of this user's recent feedback that the agent got right).

    Raises ValueError for an act that is none of ACTS, a payload that is not text, numbers and
    booleans, and numbers with which a cue would never begin or never end.
    """

    acts: Mapping[str, tuple[str, Payload]]
    enter: float = 0.7
    leave: float = 0.4
    agree: int = 2
    trust: float = 0.5

    def __post_init__(self) -> None:
        for name, (act, payload) in self.acts.items():
            if act not in ACTS or act == "clear":
                known = ", ".join(known for known in ACTS if known != "clear")
                raise ValueError(f"class {name!r} asks for the act {act!r}; allowed are {known}")
            for key, value in payload.items():
                if not isinstance(value, str | int | float):
                    raise ValueError(
                        f"class {name!r}: {key!r} is {value!r}; give text, a number or a boolean"
                    )
        if not 0 < self.leave < self.enter < 1 or self.agree < 1 or not 0 <= self.trust <= 1:
            raise ValueError(
                f"enter {self.enter:g}, leave {self.leave:g}, agree {self.agree}, trust "
                f"{self.trust:g}; allowed are 0 < leave < enter < 1, agree >= 1, 0 <= trust <= 1"
            )


def every(act: str, key: str, classes: tuple[str, ...]) -> dict[str, tuple[str, Payload]]:
    """Acts of a task each of whose ``classes`` is told as it is called."""
    return {name: (act, {key: name}) for name in classes}
