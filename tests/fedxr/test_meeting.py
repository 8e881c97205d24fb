"""What a round of the live fleet leaves with each: means of sums times those who stand behind."""

from __future__ import annotations

from dataclasses import replace

import live_rig
import pytest
import torch

from agent.cohort import Tuning
from agent.fleet import Fleet, Member
from agent.online import Dose
from agent.tokens import tokenize
from federation import Consensus, Pace, Round
from fedxr import meeting
from fedxr.people import one_ask_each
from fedxr.profile import Batteries, Profile, network

PLACES = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (99.0, 0.0), (99.0, 1.0))
"""Three headsets in one room, two in another."""
EXACT = Consensus(rms_error=1e-12, weight_error=1e-12, max_rounds=2000)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    """Five headsets with the same sensors; headset i was told i + 1 moments of the task "doing"."""
    (actor,) = live_rig.cast_of(("voice-glasses",), 8.0)
    brain = live_rig.brain_of([actor])
    members = [Member(f"h{i}", actor.user.channels, ("doing",)) for i in range(len(PLACES))]
    fleet = Fleet(brain, members, Tuning(), torch.float32)
    found = [x for e in actor.user.episodes for x in one_ask_each(tokenize(e, actor.user.channels))]
    found = [x for x in found if x.asks[0].task == "doing"]
    for row in range(len(PLACES)):
        fleet.remember([(row, x) for x in found[: row + 1]])
    return fleet


@pytest.mark.parametrize(
    ("coordination", "cut_off", "behind"),
    [
        ("semi-decentralized", (), [range(5)] * 5),
        ("centralized", (), [range(5)] * 5),
        ("decentralized", (), [range(5)] * 5),
        ("local", (), [[0], [1], [2], [3], [4]]),
        # The first room has no way to the server, which hears the second alone.
        ("semi-decentralized", (0, 1, 2), [range(3)] * 3 + [range(3, 5)] * 2),
        # One of the second room has none: its representative speaks for it, but it is not answered.
        ("semi-decentralized", (3,), [range(5)] * 3 + [range(3, 5), range(5)]),
    ],
)
def test_crowds_are_the_sums_of_those_behind(
    fleet: Fleet,
    monkeypatch: pytest.MonkeyPatch,
    coordination: str,
    cut_off: tuple[int, ...],
    behind: list[range],
) -> None:
    """Headset i has i + 1 labels in its sums, so those behind row r have Σ (i + 1)."""

    def linked(*args: object) -> list:
        return [
            replace(h, server_link=0.0 if i in cut_off else 1.0)
            for i, h in enumerate(network(*args))  # type: ignore[arg-type]
        ]

    monkeypatch.setattr(meeting, "network", linked)
    seated = {
        row: Profile(member, member.name, "companion", "headset", PLACES[row])
        for row, member in enumerate(fleet.members)
    }
    names = [m.name for m in fleet.members]
    config = Round(coordination, consensus=EXACT)
    batteries = Batteries(dict.fromkeys(names, 0.0))
    report = meeting.meet(fleet, seated, batteries, Dose(1, batch=1), config, 1, Pace())
    for row, (name, who) in enumerate(zip(names, behind, strict=True)):
        assert sorted(report.behind(name)) == [names[i] for i in who]
        wanted = sum(fleet.sums[i]["doing"].a for i in who)
        got = fleet.crowd[row]["doing"]
        assert float(got.n.sum()) == pytest.approx(sum(i + 1 for i in who), rel=1e-4)
        torch.testing.assert_close(got.a, wanted, atol=1e-3, rtol=1e-4)
