"""What one session may have done for it: allowances, seats, channels, and pictures."""

from __future__ import annotations

import asyncio
import io
import ipaddress

import numpy as np
import pytest
from bridge_rig import Recorder, headset, server_of, until
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fedxr.bridge.channels import LAYOUTS, Channel, Samples, modality_of
from fedxr.bridge.images import MAX_SCANS, decode_picture
from fedxr.bridge.protocol import BridgeError, Hello, Offer, ProtocolError
from fedxr.bridge.serving import budget
from fedxr.bridge.serving.address import longest_silent, principal, share
from fedxr.bridge.serving.admission import open_channels
from fedxr.bridge.serving.budget import PATIENCE, Allowance, Budget
from fedxr.bridge.serving.limits import MOST_CHANNELS, samples_of


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _budget(per_s: float = 10.0, burst: float = 20.0) -> tuple[Budget, Clock]:
    clock = Clock()
    return Budget({"label": Allowance("labels", per_s, burst)}, clock), clock


@given(
    st.floats(0.5, 100.0),
    st.floats(1.0, 500.0),
    st.lists(st.tuples(st.floats(0.0, 3.0), st.integers(1, 40)), max_size=60),
)
def test_nobody_gets_more_than_the_burst_and_the_rate(
    per_s: float, burst: float, asked: list[tuple[float, int]]
) -> None:
    """However it is asked: in any stretch, no more than what one gets at once and what comes in."""
    budget, clock = _budget(per_s, burst)
    start, given_at = clock.now, []
    for pause, amount in asked:
        clock.now += pause
        if budget.spend("label", amount):
            given_at.append((clock.now, amount))
    for i, (first, _) in enumerate(given_at):
        for j in range(i, len(given_at)):
            done = sum(n for _, n in given_at[i : j + 1])
            assert done <= burst + per_s * (given_at[j][0] - first) * (1 + 1e-9) + 1e-6
    assert sum(budget.shed.values()) == sum(n for _, n in asked) - sum(n for _, n in given_at)
    assert clock.now >= start


def test_who_stays_below_is_never_shed() -> None:
    budget, clock = _budget()
    for _ in range(1000):
        clock.now += 0.1
        assert budget.spend("label")
    assert not budget.tell()
    assert budget.spend("something nobody bounds", 1e12)


def test_what_is_shed_is_told_once_a_second_and_gross_excess_ends_the_session() -> None:
    budget, clock = _budget()
    for second in range(PATIENCE):
        assert not budget.overdrawn
        for _ in range(60 if second else 80):
            budget.spend("label")
        told = budget.tell()
        assert "labels (allowed: 10 labels a second, 20 at once)" in told
        clock.now += 1.0
    assert budget.overdrawn


def test_a_little_too_much_is_thinned_and_nobody_ended() -> None:
    budget, clock = _budget()
    told = 0
    for _ in range(10 * PATIENCE):
        for _ in range(15):
            budget.spend("label")
        told += bool(budget.tell())
        clock.now += 1.0
    assert told > PATIENCE
    assert not budget.overdrawn


def test_what_is_done_already_is_waited_for() -> None:
    budget, clock = _budget(0.5, 2.0)
    assert budget.charge("label", 1.5) == 0.0
    assert budget.charge("label", 1.0) == pytest.approx(1.0)  # half a unit too much, at half a unit
    clock.now += 1.0
    assert budget.charge("label", 0.0) == 0.0


# -- seats ------------------------------------------------------------------------------------


@given(st.ip_addresses(), st.integers(1, 1000))
def test_no_principal_gets_all_seats(address: ipaddress.IPv4Address, seats: int) -> None:
    mine = share(principal((str(address), 1)), seats)
    assert 1 <= mine <= seats
    assert mine < seats or seats < 9


def test_a_household_is_one_principal() -> None:
    one, other = ("2001:db8:1:2:3::4", 5, 0, 0), ("2001:db8:1:2:ffff::1", 6, 0, 0)
    assert principal(one) == principal(other) != principal(("2001:db8:1:3::4", 5, 0, 0))
    assert principal(("::ffff:10.0.0.7", 1, 0, 0)) == principal(("10.0.0.7", 2))
    assert principal(None) == "?"


