"""Clock sync on a simulated network whose truth is known."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from fedxr.bridge.clock import BURST, MAX_US, ClockSync, Estimate, Exchange, now_us


class Network:
    """Two clocks and delays: remote = local * (1 + drift) + offset; queues only add delay."""

    def __init__(self, offset_us: float, drift: float, seed: int = 0) -> None:
        self.offset_us, self.drift = offset_us, drift
        self.rng = np.random.default_rng(seed)

    def remote(self, local_us: float) -> int:
        return round(local_us * (1 + self.drift) + self.offset_us)

    def burst(self, at_us: int) -> list[Exchange]:
        exchanges = []
        for n in range(BURST):
            sent = at_us + 3000 * n
            there, back = 400 + self.rng.exponential(3000, 2)
            arrive = sent + there
            leave = arrive + 20
            exchanges.append(
                Exchange(sent, self.remote(arrive), self.remote(leave), round(leave + back))
            )
        return exchanges


def test_one_exchange_by_hand() -> None:
    """Sent 100, 30 us there, 5 us inside, 50 us back, remote 1000 ahead: delay 80, offset 990."""
    exchange = Exchange(100, 1130, 1135, 185)
    assert exchange.delay_us == 80
    assert exchange.offset_us == ((1130 - 100) + (1135 - 185)) / 2 == 990


def test_offset_and_drift_are_recovered() -> None:
    """+5 s and 60 ppm; after a minute the error is below what it claims, and below 1 ms."""
    network, sync = Network(5e6, 60e-6), ClockSync()
    for second in range(0, 60, 2):
        sync.add_burst(network.burst(second * 1_000_000))
    estimate = sync.estimate
    assert estimate is not None
    assert abs(estimate.drift - 60e-6) < 15e-6
    for at in (58_000_000, 70_000_000):
        error = abs(estimate.to_remote(at) - network.remote(at))
        assert error < 1000
    assert abs(estimate.to_remote(58_000_000) - network.remote(58_000_000)) < (
        estimate.uncertainty_us
    )
    assert abs(estimate.to_local(network.remote(58_000_000)) - 58_000_000) < 1000
    assert sync.resets == 0


def test_the_minimum_filter_beats_the_mean() -> None:
    network, sync = Network(0.0, 0.0), ClockSync()
    burst = network.burst(0)
    estimate = sync.add_burst(burst)
    assert estimate is not None
    mean = float(np.mean([abs(exchange.offset_us) for exchange in burst]))
    assert abs(estimate.offset_us) < mean / 2


def test_a_clock_that_was_set_starts_anew() -> None:
    network, sync = Network(0.0, 0.0), ClockSync()
    for second in range(10):
        sync.add_burst(network.burst(second * 1_000_000))
    network.offset_us = 3e6
    for second in range(10, 14):
        sync.add_burst(network.burst(second * 1_000_000))
    assert sync.resets == 1
    assert sync.estimate is not None
    assert abs(sync.estimate.to_remote(14_000_000) - 17_000_000) < 3000


def test_impossible_exchanges_are_skipped() -> None:
    sync = ClockSync()
    assert sync.add_burst([Exchange(100, 0, 1000, 200)]) is None
    assert sync.add_burst([]) is None


def test_now_does_not_go_back() -> None:
    readings = [now_us() for _ in range(1000)]
    assert readings == sorted(readings)


WILD = st.floats() | st.sampled_from([-1.0, 2.0**52, 1e308, -1e308, 5e-324, 1e-3, -1e-3])
TIMES = st.integers(0, MAX_US)


@given(WILD, WILD, TIMES, WILD, TIMES)
def test_what_an_estimate_maps_is_a_time_whatever_it_says(
    offset: float, drift: float, at: int, uncertainty: float, t_us: int
) -> None:
    try:
        estimate = Estimate(offset, drift, at, uncertainty)
    except ValueError:  # refused, never an OverflowError
        return
    assert 0 <= estimate.to_remote(t_us) <= MAX_US
    assert 0 <= estimate.to_local(t_us) <= MAX_US
    assert 0 <= estimate.uncertainty_us <= MAX_US


@given(st.integers(-(2**53), 2**53), st.floats(-1e-3, 1e-3), TIMES, st.floats(0, 1e9))
def test_what_two_clocks_can_have_is_taken(
    offset: int, drift: float, at: int, uncertainty: float
) -> None:
    """As parts per million over the wire and back, too."""
    Estimate(offset, drift * 1e6 * 1e-6, at, uncertainty)


@given(st.lists(st.tuples(TIMES, TIMES, TIMES, TIMES), max_size=8), st.integers(0, 2**52))
@example([(0, 0, 0, 4225), (0, 0, 0, 9_975_947_894)], 0)
@example([(0, 5 * 10**6, 5 * 10**6, 0), (36 * 10**8, 86 * 10**8, 86 * 10**8, 0)], 7 * 10**9)
def test_a_server_that_lies_cannot_break_the_fit(
    wild: list[tuple[int, int, int, int]], at: int
) -> None:
    """Whatever pongs say; and after a few true bursts the estimate is true."""
    network, sync = Network(5e6, 0.0), ClockSync()
    for numbers in wild:
        sync.add_burst([Exchange(*numbers)])
    for second in range(6):
        sync.add_burst(network.burst(at + second * 1_000_000))
    assert sync.estimate is not None
    assert abs(sync.estimate.to_remote(at + 6_000_000) - network.remote(at + 6_000_000)) < 10_000
