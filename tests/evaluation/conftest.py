"""A small result with every part filled in."""

from __future__ import annotations

import msgspec
import pytest

from fedxr.evaluation.intervals import Cell
from fedxr.evaluation.result import (
    Cluster,
    Comparison,
    Cost,
    CurvePoint,
    Latency,
    Result,
    Round,
    Row,
    Score,
    Traffic,
    label_delay,
    score,
    score_of,
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
        classes=["sit", "walk"],
        confusion={"generic": [[8, 2], [3, 7]], "federated_personalised": [[9, 1], [0, 0]]},
        costs={"federated_personalised": Cost(bytes=600, joules=0.2), "local": Cost()},
    )


@pytest.fixture(scope="session")
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
                low=0.85,
                high=0.95,
                row="har",
                bytes=600,
                joules=0.2,
            )
        ],
        curves={"activity": [CurvePoint(0, 0.8, 0.8), CurvePoint(5, 0.8, 0.95)]},
        notes=["made up <for> a test"],
    )


COORDINATIONS = ("local", "centralized", "decentralized", "semi-decentralized")


@pytest.fixture
def demo(result: Result) -> Result:
    """What a demo says: 40 questions of two users, of which 20 on what was last told, 16 not."""

    def of(asked: int, right: int, more: int = 0) -> dict[str, list[Cell]]:
        return {user: [Cell(asked // 2, right // 2, more // 2)] for user in ("a", "b")}

    def arms(asked: int, generic: int, repeated: int, live: int) -> dict[str, Score]:
        worse = {user: [Cell(asked // 2, 0, asked // 3)] for user in ("a", "b")}
        gains = {user: [Cell(asked // 2, (live - generic) // 2)] for user in ("a", "b")}
        return {
            "generic": score_of(of(asked, generic)),
            "last_label": score_of(of(asked, repeated), worse),
            **{name: score_of(of(asked, live), gains) for name in COORDINATIONS},
            "live": score_of(of(asked, live), gains),
        }

    both = [
        Comparison(window=window, state=state, arms=some)
        for window in ("whole run", "second half")
        for state, some in (
            ("all", arms(40, 28, 22, 32)),
            ("as last told", arms(20, 14, 20, 18)),
            ("changed", arms(16, 12, 0, 12)),
        )
    ]
    return msgspec.structs.replace(
        result,
        headline="live",
        rows=[msgspec.structs.replace(result.rows[0], name="activity", arms=both[0].arms)],
        unseen=[],
        compared=both,
        labels=label_delay([0.1] * 90 + [0.4] * 10),
        labels_in_rounds=label_delay([0.4] * 10),
        curves={"activity": [CurvePoint(1, 0.7, 0.7, 10), CurvePoint(60, 0.7, 0.8, 40)]},
    )
