"""What may be wrong with states on disk."""

from __future__ import annotations


class StateError(ValueError):
    """A stored state does not fit; the message says why and what to do."""


class TakenError(StateError):
    """Another server keeps its states in that file."""


class OtherModelError(StateError):
    """What is stored was learned with another checkpoint or tuning; it is kept."""


class DamagedError(StateError):
    """What is stored cannot be what was saved."""


class BrokenError(Exception):
    """The whole file is no store, or damaged: it is moved aside, and nobody else is told."""


class NotSavedError(StateError):
    """The disk does not take (or give) what it should: full, read-only, failing. What was to be
    saved is not lost by that, and saving is tried again."""
