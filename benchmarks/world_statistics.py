"""Textbook statistics of each simulated channel, and the raw samples, as rows for scikit-learn.

Deliberately independent of the agent's encoders: what is shown with these holds for the data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import TASKS, Episode, Query
from fedxr.bridge.channels import Channel, Samples
from fedxr.scenarios.users import User

Array = NDArray[np.float64]
SECONDS = {"intent": 3.8, "doing": 1.9}
"""How far back a row looks; the other tasks' states hold for whole episodes."""


def rows(user: User, task: str, raw: bool) -> tuple[Array, Array, NDArray[np.bool_]]:
    """(n, features), (n,) labels and (n,) whether the row belongs to the adapt half."""
    x, y, adapt = [], [], []
    for episode in user.episodes:
        for query in episode.queries:
            if query.task == task:
                x.append(_raw(user, episode, query) if raw else _statistics(user, episode, query))
                y.append(query.label)
                adapt.append(episode.adapt)
    return np.array(x), np.array(y, dtype=float), np.array(adapt)


def _window(episode: Episode, channel: Channel, query: Query) -> Samples:
    back = int(1e6 * SECONDS.get(query.task, 60.0))
    return episode.samples[channel.name].between(max(0, query.t_us - back), query.t_us)


def _useful(user: User, query: Query) -> list[Channel]:
    return [c for c in user.channels if c.modality in TASKS[query.task].modalities]


def _raw(user: User, episode: Episode, query: Query) -> Array:
    parts = []
    for channel in _useful(user, query):
        seen = _window(episode, channel, query)
        values = seen.values.reshape(len(seen), -1).astype(float)
        if channel.modality == "vision":
            parts.append(values[-1])
        elif channel.modality in ("audio", "contact"):
            parts.append(np.resize(values[-512:, 0], 512))
        else:
            t = np.linspace(max(seen.t_us[0], 0), query.t_us, 32 if values.shape[1] < 20 else 12)
            parts.extend(np.interp(t, seen.t_us, column) for column in values.T)
    return np.concatenate(parts)


def _statistics(user: User, episode: Episode, query: Query) -> Array:
    seen = {c.modality: (c, _window(episode, c, query)) for c in user.channels}
    parts = []
    for channel in _useful(user, query):
        window = _window(episode, channel, query)
        match channel.modality:
            case "vision":
                parts.append(_looked_at(window, seen["gaze"][1]))
            case "gaze" if "vision" not in seen:
                parts.append(_gaze(window))
            case "contact" | "audio":
                parts.append(_sound(window, channel.rate_hz))
            case "eeg":
                parts.append(_rhythms(window, channel.rate_hz))
            case "hands":
                parts.append(_hand(window))
            case "motion":
                parts.append(_motion(window, channel.rate_hz))
            case "physiology":
                parts.append(_body(window, channel))
    return np.concatenate(parts)


def _looked_at(pictures: Samples, gaze: Samples) -> Array:
    picture = pictures.values[-1].astype(float)
    x, y = np.median(gaze.values.astype(float), axis=0)
    side, half = picture.shape[0], 7
    padded = np.pad(picture, half, mode="edge")
    column = int(np.clip(round(x * side - 0.5), 0, side - 1))
    row = int(np.clip(round((1 - y) * side - 0.5), 0, side - 1))
    crop = padded[row : row + 2 * half + 1, column : column + 2 * half + 1]
    edge = np.abs(crop - np.median(padded))
    edge /= edge.max() + 1
    v, u = np.mgrid[-half : half + 1, -half : half + 1]
    r = np.hypot(u, v)
    rings = [edge[(r >= a) & (r < a + 1.0)].mean() for a in np.arange(0, 8.5, 1.0)]
    small = edge[:15, :15].reshape(5, 3, 5, 3).mean(axis=(1, 3)).ravel()
    angle = np.arctan2(v, u)
    waves = [
        abs((edge * np.exp(1j * k * angle) * ((r >= a) & (r < a + 2.5))).sum())
        for k in (1, 2, 3, 4)
        for a in (1.0, 3.0, 5.0)
    ]
    return np.array([*rings, *small, *waves])


def _bands(x: Array, rate_hz: float, edges: Array) -> Array:
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    f = np.fft.rfftfreq(len(x), 1 / rate_hz)
    which = np.digitize(f, edges)
    total = np.bincount(which, power, len(edges) + 1) / np.maximum(
        np.bincount(which, minlength=len(edges) + 1), 1
    )
    return np.asarray(np.log(total[1 : len(edges)] + 1e-9))


