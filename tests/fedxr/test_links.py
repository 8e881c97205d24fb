"""How far headsets and links can be relied on: said once for a run, and held in every round."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.experiments.config_file import with_changes
from fedxr.experiments.run_config import RunConfig
from fedxr.federation.network import draw_link, is_awake, server_reachable
from fedxr.learning.profile import Batteries, HeadsetProfile, Links, network

ROUNDS = 4000


def seen(links: Links) -> tuple[float, float, float]:
    """In how many of the rounds one headset was awake, heard by the server, and by the other."""
    profiles = {
        row: HeadsetProfile(HeadsetIdentity(f"h{row}", (), ()), f"u{row}", "companion", "quest-3")
        for row in (0, 1)
    }
    one, two = network({r: replace(p, links=links) for r, p in profiles.items()}, Batteries())
    awake = sum(is_awake(one, 0, n) for n in range(ROUNDS))
    heard = sum(server_reachable(one, 0, n) for n in range(ROUNDS))
    near = sum(draw_link(one, two, 0, n) for n in range(ROUNDS))
    return awake / ROUNDS, heard / ROUNDS, near / ROUNDS


def test_probabilities_are_those_that_were_said() -> None:
    """Within five deviations of a mean of so many draws."""
    wanted = (0.9, 0.5, 0.2)
    for got, p in zip(seen(Links(*wanted)), wanted, strict=True):
        assert abs(got - p) <= 5 * (p * (1 - p) / ROUNDS) ** 0.5
    assert seen(Links()) == (1.0, 1.0, 1.0)
    assert seen(Links(0, 0, 0)) == (0.0, 0.0, 0.0)


def test_a_run_says_them_once_for_both_protocols() -> None:
    for protocol in ("warm", "cold"):
        config = with_changes(RunConfig(), {"protocol": protocol, "links": {"d2d": 0.5}})
        how = config.warm_protocol() if protocol == "warm" else config.cold_protocol()
        assert how.links == Links(d2d=0.5)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"links: wake is 1\.5; allowed are 0 to 1"):
        with_changes(RunConfig(), {"links": {"wake": 1.5}})
