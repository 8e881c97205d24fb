"""Markers: what a source says in words becomes feedback at its moment, through real LSL outlets."""

from __future__ import annotations

import time
import uuid

import numpy as np
import pytest
from bridge_rig import until
from lsl_rig import Outlet, pylsl, session_minus_lsl
from sensor_rig import streaming
from strange_clock import StrangeStream

from fedxr.bridge.sensors.lsl import LslFinder
from fedxr.bridge.sensors.markers import Mark, MarkedTask, MarkerSensor
from fedxr.bridge.sensors.source import Column, SensorError, Source
from fedxr.cli.sensors import marked_task

EMOTION = MarkedTask("emotion", ("neutral", "very happy", "sad"))


def markers() -> pylsl.StreamOutlet:
    """An outlet as the specification of markers has it: one column of words, no rate."""
    name = f"cues-{uuid.uuid4().hex[:8]}"
    info = pylsl.StreamInfo(name, "Markers", 1, pylsl.IRREGULAR_RATE, "string", uuid.uuid4().hex)
    return pylsl.StreamOutlet(info)


async def test_a_marker_is_feedback_at_the_moment_that_it_marks() -> None:
    outlet = markers()
    name = outlet.get_info().name()
    with Outlet() as eeg:
        async with streaming(LslFinder([eeg.name, name]), marked=[EMOTION]) as run:
            await until(outlet.have_consumers)
            await until(lambda: run.headset.markers and len(run.got("eeg")[0]) > 100)
            said_s = []
            for text in ("sad", "Very-Happy ", "hapy", "neutral"):
                said_s.append(pylsl.local_clock())
                outlet.push_sample([text], said_s[-1])
                time.sleep(0.05)
            await until(lambda: len(run.app.told) == 3)
            (sensor,) = run.headset.markers
            worst_us = sensor.worst_us
            episodes = {frame.episode for frame in run.app.frames}
    told = run.app.told
    assert [(f.task, f.label, f.kind) for f in told] == [
        ("emotion", label, "label") for label in (2, 1, 0)
    ]
    assert {f.episode for f in told} <= episodes
    # LSL's clock is this machine's; what is left is how well its offset is known.
    due_us = np.array([said_s[0], said_s[1], said_s[3]]) * 1e6 + session_minus_lsl()
    assert np.abs([f.t_us for f in told] - due_us).max() <= 2 * worst_us + 1000
    # Its frame was there before: nothing is said of a moment that the bridge has not seen.
    assert all(any(frame.capture_us > f.t_us for frame in run.app.frames) for f in told)
    assert run.heard("marker 'Very-Happy ' is taken as 'very happy' of emotion")
    assert run.heard("marker 'hapy' is no class and is left out; nearest are 'very happy'")
    assert (sensor.counts["markers"], sensor.counts["unknown"]) == (3, 1)
    assert len(run.app.sessions) == 1, "markers are no channel"


async def test_markers_that_are_numbers_are_words_too() -> None:
    name = f"triggers-{uuid.uuid4().hex[:8]}"
    info = pylsl.StreamInfo(name, "Markers", 1, pylsl.IRREGULAR_RATE, "int32", uuid.uuid4().hex)
    outlet = pylsl.StreamOutlet(info)
    with Outlet() as eeg:
        digits = MarkedTask("emotion", ("0", "1", "2"), name)
        async with streaming(LslFinder([eeg.name, name]), marked=[digits]) as run:
            await until(outlet.have_consumers)
            await until(lambda: run.headset.markers and run.app.frames)
            outlet.push_sample([2])
            await until(lambda: run.app.told)
    assert run.app.told[0].label == 2
    assert set(run.app.sessions[-1].channels) == {"eeg"}


