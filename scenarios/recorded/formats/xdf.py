"""XDF files, as LabRecorder writes them: LSL streams of numbers as channels, markers as labels.

A user is what the path names as ``sub-…`` (LabRecorder's own way), else the file's folder within
the set, else the file; in a file that ``fedxr export`` has written, whoever the streams name. A
marker's text, or number, is the label that holds until the next marker of its stream. Feedback in
a file of ``fedxr export`` labels the seconds before it. pyxdf (extra ``formats``) reads the files,
aligns the clocks and removes jitter.
"""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import TASKS
from fedxr.bridge.channels import Channel, Samples, layout_of
from fedxr.bridge.sensors.source import Column, Source, spelled
from fedxr.scenarios.recorded.formats.columns import converted, mapped
from fedxr.scenarios.recorded.formats.labelled import Label, LabelledRecording, OwnSet
from fedxr.scenarios.recorded.formats.libraries import library
from fedxr.scenarios.recorded.formats.options import Told, told
from fedxr.scenarios.recorded.reading import FETCH, Say, foreign, microseconds
from fedxr.scenarios.users import DataError, RecordedSet

_SUBJECT = re.compile(r"sub-([A-Za-z0-9]+)")
_FILE = re.compile(r".+\.xdfz?(\.gz)?", re.IGNORECASE)
_PCM = "audio/pcm16"
_TEXT = "string"
_MARKERS = ("markers", "marker")
"""Types of streams whose numbers are codes: labels, never something that was sensed."""
_EXPORTED = re.compile(r"(?P<user>.+)/(?P<what>[^/]+)")
_WORDS = ("label", "unit", "type", "eye")


@dataclass(frozen=True)
class _Stream:
    """One stream of a file: ``t_s`` (n,) and ``values``, (n, columns) numbers or n texts. ``user``
    is whom a file of ``fedxr export`` names."""

    user: str
    source: Source
    form: str
    t_s: NDArray[np.float64]
    values: Any


def _files(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*.xdf*"))
        if _FILE.fullmatch(path.name) and not foreign(path.relative_to(folder).as_posix())
    ]


def sets(folder: Path) -> list[RecordedSet]:
    """The one set of the folder; its classes are the texts of the markers, for which every file is
    looked through. Raises DataError where there are no two."""
    said = told(folder)
    people: dict[str, dict[Path, None]] = defaultdict(dict)
    texts, modalities, wrong = dict[str, None](), dict[str, None](), list[str]()
    for path in _files(folder):
        try:
            streams = _load(path)
        except DataError as error:
            people[_person(folder, path)][path] = None  # named with the reason, as it is read
            wrong.append(str(error))
            continue
        said = _task_of(streams, said)
        for stream in streams:
            people[stream.user or _person(folder, path)][path] = None
            texts.update((label.text, None) for label in _labels(stream, 0.0, said))
            modalities.update((c.modality, None) for c, _ in _channels([stream], 0.0)[0])
    if wrong and not texts:
        raise DataError("; ".join(wrong[:3]))
    read = [
        (who, partial(_recordings, folder, who, list(paths), said)) for who, paths in people.items()
    ]
    return [OwnSet(said, texts, modalities, read).recorded_set()]


def _person(folder: Path, path: Path) -> str:
    inside = path.relative_to(folder)
    found = _SUBJECT.search(inside.as_posix())
    if found:
        return found[1]
    return inside.parts[0] if len(inside.parts) > 1 else path.name.split(".")[0]


def _recordings(
    folder: Path, who: str, paths: Sequence[Path], said: Told, say: Say
) -> list[LabelledRecording]:
    """One for each file in which ``who`` is."""
    out = []
    for path in paths:
        read = _load(path, say)
        mine = [s for s in read if (s.user or _person(folder, path)) == who and len(s.t_s)]
        if not mine:
            continue
        start_s = min(float(stream.t_s.min()) for stream in mine)
        for stream in mine:
            microseconds(path, stream.t_s - start_s)
        channels, notes = _channels(mine, start_s)
        for text in notes:
            say(f"{path.name}: {text}")
        labels = [label for stream in mine for label in _labels(stream, start_s, said)]
        out.append(
            LabelledRecording(
                path.relative_to(folder).as_posix(),
                tuple(channel for channel, _ in channels),
                {channel.name: samples for channel, samples in channels},
                tuple(sorted(labels, key=lambda label: label.start_us)),
            )
        )
    return out


def _channels(
    streams: Sequence[_Stream], start_s: float
) -> tuple[list[tuple[Channel, Samples]], list[str]]:
    """The channels of all streams of numbers with their samples, and what is to be said."""
    out, said, taken = list[tuple[Channel, Samples]](), list[str](), set[str]()
    for stream in streams:
        if stream.form == _TEXT or not len(stream.t_s):  # or announced, and never sent
            continue
        t_us = np.rint((stream.t_s - start_s) * 1e6).astype(np.int64)
        if _is_sound(stream):
            name = f"audio{len(taken)}" if "audio" in taken else "audio"
            taken.add(name)
            pcm = Samples(t_us, np.asarray(stream.values)[:, 0])
            out.append((Channel(name, _PCM, stream.source.rate_hz), pcm))
            continue
        found, notes = mapped(stream.source, taken)
        said += notes
        values = np.asarray(stream.values, np.float64).reshape(len(t_us), -1)
        out += [(mapping.channel, converted(mapping, t_us, values)) for mapping in found]
    return out, said


