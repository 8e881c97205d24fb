"""The simulated sensors' C# signals, decoded by the real agent with the shipped checkpoint.

The signals come from Mono, by the models in the scenarios' JSON; the agent answers from the
samples of one episode, as it does live. It has never met the simulated person.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scene_rig import HERE, stub_of
from scipy.stats import binom
from toolchain import PACKAGE, Assemblies

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.encoders import encoder_for
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.serving.inference import InferenceEngine
from fedxr.agent.serving.weight_update import Changes
from fedxr.agent.tasks import TASKS, USE_CASES
from fedxr.bridge.channels import TICK_US, Channel, Samples, layout_of
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.admission import readable
from fedxr.scenarios.export import definition
from fedxr.scenarios.personas import typical
from fedxr.scenarios.worlds import world_of
from fedxr.scenarios.worlds.base import Moment, Path
from fedxr.scenarios.worlds.brain import LAYOUT as EEG

EEG_CAP = Channel("eeg", EEG, 256)
HAND = Channel("hand", "hands/webxr25", 30)
EYES = Channel("gaze", "gaze/point2", 60)
WATCH = Channel("wrist", "motion/wrist", 100)
VOICE = Channel("voice", "audio/pcm16", 8000)
PROBE = Channel("probe", "contact/vibration", 2000)
EAR = Channel("ear", "audio/pcm16", 8000)
BODY = (
    Channel("eda", "physiology/eda", 4),
    Channel("heart-rate", "physiology/heart-rate", 2),
    Channel("respiration", "physiology/respiration", 2),
    Channel("temperature", "physiology/temperature", 4),
)
Episode = dict[str, Samples]


@dataclass
class Signals:
    """The C# program: what it is asked for it writes at once."""

    command: Sequence[str]

    def episodes(
        self,
        use_case: str,
        channels: Sequence[Channel],
        seconds: float,
        states: Sequence[Mapping[str, int]],
        seed: int = 0,
    ) -> list[Episode]:
        """One episode per entry of ``states``, each with chances of its own."""
        lines = [
            f"{use_case} {c.name} {c.rate_hz} {seconds} {1000 * seed + i} "
            + " ".join(f"{task}={state}" for task, state in now.items())
            for i, now in enumerate(states)
            for c in channels
        ]
        asked = "\n".join(lines).encode()
        done = subprocess.run(
            self.command, input=asked, capture_output=True, timeout=90, check=True
        )
        numbers, at = np.frombuffer(done.stdout, "<f4"), 0
        made: list[Episode] = []
        for _ in states:
            episode: Episode = {}
            for channel in channels:
                n = round(seconds * channel.rate_hz)
                width = 26 * 7 if channel is HAND else int(np.prod(layout_of(channel.layout).shape))
                episode[channel.name] = _samples(
                    channel, numbers[at : at + n * width].reshape(n, width)
                )
                at += n * width
            made.append(episode)
        assert at == len(numbers)
        return made


def _samples(channel: Channel, values: NDArray[Any]) -> Samples:
    """As the sensors put them on the wire."""
    t_us = np.rint(np.arange(len(values)) * 1e6 / channel.rate_hz).astype(np.int64)
    layout = layout_of(channel.layout)
    if channel is HAND:
        values = values[:, 7:]  # without the palm
    if layout.dtype == "int16":
        values = np.clip(np.rint(32768 * values), -32768, 32767)
    return Samples(t_us, values.reshape(-1, *layout.shape).astype(layout.dtype))


@pytest.fixture(scope="module")
def signals(assemblies: Assemblies, tmp_path_factory: pytest.TempPathFactory) -> Signals:
    folder = tmp_path_factory.mktemp("scenarios")
    for use_case in USE_CASES:
        (folder / f"{use_case}.json").write_text(json.dumps(definition(use_case)))
    ground = [assemblies.core, stub_of(assemblies)]
    runtime = assemblies.build("Fedxr", [PACKAGE / "Runtime"], ground)
    program = assemblies.build("Signals", [HERE / "sensors"], [*ground, runtime], target="exe")
    return Signals(assemblies.command(program, str(folder)))


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.set_num_threads(1)
    return load_checkpoint(CHECKPOINT)


