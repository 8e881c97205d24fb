"""What a run is said to show: differences paired by user, and no gain where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from fedxr.evaluation.headline import change, points, sentences
from fedxr.evaluation.result import Result, Row, score


def _row(name: str, local: Mapping[str, float], ours: Mapping[str, float], seeds: int = 1) -> Row:
    both = {"local": local, "federated_personalised": ours}
    arms = {arm: score([users] * seeds) for arm, users in both.items()}
    return Row(name=name, task="activity", metric="accuracy", chance=0.2, test_windows=9,
               users=len(local), arms=arms)  # fmt: skip


USERS = {name: 0.1 * i for i, name in enumerate("abcdefgh")}
BASE = "federated_personalised", "local"


def _better(by: Sequence[float]) -> dict[str, float]:
    return {user: figure + some for (user, figure), some in zip(USERS.items(), by, strict=True)}


def test_users_who_differ_much_and_gain_alike_leave_no_doubt() -> None:
    one = change([_row("har", USERS, _better([0.03] * 8))], *BASE)
    assert one is not None
    assert (one.mean, one.low, one.high) == pytest.approx((0.03, 0.03, 0.03))
    assert (one.users, one.sets, len(one.per_seed)) == (8, 1, 1)


def test_tasks_of_one_world_share_their_users() -> None:
    rows = [_row(name, USERS, _better([0.03] * 8)) for name in ("world/doing", "world/mood", "har")]
    one = change(rows, *BASE)
    assert one is not None
    assert (one.users, one.sets) == (16, 3)


def test_the_sentence_says_what_the_interval_allows(result: Result) -> None:
    def first(by: Sequence[float], seeds: int = 1) -> str:
        rows = [_row("har", USERS, _better(by), seeds)]
        return sentences(msgspec.structs.replace(result, rows=rows, unseen=[]))[0]

    assert first([0.02, 0.04] * 4).startswith("Federation + personalisation gains +3.0 points [+")
    assert first([-0.02, -0.04] * 4).startswith("Federation + personalisation loses −3.0 points [−")
    assert first([0.05, -0.04] * 4).startswith("No clear gain: federation + personalisation +0.5")
    assert first([0.01] * 8).endswith("against local: 8 users of the federation, one seed.")
    assert first([0.01] * 8, 2).endswith("2 seeds (+1.0, +1.0).")


def test_few_users_and_one(result: Result) -> None:
    few = [_row("har", {"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.7})]
    text = sentences(msgspec.structs.replace(result, rows=few, unseen=[]))[0]
    assert "rather too narrow" in text
    alone = [_row("har", {"a": 0.5}, {"a": 0.7})]
    text = sentences(msgspec.structs.replace(result, rows=alone, unseen=[]))[0]
    assert "+20.0 points against local, of one user a set, so without interval" in text
    assert "[" not in text


def test_a_result_without_users_says_nothing(result: Result) -> None:
    """As one that an earlier version wrote, which did not keep each user's figure."""
    old = [
        msgspec.structs.replace(
            row, arms={a: msgspec.structs.replace(s, by_user=[]) for a, s in row.arms.items()}
        )
        for row in result.rows
    ]
    assert sentences(msgspec.structs.replace(result, rows=old, unseen=[])) == []


def test_points() -> None:
    assert [points(x) for x in (0.031, -0.004, 0.0, -0.0001)] == ["+3.1", "−0.4", "0.0", "0.0"]