async def test_one_peer_cannot_take_all_seats_and_the_silent_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 16 seats loopback gets 14: the fifteenth has to wait, until somebody is silent."""
    monkeypatch.setattr("fedxr.bridge.serving.server._TEND_S", 0.02)
    app = Recorder()
    async with server_of(app, max_sessions=16) as server:
        monkeypatch.setattr("fedxr.bridge.serving.address.IDLE_S", 10**9)
        here = [await headset(server.url, user=f"u{i}") for i in range(14)]
        with pytest.raises(BridgeError, match="all 14 places of one address are taken"):
            await headset(server.url, user="more")
        monkeypatch.setattr("fedxr.bridge.serving.address.IDLE_S", 2)
        await until(lambda: longest_silent(server.sessions.values()) is not None)
        last = await headset(server.url, user="more")
        await until(lambda: any(reason.startswith("silent for") for reason in app.over))
        assert len(server.sessions) == 14
        for client in [*here, last]:
            await client.close()


# -- channels and pictures --------------------------------------------------------------------


@given(st.lists(st.sampled_from(sorted(LAYOUTS)), max_size=80))
def test_what_no_device_has_is_refused_by_name(layouts: list[str]) -> None:
    offers = [Offer(f"c{i}", layout, 30.0) for i, layout in enumerate(layouts)]
    accepted, refused = open_channels(Hello(1, 1, "u", "s", offers, []))
    assert {c.name for c in accepted} | refused.keys() == {o.name for o in offers}
    assert len(accepted) <= MOST_CHANNELS
    for layout in set(layouts):
        most = modality_of(layout).channels
        assert sum(c.layout == layout for c in accepted) <= most
    assert accepted[: len(layouts[:1])] == [Channel("c0", layouts[0], 30.0)] if layouts else True


def test_a_cap_of_a_thousand_electrodes_is_refused() -> None:
    electrodes = "-".join(f"E{n}" for n in range(1000))
    offers = [Offer("cap", f"eeg/{electrodes}", 250.0), Offer("few", "eeg/Oz-O1", 250.0)]
    accepted, refused = open_channels(Hello(1, 1, "u", "s", offers, []))
    assert [c.name for c in accepted] == ["few"]
    assert "1000 electrodes; at most 256" in refused["cap"]


@pytest.mark.parametrize("rate_hz", [0.0, 1.0, 30.0, 16_000.0])
def test_a_channel_may_bring_what_it_says_and_twice_that(rate_hz: float) -> None:
    """For as long as it likes; and after a lost connection all that it kept of a minute."""
    for layout in ("motion/head", "audio/pcm16"):
        allowance = samples_of(Channel("c", layout, rate_hz))
        assert allowance.per_s >= 2 * rate_hz
        assert allowance.burst >= 60 * rate_hz


def _progressive(scans: int) -> bytes:
    """A JPEG of so many scans: its last one again and again."""
    out = io.BytesIO()
    Image.fromarray(np.full((64, 64), 128, np.uint8)).save(out, "JPEG", progressive=True)
    raw = out.getvalue()
    starts = [i for i in range(len(raw) - 1) if raw[i : i + 2] == b"\xff\xda"]
    more = scans - len(starts)
    return raw[:-2] + raw[starts[-1] : -2] * more + b"\xff\xd9"


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded() -> None:
    fine = decode_picture(_progressive(MAX_SCANS), "jpeg", 1, (64, 64))
    assert fine.shape == (1, 64, 64)
    with pytest.raises(ProtocolError, match=f"{MAX_SCANS + 1} scans in a JPEG; allowed are"):
        decode_picture(_progressive(MAX_SCANS + 1), "jpeg", 1, (64, 64))


async def test_decoding_is_paid_for_by_who_sent_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A camera whose pictures are dear waits for its next one; another's are decoded meanwhile."""
    dear = {"decoding": Allowance("seconds of decoding", 1e-6, 1e-6)}
    eye = Channel("eye", "vision/gray", 30, "reliable")
    app = Recorder()
    async with server_of(app) as server:
        poor = await headset(server.url, [eye], "poor")
        rich = await headset(server.url, [eye], "rich")
        for session in app.sessions:
            if session.user == "poor":
                for kind, allowance in dear.items():
                    session.budget.allow(kind, allowance)
        monkeypatch.setattr("fedxr.bridge.serving.decode_queue._MOST_WAIT_S", 3600.0)
        for n in range(1, 6):
            for client in (poor, rich):
                await client.send_frame(n * 40_000, {"eye": _gray(n * 40_000)})
        frames = {s.user: s.stats for s in app.sessions}
        await until(lambda: frames["rich"].frames == 5)
        await asyncio.sleep(0.2)
        assert frames["poor"].frames == 1
        await rich.close()
        await poor.close()


def _gray(t_us: int) -> Samples:
    rng = np.random.default_rng(0)
    return Samples(np.array([t_us]), rng.integers(0, 255, (1, 64, 64), np.uint8))


def test_allowances_are_of_work_that_people_do_not_reach() -> None:
    """One a tick of anything that a person does is far above what people do."""
    for kind in ("label", "episode", "ping"):
        assert budget.ALLOWANCES[kind].per_s >= 4
        assert budget.ALLOWANCES[kind].burst >= 30
