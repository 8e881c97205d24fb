"""A checkpoint with one more task: nothing else changes, and a user teaches it."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from tolerance import assert_same_answers, pass_terms, rounding

import fedxr.agent.tasks
from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.checkpoints.checkpoint_file import Card, load_checkpoint, save_checkpoint
from fedxr.agent.checkpoints.extend import with_channel, with_task, with_tasks
from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.normalization import Normalizer
from fedxr.agent.inputs.tokens import TokenizedQuery, TokenStream
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import Task
from fedxr.bridge.channels import MODALITIES, TICK_US, Channel, ChannelError, Samples
from fedxr.cli.extend import Extend, extend_command
from fedxr.learning.agents import Agents
from fedxr.learning.learner import Learner
from fedxr.learning.learning_rule import LIVE
from fedxr.learning.profile import HeadsetProfile
from fedxr.learning.shipped import CHECKPOINT

TOOL = Task("tool", "companion", ("idle", "stir", "hammer"), ("motion",), 200)
CHANNELS = (Channel("tool", "motion/wrist", 60.0),)
SEGMENT = 120
"""Ticks (4 s) between two changes of what the user does."""


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    return load_checkpoint(CHECKPOINT)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fedxr.agent.tasks.TASKS, "tool", TOOL)


def wrist(doing: int, t_us: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What an accelerometer and a gyroscope in a tool measure: gravity; a circle of 12 cm, 1.2
    times a second; blows, twice a second."""
    t = t_us / 1e6
    x = np.zeros((len(t), 6))
    x[:, 1] = 9.81
    if doing == 1:
        w = 2 * np.pi * 1.2
        x[:, 0], x[:, 2] = -0.12 * w**2 * np.cos(w * t), -0.12 * w**2 * np.sin(w * t)
    if doing == 2:
        w = 2 * np.pi * 2.0
        angle = 0.6 * np.sin(w * t)
        x[:, 1], x[:, 2] = 9.81 * np.cos(angle), 9.81 * np.sin(angle)
        x[:, 3] = 0.6 * w * np.cos(w * t)
    return (x + rng.normal(0, 0.02, x.shape)).astype(np.float32)


