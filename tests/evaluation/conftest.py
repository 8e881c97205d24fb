"""A small result with every part filled in."""

from __future__ import annotations

import pytest

from evaluation.result import (
    Cluster,
    CurvePoint,
    Latency,
    Result,
    Round,
    Row,
    Traffic,
    score,
)


def _row(name: str, generic: float, adapted: float, own: float | None) -> Row:
    seeds = (-0.02, 0.0, 0.02)
    arms = {
        "generic": score([{"a": generic + s, "b": generic + s} for s in seeds]),
        "federated_personalised": score([{"a": adapted, "b": adapted - 0.1} for _ in seeds]),
    }
    if own is not None:
        arms["classical_own"] = score([{"a": own, "b": own} for _ in seeds])
    return Row(
        name=name,
        task="activity",
        metric="accuracy",
        chance=0.2,
        test_windows=40,
        users=2,
        arms=arms,
        halves="first <half> of the time",
        classical={"classical_own": "extra trees"} if own is not None else {},
    )


@pytest.fixture
def result() -> Result:
    return Result(
        command=["fedxr", "federate", "--scenario", "all"],
        started="2026-01-02T03:04:05Z",
        seconds=12.5,
        config={"headsets": 8, "tuning": {"rank": 8}},
        seeds=[0, 1, 2],
        versions={"torch": "2.13.0"},
        machine={"cores": "2"},
        protocol="users are split by seed; time runs forward",
        rows=[_row("har", 0.80, 0.95, 0.84), _row("gaze", 0.40, 0.85, 0.80)],
        unseen=[_row("har", 0.78, 0.90, None)],
        latency=[
            Latency(task="activity", deadline_ms=200, p50_ms=8, p99_ms=21.5, replies=100),
            Latency(task="gesture", deadline_ms=50, p50_ms=9, p99_ms=61, replies=50, late=2),
            Latency(task="stress", deadline_ms=1000, p50_ms=None, p99_ms=None),
        ],
        traffic=Traffic(up=12_300, down=4_000_000, d2d=7),
        joules=3.25,
        energy_source="10 mW device to device",
        rounds=[
            Round(
                number=1,
                seconds=0.5,
                clusters=[Cluster(members=["h1", "h2"], representative="h2", gamma=3, lambda2=0.5)],
                accuracy=0.9,
            )
        ],
        curves={"activity": [CurvePoint(0, 0.8, 0.8), CurvePoint(5, 0.8, 0.95)]},
        notes=["made up <for> a test"],
    )