def _sound(window: Samples, rate_hz: float) -> Array:
    x = window.values[-round(3 * rate_hz) :].astype(float)
    bands = _bands(x, rate_hz, np.geomspace(60, 0.48 * rate_hz, 10))
    fast = np.diff(x)
    kurtosis = ((fast - fast.mean()) ** 4).mean() / fast.var() ** 2
    n = int(rate_hz / 100)
    frames = x[: len(x) // n * n].reshape(-1, n).std(axis=1)
    envelope = _bands(frames - frames.mean(), 100, np.array([0.5, 2, 3.5, 5, 8, 16, 26, 50]))
    envelope -= np.log((frames**2).sum())
    return np.array(
        [*(bands - bands.mean()), bands.mean(), np.log(kurtosis), *envelope, *_pitch(x, rate_hz)]
    )


def _pitch(x: Array, rate_hz: float) -> Array:
    """Median and spread of log pitch over loud 40 ms frames, by autocorrelation."""
    n = int(0.04 * rate_hz)
    frames = x[: len(x) // n * n].reshape(-1, n)
    loud = frames[frames.std(axis=1) >= np.median(frames.std(axis=1))]
    spectrum = np.abs(np.fft.rfft(loud, 2 * n, axis=1)) ** 2
    lags = np.fft.irfft(spectrum, axis=1)[:, : int(rate_hz / 70)]
    lowest = int(rate_hz / 330)
    pitch = np.log(rate_hz / (lowest + lags[:, lowest:].argmax(axis=1)))
    return np.array([np.median(pitch), pitch.std(), frames.std(axis=1).max()])


def _rhythms(window: Samples, rate_hz: float) -> Array:
    x = window.values.astype(float) * 1e6
    power = np.abs(np.fft.rfft(x * np.hanning(len(x))[:, None], axis=0)) ** 2
    f = np.fft.rfftfreq(len(x), 1 / rate_hz)

    def level(lo: float, hi: float) -> Array:
        return np.asarray(np.log(power[(f >= lo) & (f <= hi)].mean(axis=0) + 1e-9))

    lines = [level(hz - 0.6, hz + 0.6) - level(hz - 3, hz + 3) for hz in (13, 17, 21, 26, 34, 42)]
    theta, alpha, beta = level(4.5, 7.5), level(8, 12), level(24, 25)
    ratio = np.stack([theta - beta, alpha - beta, theta - alpha])
    return np.concatenate([np.mean(lines, axis=1), np.max(lines, axis=1), ratio.mean(axis=1)])


def _hand(window: Samples) -> Array:
    p = window.values[..., :3].astype(float)
    wrist = p[:, 0]
    size = np.linalg.norm(p[0, 10] - wrist[0])
    tips = [4, 9, 14, 19, 24]
    gaps = [np.linalg.norm(p[:, 4] - p[:, tip], axis=1).std() / size for tip in tips[1:]]
    reach = [np.linalg.norm(p[:, tip] - wrist, axis=1).std() / size for tip in tips]
    across = p[:, 20] - p[:, 5]
    tilt = np.arctan2(across[:, 1], np.hypot(across[:, 0], across[:, 2]))
    return np.log(np.array([*gaps, *reach, *(wrist.std(axis=0) / size), tilt.std()]) + 1e-4)


def _motion(window: Samples, rate_hz: float) -> Array:
    v = window.values.astype(float)
    if v.shape[1] == 7:
        v = np.concatenate([np.diff(v[:, :3], axis=0), np.diff(v[:, 3:], axis=0)], axis=1)
        v *= rate_hz
        steps = [np.linalg.norm(v[:, :3] * [1, 0, 1], axis=1), v[:, 1]]
        steps.append(np.linalg.norm(v[:, 3:], axis=1))
    else:
        steps = [np.linalg.norm(v[:, :3], axis=1), np.linalg.norm(v[:, 3:], axis=1)]
        steps.extend(
            [
                v[:, 3:].mean(axis=0).max() * np.ones(2),
                np.linalg.norm(v[:, 3:].mean(axis=0)) * np.ones(2),
            ]
        )
    edges = np.array([0.4, 0.8, 1.3, 1.8, 2.3, 3.0, 4.5, 8.0])
    found = []
    for s in steps:
        found += [s.mean(), np.log(s.std() + 1e-4)]
        if len(s) > 2:
            found += [*_bands(s - s.mean(), rate_hz, edges)]
    return np.array(found)


def _gaze(window: Samples) -> Array:
    p = window.values.astype(float)
    dt = np.diff(window.t_us) / 1e6
    speed = np.linalg.norm(np.diff(p, axis=0), axis=1) / dt
    jump = speed > 1.5
    onsets = int((np.diff(jump.astype(int)) > 0).sum())
    slow = speed[~jump]
    coarse = np.linalg.norm(p[6:] - p[:-6], axis=1)
    return np.array(
        [onsets / (window.t_us[-1] / 1e6 + 0.1), slow.mean(), slow.std(), *p.std(axis=0),
         *np.percentile(coarse, [10, 25, 50, 75, 90]), *np.percentile(speed, [50, 90])]
    )  # fmt: skip


def _body(window: Samples, channel: Channel) -> Array:
    x = window.values.astype(float)
    if channel.name == "eda":
        up = np.diff(np.log(x))
        rises = int((np.diff((up > 0.004).astype(int)) > 0).sum())
        return np.array([np.log(x.mean()), up.std(), np.maximum(up, 0).mean(), rises])
    slope = (x[-1] - x[0]) / max(len(x), 1)
    return np.array([x.mean(), np.log(x.std() + 1e-6), np.log(np.diff(x).std() + 1e-6), slope])
