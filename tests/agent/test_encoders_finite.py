"""Whatever comes in, every encoder gives finite numbers or nothing; the doors hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import made
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.adaptation.replay import ReplayBuffer
from fedxr.agent.encoders import encoder_for, modalities_read
from fedxr.agent.encoders.base import finite
from fedxr.agent.inputs.normalization import Normalizer, token_key
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedEpisode, TokenizedQuery, tokenize
from fedxr.agent.model.kv_cache import tick_batch
from fedxr.agent.model.nystroem import FEATURES
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.agent.serving.inference import InferenceEngine
from fedxr.agent.serving.weight_update import Changes
from fedxr.agent.tasks import Episode
from fedxr.bridge.channels import LAYOUTS, Channel, Samples, layout_of
from fedxr.bridge.plausible import sieve_of

NAN = float("nan")
END_US = 130_000_000
RATES = {"motion": 100.0, "eeg": 128.0, "contact": 512.0, "audio": 2000.0, "physiology": 4.0}
"""Low ones, for there are many cases; the others have 30 Hz."""
LAYOUTS_READ = [
    *(
        name
        for name, layout in LAYOUTS.items()
        if layout.modality in modalities_read() and name not in ("gaze/pupil", "motion/controller")
    ),
    "eeg/Oz-O1-O2",
    "eeg/Oz",
    "columns/strain-tilt_x",
]
CHANNELS = [Channel(name, name, RATES.get(name.split("/")[0], 30.0)) for name in LAYOUTS_READ]
every_channel = pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: c.name)
Values = Callable[[tuple[int, ...], Channel, np.random.Generator], np.ndarray]


def ends(layout: str) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest of the plausible range; of integers, of the type."""
    sieve = sieve_of(layout)
    if sieve is not None:
        return sieve.low, sieve.high
    info = np.iinfo(layout_of(layout).dtype)
    return np.array(info.min), np.array(info.max)


def between(low: float, high: float) -> Values:
    """Noise from ``low`` to ``high`` shares of the plausible range."""

    def values(shape: tuple[int, ...], channel: Channel, rng: np.random.Generator) -> np.ndarray:
        least, most = ends(channel.layout)
        return least + (most - least) * rng.uniform(low, high, shape)

    return values


def all_of(number: float) -> Values:
    return lambda shape, channel, rng: np.full(shape, number)


def spikes(number: float) -> Values:
    """Quiet, but for one number in a hundred."""

    def values(shape: tuple[int, ...], channel: Channel, rng: np.random.Generator) -> np.ndarray:
        quiet = between(0.4, 0.6)(shape, channel, rng)
        return np.where(rng.random(shape) < 0.01, number, quiet)

    return values


def jumping(shape: tuple[int, ...], channel: Channel, rng: np.random.Generator) -> np.ndarray:
    """From one end of the range to the other with each sample."""
    least, most = ends(channel.layout)
    odd = (np.arange(shape[0]) % 2).reshape(-1, *[1] * (len(shape) - 1))
    return np.where(odd, most, least) + np.zeros(shape)