def _is_sound(stream: _Stream) -> bool:
    one = len(stream.source.columns) == 1 and stream.form == layout_of(_PCM).dtype
    return one and stream.source.kind.lower() == "audio"


def _labels(stream: _Stream, start_s: float, said: Told) -> list[Label]:
    """What a stream of markers says; of numbers none."""
    if stream.form != _TEXT or not len(stream.t_s):
        return []
    at = np.rint((stream.t_s - start_s) * 1e6).astype(np.int64).tolist()
    texts = [str(row[0]).strip() for row in stream.values]
    if stream.user:
        window_us = round(said.options.task.window * 1e6)
        heard = _feedback(zip(at, texts, strict=True), said.task)
        before = [0, *(t for t, _ in heard)]
        return [
            Label(max(last, t - window_us), t, text)
            for last, (t, text) in zip(before, heard, strict=False)
        ]
    hold_us = round(said.options.labels.hold * 1e6)
    ends = [*at[1:], at[-1] + hold_us]
    return [
        Label(start, min(end, start + hold_us), text)
        for start, end, text in zip(at, ends, texts, strict=True)
        if text and end > start
    ]


def _feedback(said: Iterable[tuple[int, str]], task: str) -> list[tuple[int, str]]:
    """(moment, class) of exported feedback on ``task``; the last on a moment counts."""
    found: dict[int, str] = {}
    for t_us, text in said:
        one = json.loads(text)
        if one.get("task") != task:
            continue
        classes = TASKS[task].classes if task in TASKS else ()
        if one["kind"] == "undo":
            found.pop(t_us, None)
        elif one["kind"] != "rating" and one["label"] < len(classes):
            found[t_us] = classes[one["label"]]
    return sorted(found.items())


def _task_of(streams: Sequence[_Stream], said: Told) -> Told:
    """``said`` with the task that exported feedback is about. Raises DataError where there are
    several and none is chosen."""
    exported = [s for s in streams if s.user and s.form == _TEXT]
    named = {json.loads(row[0]).get("task") for s in exported for row in s.values} - {None}
    chosen = said.options.task.name
    if not named or chosen in named:
        return said
    if len(named) > 1 or chosen:
        raise DataError(
            f"{said.folder}: feedback in it is about {', '.join(sorted(named))}; choose one in "
            f"{said.toml.named('task.name')}, or use the recording itself, which has all of it"
        )
    task = replace(said.options.task, name=min(named))
    return replace(said, options=replace(said.options, task=task))


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What pyxdf says of damage, which it would print with a traceback."""
    log, said = logging.getLogger("pyxdf"), list[str]()
    log.setLevel(logging.ERROR)  # it warns of each stream without a clock
    hear = logging.Handler()
    hear.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    before, log.propagate = log.propagate, False
    log.addHandler(hear)
    try:
        yield said
    finally:
        log.removeHandler(hear)
        log.propagate = before


def _load(path: Path, say: Say = lambda _: None) -> list[_Stream]:
    """All streams of a file; ``say`` hears of what is damaged in it. Raises DataError where it is
    none."""
    pyxdf = library("pyxdf", "XDF files")
    try:
        with warnings.catch_warnings(), _heard() as damage:
            warnings.simplefilter("ignore")
            found, _ = pyxdf.load_xdf(path)
        for text in dict.fromkeys(damage):
            say(f"{path.name} is damaged, what was read is used: {text}")
    except Exception as error:
        raise DataError(f"{path}: expected an XDF file; found: {error!r}; {FETCH}") from error
    streams = [_described(path, one) for one in found]
    if all(s.user for s in streams) and any(map(_is_feedback, streams)):
        return [s for s in streams if s.source.name != "reply"]
    return [replace(s, user="") for s in streams]


def _is_feedback(stream: _Stream) -> bool:
    """Whether ``stream`` is that of a file of `fedxr export`, and not just called so."""
    if stream.source.name != "feedback" or stream.form != _TEXT:
        return False
    try:
        return all("kind" in msgspec.json.decode(row[0], type=dict) for row in stream.values)
    except msgspec.DecodeError:
        return False


def _described(path: Path, stream: Mapping[str, Any]) -> _Stream:
    """What pyxdf makes of a stream, in our terms."""
    info = stream["info"]
    try:
        name, kind, form = (str(info[key][0] or "") for key in ("name", "type", "channel_format"))
        rate_hz, count = float(info["nominal_srate"][0]), int(info["channel_count"][0])
        exported = _EXPORTED.fullmatch(name)
        user, name = (exported["user"], exported["what"]) if exported else ("", name)
        columns = [_column(one) for one in _channel_list(info)][:count]
        columns += [Column("")] * (count - len(columns))
        source = Source(name, kind, tuple(columns), rate_hz, name)
        values = stream["time_series"]
        if kind.lower() in _MARKERS and not rate_hz and form != _TEXT:
            form, values = _TEXT, [(spelled(row[0]),) for row in np.asarray(values, float)]
        return _Stream(user, source, form, np.asarray(stream["time_stamps"], float), values)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{path}: a stream does not say what it is ({error!r}); {FETCH}") from error


def _channel_list(info: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    try:
        return list(info["desc"][0]["channels"][0]["channel"])
    except (KeyError, TypeError, IndexError):  # many programs describe nothing
        return []


def _column(channel: Mapping[str, Any]) -> Column:
    said = {key: str((channel.get(key) or [""])[0] or "").strip() for key in _WORDS}
    return Column(said["label"], said["unit"], said["type"], said["eye"])
