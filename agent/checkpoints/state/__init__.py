"""A headset's state on disk: one typed store that survives a kill at any instant.

A newcomer who says nothing leaves nothing. Whoever teaches is saved: what differs from the start,
and of that only what has changed since the last save (:mod:`fedxr.agent.checkpoints.state.format`).
What the disk does not take waits in memory and is tried again; whoever comes back meanwhile gets it
from there.

A state belongs to the model that it was learned with: one of another checkpoint or tuning stays in
the file beside it. What is damaged is set aside, and its headset starts anew
(:mod:`fedxr.agent.checkpoints.state.disk`).
"""

from fedxr.agent.checkpoints.state.errors import (
    DamagedError,
    NotSavedError,
    OtherModelError,
    StateError,
    TakenError,
)
from fedxr.agent.checkpoints.state.file import Keep, stored_names
from fedxr.agent.checkpoints.state.store import Loaded, Store, fingerprint

__all__ = [
    "DamagedError",
    "Keep",
    "Loaded",
    "NotSavedError",
    "OtherModelError",
    "StateError",
    "Store",
    "TakenError",
    "fingerprint",
    "stored_names",
]
