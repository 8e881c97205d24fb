"""The vision encoder: which pictures are drawings, what becomes of them, gradients, bending."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tolerance import rounding

from fedxr.agent.encoders.vision import ENCODER, SIDE, gradients, normalised, resampling
from fedxr.bridge.channels import TICK_US, Channel, ChannelError, Samples

GRAY = Channel("camera", "vision/gray", 0)
RGB = Channel("camera", "vision/rgb", 0)


def at(*pictures: np.ndarray, t_us: tuple[int, ...] = (0,)) -> Samples:
    return Samples(np.array(t_us, np.int64), np.stack(pictures))


def bar(
    side: int = 105, top: int = 10, left: int = 20, ink: int = 0, paper: int = 255
) -> np.ndarray:
    """An upright bar of 40 x 8 pixels."""
    picture = np.full((side, side), paper, np.uint8)
    picture[top : top + 40, left : left + 8] = ink
    return picture


def test_a_drawing_is_cut_to_its_ink_and_turned_to_bright() -> None:
    small = normalised(bar())
    rows, columns = np.flatnonzero(small.max(axis=1) > 0.5), np.flatnonzero(small.max(axis=0) > 0.5)
    # 40 pixels of ink fill 20 of 28, so a bar 8 wide becomes 4 wide, both in the middle
    assert (rows[0], rows[-1]) == (4, 23)
    assert (columns[0], columns[-1]) == (12, 15)
    assert small.max() == 1.0
    assert small[0, 0] == 0.0


def test_place_polarity_and_contrast_of_a_drawing_do_not_matter() -> None:
    want = normalised(bar())
    # of numbers up to 1: the sum over colours, then one over the rows and one over the columns
    atol = rounding(torch.float32, len(bar()), layers=3)
    for other in (
        bar(top=60, left=90),
        bar(ink=255, paper=0),
        bar(ink=90, paper=180),
        np.repeat(bar()[..., None], 3, 2),
    ):
        np.testing.assert_allclose(normalised(other), want, rtol=0, atol=atol)


def test_other_pictures_are_kept_whole_in_a_letter_box() -> None:
    ramp = np.tile(np.linspace(10, 210, 56).astype(np.uint8), (28, 1))  # 28 high, 56 wide
    small = normalised(ramp)
    assert (small[:7] == 0).all()
    assert (small[21:] == 0).all()
    # each of the 28 columns is the mean of two of the 56
    stretched = (ramp[0].astype(float) - 10) / 200
    np.testing.assert_allclose(small[14], stretched.reshape(28, 2).mean(axis=1), atol=1e-3)


def test_an_empty_picture_is_dark() -> None:
    assert not normalised(np.full((40, 30), 77, np.uint8)).any()
    summary = ENCODER.summary(at(np.full((40, 30), 77, np.uint8)), GRAY, TICK_US)
    assert summary is not None
    assert not summary.any()


def test_resampling_is_an_average_over_the_pixels_it_covers() -> None:
    # 10 pixels into 4: each covers 2.5 of them
    np.testing.assert_allclose(resampling(10, 0, 10, 4)[0], [0.4, 0.4, 0.2] + [0] * 7, atol=1e-6)
    np.testing.assert_allclose(resampling(10, 0, 10, 4).sum(axis=1), 1, atol=1e-6)
    assert resampling(10, -5, 5, 2).sum() == pytest.approx(0, abs=1e-6)  # outside


def test_gradients_know_directions_and_places() -> None:
    """A bright lower half has one edge, downwards (90 degrees: direction 2 of 8), in the middle."""
    half = np.zeros((SIDE, SIDE), np.float32)
    half[14:] = 1.0
    cells = gradients(half).reshape(8, 7, 7)
    assert cells[2].sum() == pytest.approx(cells.sum(), rel=1e-4)
    assert cells[2].sum(axis=1).argmax() == 3
    assert np.square(cells).sum() == pytest.approx(1.0, abs=1e-3)


def test_the_newest_picture_counts_and_only_in_its_time() -> None:
    one, two = bar(), bar(ink=255, paper=0).T.copy()
    both = at(one, two, t_us=(0, 10 * TICK_US))
    shape = ENCODER.shape(GRAY)
    first = ENCODER.features(both, GRAY, TICK_US)
    assert first is not None
    np.testing.assert_array_equal(first, normalised(one).ravel())
    assert ENCODER.features(both, GRAY, 2 * TICK_US) is None
    before = ENCODER.summary(both, GRAY, 10 * TICK_US)
    after = ENCODER.summary(both, GRAY, 11 * TICK_US)
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before, ENCODER.summary(at(one), GRAY, TICK_US))
    assert np.abs(before - after).max() > 0.1
    assert (first.shape, before.shape) == ((shape.size,), (shape.summary,))
    assert first.dtype == before.dtype == np.float32
    assert ENCODER.summary(both, GRAY, 10 * TICK_US + 5_000_001) is None


@pytest.mark.parametrize("channel", [GRAY, RGB])
def test_bending_keeps_layout_and_follows_its_seed(channel: Channel) -> None:
    picture = bar() if channel is GRAY else np.repeat(bar()[..., None], 3, 2)
    one, same, other = (
        ENCODER.augment(at(picture), channel, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert one.values.shape == (1, *picture.shape)
    assert one.values.dtype == np.uint8
    np.testing.assert_array_equal(one.values, same.values)
    assert (one.values != other.values).any()
    changed = normalised(one.values[0]) - normalised(picture)
    assert 0.01 < np.abs(changed).mean() < 0.2  # another bar, but a bar


def test_other_layouts_are_refused() -> None:
    with pytest.raises(ChannelError, match="vision/rgb, not depth/map"):
        ENCODER.shape(Channel("depth", "depth/map", 0))