INPUTS: dict[str, Values] = {
    "zeros": all_of(0.0),
    "ones": all_of(1.0),
    "lowest": between(0, 0),
    "highest": between(1, 1),
    "anywhere in range": between(0, 1),
    "jumping": jumping,
    "beyond the range": between(-20, 20),
    "1e-30": all_of(1e-30),
    "1e20": all_of(1e20),
    "-3e38": all_of(-3e38),
    "noise of 1e20": lambda shape, channel, rng: rng.standard_normal(shape) * 1e20,
    "noise of 1e-30": lambda shape, channel, rng: rng.standard_normal(shape) * 1e-30,
    "NaN": all_of(NAN),
    "infinity": all_of(np.inf),
    "some NaN": spikes(NAN),
    "some infinity": spikes(np.inf),
    "spikes of 1e20": spikes(1e20),
    "spikes of 1e11": spikes(1e11),
}
TIMES: dict[str, Callable[[int, float], np.ndarray]] = {
    "regular": lambda n, step: END_US - 1 - step * np.arange(n)[::-1],
    "one sample": lambda n, step: np.array([END_US - 1]),
    "two samples": lambda n, step: np.array([END_US - 2e6, END_US - 1]),
    "all at once": lambda n, step: np.full(n, END_US - 1000),
    "two moments": lambda n, step: END_US - 1 - np.where(np.arange(n) < n // 2, 9e5, 0),
    "a gap": lambda n, step: END_US - step * np.arange(n, 0, -1) - (np.arange(n) < n // 2) * 4e5,
    "all in the future": lambda n, step: END_US + step * np.arange(n),
}  # fmt: skip


def sent(channel: Channel, values: Values, times: str, seed: int = 0) -> Samples:
    shape = encoder_for(channel).shape(channel)
    n = int(max(shape.window_s, shape.summary_s) * channel.rate_hz * 1.05) + 2
    t_us = TIMES[times](n, 1e6 / channel.rate_hz).astype(np.int64)
    layout = layout_of(channel.layout)
    sizes = tuple(size or 9 for size in layout.shape)
    with np.errstate(all="ignore"):
        made = values((len(t_us), *sizes), channel, np.random.default_rng(seed))
        if np.dtype(layout.dtype).kind != "f":
            info = np.iinfo(layout.dtype)
            made = np.clip(np.nan_to_num(made), info.min, info.max)
        return Samples(t_us, made.astype(layout.dtype))


def check(channel: Channel, samples: Samples) -> list[bool]:
    """Whether each of the encoder's vectors is there; they must be finite, and nothing is said."""
    encoder = encoder_for(channel)
    there = []
    for make in (encoder.features, encoder.summary):
        with warnings.catch_warnings(action="error"):
            vector = make(samples, channel, END_US)
        assert vector is None or np.isfinite(vector).all()
        there.append(vector is not None)
    return there


@every_channel
@pytest.mark.parametrize("values", INPUTS)
def test_degenerate_values_give_finite_numbers_or_none(channel: Channel, values: str) -> None:
    check(channel, sent(channel, INPUTS[values], "regular"))


@every_channel
@pytest.mark.parametrize("times", TIMES)
def test_degenerate_times_give_finite_numbers_or_none(channel: Channel, times: str) -> None:
    for values in ("zeros", "anywhere in range", "some NaN"):
        check(channel, sent(channel, INPUTS[values], times))


@pytest.mark.slow
@every_channel
def test_both_at_once_give_finite_numbers_or_none(channel: Channel) -> None:
    for values in INPUTS.values():
        for times in TIMES:
            check(channel, sent(channel, values, times))


@every_channel
def test_the_ends_of_what_is_plausible_are_read(channel: Channel) -> None:
    """The guard is no excuse: what may come through a bridge does give numbers."""
    for values in ("lowest", "highest", "anywhere in range", "jumping"):
        assert all(check(channel, sent(channel, INPUTS[values], "regular"))), values


@every_channel
@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([-3e38, -1e20, -1e6, -1.0, 0.0, 1e-30, 1.0, 1e3, 1e12, 1e20, NAN, np.inf]),
    st.floats(0, 1),
    st.sampled_from(sorted(TIMES)),
    st.integers(0, 2**16),
)
def test_any_mixture_gives_finite_numbers_or_none(
    channel: Channel, number: float, share: float, times: str, seed: int
) -> None:
    def mixed(shape: tuple[int, ...], of: Channel, rng: np.random.Generator) -> np.ndarray:
        usual = between(0, 1)(shape, of, rng)
        return np.where(rng.random(shape) < share, number, usual)

    check(channel, sent(channel, mixed, times, seed))


@pytest.mark.parametrize("number", [NAN, np.inf, 1e20])
@pytest.mark.parametrize(
    "channel",
    [c for c in CHANNELS if sieve_of(c.layout) and c.modality not in ("eeg", "contact")],
    ids=lambda c: c.name,
)
def test_a_sample_that_cannot_be_takes_no_other_with_it(channel: Channel, number: float) -> None:
    whole = sent(channel, between(0.4, 0.6), "regular")
    values, kept = whole.values.copy(), np.ones(len(whole), bool)
    for i in (len(whole) // 2, len(whole) - 3):
        kept[i] = False
    values = np.where(kept.reshape(-1, *[1] * (values.ndim - 1)), values, np.float32(number))
    encoder = encoder_for(channel)
    for make in (encoder.features, encoder.summary):
        due = make(Samples(whole.t_us[kept], whole.values[kept]), channel, END_US)
        assert due is not None
        np.testing.assert_array_equal(make(Samples(whole.t_us, values), channel, END_US), due)


@pytest.mark.parametrize("number", [NAN, np.inf, -np.inf])
def test_an_encoder_whose_sums_go_wrong_says_nothing(number: float) -> None:
    """The guard that all of them wear; none of them needs it on the inputs above."""

    class Wrong:
        @finite
        def features(self, samples: Samples, channel: Channel, end_us: int) -> np.ndarray:
            return np.array([1.0, end_us], np.float32) * np.float32(number if end_us else 1.0)

    silence = Samples(np.empty(0, np.int64), np.empty(0))
    assert Wrong().features(silence, CHANNELS[0], 1) is None
    assert Wrong().features(silence, CHANNELS[0], 0).tolist() == [1.0, 0.0]


def test_an_electrode_that_is_away_takes_no_other_with_it() -> None:
    channel = Channel("eeg", "eeg/Oz-O1-O2", 128.0)
    all_three = sent(channel, between(0.4, 0.6), "regular")
    values = all_three.values.copy()
    values[:, 1] = NAN
    two = Channel("eeg", "eeg/Oz-O2", 128.0)
    np.testing.assert_array_equal(
        encoder_for(channel).features(Samples(all_three.t_us, values), channel, END_US),
        encoder_for(two).features(
            Samples(all_three.t_us, all_three.values[:, [0, 2]]), two, END_US
        ),
    )


def test_recordings_lose_what_cannot_be_as_streams_do() -> None:
    episode = made.episode(0)
    watch = episode.samples["watch"]
    spoiled, there = watch.values.copy(), np.ones(len(watch), bool)
    for i, number in ((20, NAN), (21, 1e20), (160, np.inf)):
        spoiled[i, 2], there[i] = number, False
    samples = {**episode.samples, "watch": Samples(watch.t_us, spoiled)}
    without = {**episode.samples, "watch": Samples(watch.t_us[there], watch.values[there])}

    def tokens_of(samples: dict[str, Samples]) -> TokenizedEpisode:
        return tokenize(replace(episode, samples=samples), made.CHANNELS)

    got, due = tokens_of(samples), tokens_of(without)
    assert len(got.token_features) == len(due.token_features) > 0
    for a, b in zip(got.token_features, due.token_features, strict=True):
        np.testing.assert_array_equal(a.features, b.features)
    assert isinstance(episode, Episode)


# -- the doors behind the encoders: a NaN is planted before each -----------------------------------


def spoiled(tokens: TokenizedEpisode) -> TokenizedEpisode:
    """With a NaN in its last emission."""
    last = tokens.token_features[-1]
    bad = last.features.copy()
    bad[-1] = NAN
    return replace(
        tokens, token_features=(*tokens.token_features[:-1], replace(last, features=bad))
    )


def test_no_nan_enters_the_rings() -> None:
    model = made.checkpoint().model
    whole = made.tokens(0)
    fine = next(e for e in whole.token_features if e.layout == "motion/wrist")
    ask = whole.queries[0]
    bad = TokenFeatures(fine.layout, fine.tick, np.full_like(fine.features, NAN))
    summary = {**ask.summary, "motion/watch": np.array([NAN], np.float32)}
    batch = tick_batch(model, [[fine, bad]], [[TokenizedQuery(ask.task, ask.tick, -1, summary)]])
    assert int(batch.valid.sum()) == 1
    for rows in (batch.features, batch.summaries):
        assert rows
        assert all(bool(x.isfinite().all()) for x, _ in rows.values())


def test_no_nan_enters_running_statistics() -> None:
    layout = "eeg/Oz-O1"
    key = token_key(layout)
    assert key is not None
    normal = Normalizer()
    good = TokenFeatures(layout, 0, np.ones(3, np.float32))
    for features in (good.features, np.array([1, NAN, 1], np.float32), good.features):
        normal.observe(TokenizedEpisode((replace(good, features=features),), ()))
    assert normal.own[key].n == 2
    assert np.isfinite(normal.emission(good).features).all()


def test_no_nan_enters_replay_memory_or_ridge_sums() -> None:
    memory, example = ReplayBuffer(), made.moment(0, 1)
    with pytest.raises(ValueError, match="not finite"):
        memory.add(spoiled(example), torch.zeros(FEATURES))
    with pytest.raises(ValueError, match="not finite"):
        memory.add(example, torch.full((FEATURES,), NAN))
    assert memory.examples == {}
    with pytest.raises(ValueError, match="not finite"):
        RidgeStats.of(torch.full((1, FEATURES), NAN), torch.tensor([0]), 2)


def test_an_example_with_a_nan_is_refused_before_anything_is_learned_of_it() -> None:
    cohort = Cohort(
        made.checkpoint(), [HeadsetIdentity("u", made.CHANNELS, ("doing",))], made.TUNING
    )
    fine = made.moment(0, 1)
    with pytest.raises(ValueError, match="a label of u"):
        cohort.remember([(0, fine), (0, spoiled(fine))])
    assert [s.personal for s in cohort.headsets] == [{}]
    assert cohort.headsets[0].replay.examples == {}
    assert cohort.headsets[0].expert_weights["doing"].count == 0


def test_a_moment_with_a_nan_is_not_known() -> None:
    identity = HeadsetIdentity("u", made.CHANNELS, ("doing",))
    checkpoint = made.checkpoint()
    cohort, inference = (
        Cohort(checkpoint, [identity], made.TUNING),
        InferenceEngine(checkpoint, [identity], made.TUNING),
    )
    episode = made.episode(0)
    inference.swap(inference.prepare(Changes(cohort).take()))
    inference.push(0, 0, episode.samples)
    inference.tick({0: 60})
    moment_us = 59 * 33_333
    assert inference.headsets[0].example("doing", 0, moment_us, 1) is not None
    past = inference.headsets[0].past._episodes[-1].token_features
    past.append(replace(past[-1], tick=58, features=np.full_like(past[-1].features, NAN)))
    assert inference.headsets[0].example("doing", 0, moment_us, 1) is None