@dataclass
class Agent:
    """One headset's agent."""

    answering: InferenceEngine
    episode: int = 0

    @classmethod
    def of(cls, checkpoint: Checkpoint, channels: Sequence[Channel], task: str) -> Agent:
        for channel in channels:
            assert readable(checkpoint, channel) is None
        cohort = Cohort(
            checkpoint, [HeadsetIdentity("h", tuple(channels), (task,))], Tuning(), torch.float32
        )
        answering = InferenceEngine(checkpoint, [s.identity for s in cohort.headsets])
        answering.swap(answering.prepare(Changes(cohort).take()))
        return cls(answering)

    def answer(self, task: str, episode: Episode, seconds: float) -> int:
        """What it says at the episode's end, having been asked each half second."""
        self.episode += 1
        ends = range(15, int(seconds * 1e6) // TICK_US, 15)
        for end in ends:
            part = {n: s.between((end - 15) * TICK_US, end * TICK_US) for n, s in episode.items()}
            self.answering.push(0, self.episode, part)
            said = self.answering.tick({0: end - 1})[0]
        return int(np.argmax(said[task]))


def _answers(
    signals: Signals,
    checkpoint: Checkpoint,
    use_case: str,
    channels: Sequence[Channel],
    task: str,
    seconds: float,
) -> NDArray[np.int64]:
    """(C, C) answers by true class (row): twelve episodes each, other states drawn."""
    classes, rng = len(TASKS[task].classes), np.random.default_rng(0)
    others = [t for t in TASKS.values() if t.use_case == use_case and t.name != task]
    states = [
        {task: k, **{other.name: int(rng.integers(min(len(other.classes), 2))) for other in others}}
        for k in range(classes)
        for _ in range(12)
    ]
    rng.shuffle(states)  # the agent gets used to a user's levels by what comes
    agent = Agent.of(checkpoint, channels, task)
    said = np.zeros((classes, classes), np.int64)
    for now, episode in zip(
        states, signals.episodes(use_case, channels, seconds, states), strict=True
    ):
        said[now[task], agent.answer(task, episode, seconds)] += 1
    return said


@pytest.mark.parametrize(
    ("use_case", "channels", "task", "seconds"),
    [
        ("neuroadaptive", (EEG_CAP,), "workload", 8.0),
        ("neuroadaptive", (EYES,), "workload", 8.0),
        ("companion", (WATCH,), "doing", 4.0),
        ("companion", (VOICE,), "mood", 4.0),
        ("storytelling", BODY, "tension", 12.0),
        ("storytelling", (*BODY, EYES), "engagement", 12.0),
        ("overlays", (PROBE,), "warning", 4.0),
        ("overlays", (EAR,), "warning", 4.0),
    ],
)
def test_the_agent_reads_the_state_off_the_signal(
    signals: Signals,
    checkpoint: Checkpoint,
    use_case: str,
    channels: Sequence[Channel],
    task: str,
    seconds: float,
) -> None:
    """So many right answers come by guessing less than once in a thousand times."""
    said = _answers(signals, checkpoint, use_case, channels, task, seconds)
    right, n = int(np.trace(said)), int(said.sum())
    assert binom.sf(right - 1, n, 1 / len(said)) < 1e-3, said.tolist()


@pytest.mark.parametrize("channel", [EEG_CAP, HAND], ids=["eeg", "hand"])
def test_the_agent_reads_intent(signals: Signals, checkpoint: Checkpoint, channel: Channel) -> None:
    """Which of the last two buttons is which, only the user can tell (nearly half of all people
    exchanged them); rest and the first button are the same for everybody."""
    said = _answers(signals, checkpoint, "neuroadaptive", (channel,), "intent", 8.0)
    assert said[0, 0] + said[1, 1] >= 20, said.tolist()
    assert said[2:, 2:].sum() >= 20, said.tolist()


def _simulated(
    use_case: str, channel: Channel, seconds: float, state: Mapping[str, int], i: int
) -> Samples:
    """What the Python world's sensor records of the same person."""
    world, n = world_of(use_case), round(seconds * channel.rate_hz)
    hidden = {c.task: Path((0.0,), (state.get(c.task, 0),)) for c in world.courses}
    moment = Moment(typical(), use_case, i, 0.0, seconds, hidden)
    values = world.sense(moment, channel, np.arange(n) / channel.rate_hz)
    if channel is HAND:
        values = np.concatenate([values[:, :1], values], axis=1)  # a palm, which is not looked at
    return _samples(channel, values.reshape(n, -1))


@pytest.mark.parametrize(
    ("use_case", "channel", "task", "seconds"),
    [
        ("neuroadaptive", EEG_CAP, "workload", 8.0),
        ("neuroadaptive", HAND, "intent", 8.0),
        ("neuroadaptive", EYES, "workload", 8.0),
        ("companion", WATCH, "doing", 4.0),
        ("companion", VOICE, "mood", 4.0),
        ("overlays", PROBE, "warning", 4.0),
        ("storytelling", EYES, "engagement", 12.0),
        *(("storytelling", organ, "tension", 12.0) for organ in BODY),
    ],
)
def test_signals_look_as_those_of_the_simulated_world(
    signals: Signals, use_case: str, channel: Channel, task: str, seconds: float
) -> None:
    """By the encoder's features over eight episodes of either: nine in ten of the means lie within
    1.4 deviations between episodes (three standard errors of such a difference are 1.5)."""
    encoder, state, end = encoder_for(channel), {task: 1}, int(seconds * 1e6)
    here = signals.episodes(use_case, [channel], seconds, [state] * 8, seed=3)
    ours = np.array([encoder.features(e[channel.name], channel, end) for e in here])
    there = (_simulated(use_case, channel, seconds, state, i) for i in range(8))
    theirs = np.array([encoder.features(e, channel, end) for e in there])
    spread = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / 2)
    floor = 1e-6 + 0.02 * np.abs(theirs).max()
    apart = np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / (spread + floor)
    assert np.quantile(apart, 0.9) < 1.4, np.round(apart, 1).tolist()


def test_signals_allocate_nothing(signals: Signals) -> None:
    """Twenty seconds of each."""
    of = {
        "neuroadaptive": (EEG_CAP, HAND, EYES),
        "companion": (WATCH, VOICE),
        "overlays": (PROBE, EAR),
        "storytelling": BODY,
    }
    asked = "\n".join(f"{u} {c.name} {c.rate_hz} 20 1" for u, some in of.items() for c in some)
    done = subprocess.run(
        signals.command, input=asked.encode(), capture_output=True, timeout=90, check=True
    )
    told = [line.split() for line in done.stderr.decode().splitlines()]
    assert [name for name, _, _ in told] == [c.name for some in of.values() for c in some]
    assert {name: allocated for name, _, allocated in told if allocated != "0"} == {}


def test_states_differ_and_chances_repeat(signals: Signals) -> None:
    """The same seed gives the same samples; another state others."""
    calm, tense, again = (
        signals.episodes("storytelling", BODY[:1], 60.0, [{"tension": state}])[0]["eda"].values
        for state in (0, 1, 0)
    )
    np.testing.assert_array_equal(calm, again)
    rises = [int((np.diff(x) > 0.02e-6).sum()) for x in (calm, tense)]
    assert rises[1] > rises[0]