async def test_markers_without_a_task_are_explained_and_of_another_task_not_sent() -> None:
    outlet = markers()
    name = outlet.get_info().name()
    with Outlet() as eeg:
        async with streaming(LslFinder([eeg.name, name])) as run:
            await until(lambda: run.heard("sends text; say --marker TASK"))
            await until(lambda: len(run.got("eeg")[0]) > 50)
        workload = MarkedTask("workload", ("low", "high"), name)
        async with streaming(LslFinder([eeg.name, name]), marked=[workload]) as run:
            await until(outlet.have_consumers)
            await until(lambda: run.headset.markers and run.app.frames)
            outlet.push_sample(["low"])
            await until(lambda: run.heard("markers of workload are not sent"))
        assert not run.app.told


def test_texts_are_classes_of_several_tasks_and_each_is_said_once() -> None:
    said: list[str] = []
    stream = StrangeStream(Source("cues", "Markers", (Column("text"),), 0.0, "k", text=True))
    stream.texts = ["High", "calm", "?", "?", "high"]  # type: ignore[attr-defined]
    tasks = [MarkedTask("workload", ("low", "high")), MarkedTask("mood", ("calm", "high"))]
    sensor = MarkerSensor(stream, tasks, said.append)  # type: ignore[arg-type]
    sensor.read_clock()
    stream.now_us = 1_000_000
    stamps = np.arange(5) * 100_000.0 + 500_000
    stream.waiting.append((np.arange(5.0)[:, None], stamps))
    sensor.poll(1_000_000)
    assert sensor.take_marks(750_000) == [
        Mark(500_000, "workload", 1),
        Mark(500_000, "mood", 1),
        Mark(600_000, "mood", 0),
    ]
    assert sensor.take_marks(900_000) == []  # the last marks the moment at its end
    assert [m.t_us for m in sensor.take_marks(900_001)] == [900_000] * 2
    (unknown,) = [line for line in said if "'?'" in line]
    assert unknown == (
        "cues: marker '?' is no class and is left out; nearest are 'low', 'high' of workload or "
        "'calm', 'high' of mood"
    )


def test_a_marker_that_waited_for_the_session_keeps_its_time() -> None:
    """The first was set 5 s before anybody looked; the session began 3 s ago."""
    said: list[str] = []
    stream = StrangeStream(Source("cues", "Markers", (Column("text"),), 0.0, "k", text=True))
    stream.texts = ["a", "b"]  # type: ignore[attr-defined]
    sensor = MarkerSensor(stream, [MarkedTask("t", ("a", "b"))], said.append)  # type: ignore[arg-type]
    sensor.read_clock()
    sensor.begin(7_000_000)
    stream.now_us = 10_000_000
    stream.waiting.append((np.array([[0.0], [1.0]]), np.array([5_000_000.0, 8_000_000.0])))
    sensor.poll(10_000_000)
    assert sensor.take_marks(10_000_000) == [Mark(8_000_000, "t", 1)]
    assert sensor.counts["unsent"] == 1, "of before the session"
    assert said == []


def test_two_classes_that_differ_by_case_are_told_by_their_own_names() -> None:
    task = MarkedTask("letters", ("a", "A"))
    assert [task.label_of(text) for text in ("a", "A", " A ")] == [0, 1, None]


def test_a_stream_that_is_not_meant_is_refused() -> None:
    stream = StrangeStream(Source("cues", "Markers", (Column("text"),), 0.0, "k", text=True))
    stream.texts = []  # type: ignore[attr-defined]
    with pytest.raises(SensorError, match="sends text; say --marker TASK"):
        MarkerSensor(stream, [MarkedTask("t", ("a",), "another")], print)  # type: ignore[arg-type]


def test_the_option_names_a_task_that_there_is() -> None:
    assert marked_task("my=cues=tension") == MarkedTask(
        "tension", marked_task("tension").classes, "my=cues"
    )
    with pytest.raises(
        ValueError, match="--marker tensoin: no task 'tensoin'; nearest are tension"
    ):
        marked_task("tensoin")