class Life:
    """A user who does one thing after the other; ``teach`` says once a segment what it was."""

    def __init__(self, checkpoint: Checkpoint, tasks: tuple[str, ...]) -> None:
        self.agents = Agents(checkpoint, Tuning(), Learner(checkpoint, Tuning(), LIVE))
        identity = HeadsetIdentity("ann/tool", CHANNELS, tasks)
        self.row = self.agents.join(HeadsetProfile(identity, "ann", "companion", "tool"))
        self.rng, self.tick = np.random.default_rng(0), 0

    def live(self, doing: int, teach: bool) -> list[np.ndarray]:
        """One segment; the answers of its second half, which no older movement reaches into."""
        said = []
        for i in range(SEGMENT):
            t_us = self.tick * TICK_US + np.array([0, TICK_US // 2], np.int64)
            samples = Samples(t_us, wrist(doing, t_us, self.rng))
            self.agents.push(self.row, 0, {"tool": samples})
            answers = self.agents.tick({self.row: self.tick})[self.row]
            if i >= SEGMENT // 2:
                said.append(answers)
            if teach and i == SEGMENT - 1:
                assert self.agents.feedback(self.row, "tool", 0, self.tick * TICK_US, doing)
                self.agents.now(Learner.learn, self.agents.take())
            self.tick += 1
        return said


def test_untaught_it_answers_every_class_alike_and_one_label_each_is_enough(
    shipped: Checkpoint, tmp_path: Path
) -> None:
    made = tmp_path / "tool.safetensors"
    save_checkpoint(with_task(shipped, "tool", "doing"), made, Card("a test"))
    user = Life(load_checkpoint(made), ("tool",))
    for said in user.live(0, teach=True):
        np.testing.assert_allclose(said["tool"], 1 / 3, rtol=rounding(torch.float32, 3))
    user.live(1, teach=True)
    user.live(2, teach=True)
    for doing in (1, 0, 2):
        said = user.live(doing, teach=False)
        right = np.mean([s["tool"].argmax() == doing for s in said])
        assert right > 0.9, (doing, right)


def test_the_other_tasks_answer_as_before(shipped: Checkpoint) -> None:
    more = with_task(shipped, "tool", "doing")
    before, after = Life(shipped, ("doing",)), Life(more, ("doing", "tool"))
    terms = pass_terms(shipped.model.plan.size, after.agents.inference.caches.total)
    for was, now in zip(before.live(1, False), after.live(1, False), strict=True):
        assert_same_answers(now["doing"], was["doing"], terms)  # one more question in the batch
    kept = more.model.state_dict()
    assert all(torch.equal(kept[name], x) for name, x in shipped.model.state_dict().items())


def test_a_task_that_is_read_like_another_is_added_like_it(shipped: Checkpoint) -> None:
    """ "doing" reads motion and nothing else, as the new task does."""
    found, due = with_tasks(shipped, ["tool", "doing"]), with_task(shipped, "tool", "doing")
    assert found.digest == due.digest
    assert found.ridges["tool"].kernel.keys == due.ridges["tool"].kernel.keys


def test_layouts_of_several_tasks_are_read_as_each_of_them_does(
    shipped: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task of the checkpoint reads hands and motion: of "doing" and "intent" half the landmarks
    each, absent where the other one reads."""
    both = Task("both", "companion", ("no", "yes"), ("hands", "motion"), 200)
    monkeypatch.setitem(fedxr.agent.tasks.TASKS, "both", both)
    kernel = with_tasks(shipped, ["both"]).ridges["both"].kernel
    assert kernel.keys == ("both|hands/webxr25", "both|motion/head", "both|motion/wrist")
    doing, intent = (shipped.ridges[task].kernel for task in ("doing", "intent"))
    hands = intent.landmarks[:, intent.sizes[0] :]  # electrodes come first there
    due = torch.zeros(382, sum(kernel.sizes))
    due[:191, : kernel.sizes[0]] = hands[hands.any(1)][:191]  # not all who have those had hands
    due[191:, kernel.sizes[0] :] = doing.landmarks[:191]
    torch.testing.assert_close(kernel.landmarks, due, rtol=0, atol=0)


def test_a_user_is_standardised_by_themselves_where_only_the_new_task_wants_it(
    shipped: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is average by the population is 0 for the new task, as for the one that it is like."""
    own = Task("own", "storytelling", ("no", "yes"), ("physiology",), 200, per_user=True)
    monkeypatch.setitem(fedxr.agent.tasks.TASKS, "own", own)
    checkpoint = with_tasks(shipped, ["own"])
    for layout in ("physiology/eda", "physiology/heart-rate"):
        old = {x: shipped.model.get_buffer(f"{x}:summary:tension|{layout}") for x in ("mean",)}
        mean, deviation = checkpoint.population[f"own|{layout}"]
        torch.testing.assert_close(mean.float(), old["mean"], rtol=0, atol=0)
        user = Normalizer(
            {k: (a.numpy(), b.numpy()) for k, (a, b) in checkpoint.population.items()}
        )
        asked = user.ask(TokenizedQuery("own", 0, -1, {layout: (mean + deviation).float().numpy()}))
        x = torch.from_numpy(asked.summary[layout])
        ((z, _),) = checkpoint.model.summaries(
            {f"own|{layout}": (x[None], torch.zeros(1))}
        ).values()
        assert float((z - 1).abs().max()) < 0.05


@pytest.mark.parametrize("modality", ["thermal", "gaze"])
def test_what_a_checkpoint_can_compare_with_nobody_is_not_added(
    shipped: Checkpoint, monkeypatch: pytest.MonkeyPatch, modality: str
) -> None:
    """It does not read heat; a gaze it does, but no simulated episode has the 24 s of a summary."""
    new = Task("new", "overlays", ("no", "yes"), (modality,), 200)
    monkeypatch.setitem(fedxr.agent.tasks.TASKS, "new", new)
    assert with_tasks(shipped, ["new"]) is shipped


def test_what_cannot_be_added_says_what_can(shipped: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"answers doing, engagement, .*; not 'activity'"):
        with_task(shipped, "tool", "activity")
    with pytest.raises(ValueError, match=r"'tool' reads motion .*'target' reads vision, gaze"):
        with_task(shipped, "tool", "target")
    with pytest.raises(ValueError, match="answers 'mood' already"):
        with_task(shipped, "mood", "doing")
    with pytest.raises(ValueError, match=r"unknown task 'tol'; did you mean 'tool'\? known are "):
        with_task(shipped, "tol", "doing")
    with pytest.raises(ValueError, match=r"unknown task 'tol'; did you mean 'tool'\? known are "):
        extend_command(Extend("tol", tmp_path / "no.safetensors", "doing"), Console())
    assert not (tmp_path / "no.safetensors").exists()


# -- a sensor that nobody knew --------------------------------------------------------------------

PRESENCE = Task("presence", "companion", ("nobody", "somebody"), ("radar",), 500, per_user=True)


@pytest.fixture
def radar(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """A channel of the example's plug-in, as if that were installed; and a task that reads it."""
    before = MODALITIES.snapshot()
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "radar" / "fedxr_radar.py"))
    monkeypatch.setitem(fedxr.agent.tasks.TASKS, "presence", PRESENCE)
    yield Channel("radar", "radar/range32", 30.0)
    MODALITIES.restore(before)


def profiles(doing: int, rng: np.random.Generator, n: int) -> np.ndarray:
    """Noise; and of somebody an echo of 30 dB that breathes."""
    x = rng.normal(0, 1, (n, 32))
    x[:, 10:14] += doing * (30 + 5 * np.sin(np.arange(n)))[:, None]
    return x.astype(np.float32)


def test_a_new_sensor_is_read_and_a_task_of_it_learned(
    shipped: Checkpoint, radar: Channel, tmp_path: Path
) -> None:
    made = tmp_path / "radar.safetensors"
    save_checkpoint(with_task(with_channel(shipped, radar), "presence"), made, Card("a test"))
    checkpoint = load_checkpoint(made)
    agents = Agents(checkpoint, Tuning(), Learner(checkpoint, Tuning(), LIVE))
    row = agents.join(
        HeadsetProfile(HeadsetIdentity("ann/r", (radar,), ("presence",)), "ann", "companion", "r")
    )
    rng, said = np.random.default_rng(0), []
    for segment, doing in enumerate((0, 1) * 4):
        samples = profiles(doing, rng, SEGMENT)
        for i in range(SEGMENT):
            tick = segment * SEGMENT + i
            t_us = np.array([tick * TICK_US], np.int64)
            agents.push(row, 0, {"radar": Samples(t_us, samples[i : i + 1])})
            answer = agents.tick({row: tick})[row]["presence"]
        said.append(answer[doing])
        if segment < 6:
            assert agents.feedback(row, "presence", 0, tick * TICK_US, doing)
            agents.now(Learner.learn, agents.take())
    assert said[0] == pytest.approx(0.5)
    assert min(said[6:]) > 0.7, said


def test_with_a_new_sensor_the_old_answers_are_the_same(
    shipped: Checkpoint, radar: Channel
) -> None:
    """To the bit, of who does not have it: only a stem has come, and the same each time."""
    more = with_channel(shipped, radar)
    for was, now in zip(
        Life(shipped, ("doing",)).live(1, False), Life(more, ("doing",)).live(1, False), strict=True
    ):
        np.testing.assert_array_equal(was["doing"], now["doing"])
    assert more.digest == with_channel(shipped, radar).digest != shipped.digest


def test_a_sensor_that_cannot_be_added_says_why(shipped: Checkpoint, radar: Channel) -> None:
    with pytest.raises(ValueError, match="reads motion/wrist already"):
        with_channel(shipped, CHANNELS[0])
    with pytest.raises(ValueError, match=r"doing, .* read motion, and have not learned from"):
        with_channel(shipped, Channel("phone", "motion/phone", 60.0))
    with pytest.raises(ValueError, match=r"no encoder reads modality 'depth'; channels of vision"):
        with_channel(shipped, Channel("depth", "depth/map", 5.0))
    with pytest.raises(ValueError, match="5 Hz at least"):
        with_channel(shipped, replace(radar, rate_hz=2.0))
    with pytest.raises(ValueError, match=r"'presence' reads radar; this checkpoint reads .* Add a"):
        with_task(shipped, "presence")
    with pytest.raises(ValueError, match="write LAYOUT@HERTZ"):
        Extend("presence", Path("x"), channel=("radar/range32",)).sensors()


def test_an_encoder_that_is_none_or_breaks_its_word_is_named(radar: Channel) -> None:
    modality = MODALITIES["radar"]
    MODALITIES["radar"] = replace(modality, encoder=object())  # the fixture takes it back
    with pytest.raises(
        ChannelError, match="'radar' has no shape, features, summary, augment; give"
    ):
        encoder_for(radar)
    real = modality.encoder

    class Short(type(real)):  # type: ignore[misc]
        def features(self, samples: Samples, channel: Channel, end_us: int) -> np.ndarray:
            return np.ones(3, np.float32)

    MODALITIES["radar"] = replace(modality, encoder=Short())
    stream = TokenStream([radar])
    stream.push({"radar": Samples(np.array([5]), np.zeros((1, 32), np.float32))})
    with pytest.raises(ChannelError, match=r"features of shape \(3,\); its Shape says \(64,\)"):
        stream.advance(14)
