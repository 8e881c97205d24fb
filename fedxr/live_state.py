"""What the live page is told: one JSON object per message on ``/live``, the whole state each time;
and, of the headsets that it has opened, what they sense (``{"sensed": {id: SensedState}}``).

``docs/live_state.md`` says the same to people. Fields that are not known yet are None, never left
out; text is shown as it is, so no field may hold anything that a user has not agreed to show.
"""

from __future__ import annotations

from typing import Literal, TypedDict

CurvePoint = tuple[float, float | None, float | None]
"""``(t, accuracy_generic, accuracy_adapted)``: seconds from the start; fractions up to then."""


class ChannelState(TypedDict):
    """A sensor stream and its measured rate, in samples (images, poses, readings) a second."""

    name: str
    hz: float


class DropState(TypedDict):
    """What was dropped, lost, late or refused since the headset joined: ``what`` (a channel, or
    one of :data:`fedxr.happenings.WHY`), how often, and the reason in words."""

    what: str
    count: int
    why: str


class TaskState(TypedDict):
    """A headset's task: its last answer, and how it does.

    Latency is capture to reply over the last 30 s or so; ``truth`` is the user's latest feedback
    on the answer shown; ``recent`` says of the latest 20 or fewer, oldest first, whether the
    answer given had agreed with it. Both accuracies are fractions over the same feedback:
    ``accuracy_before`` of the model as it came, ``accuracy_now`` of the model as it has learned.
    """

    name: str
    deadline_ms: float
    p50_ms: float | None
    p99_ms: float | None
    predicted: str | None
    probability: float | None
    truth: str | None
    recent: list[bool]
    accuracy_before: float | None
    accuracy_now: float | None


class HeadsetState(TypedDict):
    """A connected headset, here since second ``since`` of the run. ``battery`` is 0 to 1,
    ``joules`` what radio and learning took since it joined, ``epsilon`` as in LedgerState,
    ``position`` in metres on the floor (x, z)."""

    id: str
    user: str
    use_case: str
    device: str
    since: float
    channels: list[ChannelState]
    tasks: list[TaskState]
    battery: float | None
    joules: float
    epsilon: float | None
    cluster: int | None
    representative: bool
    position: tuple[float, float]
    drops: list[DropState]


class ClusterState(TypedDict):
    """A cluster of the latest round; ``members`` and ``representative`` are headset ids."""

    id: int
    members: list[str]
    representative: str | None
    gamma: int


class LinkState(TypedDict):
    """What went over one link in the latest round, both directions together; ``ends`` are two
    headset ids, or a headset id and ``server``."""

    ends: tuple[str, str]
    bytes: int
    joules: float


class EventState(TypedDict):
    """Something that happened at second ``t``; ``number`` counts up from 1 over the run."""

    number: int
    t: float
    kind: Literal["joined", "left", "dropped", "round", "recording"]
    headset: str | None
    text: str


class RecordingState(TypedDict):
    """The recording that runs (``on``), or the last one; ``file`` is None before the first.
    ``dropped``: messages left out because the disk was too slow; ``error``: why it did not start,
    or ended early; empty if it did not."""

    on: bool
    file: str | None
    seconds: float
    bytes: int
    sessions: int
    dropped: int
    error: str


class LedgerState(TypedDict):
    """Bytes and joules since the start; ``epsilon``, the privacy spent by all rounds, is always
    None: what leaves a headset is not noised, and this version has no differential privacy."""

    d2d_bytes: int
    up_bytes: int
    down_bytes: int
    joules: float
    epsilon: float | None


class LiveState(TypedDict):
    """The whole state, ``t`` seconds after the start and after ``round`` federated rounds;
    ``recording`` is None where the server cannot record."""

    t: float
    round: int
    headsets: list[HeadsetState]
    clusters: list[ClusterState]
    links: list[LinkState]
    events: list[EventState]
    ledger: LedgerState
    curves: dict[str, list[CurvePoint]]
    recording: RecordingState | None


class SenseState(TypedDict):
    """The newest sample of a channel of hands, head or gaze, ``age_ms`` after it arrived: as its
    ``layout`` says, in metres, but of a hand's joints the positions alone."""

    name: str
    layout: str
    age_ms: int
    values: list[float] | list[list[float]]


class SensedState(TypedDict):
    """What an opened headset senses; ``error`` says why nothing can be shown, else it is empty."""

    senses: list[SenseState]
    error: str
