"""The tasks that come with fedxr: ten that recorded people are asked, and eight that those of the
simulated worlds are."""

from __future__ import annotations

from fedxr.agent.tasks.cues import CueRule, every
from fedxr.agent.tasks.task import Task

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
_FAULTS = ("ball", "inner race", "outer race")
_TARGETS = ("valve", "gauge", "switch", "door", "label", "person")

# fmt: off - a table reads by the line
_RECORDED = (
    Task(
        "digit_written",
        "overlays",
        _DIGITS,
        ("vision",),
        100,
        cues=CueRule(every("label", "text", _DIGITS), agree=1),
    ),
    Task(
        "character",
        "overlays",
        _CHARACTERS,
        ("vision",),
        100,
        pretraining=2.5,
        cues=CueRule(every("label", "text", _CHARACTERS), agree=1),
    ),
    Task(
        "digit_spoken",
        "overlays",
        _DIGITS,
        ("audio",),
        200,
        cues=CueRule(every("hint", "text", _DIGITS), agree=1),
    ),
    Task(
        "fault",
        "overlays",
        ("normal", *_FAULTS),
        ("contact",),
        200,
        cues=CueRule(
            {name: ("warning", {"text": f"{name} fault", "urgency": 0.8}) for name in _FAULTS}
        ),
    ),
    Task(
        "mental_command",
        "neuroadaptive",
        _COMMANDS,
        ("eeg",),
        100,
        per_user=True,
        cues=CueRule(
            {
                "13 Hz": ("effector", {"command": "select"}),
                "17 Hz": ("effector", {"command": "scroll"}),
                "21 Hz": ("effector", {"command": "back"}),
            },
            enter=0.75,
        ),
    ),
    Task(
        "gesture",
        "neuroadaptive",
        _GESTURES,
        ("hands",),
        50,
        cues=CueRule(every("effector", "command", _GESTURES), agree=1),
    ),
    Task(
        "activity",
        "companion",
        ("seated", "standing up", "walking", "turning", "sitting down"),
        ("motion",),
        200,
        cues=CueRule(
            {
                "walking": ("navigate", {"text": "co-navigate"}),
                "turning": ("navigate", {"text": "point the way"}),
                "standing up": ("remind", {"text": "what was planned"}),
            }
        ),
    ),
    Task(
        "emotion",
        "companion",
        _EMOTIONS,
        ("audio",),
        500,
        per_user=True,
        pretraining=1.5,
        cues=CueRule(
            {
                "happy": ("tone", {"manner": "playful"}),
                "sad": ("tone", {"manner": "gentle"}),
                "fearful": ("tone", {"manner": "gentle"}),
                "angry": ("tone", {"manner": "brief"}),
            },
            enter=0.65,
            agree=1,
        ),
    ),
    Task(
        "occupation",
        "storytelling",
        ("browse", "play", "read", "search", "watch", "write"),
        ("gaze",),
        1000,
        cues=CueRule(
            {
                "read": ("pace", {"speed": 0.8, "animations": False}),
                "browse": ("branch", {"to": "surprise"}),
                "search": ("hint", {"text": "show where to look"}),
            },
            agree=1,
        ),
    ),
    # Stress is rare in the recordings: its classes count alike.
    Task(
        "stress",
        "storytelling",
        ("rest", "stress"),
        ("physiology",),
        1000,
        per_user=True,
        metric="balanced accuracy",
        cues=CueRule({"stress": ("pace", {"speed": 0.7, "animations": True})}, agree=2),
    ),
)
_SIMULATED = (
    Task(
        "target",
        "overlays",
        _TARGETS,
        ("vision", "gaze"),
        50,
        pretraining=2.5,
        cues=CueRule(every("label", "text", _TARGETS), enter=0.6),
    ),
    Task(
        "warning",
        "overlays",
        ("healthy", "worn", "failing"),
        ("contact", "audio"),
        200,
        cues=CueRule(
            {
                "worn": ("hint", {"text": "plan maintenance", "urgency": 0.4}),
                "failing": ("warning", {"text": "stop this machine", "urgency": 1.0}),
            }
        ),
    ),
    Task(
        "intent",
        "neuroadaptive",
        ("rest", "select", "scroll", "back"),
        ("eeg", "hands"),
        50,
        cues=CueRule(
            {
                "select": ("effector", {"command": "open app"}),
                "scroll": ("effector", {"command": "scroll"}),
                "back": ("effector", {"command": "back"}),
            },
            enter=0.75,
        ),
    ),
    Task(
        "workload",
        "neuroadaptive",
        ("low", "medium", "high"),
        ("eeg", "gaze"),
        500,
        cues=CueRule(
            {
                "medium": ("pace", {"speed": 0.8, "animations": True}),
                "high": ("pace", {"speed": 0.5, "animations": False}),
            },
            agree=3,
        ),
    ),
    Task(
        "doing",
        "companion",
        ("sitting", "walking", "turning", "reaching", "waving"),
        ("motion",),
        200,
        cues=CueRule(
            {
                "walking": ("navigate", {"text": "co-navigate"}),
                "turning": ("navigate", {"text": "point the way"}),
                "reaching": ("suggest", {"text": "name what is in reach"}),
                "waving": ("hint", {"text": "greet back"}),
            }
        ),
    ),
    Task(
        "mood",
        "companion",
        ("calm", "happy", "sad", "angry"),
        ("audio", "motion"),
        500,
        cues=CueRule(
            {
                "happy": ("tone", {"manner": "playful"}),
                "sad": ("tone", {"manner": "gentle"}),
                "angry": ("tone", {"manner": "brief"}),
            },
            enter=0.65,
            agree=3,
        ),
    ),
    Task(
        "engagement",
        "storytelling",
        ("immersed", "overwhelmed", "disengaged"),
        ("gaze", "physiology", "face"),
        1000,
        cues=CueRule(
            {
                "overwhelmed": ("intensity", {"change": -0.3}),
                "disengaged": ("branch", {"to": "surprise"}),
            },
            enter=0.65,
            agree=2,
        ),
    ),
    Task(
        "tension",
        "storytelling",
        ("low", "high"),
        ("physiology",),
        1000,
        cues=CueRule({"high": ("pace", {"speed": 0.7, "animations": True})}, agree=2),
    ),
)
# fmt: on
OURS = (*_RECORDED, *_SIMULATED)
