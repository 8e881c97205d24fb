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

SCHEMA = 1
"""Raised when a field changes its meaning or goes away; a new optional field does not raise it."""

ARMS = {
    "generic": "generic: pretraining users only",
    "local": "local only, personalised on the user's own half",
    "federated": "federated, not personalised",
    "federated_personalised": "federated + personalised",
    "pooled": "pooled: all data in one place",
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


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over users and seeds (all fractions 0 to 1 for an accuracy).

    ``mean`` is the mean over seeds of the mean over users; ``spread`` the standard deviation over
    users within a seed, averaged over seeds; ``per_seed`` the mean over users of each seed, in
    the order of ``Result.seeds``; ``users`` how many users a seed has on average.
    """

    mean: float
    spread: float
    per_seed: list[float]
    users: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One data set or task. ``classical`` says which classical model each classical arm shows."""

    name: str
    task: str
    metric: str
    chance: float
    test_windows: int
    users: int
    arms: dict[str, Score]
    halves: str = ""
    classical: dict[str, str] = {}


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
    """One federated round; ``accuracy`` of the headline arm after it, where it was measured."""

    number: int
    seconds: float
    clusters: list[Cluster]
    joules: float = 0.0
    absent: int = 0
    late: int = 0
    accuracy: float | None = None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of the whole run, per direction; ``d2d`` is device to device."""

    up: int = 0
    down: int = 0
    d2d: int = 0


class CurvePoint(msgspec.Struct, frozen=True, array_like=True):
    """``[t, generic, adapted]``: seconds from the start, and both accuracies up to then."""

    t: float
    generic: float | None
    adapted: float | None


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
    seeds: list[int]
    versions: dict[str, str]
    machine: dict[str, str]
    protocol: str
    rows: list[Row]
    headline: str = "federated_personalised"
    unseen: list[Row] = []
    latency: list[Latency] = []
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


def score(by_seed: Sequence[Mapping[str, float]]) -> Score:
    """A Score from one mapping of user to figure per seed, in the order of the seeds."""
    if not by_seed or not all(by_seed):
        raise ResultError("score: give one non-empty mapping of user to figure for every seed")
    per_seed = [fmean(users.values()) for users in by_seed]
    return Score(
        mean=fmean(per_seed),
        spread=fmean(pstdev(users.values()) for users in by_seed),
        per_seed=per_seed,
        users=fmean(len(users) for users in by_seed),
    )


def mean_over_rows(rows: Sequence[Row], arm: str) -> float | None:
    """The mean over sets of ``arm``, each set counting once; None when a set lacks the arm."""
    if not rows or any(arm not in row.arms for row in rows):
        return None
    return fmean(row.arms[arm].mean for row in rows)


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
    for row in (*result.rows, *result.unseen):
        unknown = set(row.arms) - set(ARMS)
        if unknown:
            raise ResultError(
                f"set {row.name}: unknown arm {min(unknown)!r}; known are {', '.join(ARMS)}"
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
