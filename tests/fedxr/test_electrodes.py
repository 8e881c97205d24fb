"""A cap with other electrodes: those that the checkpoint knows are taken by name."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import live_rig
import numpy as np
import pytest
from tolerance import assert_same_answers, pass_terms

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import Channel, Samples
from fedxr.bridge.connecting.connect import connect
from fedxr.cli.main import main
from fedxr.live.admission import readable
from fedxr.live.electrodes import lacking, montage_for
from fedxr.scenarios.worlds.brain import LAYOUT
from fedxr.virtual.streaming import VirtualHeadset

CAP = "eeg/PO4-Cz-Po8-PO7-POz-OZ-O2-PO3-O1-T3"
"""The checkpoint's eight, in another order and spelling, and two more."""
BOARD = "eeg/Oz-PO7-PO8-Pz-C3-C4-Cz-Fz"
"""Eight of the sixteen electrodes of BrainFlow's synthetic board."""


@pytest.fixture(scope="module")
def actor() -> VirtualHeadset:
    (actor,) = live_rig.cast_of(("neuro-band",), 8.0)
    return actor


@pytest.fixture(scope="module")
def checkpoint(actor: VirtualHeadset) -> Checkpoint:
    return live_rig.checkpoint_of([actor])


def test_columns_are_found_by_name() -> None:
    cap = Channel("cap", "eeg/T3-C3-FP1", 250)
    montage = montage_for(cap, ["eeg/O1", "eeg/Fp1-T7"])
    assert montage is not None
    assert montage.channel == Channel("cap", "eeg/Fp1-T7", 250)
    rows = Samples(np.array([7, 8]), np.array([[3, 4, 5], [6, 7, 8]], np.float32))
    assert montage.pick(rows).values.tolist() == [[5, 3], [8, 6]]  # Fp1 is last there, T7 first
    assert montage_for(cap, ["eeg/Fp1-T7-O1-O2"]) is None
    # It lacks two of the one and one of the other, which is nearer.
    assert lacking(cap, ["eeg/Fp1-T7-O1-O2", "eeg/C3-C4"]) == "C4"


def test_what_is_refused_says_what_is_missing(checkpoint: Checkpoint) -> None:
    def why(layout: str, rate_hz: float = 256.0) -> str:
        found = readable(checkpoint, Channel("eeg", layout, rate_hz))
        assert isinstance(found, str)
        return found

    # The checkpoint's eight, less O1, O2 and Oz.
    assert "the electrodes Oz, O1, O2 are missing" in why("eeg/PO3-POz-PO7-PO8-PO4-Cz")
    assert f"reads {LAYOUT}, in any order" in why("eeg/PO3-POz-PO7-PO8-PO4-Cz")
    assert "at 100 Hz or more" in why(CAP, 50)
    assert "does not read motion/controller" in why("motion/controller")


async def test_a_cap_is_answered_as_the_band_that_it_contains(
    checkpoint: Checkpoint, actor: VirtualHeadset, tmp_path: Path
) -> None:
    """The same checkpoint waves from the checkpoint's own band and from a larger cap, on two
    headsets: every answer is the same. Not to the last bit: they are two rows of one product, which
    the edge of a kernel's tile may part."""
    band = next(c for c in actor.user.channels if c.modality == "eeg")
    places = [n.upper() for n in band.layout.removeprefix("eeg/").split("-")]
    all_of = actor.user.episodes[0].samples[band.name]
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1e-5, len(all_of)).astype(np.float32)
    worn = [n.upper() for n in CAP.removeprefix("eeg/").split("-")]
    columns = [all_of.values[:, places.index(n)] if n in places else noise for n in worn]
    cap_values = np.stack(columns, 1)
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        wearers = []
        for user, layout in (("band", band.layout), ("cap", CAP)):
            worn_as = [replace(band, layout=layout)]
            wearers.append(
                await connect(rig.server.url, user=user, scenario="neuroadaptive", channels=worn_as)
            )
        assert [w.welcome.refused for w in wearers] == [{}, {}]
        for second in range(8):
            start, end = second * 1_000_000, (second + 1) * 1_000_000
            a, b = np.searchsorted(all_of.t_us, (start, end))
            for wearer, values in zip(wearers, (all_of.values, cap_values), strict=True):
                samples = {band.name: Samples(all_of.t_us[a:b], values[a:b])}
                await wearer.send_frame(end, samples)
            while not all(here.due for here in rig.live._here.values()):
                await asyncio.sleep(0.002)
            await rig.live.tick_once()
            mine, its = (rig.live.metrics.boards[row].answers for row in (0, 1))
            assert mine.keys() == its.keys()
            terms = pass_terms(checkpoint.model.plan.size, rig.live.agents.inference.caches.total)
            for task, p in mine.items():
                assert_same_answers(its[task], p, terms)
        for wearer in wearers:
            await wearer.close()


async def test_a_board_with_more_electrodes_is_read(
    actor: VirtualHeadset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """BrainFlow's synthetic board, real in all but the checkpoint: 16 electrodes stream, 8 are
    read."""
    pytest.importorskip("brainflow", reason="needs BrainFlow: pip install 'fedxr[sensors]'")
    channels = tuple(
        replace(c, layout=BOARD) if c.modality == "eeg" else c for c in actor.user.channels
    )
    checkpoint = live_rig.checkpoint_of(
        [replace(actor, user=replace(actor.user, channels=channels))]
    )
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        arguments = ["sensors", "--url", rig.server.url, "--scenario", "neuroadaptive"]
        arguments += ["--source", "brainflow:synthetic", "--seconds", "6"]
        streaming = asyncio.create_task(
            asyncio.to_thread(
                main, [*arguments, "--source", "brainflow:synthetic", "--seconds", "6"]
            )
        )
        answered, channel = set(), None
        while not streaming.done():
            await rig.live.tick_once()
            for here in rig.live._here.values():
                channel = here.session.channels.get("eeg")
                answered |= set(rig.live.metrics.boards[here.row].answers)
            await asyncio.sleep(0.02)
        assert await streaming == 0, capsys.readouterr().out
    assert channel is not None
    assert channel.layout.count("-") == 15
    assert "workload" in answered
