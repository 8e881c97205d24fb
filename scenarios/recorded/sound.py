"""Reading short recordings of speech: WAV or FLAC to 16-bit mono, with every fault named."""

from __future__ import annotations

from io import BytesIO
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import TICK_US
from fedxr.scenarios.recorded.reading import FETCH, read_bytes, regular
from fedxr.scenarios.users import DataError

_TOKEN_US = 3 * TICK_US
"""Audio tokens come every third tick; a question about speech waits for the last of them."""
LONGEST_S = 60.0
"""An utterance lasts a few seconds; what is longer is another file."""
_RATES_HZ = (4000, 192_000)
_UNKNOWN = 0x7FFF0000
"""Sizes from here on are what programs write into the header of a WAV file that they stream, and
so cannot go back to; as they do 0."""


def read_pcm(path: Path, rate_hz: int | None = None) -> tuple[NDArray[np.int16], int]:
    """The recording as (samples,) int16 and its rate; several channels are averaged.

    ``rate_hz`` asks for another rate (polyphase resampling). Raises DataError when the file is
    no sound, is cut short, is empty or lasts longer than a minute.
    """
    import soundfile  # of the extra `study`, imported where a sound is read

    raw = _whole_riff(path, read_bytes(path, "a WAV or FLAC recording"))
    try:
        with _forward(raw) as file:
            frames, rate = file.frames, int(file.samplerate)
            if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
                raise DataError(
                    f"{path}: sample rate {rate} Hz; expected {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz; "
                    f"{FETCH}"
                )
            streamed = frames >= 2**48  # a FLAC that was streamed does not know its length
            most = int(LONGEST_S * rate) + 1
            wave = _read(file, most).mean(axis=1)
    except DataError:
        raise
    except (soundfile.SoundFileError, ValueError) as error:
        raise DataError(
            f"{path}: expected a WAV or FLAC recording, but it cannot be decoded ({error}); {FETCH}"
        ) from error
    if len(wave) == most:
        raise DataError(
            f"{path}: lasts more than {LONGEST_S:.0f} s; expected one utterance; {FETCH}"
        )
    if (len(wave) < frames and not streamed) or not len(wave):
        raise DataError(
            f"{path}: reading stopped at sample {len(wave)}, expected {max(frames, 1)} samples; "
            f"the file is cut short or empty; {FETCH}"
        )
    if not np.isfinite(wave).all():
        at = int((~np.isfinite(wave)).argmax())
        raise DataError(f"{path}: sample {at}: expected a number; found NaN; {FETCH}")
    if rate_hz is not None and rate != rate_hz:
        common = gcd(rate, rate_hz)
        from scipy.signal import resample_poly  # half a second, which few commands need

        wave = resample_poly(wave, rate_hz // common, rate // common)
        rate = rate_hz
    pcm: NDArray[np.int16] = np.clip(np.round(wave * 32768), -32768, 32767).astype(np.int16)
    return pcm, rate


def _forward(raw: bytes) -> Any:
    """A ``soundfile.SoundFile`` that is read from its beginning to its end: libsndfile fails to
    seek to the end of a FLAC that does not know where that is."""
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]  # it has no types
        def seekable(self) -> bool:
            return False

    return Forward(BytesIO(raw))


def _read(file: Any, most: int) -> NDArray[np.float32]:
    """Up to ``most`` frames (n, channels), second by second: the file may not know how many."""
    parts = [np.zeros((0, file.channels), np.float32)]
    while (left := most - sum(map(len, parts))) > 0:
        part = file.read(min(left, 48_000), dtype="float32", always_2d=True)
        if not len(part):
            break
        parts.append(part)
    return np.concatenate(parts)


def _whole_riff(path: Path, raw: bytes) -> bytes:
    """A WAV file with the sizes that it has: one that was streamed is read to its end.

    Raises DataError when it is shorter than its header says: libsndfile does not tell. All but WAV
    files are handed back as they are.
    """
    if raw[:4] != b"RIFF":
        return raw
    if len(raw) < 12 or raw[8:12] != b"WAVE":
        raise DataError(f"{path}: byte 8: expected 'WAVE', found {raw[8:12]!r}; {FETCH}")
    size = int.from_bytes(raw[4:8], "little")
    want = size + 8 if size < _UNKNOWN else 0
    at = 12
    while at + 8 <= len(raw):
        size, rest = int.from_bytes(raw[at + 4 : at + 8], "little"), len(raw) - at - 8
        if raw[at : at + 4] == b"data":
            if size >= _UNKNOWN or (size == 0 and not _chunks_from(raw, at + 8)):
                sizes = [(len(raw) - 8).to_bytes(4, "little"), rest.to_bytes(4, "little")]
                return raw[:4] + sizes[0] + raw[8 : at + 4] + sizes[1] + raw[at + 8 :]
            want = max(want, at + 8 + size)
        at += 8 + size + size % 2
    if len(raw) < want:
        raise DataError(
            f"{path}: ends at byte {len(raw)}, its header promises {want} bytes; "
            f"the file is cut short; {FETCH}"
        )
    return raw


def _chunks_from(raw: bytes, at: int) -> bool:
    """Whether ``raw`` goes on as whole chunks from ``at`` to its end: no samples stand there."""
    while at + 8 <= len(raw) and raw[at : at + 4].isascii():
        at += 8 + int.from_bytes(raw[at + 4 : at + 8], "little")
        at += at % 2
    return at in (len(raw), len(raw) + 1)


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
