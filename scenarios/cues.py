"""Cues: what the scene is told to do when the agent is sure enough of an answer.

What each class asks of the scene, how sure the agent must be to say so, and how many answers in a
row must agree stands in the task's own rule (:class:`fedxr.agent.tasks.CueRule`). Being unsure, a
class that asks for nothing, or a task without a rule is silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from fedxr.agent.tasks import Payload, task_named


@dataclass(frozen=True)
class Cue:
    """One instruction to the scene. ``payload`` holds text, numbers and booleans only (JSON).

    ``act`` is one of ACTS; ``clear`` takes back what the task's last cue began.
    """

    task: str
    act: str
    payload: Payload
    confidence: float

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "payload": dict(self.payload)}


@dataclass
class _Held:
    """Where one task stands: the class whose cue is on, and the one that may come next."""

    on: str | None = None
    next: str = ""
    count: int = 0


@dataclass
class Cues:
    """One headset's cues. Fed with each answer, it says what changes in the scene, if anything.

    A cue is told once, when it begins; when its class loses ground it is taken back by ``clear``.
    """

    held: dict[str, _Held] = field(default_factory=dict)

    def __call__(self, task: str, probabilities: Sequence[float], confidence: float) -> Cue | None:
        """The change that this answer makes, or None.

        Raises ValueError for an unknown task or a wrong number of probabilities.
        """
        asked = task_named(task)
        classes, rule = asked.classes, asked.cues
        if len(probabilities) != len(classes):
            raise ValueError(f"task {task}: {len(probabilities)} probabilities; {len(classes)} due")
        if rule is None:
            return None
        held = self.held.setdefault(task, _Held())
        best = max(range(len(classes)), key=lambda i: probabilities[i])
        name, p = classes[best], float(probabilities[best])
        held.count = held.count + 1 if name == held.next else 1
        held.next = name
        sure = p >= rule.enter and confidence >= rule.trust
        if not sure:
            held.count = 0
        if sure and held.count >= rule.agree and name != held.on and name in rule.acts:
            held.on = name
            act, payload = rule.acts[name]
            return Cue(task, act, payload, p)
        if held.on is not None and probabilities[classes.index(held.on)] < rule.leave:
            held.on = None
            return Cue(task, "clear", {}, p)
        return None
