"""Reading short recordings of speech: WAV or FLAC to 16-bit mono, with every fault named."""

from __future__ import annotations

from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from agent.tasks import Episode, Query
from bridge.channels import TICK_US
from scenarios.recorded.reading import FETCH, regular, require_file
from scenarios.users import DataError

_TOKEN_US = 3 * TICK_US
"""Audio tokens come every third tick; a question about speech waits for the last of them."""


def read_pcm(path: Path, rate_hz: int | None = None) -> tuple[NDArray[np.int16], int]:
    """The recording as (samples,) int16 and its rate; several channels are averaged.

    ``rate_hz`` asks for another rate (polyphase resampling). Raises DataError when the file is
    no sound, is cut short, or is empty.
    """
    _check_riff(require_file(path, "a WAV or FLAC recording"))
    try:
        with soundfile.SoundFile(path) as file:
            frames, rate = file.frames, int(file.samplerate)
            wave = file.read(dtype="float32", always_2d=True).mean(axis=1)
    except soundfile.LibsndfileError as error:
        raise DataError(
            f"{path}: expected a WAV or FLAC recording, but it cannot be decoded ({error}); {FETCH}"
        ) from error
    if len(wave) < frames or not len(wave):
        raise DataError(
            f"{path}: reading stopped at sample {len(wave)}, expected {max(frames, 1)} samples; "
            f"the file is cut short or empty; {FETCH}"
        )
    if rate_hz is not None and rate != rate_hz:
        common = gcd(rate, rate_hz)
        wave = resample_poly(wave, rate_hz // common, rate // common)
        rate = rate_hz
    pcm: NDArray[np.int16] = np.clip(np.round(wave * 32768), -32768, 32767).astype(np.int16)
    return pcm, rate


def _check_riff(path: Path) -> None:
    """Raise DataError when a WAV file is shorter than its header says: libsndfile does not tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF":
        return
    if len(head) < 12 or head[8:12] != b"WAVE":
        raise DataError(f"{path}: byte 8: expected 'WAVE', found {head[8:12]!r}; {FETCH}")
    want = int.from_bytes(head[4:8], "little") + 8
    if size < want:
        raise DataError(
            f"{path}: ends at byte {size}, its header promises {want} bytes; "
            f"the file is cut short; {FETCH}"
        )


def utterance(
    key: str, pcm: NDArray[np.int16], rate_hz: int, task: str, label: int, adapt: bool
) -> Episode:
    """One recording as an episode that is asked once, when its last audio token is out."""
    sound = regular(pcm, rate_hz)
    ask_us = (int(sound.t_us[-1]) // _TOKEN_US + 1) * _TOKEN_US
    return Episode(
        key=key,
        samples={"microphone": sound},
        queries=(Query(task, ask_us, label),),
        adapt=adapt,
        seconds=ask_us / 1e6,
    )
