"""FSDD and RAVDESS: users found, halves, question times, and every kind of broken file."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_sets import tone

from fedxr.bridge.channels import TICK_US
from fedxr.scenarios.recorded import fsdd, ravdess
from fedxr.scenarios.users import DataError, RecordedSet, User

DATA = Path(os.environ.get("FEDXR_DATA") or "/no/data")


def recorded(data_set: RecordedSet) -> list[User]:
    folder = DATA / data_set.folder
    if not folder.is_dir():
        pytest.skip(f"{data_set.name} is not there: set FEDXR_DATA to the folder of the sets")
    return data_set.load(folder)


@pytest.mark.data
@pytest.mark.parametrize("data_set", [fsdd.SET, ravdess.SET], ids=lambda s: s.name)
def test_every_utterance_is_asked_once_when_its_last_token_is_out(data_set: RecordedSet) -> None:
    for user in recorded(data_set):
        (channel,) = user.channels
        for episode in user.episodes:
            sound = episode.samples[channel.name]
            (query,) = episode.queries
            assert sound.t_us[0] == 0
            assert query.t_us % (3 * TICK_US) == 0
            assert 0 < query.t_us - sound.t_us[-1] <= 3 * TICK_US
            # at the nominal rate the n samples last (n - 1) / rate seconds
            last_us = (len(sound) - 1) * 1e6 / channel.rate_hz
            assert sound.t_us[-1] == pytest.approx(last_us, abs=1)


@pytest.mark.data
def test_fsdd_learns_from_earlier_repetitions_only() -> None:
    for user in recorded(fsdd.SET):
        index = {e.key: int(e.key.split("_")[2].removesuffix(".wav")) for e in user.episodes}
        past = [index[e.key] for e in user.episodes if e.adapt]
        future = [index[e.key] for e in user.episodes if not e.adapt]
        assert max(past) < min(future)
        assert {e.queries[0].label for e in user.episodes if e.adapt} == set(range(10))


@pytest.mark.data
def test_ravdess_halves_by_intensity() -> None:
    for user in recorded(ravdess.SET):
        assert {e.key.split("-")[3] for e in user.episodes if e.adapt} == {"01"}
        assert {e.key.split("-")[3] for e in user.episodes if not e.adapt} == {"02"}
        labels = Counter(e.queries[0].label for e in user.episodes if e.adapt)
        assert set(labels) == set(range(8))


def test_fsdd_finds_the_speakers_that_are_there(tmp_path: Path) -> None:
    for speaker in ("zoe", "abe"):
        for index in (4, 7):
            tone(tmp_path / "recordings" / f"3_{speaker}_{index}.wav")
    users = fsdd.load(tmp_path)
    assert [user.name for user in users] == ["abe", "zoe"]
    assert [e.adapt for e in users[0].episodes] == [True, False]
    assert {e.queries[0].label for user in users for e in user.episodes} == {3}


def test_ravdess_reads_wav_and_flac_at_any_rate_as_16_khz(tmp_path: Path) -> None:
    actor = tmp_path / "Audio_Speech_Actors_01-24" / "Actor_30"
    tone(actor / "03-01-05-01-01-01-30.wav", seconds=0.5, rate=48_000)
    tone(actor / "03-01-05-02-01-01-30.flac", seconds=0.5, rate=16_000)
    (user,) = ravdess.load(tmp_path)
    for episode in user.episodes:
        sound = episode.samples["microphone"]
        assert len(sound) == 8000
        spectrum = np.abs(np.fft.rfft(sound.values.astype(float)))
        assert spectrum.argmax() == 220  # bins are 2 Hz apart, the tone has 440 Hz
        assert episode.queries[0].label == 4


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a sound at all, but long enough for a header")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _silent_header(path: Path) -> None:
    soundfile.write(path, np.zeros(0), 8000, subtype="PCM_16")


def _misnamed(path: Path) -> None:
    path.rename(path.with_name("eleven.wav"))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_cut, "ends at byte 1000, its header promises 4844"),  # 44 + 2 x 2400
        (_garbage, "cannot be decoded"),
        (_empty, "byte 0: the file is empty"),
        (_silent_header, "reading stopped at sample 0"),
        (_misnamed, "expected a name"),
    ],
)
@pytest.mark.parametrize("which", ["fsdd", "ravdess"])
def test_broken_files_are_named(tmp_path: Path, which: str, damage, says: str) -> None:
    if which == "fsdd":
        load, path = fsdd.load, tone(tmp_path / "recordings" / "1_ann_0.wav")
    else:
        folder = tmp_path / "Audio_Speech_Actors_01-24" / "Actor_01"
        load, path = ravdess.load, tone(folder / "03-01-01-01-01-01-01.wav")
    damage(path)
    with pytest.raises(DataError, match=says) as caught:
        load(tmp_path)
    assert str(path.parent) in str(caught.value)


def test_a_cut_flac_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "Audio_Speech_Actors_01-24" / "Actor_01"
    path = tone(folder / "03-01-01-01-01-01-01.flac", seconds=2.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=str(path)):
        ravdess.load(tmp_path)


def test_mixed_rates_of_one_speaker_are_refused(tmp_path: Path) -> None:
    tone(tmp_path / "recordings" / "1_ann_0.wav", rate=8000)
    tone(tmp_path / "recordings" / "1_ann_1.wav", rate=16_000)
    with pytest.raises(DataError, match="16000 Hz, the other files of ann have 8000 Hz"):
        fsdd.load(tmp_path)


@pytest.mark.parametrize("data_set", [fsdd.SET, ravdess.SET], ids=lambda s: s.name)
def test_a_missing_set_says_what_belongs_there(tmp_path: Path, data_set: RecordedSet) -> None:
    with pytest.raises(DataError, match=r"expected|point to"):
        data_set.load(tmp_path / "nowhere")
