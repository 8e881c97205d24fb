"""A task for fedxr: is the wearer getting drowsy? It then offers a break, and a wide-awake wearer
is left alone.

No recording is needed: pulse, breath and skin are read as fedxr's own tasks read them, and who
wears the headset teaches it, one label a class to begin with. What one has taught reaches the
others in federated rounds.
"""

from fedxr.agent.tasks import TASKS, CueRule, Task

DROWSINESS = TASKS.add(
    Task(
        name="drowsiness",
        use_case="companion",
        classes=("alert", "drowsy"),
        # Any sensor of it answers: a slow pulse, a deep breath, a warm or a dry skin.
        modalities=("physiology",),
        # Nobody falls asleep within a second, and a late offer is still a good one.
        deadline_ms=1000,
        # How fast a heart is at rest says whose it is: each is measured against itself.
        per_user=True,
        # What to say of a class; of the others, nothing.
        cues=CueRule(
            {"drowsy": ("suggest", {"text": "Shall we take a break?", "minutes": 10})},
            enter=0.7,  # as sure as this, ...
            agree=15,  # ... for half a second,
            leave=0.4,  # and taken back when it has become unlikely.
            trust=0.0,  # It starts from nothing: it may speak before it has been right often.
        ),
        # Sleepy moments are rare: in tables both classes count alike.
        metric="balanced accuracy",
    )
)
