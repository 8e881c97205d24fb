"""``result.json``: everything one run has to say, in one typed and versioned file.

The structs are the schema; ``docs/result.md`` explains them for people. Reading checks every
field's type and says where a file departs from it. Numbers are finite or ``None`` (not
measured); an arm that a run did not train is absent, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import msgspec
import numpy as np

from fedxr.evaluation.intervals import Users, over_seeds, over_users, pooled

SCHEMA = 2
"""Raised when a field changes its meaning or goes away; a new optional field does not raise it.

2: a demo's ``rows`` and ``curves`` are over all questions and against the truth, no longer over
those that feedback followed; its live answers are the arm ``live``.
"""

ARMS = {
    "generic": "generic: pretraining users only",
    "last_label": "the last label said again",
    "local": "local only, personalised on the user's own labels",
    "centralized": "centralized, personalised",
    "decentralized": "decentralized, personalised",
    "semi-decentralized": "semi-decentralized, personalised",
    "federated": "federated, not personalised",
    "federated_personalised": "federated + personalised",
    "pooled": "pooled: all data in one place",
    "live": "live: as answered in real time",
    "classical_own": "classical, own half alone",
    "classical_pretraining": "classical, own half + pretraining users",
    "classical_everyone": "classical, everyone",
}
"""What a set is measured with, in the order of the tables, and how the tables call it."""


COLD_ARMS = {
    "generic": "generic: knows nothing",
    "local": "local: own labels alone",
    "federated": "federated, not personalised",
    "federated_personalised": "federated + personalised",
    "pooled": "pooled: one ridge on all labels",
    "fedavg": "softmax head, FedAvg",
    "pooled_softmax": "softmax head, pooled",
    "classical_own": "classical, own labels",
    "classical_everyone": "classical, everyone's labels",
}
"""What a cold start is measured with."""


class ResultError(ValueError):
    """A result does not fit the schema; the message says where and what would."""


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """An arm less the generic one on the same questions, and the 95 % interval of that."""

    mean: float
    low: float
    high: float


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A 95 % interval."""

    low: float
    high: float


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over users and seeds (all fractions 0 to 1 for an accuracy).

    ``mean`` is the mean over seeds of the mean over users (of the mean over a user's tasks);
    ``low`` and ``high`` its 95 % interval (:mod:`fedxr.evaluation.intervals`), None where there is
    but one user and their questions are not known; ``spread`` the standard deviation over users
    within a seed, averaged over seeds; ``per_seed`` the mean over users of each seed, in the order
    of ``Result.seeds``; ``over_seeds`` the interval of the mean over them (Student's t), None where
    there is but one; ``by_user`` each user's figure, of each seed; ``users`` how many users a seed
    has on average; ``questions`` how many there were, None where it is the row's
    ``test_windows``."""

    mean: float
    spread: float
    per_seed: list[float]
    users: float
    low: float | None = None
    high: float | None = None
    questions: int | None = None
    gain: Gain | None = None
    over_seeds: Interval | None = None
    by_user: list[dict[str, float]] = []


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What all rounds of an arm moved, and what the radios spent on it, all users together."""

    bytes: int = 0
    joules: float = 0.0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One data set or task. ``classical`` says which classical model each classical arm shows;
    ``confusion`` counts, for an arm, the answers to test questions over users and seeds (a line a
    class of the truth, a column a class answered, in the order of ``classes``); ``costs`` are those
    of the arms that need a network or none, of the last seed."""

    name: str
    task: str
    metric: str
    chance: float
    test_windows: int
    users: int
    arms: dict[str, Score]
    halves: str = ""
    classical: dict[str, str] = {}
    classes: list[str] = []
    confusion: dict[str, list[list[int]]] = {}
    costs: dict[str, Cost] = {}


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Every arm of a demo on the same kind of questions, pooled over each user's tasks, then over
    users. ``window`` is ``whole run`` or ``second half``; ``state`` says of which questions:
    ``all``; ``as last told``, where the newest label that had been learned of the task is the
    truth; ``changed``, where it is not. Before there was a label a question is in neither."""

    window: str
    state: str
    arms: dict[str, Score]


class LabelDelay(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from a label's arrival at the server to the first answer that has learned it, of
    ``count`` labels; ``unknown`` more were known to no answer when their headset left."""

    count: int
    p50_s: float
    p95_s: float
    max_s: float
    unknown: int = 0


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Capture to reply of one task, in milliseconds; ``late`` replies came after the deadline."""

    task: str
    deadline_ms: float
    p50_ms: float | None
    p99_ms: float | None
    replies: int = 0
    late: int = 0


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster in one round: ``gamma`` consensus steps, ``lambda2`` the spectral norm λ."""

    members: list[str]
    representative: str | None
    gamma: int
    lambda2: float


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One federated round, of the set ``row`` where a run has several; ``accuracy`` of the headline
    arm after it, where it was measured, with its 95 % interval over users; ``bytes`` of all
    links. ``federation`` is the name of one that several sets are parts of: each tells of the same
    rounds."""

    number: int
    seconds: float
    clusters: list[Cluster]
    joules: float = 0.0
    absent: int = 0
    late: int = 0
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    row: str = ""
    bytes: int = 0
    federation: str = ""


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of the whole run, per direction; ``d2d`` is device to device."""

    up: int = 0
    down: int = 0
    d2d: int = 0


class CurvePoint(msgspec.Struct, frozen=True, array_like=True):
    """``[t, generic, adapted, questions]``: seconds from the start, both accuracies up to then, and
    over how many questions."""

    t: float
    generic: float | None
    adapted: float | None
    questions: int | None = None


class LabelPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A figure at ``labels`` a class (None: all there are): mean over users and draws, its 95 %
    interval and standard error (bootstrap over users)."""

    labels: int | None
    mean: float
    low: float
    high: float
    error: float
    users: int
    draws: int


class LabelRole(msgspec.Struct, frozen=True, kw_only=True):
    """Members or strangers: curves by arm, and paired differences by ``<arm> - <arm>``; ``users``
    were in the role in some draw, ``questions`` asked on test halves in each."""

    users: int
    questions: float
    arms: dict[str, list[LabelPoint]]
    gains: dict[str, list[LabelPoint]]


class LabelCurves(msgspec.Struct, frozen=True, kw_only=True):
    """A cold start of one set or task, by role (``members``, ``strangers``)."""

    name: str
    task: str
    metric: str
    chance: float
    roles: dict[str, LabelRole]
    halves: str = ""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one ``--require``; ``value`` is None when the run has no such figure."""

    expression: str
    value: float | None
    passed: bool
    reason: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``headline`` is the arm that ``accuracy`` means in requirements and summaries."""

    command: list[str]
    started: str
    seconds: float
    config: dict[str, Any]
    constants: dict[str, float] = {}
    seeds: list[int]
    versions: dict[str, str]
    machine: dict[str, str]
    protocol: str
    rows: list[Row]
    headline: str = "federated_personalised"
    unseen: list[Row] = []
    compared: list[Comparison] = []
    latency: list[Latency] = []
    labels: LabelDelay | None = None
    labels_in_rounds: LabelDelay | None = None
    traffic: Traffic = Traffic()
    joules: float | None = None
    energy_source: str = ""
    rounds: list[Round] = []
    curves: dict[str, list[CurvePoint]] = {}
    cold: list[LabelCurves] = []
    requirements: list[Requirement] = []
    notes: list[str] = []
    interrupted: bool = False
    schema: int = SCHEMA

    @property
    def rounds_held(self) -> int:
        """How many; those of one federation's parts are the same."""
        first: dict[str, str] = {}
        return sum(
            not r.federation or first.setdefault(r.federation, r.row) == r.row for r in self.rounds
        )


def score(by_seed: Sequence[Mapping[str, float]]) -> Score:
    """A Score from one mapping of user to figure per seed, in the order of the seeds; its interval
    is over users."""
    if not by_seed or not all(by_seed):
        raise ResultError("score: give one non-empty mapping of user to figure for every seed")
    per_seed = [fmean(users.values()) for users in by_seed]
    low, high = over_users(by_seed) or (None, None)
    seeds = over_seeds(per_seed)
    return Score(
        mean=fmean(per_seed),
        spread=fmean(pstdev(users.values()) for users in by_seed),
        per_seed=per_seed,
        users=fmean(len(users) for users in by_seed),
        low=low,
        high=high,
        by_user=[dict(users) for users in by_seed],
        over_seeds=Interval(low=seeds[0], high=seeds[1]) if seeds else None,
    )


def score_of(users: Users, over: Users | None = None) -> Score:
    """A Score of one seed from each user's questions, by task; its interval is over users and
    questions. ``over`` is what was answered rightly more (plus) or less often than generic."""
    found, gain = pooled(users), pooled(over) if over else None
    if found is None:
        raise ResultError("score_of: nobody was asked anything")
    by_user = {user: fmean(cell.mean for cell in mine) for user, mine in users.items()}
    return Score(
        mean=found.mean,
        spread=pstdev(by_user.values()),
        per_seed=[found.mean],
        users=found.users,
        low=found.low,
        high=found.high,
        questions=found.questions,
        gain=Gain(mean=gain.mean, low=gain.low, high=gain.high) if gain else None,
        by_user=[by_user],
    )


def label_delay(seconds: Sequence[float], unknown: int = 0) -> LabelDelay | None:
    """None where no answer knew a label."""
    if not seconds:
        return None
    p50, p95, most = np.percentile(seconds, (50, 95, 100)).tolist()
    return LabelDelay(count=len(seconds), p50_s=p50, p95_s=p95, max_s=most, unknown=unknown)


def mean_over_rows(rows: Sequence[Row], arm: str) -> float | None:
    """The mean over sets of ``arm``, each set counting once; None when a set lacks the arm."""
    if not rows or any(arm not in row.arms for row in rows):
        return None
    return fmean(row.arms[arm].mean for row in rows)


def interval_over_rows(rows: Sequence[Row], arm: str) -> tuple[float, float] | None:
    """The 95 % interval of that mean, the sets taken as independent; None where a set has none."""
    mean, halves = mean_over_rows(rows, arm), []
    for row in rows:
        low, high = (row.arms[arm].low, row.arms[arm].high) if arm in row.arms else (None, None)
        if low is None or high is None:
            return None
        halves.append((high - low) / 2)
    if mean is None:
        return None
    half = math.hypot(*halves) / len(rows)
    return mean - half, mean + half


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    """Every float below ``value`` with its path, as in ``$.rows[0].chance``."""
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _numbers(item, f"{path}[{index}]")


def check(result: Result) -> None:
    """Raise ResultError unless every number is finite and every arm is a known one."""
    for path, number in _numbers(msgspec.to_builtins(result), "$"):
        if not math.isfinite(number):
            raise ResultError(f"{path} is {number}; numbers are finite, or absent if not measured")
    if result.headline not in ARMS:
        raise ResultError(f"$.headline is {result.headline!r}; known arms are {', '.join(ARMS)}")
    named = [(f"set {row.name}", row.arms) for row in (*result.rows, *result.unseen)]
    named += [(f"{one.window}, {one.state}", one.arms) for one in result.compared]
    for name, arms in named:
        unknown = set(arms) - set(ARMS)
        if unknown:
            raise ResultError(f"{name}: unknown arm {min(unknown)!r}; known are {', '.join(ARMS)}")

    for row in (*result.rows, *result.unseen):
        for arm, counts in row.confusion.items():
            if {len(row.classes)} != {len(counts), *map(len, counts)}:
                raise ResultError(
                    f"set {row.name}: the confusion of {arm} has {len(counts)} lines; give a line "
                    f"and a column for each of its {len(row.classes)} classes"
                )
    for curves in result.cold:
        strange = {a for role in curves.roles.values() for a in role.arms} - set(COLD_ARMS)
        if strange:
            raise ResultError(
                f"cold start of {curves.name}: unknown arm {min(strange)!r}; known are "
                f"{', '.join(COLD_ARMS)}"
            )


def write_result(result: Result, path: Path) -> None:
    """Write ``result`` as indented JSON, whole or not at all. Raises ResultError, OSError."""
    check(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    draft.replace(path)


class _Version(msgspec.Struct):
    schema: int


def read_result(path: Path) -> Result:
    """The result in ``path``; raises ResultError that names the file and the field at fault."""
    content = path.read_bytes()
    try:
        version = msgspec.json.decode(content, type=_Version).schema
        if version != SCHEMA:
            raise ResultError(
                f"{path}: schema {version}; this fedxr reads {SCHEMA}. "
                "Read it with the version named under 'versions' in the file"
            )
        result = msgspec.json.decode(content, type=Result)
    except msgspec.DecodeError as error:
        raise ResultError(f"{path}: not a result.json: {error}") from error
    check(result)
    return result
