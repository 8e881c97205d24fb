"""One rule for stamps: whatever a source's clock does, samples keep their time, in made time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strange_clock import EYES, Heard, S, Stamps, listen

from fedxr.bridge.channels import TICK_US
from fedxr.bridge.stamp_clock import AHEAD_US

SANE_S = 6.0
"""From then on the source's clock is sane, whatever it did before; what leaves 5 s later counts."""
END_S = 13.0


@dataclass(frozen=True)
class Event:
    """What a clock does between two times (s): it steps by ``much`` s, drifts by that part, says
    NaN, stands still, counts in a unit that is so many times smaller, or trembles by so many s."""

    what: str
    begin_s: float
    end_s: float
    much: float

    def on(self, t: np.ndarray, stamps: np.ndarray) -> np.ndarray:
        within = (t >= self.begin_s) & (t < self.end_s)
        if self.what == "drifts":
            return stamps + self.much * np.clip(t - self.begin_s, 0, self.end_s - self.begin_s)
        changed = {
            "steps": lambda: stamps + self.much,
            "says NaN": lambda: np.full(len(t), np.nan),
            "stands still": lambda: np.full(len(t), stamps[within][:1].sum()),
            "counts in": lambda: stamps * self.much,
            "trembles": lambda: stamps + np.random.default_rng(0).normal(0, self.much, len(t)),
        }
        return np.where(within, changed[self.what](), stamps)


def clock_of(events: list[Event], zero_s: float = 0.0) -> Stamps:
    def stamps(t: np.ndarray) -> np.ndarray:
        out = t + zero_s
        for event in events:
            out = event.on(t, out)
        return out

    return stamps


def taken_at(*rates: float, until_s: float = END_S) -> np.ndarray:
    """Times (us) of samples; each rate holds for 6 s, the last until the end."""
    parts, begin = [], 0.0
    for n, rate in enumerate(rates):
        end = until_s if n == len(rates) - 1 else begin + 6.0
        parts.append(np.arange(begin, end, 1 / rate))
        begin = parts[-1][-1] + 1 / rates[min(n + 1, len(rates) - 1)]
    return np.concatenate(parts) * S


@st.composite
def events(draw: st.DrawFn) -> Event:
    begin = draw(st.floats(0.0, SANE_S - 0.1))
    end = draw(st.floats(begin + 0.02, SANE_S))
    what, much = draw(
        st.one_of(
            st.tuples(
                st.just("steps"),
                st.tuples(st.sampled_from([-1, 1]), st.floats(-2.5, 6)).map(
                    lambda x: x[0] * 10 ** x[1]
                ),
            ),
            st.tuples(st.just("drifts"), st.floats(-0.2, 0.2)),
            st.tuples(st.sampled_from(["says NaN", "stands still"]), st.just(0.0)),
            st.tuples(st.just("counts in"), st.sampled_from([1e3, 1e6, 1e9, 1e-3])),
            st.tuples(st.just("trembles"), st.floats(-3, 1).map(lambda x: 10**x)),
        )
    )
    # A step may stay: the clock is sane again, but has another zero.
    stays = what == "steps" and draw(st.booleans())
    return Event(what, begin, 100.0 if stays else end, much)


RATES = st.sampled_from([30.0, 60.0, 100.0, 125.0, 250.0, 256.0, 500.0])


def check(heard: Heard, taken_us: np.ndarray) -> None:
    """What leaves 5 s after the stamps are sane again is what was taken in the last 0.1 s, at its
    time, give or take the way to here and a sample; nothing waits, nothing is said to lack."""
    period_us = float(np.diff(taken_us)[-1])
    since_us = (SANE_S + 5) * S
    last = heard.left_us >= since_us
    off_us = heard.off_us(taken_us, SANE_S + 5)
    age_us = heard.left_us[last] - heard.t_us[last]
    due = (taken_us > since_us - 0.05 * S) & (taken_us < END_S * S - 0.1 * S - TICK_US)
    assert last.sum() >= 0.97 * due.sum()
    assert np.abs(off_us).max() < 50_000 + period_us
    # Waited for are the 40 ms that a tick is held back, and up to a tick.
    assert age_us.max() < 100_000 + period_us
    assert heard.sensor.counts["gaps"] == 0, heard.said
    assert heard.most_held <= 0.6e6 / np.diff(taken_us).min() + 8
    assert (np.diff(heard.t_us) >= 0).all()
    # Never ahead of when it was sent, whatever was believed meanwhile.
    assert (heard.t_us <= heard.left_us + AHEAD_US).all()
    # Each kind once.
    assert len(heard.said) == len(set(heard.said)) <= 14


SILENT = [Event("says NaN", 0.0, 1.0, 0.0)]


@settings(max_examples=12, deadline=None)
@example(SILENT, [30.0], None, 0.0)  # no stamp for a second, then good ones, or foreign ones
@example(SILENT, [30.0], None, 1.7e9)
@given(
    st.lists(events(), max_size=4),
    st.lists(RATES, min_size=1, max_size=2),
    st.none() | RATES,
    st.sampled_from([0.0, 1.7e9, -50.0]),
)
def test_any_clock_that_is_sane_again_is_followed(
    wrong: list[Event], rates: list[float], says_hz: float | None, zero_s: float
) -> None:
    taken_us = taken_at(*rates)
    heard = listen(clock_of(wrong, zero_s), taken_us, says_hz or rates[0], seconds=END_S)
    check(heard, taken_us)
    assert heard.sensor.timeline.rate_known_hz == pytest.approx(rates[-1], rel=0.02)


