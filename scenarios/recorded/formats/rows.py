"""Rows of tables, a sample each, become labelled recordings: what Hugging Face and LeRobot folders
have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import Channel, Samples
from fedxr.bridge.sensors.electrodes import electrode
from fedxr.bridge.sensors.source import Column, Source
from fedxr.scenarios.recorded.formats.columns import converted, mapped
from fedxr.scenarios.recorded.formats.labelled import Label, LabelledRecording
from fedxr.scenarios.users import DataError

_EEG_UNITS = ("v", "mv", "uv", "nv")


def source_of(name: str, labels: Sequence[str], units: Mapping[str, str], rate_hz: float) -> Source:
    """Columns as a source of samples; one that is called as an electrode and has a unit of voltage
    is EEG."""
    columns = []
    for label in labels:
        unit = units.get(label, "")
        volts = unit.lower().replace("µ", "u") in _EEG_UNITS
        kind = "eeg" if volts and electrode(label) else ""
        columns.append(Column(label, unit, kind))
    return Source(name, "", tuple(columns), rate_hz, name)


def recording_of(
    name: str,
    t_s: NDArray[np.float64],
    tables: Sequence[tuple[Source, NDArray[np.float64]]],
    labels: Sequence[str],
) -> LabelledRecording:
    """From sources with values (n, columns) at ``t_s`` (n,) seconds, and a label a row: each holds
    until there is another. Raises DataError where times go back."""
    back = np.diff(t_s) < 0
    if back.any() or not np.isfinite(t_s).all():
        row = int(back.argmax()) + 1 if back.any() else int((~np.isfinite(t_s)).argmax())
        raise DataError(
            f"{name}: row {row + 1}: expected times that rise; found {t_s[row]:g} s; sort the rows "
            "of a recording by time, or say which column tells recordings apart"
        )
    t_us = np.rint((t_s - t_s[:1]) * 1e6).astype(np.int64)
    channels, samples, taken = list[Channel](), dict[str, Samples](), set[str]()
    for source, values in tables:
        for mapping in mapped(source, taken)[0]:
            channels.append(mapping.channel)
            samples[mapping.channel.name] = converted(mapping, t_us, values)
    return LabelledRecording(name, tuple(channels), samples, tuple(_runs(t_us, labels)))


def seconds_of(values: Iterable[object]) -> NDArray[np.float64]:
    """A column of times (n,) in s: numbers of them, or stamps; NaN where there is none."""
    plain = [
        (one if one.tzinfo else one.replace(tzinfo=UTC)).timestamp()
        if isinstance(one, datetime)
        else one
        for one in values
    ]
    try:
        return np.asarray(plain, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"times: {error}; expected seconds, or stamps") from None


def rate_of(t_s: NDArray[np.float64]) -> float:
    """Samples a second, of three digits, from their times; 0 where there are too few."""
    step = float(np.median(np.diff(t_s))) if len(t_s) > 2 else 0.0
    return float(f"{1 / step:.3g}") if step > 0 else 0.0


def _runs(t_us: NDArray[np.int64], labels: Sequence[str]) -> list[Label]:
    """Stretches of equal labels; the last ends a row after its last one."""
    words = np.asarray(labels, object)
    starts = [0, *(np.flatnonzero(words[1:] != words[:-1]) + 1).tolist()] if len(words) else []
    after = int(t_us[-1]) + (int(np.median(np.diff(t_us))) if len(t_us) > 1 else 1) if starts else 0
    ends = [*(int(t_us[n]) for n in starts[1:]), after]
    return [
        Label(int(t_us[start]), end, str(words[start]))
        for start, end in zip(starts, ends, strict=True)
        if words[start] not in ("", None)
    ]
