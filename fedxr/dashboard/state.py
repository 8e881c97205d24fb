"""What the live page is told: one JSON object per message on ``/live``, the whole state each time;
and, of the headsets that it has opened, what they sense (``{"sensed": {id: SensedState}}``).

``docs/live_state.md`` says the same to people. Fields that are not known yet are None, never left
out; text is shown as it is, so no field may hold anything that a user has not agreed to show.
"""

from __future__ import annotations

from typing import Literal, TypedDict

CurvePoint = tuple[float, float, float, int]
"""``(t, generic, given, questions)``: seconds from the start; fractions right up to then of the
model as it came and of the answers given, over so many questions."""
Basis = Literal["truth", "feedback"]
"""What answers are compared with: the truth where the server knows it, because it plays the headset
itself (``fedxr demo``), else what users say."""


class AccuracyState(TypedDict):
    """How often answers were right since the start, all over the same ``questions``: of the model
    as it came (``generic``), of the last learned label said again (``last_label``), and of the
    answers ``given``, with its 95 % interval ``low`` to ``high``.

    Pooled over each headset's tasks, then over ``headsets``. ``feedback_errors`` is the share of
    feedback that is known to be wrong; None where no truth is known.
    """

    against: Basis
    questions: int
    headsets: int
    generic: float | None
    last_label: float | None
    given: float | None
    low: float | None
    high: float | None
    feedback_errors: float | None


class LabelDelayState(TypedDict):
    """Seconds from a label's arrival to the first answer that has learned it, of the latest
    ``count`` labels, and of those of them that came ``in_rounds``, while a round was under way;
    ``waiting`` labels are known to no answer yet."""

    count: int
    waiting: int
    p50_s: float | None
    p95_s: float | None
    max_s: float | None
    in_rounds: int
    in_rounds_p95_s: float | None


class ChannelState(TypedDict):
    """A sensor stream and its measured rate, in samples (images, poses, readings) a second."""

    name: str
    hz: float


class DropState(TypedDict):
    """What was dropped, lost, late or refused since the headset joined: ``what`` (a channel, or
    one of :data:`fedxr.dashboard.events.WHY`), how often, and the reason in words."""

    what: str
    count: int
    why: str


class TaskState(TypedDict):
    """A headset's task: its last answer, and how it does.

    Latency is capture to reply over the last 30 s or so; ``truth`` is the user's latest feedback
    on the answer shown; ``recent`` says of the latest 20 or fewer, oldest first, whether the
    answer given had agreed with it. Both accuracies are fractions over the same ``questions`` since
    it joined: ``accuracy_before`` of the model as it came, ``accuracy_now`` of the answers given,
    with its 95 % interval ``low`` to ``high`` (Wilson's).
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
    questions: int
    low: float | None
    high: float | None


class LiveHeadsetState(TypedDict):
    """A connected headset, here since second ``since`` of the run; its accuracies are ``against``
    the truth or its user's feedback. ``battery`` is 0 to 1, ``joules`` what radio and learning took
    since it joined, ``epsilon`` as in LedgerState, ``position`` in metres on the floor (x, z).
    """

    id: str
    user: str
    use_case: str
    device: str
    since: float
    against: Basis
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
    kind: Literal["joined", "left", "dropped", "round", "recording", "trouble"]
    headset: str | None
    text: str


class RecordingState(TypedDict):
    """The recording that runs (``on``), or the last one; ``file`` is None before the first.
    ``dropped``: messages left out because the disk was too slow; ``error``: why it did not start,
    or ended early; empty if it did not. ``refused``: headsets that are here and not recorded,
    because their users do not want it."""

    on: bool
    file: str | None
    seconds: float
    bytes: int
    sessions: int
    dropped: int
    error: str
    refused: int


class LedgerState(TypedDict):
    """Bytes and joules since the start; ``epsilon``, the privacy spent by all rounds, is always
    None: what leaves a headset is not noised, and this version has no differential privacy."""

    d2d_bytes: int
    up_bytes: int
    down_bytes: int
    joules: float
    epsilon: float | None


class LiveState(TypedDict):
    """The whole state, ``t`` seconds after the start and after ``round`` federated rounds.
    ``accuracy`` is that of all tasks, ``tasks`` of each, ``curves`` how it got there;
    ``recording`` is None where the server cannot record. ``trouble`` says what the server cannot do
    at present, saving for instance; empty while all is well."""

    t: float
    round: int
    trouble: str
    headsets: list[LiveHeadsetState]
    clusters: list[ClusterState]
    links: list[LinkState]
    events: list[EventState]
    ledger: LedgerState
    accuracy: AccuracyState
    tasks: dict[str, AccuracyState]
    curves: dict[str, list[CurvePoint]]
    labels: LabelDelayState
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
