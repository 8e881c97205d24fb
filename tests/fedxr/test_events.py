"""What happened in a run, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fedxr.bridge.channels import Channel
from fedxr.bridge.stats import SessionStats
from fedxr.dashboard.events import KEPT, Events, drops, links
from fedxr.federation import RoundReport
from fedxr.federation.ledger import Row


def session(**counts: int) -> Any:
    """As much of a session as is looked at; ``counts`` become its drops."""
    channels = [
        Channel("gaze", "gaze/point2", 72, "latest"),
        Channel("wrist", "motion/wrist", 100, "queue 256"),
    ]
    stats = SessionStats(lost=2, late=5)
    stats.drops.update(counts)
    return SimpleNamespace(channels={c.name: c for c in channels}, stats=stats)


def test_drops_come_with_their_reasons_the_most_frequent_first() -> None:
    found = drops(session(gaze=9, wrist=1, reply=0))
    assert [(d["what"], d["count"]) for d in found] == [
        ("gaze", 9), ("late", 5), ("lost", 2), ("wrist", 1)
    ]  # fmt: skip
    reasons = {d["what"]: d["why"] for d in found}
    assert reasons["gaze"] == "blocks that had to make room for a newer one"
    assert reasons["wrist"] == "blocks that had to make room for a queue of 256"
    assert "never came" in reasons["lost"]


def test_a_bad_link_does_not_hide_the_rest() -> None:
    """A drop a second for a minute: told at once, then every ten seconds with what came between."""
    found = Events()
    found.left(0.0, "h0", "bye")
    for second in range(60):
        found.dropped(float(second), "h1", session(), {"gaze": 2, "late": 7})
    told = [e for e in found.kept if e["kind"] == "dropped"]
    assert [e["t"] for e in told] == [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    assert told[0]["text"].startswith("gaze 2: ")
    assert told[1]["text"].startswith("gaze 20: ")
    assert found.kept[0]["text"] == "bye"


def test_numbers_go_on_when_the_oldest_are_forgotten() -> None:
    found = Events()
    for n in range(KEPT + 5):
        found.left(float(n), "h", "bye")
    assert [e["number"] for e in found.kept] == list(range(6, KEPT + 6))


def test_a_round_says_what_it_cost_and_that_it_is_not_differentially_private() -> None:
    rows = (
        Row(7, "uplink", "a", "server", 1, 1500, 0.1, 0.25),
        Row(7, "compute", "a", "a", 0, 0, 1.0, 9.0),
    )
    found = Events()
    found.round(1.0, RoundReport(7, ("a", "b"), (), (), rows, 0.1, 1.0))
    cost = "1,500 bytes, 0.25 J, ε: none (no differential privacy)"
    assert found.kept[-1]["text"] == f"round 7: headsets 2, clusters 0, {cost}"


def test_links_hold_both_directions_and_no_computing() -> None:
    rows = [
        Row(1, "d2d", "b", "a", 1, 10, 0.1, 0.5),
        Row(1, "d2d", "a", "b", 1, 20, 0.1, 0.25),
        Row(1, "uplink", "z", "server", 1, 7, 0.1, 2.0),
        Row(1, "downlink", "server", "z", 1, 3, 0.1, 0.0),
        Row(1, "compute", "a", "a", 0, 0, 9.0, 9.0),
    ]
    report: Any = SimpleNamespace(rows=rows)
    assert links(report) == [
        {"ends": ("a", "b"), "bytes": 30, "joules": 0.75},
        {"ends": ("z", "server"), "bytes": 10, "joules": 2.0},
    ]
