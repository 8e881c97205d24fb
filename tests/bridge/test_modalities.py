"""The registry of modalities: look-ups, what is refused, and that nothing is remembered of what
has gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from fedxr.bridge.absences import Absences
from fedxr.bridge.channels import (
    LAYOUTS,
    MODALITIES,
    Channel,
    ChannelError,
    Layout,
    Modality,
    Places,
    Range,
    Samples,
    layout_of,
    modality_of,
)
from fedxr.bridge.plausible import sieve_of
from fedxr.bridge.sensors.mapping import map_source
from fedxr.bridge.sensors.source import Column, Source
from fedxr.bridge.serving.limits import too_many
from fedxr.bridge.unity.observations import read, sensor_of
from fedxr.plugins import PluginError

BELT = Layout("belt/stretch", (), "float32", "m", "", "", Range(0.3, 2.0), labels=("belt",))
HINGE = Layout("belt/hinge", (2, 4), "float32", "m", "world", "", Range(-9, 9), mirrored=(2,))


@pytest.fixture
def belt() -> Iterator[Modality]:
    before = MODALITIES.snapshot()
    places = Places("muscles", "V", "", Range(-1.0, 1.0, places=True))
    yield MODALITIES.add(Modality("belt", (BELT, HINGE), places, channels=1))
    MODALITIES.restore(before)


def test_a_new_one_is_looked_up_like_ours_and_forgotten_when_it_goes(belt: Modality) -> None:
    assert layout_of("belt/stretch") is BELT
    assert layout_of("belt/L1-L2").shape == (2,)
    assert [*LAYOUTS][-2:] == ["belt/stretch", "belt/hinge"]
    assert modality_of("belt/stretch") is belt
    wider = replace(BELT, range=Range(0.1, 9.0))
    MODALITIES["belt"] = replace(belt, layouts=(wider,))
    sieve = sieve_of("belt/stretch")
    assert sieve is not None
    assert sieve.range.high == 9.0
    del MODALITIES["belt"]
    with pytest.raises(ChannelError, match=r"unknown layout 'belt/stretch'; known are vision/gray"):
        layout_of("belt/stretch")
    with pytest.raises(ChannelError, match=r"eeg/<electrodes joined by '-'>, fnirs/<optodes"):
        layout_of("belt/L1-L2")


@pytest.mark.usefixtures("belt")
def test_everything_of_the_bridge_knows_it() -> None:
    offered = [Channel(f"c{n}", "belt/stretch", 10.0) for n in range(2)]
    assert too_many(offered) == {"c1": "at most 1 channels of belt/stretch are opened"}
    absences = Absences("c", "belt/L1-L2")
    kept = absences.sift(Samples(np.array([5]), np.array([[0.1, 7.0]], np.float32)))
    assert np.isnan(kept.values[0, 1])
    assert "(L2)" in absences.news()[0]
    turned = read(sensor_of("belt/hinge", (8,)), np.ones(8, np.float32))
    assert turned.tolist() == [[[1, 1, -1, 1]] * 2]
    source = Source("Zephyr", "misc", (Column("Belt", "cm"),), 25.0, "z")
    mappings, _ = map_source(source)
    assert mappings[0].channel == Channel("stretch", "belt/stretch", 25.0)
    assert mappings[0].convert(np.array([[80.0]])).tolist() == pytest.approx([0.8])


@pytest.mark.usefixtures("belt")
def test_one_that_nobody_reads_may_be_given_an_encoder_once() -> None:
    depth = MODALITIES["depth"]
    given = MODALITIES.add(replace(depth, encoder="somebody.else:ENCODER"))
    assert MODALITIES["depth"] is given
    with pytest.raises(PluginError, match="a modality 'depth' is there already"):
        MODALITIES.add(replace(depth, encoder="another:ENCODER"))
    with pytest.raises(PluginError, match="a modality 'face' is there already"):
        MODALITIES.add(replace(MODALITIES["face"], encoder="a:B", channels=9))


def test_what_cannot_be_registered_says_why() -> None:
    def refused(match: str, **what: object) -> None:
        with pytest.raises(PluginError, match=match):
            Modality(**{"name": "belt", "layouts": (BELT,), **what})  # type: ignore[arg-type]

    refused("give it a name of lower-case", name="Belt/")
    refused("has no layouts; say what", layouts=())
    refused("0 channels of a layout; 1 or more", channels=0)
    refused("layout 'belt/stretch'; name it strap/…", name="strap")
    refused("dtype float64; known are uint8, int16", layouts=(replace(BELT, dtype="float64"),))
    refused("has no range; say between what", layouts=(replace(BELT, range=None),))
    refused("3 ends of a range for 4 numbers", layouts=(replace(HINGE, range=Range((0,) * 3, 1)),))
    with pytest.raises(PluginError, match="a modality 'gaze' is there already"):
        MODALITIES.add(Modality("gaze", (replace(BELT, name="gaze/belt"),)))
