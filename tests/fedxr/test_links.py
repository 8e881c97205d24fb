"""How far headsets and links can be relied on: said once for a run, and held in every round."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.experiments.config_file import with_changes
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import TokenizedUser
from fedxr.experiments.teaching import profile_of
from fedxr.federation import COORDINATIONS
from fedxr.federation.coordination import form_clusters
from fedxr.federation.network import draw_link, is_awake, server_reachable
from fedxr.learning.profile import Batteries, HeadsetProfile, Links, network
from fedxr.scenarios.devices import DEVICES, devices_for
from fedxr.scenarios.simulated import simulate
from fedxr.scenarios.users import User
from fedxr.virtual.headsets import profile_of_actor, simulated_actor

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


def test_a_headless_headset_has_what_a_live_one_has() -> None:
    """The computer, battery and radios of its device; the seat of a demo knows them alike."""
    for device in DEVICES.values():
        user = simulate(device.use_case, device, 3, 0, 2)
        mine = profile_of(TokenizedUser(user, (), ()), 0, Links())
        theirs = profile_of_actor(simulated_actor(device, 3, 0, 2.0), user.tasks)
        means = ("device", "battery", "battery_j", "computer", "d2d_bytes_per_s")
        for name in (*means, "uplink_bytes_per_s"):
            assert getattr(mine, name) == getattr(theirs, name), (device.name, name)
        assert mine.uplink_bytes_per_s == device.uplink_bps / 8


def test_a_recorded_person_wears_a_device_of_their_use_case() -> None:
    people = [User("set", f"u{i}", "companion", (), (), ()) for i in range(4)]
    seats = [profile_of(TokenizedUser(p, (), ()), i, Links()) for i, p in enumerate(people)]
    names = [d.name for d in devices_for("companion")]
    assert [s.device for s in seats] == [*names, names[0]]
    own = profile_of(TokenizedUser(replace(people[0], use_case="knitting"), (), ()), 0, Links())
    assert (own.device, own.d2d_bytes_per_s) == ("recorder", None)


def test_who_is_next_door_is_within_reach_and_nobody_else() -> None:
    """By the default graph."""
    rule = RunConfig().warm_protocol().rule()
    people = [User("set", f"u{i}", "companion", (), (), ()) for i in range(8)]
    seats = {i: profile_of(TokenizedUser(p, (), ()), i, Links()) for i, p in enumerate(people)}
    headsets = network(seats, Batteries())
    plan = COORDINATIONS.named("decentralized")
    (one,) = form_clusters(plan, rule.round.topology, headsets, 0)
    near = {frozenset((one.members[a], one.members[b])) for a, b in one.links.nonzero().tolist()}
    rows = {frozenset((i, i + 1)) for i in (0, 1, 2, 4, 5, 6)}
    assert near == rows | {frozenset((i, i + 4)) for i in range(4)}


def test_the_yardstick_counts_a_quarter_of_a_second_a_transfer() -> None:
    for radio, rate in (("devices", DEVICES["quest-3"].d2d_bps / 8), ("mh-fl", None)):
        config = with_changes(RunConfig(), {"radio": radio})
        assert config.warm_protocol().links.radio == config.cold_protocol().links.radio == radio
        profile = HeadsetProfile(HeadsetIdentity("h", (), ()), "u", "neuroadaptive", "quest-3")
        seat = replace(profile, links=config.warm_protocol().links).equipped()
        (headset,) = network({0: seat}, Batteries())
        assert headset.d2d_bytes_per_s == rate
    with pytest.raises(ValueError, match="radio 'morse'; allowed are devices and mh-fl"):
        Links(radio="morse")  # type: ignore[arg-type]