WRONG = {
    "stamps ahead": [Event("steps", 5, 7, 200_000.0)],
    "stamps back": [Event("steps", 5, 100, -5.0)],
    "stamps still": [Event("stands still", 5, 9, 0.0)],
    "stamps not finite": [Event("says NaN", 5, 9, 0.0)],
    "stamps in another unit": [Event("counts in", 0, 9, 1e3)],
    "stamps behind": [Event("drifts", 5, 8, -0.3)],
    "stamps at another pace": [Event("drifts", 3, 11, 1.5)],
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("columns", ["eeg", "gaze"])
def test_each_kind_is_said_and_followed_within_a_second(kind: str, columns: str) -> None:
    """By a source of a steady rate and by an irregular one (gaze, 60 a second)."""
    taken_us = taken_at(250.0 if columns == "eeg" else 60.0)
    more = {"columns": EYES} if columns == "gaze" else {}
    nominal = 250.0 if columns == "eeg" else 0.0
    heard = listen(clock_of(WRONG[kind]), taken_us, nominal, seconds=END_S, **more)
    assert heard.sensor.counts[kind] >= 1
    assert heard.sensor.counts["gaps"] == 0
    assert len(heard.said) == len(set(heard.said)) <= 5
    first_s = WRONG[kind][0].begin_s + 1.2
    if kind != "stamps not finite" or columns == "eeg":
        # The clock that drifts by 30 % is off by that for as long as it is believed.
        assert np.abs(heard.off_us(taken_us, first_s)).max() < 350_000
    assert np.abs(heard.off_us(taken_us, 12.0)).max() < 55_000


def test_a_clock_that_is_set_and_measured_anew_is_believed_again() -> None:
    """Stamps and the clock that is asked step together, but not in one instant."""
    taken_us = taken_at(250.0)
    heard = listen(
        clock_of([Event("steps", 5.5, 100, -3.0)]),
        taken_us,
        250.0,
        seconds=END_S,
        clock=lambda t_s: -3.0 if t_s > 6 else 0.0,
    )
    assert not heard.sensor.clock.by_arrival
    assert np.abs(heard.off_us(taken_us, 12.0)).max() < 500  # as the measured clock has it
    assert heard.sensor.counts["gaps"] == 0


@pytest.mark.parametrize("rates", [(250.0, 125.0), (125.0, 250.0), (256.0, 256.0), (1000.0, 30.0)])
def test_the_rate_that_is_sent_is_said_and_used(rates: tuple[float, float]) -> None:
    taken_us = taken_at(*rates)
    heard = listen(lambda t: t, taken_us, 250.0, seconds=END_S)
    assert [line for line in heard.said if "sends" in line] == [
        f"strange: says 250 Hz, sends {rate:g}" for rate in dict.fromkeys(rates) if rate != 250
    ]
    (channel,) = heard.sensor.channels
    assert channel.rate_hz == rates[1]
    assert heard.sensor.counts["gaps"] == 0
    assert np.abs(heard.off_us(taken_us, 8.0)).max() < 10_000


@pytest.mark.parametrize("wrong", [[], [Event("steps", 3, 100, 5.0)], [Event("steps", 8, 9, -2.0)]])
@pytest.mark.parametrize("missing", [10, 125, 1000])
def test_a_gap_is_still_a_gap(wrong: list[Event], missing: int) -> None:
    """Before, after or without a step of the clock: what was not sent is told, once."""
    taken_us = np.delete(taken_at(250.0), np.arange(1500, 1500 + missing))
    heard = listen(clock_of(wrong), taken_us, 250.0, seconds=END_S)
    assert heard.sensor.counts["gaps"] == 1
    assert abs(heard.sensor.counts["missing"] - missing) <= 2
    assert np.abs(heard.off_us(taken_us, 12.0)).max() < 10_000


def test_a_glitch_is_one_sample() -> None:
    """Stamps that are far off for one sample each, every half second."""
    taken_us = taken_at(250.0)

    def stamps(t: np.ndarray) -> np.ndarray:
        n = np.arange(len(t))
        return np.where(n % 125 == 60, t + 1e5, t)

    heard = listen(stamps, taken_us, 250.0, seconds=END_S)
    assert 0 < heard.sensor.counts["invalid"] <= len(taken_us) / 125
    assert len(heard.t_us) > len(taken_us) * 0.98
    assert heard.sensor.counts["gaps"] == 0
    assert np.abs(heard.off_us(taken_us, 0.2)).max() < 1000


@pytest.mark.parametrize(
    "wrong", [Event("steps", 5, 100, 0.009), Event("stands still", 5, 5.21, 0.0)]
)
def test_what_only_looks_like_a_gap_is_none(wrong: Event) -> None:
    """Stamps leap by two samples and more, but as many arrive as before."""
    taken_us = taken_at(250.0 if wrong.what == "steps" else 60.0)
    heard = listen(
        clock_of([wrong]), taken_us, 250.0 if wrong.what == "steps" else 60.0, seconds=END_S
    )
    assert heard.sensor.counts["gaps"] == 0
    assert np.abs(heard.off_us(taken_us, 6.5)).max() < 20_000


def test_what_a_network_held_back_is_neither_missing_nor_moved() -> None:
    """For three seconds nothing comes, then all of it within a tick: stamps are right, and said
    to be so."""
    taken_us = taken_at(250.0)
    arrives_us = np.where((taken_us > 6 * S) & (taken_us < 9 * S), 9 * S, taken_us)
    heard = listen(lambda t: t, taken_us, 250.0, seconds=END_S, arrives_us=arrives_us)
    assert heard.sensor.counts["gaps"] == 0
    assert not heard.sensor.clock.by_arrival
    assert np.abs(heard.off_us(taken_us, 0.0)).max() < 500
    assert len(heard.t_us) > len(taken_us) - 40
