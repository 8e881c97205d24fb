"""Cues: what the scene is told to do when the agent is sure enough of an answer.

One rule per task: what each class asks of the scene, how sure the agent must be to say so, and how
many answers in a row must agree. Being unsure, or a class that asks for nothing, is silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from agent.tasks import TASKS, task_named

Payload = Mapping[str, str | float | bool]


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


@dataclass(frozen=True)
class Rule:
    """How one task's answers become cues.

    ``acts`` maps a class to its (act, payload); a class that is missing is silence. A cue begins
    after ``agree`` answers in a row with probability >= ``enter``, and ends when the
    probability of its class falls below ``leave``: between the two nothing changes, so that an
    answer that wavers does not make the scene flicker. Nothing begins below ``trust`` confidence
    (the share of this user's recent feedback that the agent got right).
    """

    task: str
    acts: Mapping[str, tuple[str, Payload]]
    enter: float = 0.7
    leave: float = 0.4
    agree: int = 2
    trust: float = 0.5


def _every(task: str, act: str, key: str) -> dict[str, tuple[str, Payload]]:
    return {name: (act, {key: name}) for name in TASKS[task].classes}


_COMMANDS: dict[str, tuple[str, Payload]] = {
    "13 Hz": ("effector", {"command": "select"}),
    "17 Hz": ("effector", {"command": "scroll"}),
    "21 Hz": ("effector", {"command": "back"}),
}
_TABLE = (
    Rule("target", _every("target", "label", "text"), enter=0.6),
    Rule("digit_written", _every("digit_written", "label", "text"), agree=1),
    Rule("character", _every("character", "label", "text"), agree=1),
    Rule("digit_spoken", _every("digit_spoken", "hint", "text"), agree=1),
    Rule("warning", {
        "worn": ("hint", {"text": "plan maintenance", "urgency": 0.4}),
        "failing": ("warning", {"text": "stop this machine", "urgency": 1.0}),
    }),
    Rule("fault", {
        name: ("warning", {"text": f"{name} fault", "urgency": 0.8})
        for name in TASKS["fault"].classes[1:]
    }),
    Rule("intent", {
        "select": ("effector", {"command": "open app"}),
        "scroll": ("effector", {"command": "scroll"}),
        "back": ("effector", {"command": "back"}),
    }, enter=0.75),
    Rule("mental_command", _COMMANDS, enter=0.75),
    Rule("gesture", _every("gesture", "effector", "command"), agree=1),
    Rule("workload", {
        "medium": ("pace", {"speed": 0.8, "animations": True}),
        "high": ("pace", {"speed": 0.5, "animations": False}),
    }, agree=3),
    Rule("doing", {
        "walking": ("navigate", {"text": "co-navigate"}),
        "turning": ("navigate", {"text": "point the way"}),
        "reaching": ("suggest", {"text": "name what is in reach"}),
        "waving": ("hint", {"text": "greet back"}),
    }),
    Rule("activity", {
        "walking": ("navigate", {"text": "co-navigate"}),
        "turning": ("navigate", {"text": "point the way"}),
        "standing up": ("remind", {"text": "what was planned"}),
    }),
    Rule("mood", {
        "happy": ("tone", {"manner": "playful"}),
        "sad": ("tone", {"manner": "gentle"}),
        "angry": ("tone", {"manner": "brief"}),
    }, enter=0.65, agree=3),
    Rule("emotion", {
        "happy": ("tone", {"manner": "playful"}),
        "sad": ("tone", {"manner": "gentle"}),
        "fearful": ("tone", {"manner": "gentle"}),
        "angry": ("tone", {"manner": "brief"}),
    }, enter=0.65, agree=1),
    Rule("engagement", {
        "overwhelmed": ("intensity", {"change": -0.3}),
        "disengaged": ("branch", {"to": "surprise"}),
    }, enter=0.65, agree=2),
    Rule("occupation", {
        "read": ("pace", {"speed": 0.8, "animations": False}),
        "browse": ("branch", {"to": "surprise"}),
        "search": ("hint", {"text": "show where to look"}),
    }, agree=1),
    Rule("tension", {"high": ("pace", {"speed": 0.7, "animations": True})}, agree=2),
    Rule("stress", {"stress": ("pace", {"speed": 0.7, "animations": True})}, agree=2),
)  # fmt: skip
RULES = {rule.task: rule for rule in _TABLE}


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
        classes = task_named(task).classes
        if len(probabilities) != len(classes):
            raise ValueError(f"task {task}: {len(probabilities)} probabilities; {len(classes)} due")
        rule, held = RULES[task], self.held.setdefault(task, _Held())
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
