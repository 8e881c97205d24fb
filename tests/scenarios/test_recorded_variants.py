"""The same recordings as other systems leave them: read as if nothing had happened, or passed over
and said; and who cannot be read is named while the others go on."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np
import pytest
import soundfile
import tiny_sets
from tiny_sets import TWO

from fedxr.agent.tasks import Episode
from fedxr.scenarios.recorded import RECORDED
from fedxr.scenarios.users import DataError, User, Users

ALL = sorted(RECORDED)
TOP = {
    "har": "DATA", "gazegraph": "DesktopActivity", "fsdd": "recordings",
    "ravdess": "Audio_Speech_Actors_01-24", "omniglot": "python",
}  # fmt: skip
"""The folder that a set's archive may be unpacked without."""


def made(name: str, root: Path) -> Path:
    return TWO[name][0](root / name)


def loaded(name: str, root: Path) -> Users:
    return RECORDED[name].load(root / name)


def contents(episode: Episode) -> tuple[object, ...]:
    """All that an episode says, to be compared."""
    samples = {n: (s.t_us.tolist(), s.values.tobytes()) for n, s in episode.samples.items()}
    return episode.key, episode.queries, episode.adapt, episode.seconds, samples


def read(users: Users) -> dict[str, tuple[object, ...]]:
    return {u.name: (u.channels, *map(contents, u.episodes)) for u in users}


@pytest.mark.parametrize("name", ALL)
def test_two_users_are_read_and_nothing_is_said(name: str, tmp_path: Path) -> None:
    made(name, tmp_path)
    users = loaded(name, tmp_path)
    assert [u.name for u in users] == list(TWO[name][1])
    assert users.said == []


def litter(root: Path) -> None:
    """What a Mac, a Windows and an editor leave beside every file and folder."""
    for path in [root, *sorted(root.rglob("*"))]:
        if path.name.startswith((".", "__MACOSX")):
            continue
        (path.parent / f"._{path.name}").write_bytes(b"\0\5\x16\7" + bytes(60))
        if path.is_dir():
            for left in (".DS_Store", "Thumbs.db", "desktop.ini"):
                (path / left).write_bytes(b"\0\0\0\1Bud1")
            (path / "__MACOSX").mkdir()
            (path / "__MACOSX" / "._s99").write_bytes(b"\0\5\x16\7")


def zip_each(root: Path) -> None:
    for path in [p for p in root.rglob("*") if p.is_file()]:
        if path.suffix not in (".gz", ".zip", ".fif"):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()


def unzip_each(root: Path) -> None:
    for path in root.rglob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


def unzip_and_keep_the_names(root: Path) -> None:
    """As a browser does."""
    for path in root.rglob("*.gz"):
        path.write_bytes(gzip.decompress(path.read_bytes()))


def one_more_folder(root: Path) -> None:
    shutil.move(root, root.with_name("unpacked"))
    root.mkdir()
    shutil.move(root.with_name("unpacked"), root / "set-main")


def without_the_top_folder(root: Path) -> None:
    top = root / TOP.get(root.name, "no such")
    if top.is_dir():
        for path in top.iterdir():
            shutil.move(path, root / path.name)
        top.rmdir()


def blank_lines(root: Path) -> None:
    """As editors and spreadsheets leave them at the end."""
    for path in (p for p in root.rglob("*") if p.suffix in (".csv", ".txt")):
        blank = b"\n   \n" if path.suffix == ".txt" else b"\n,,,\n  \n"
        path.write_bytes(path.read_bytes() + blank)


def windows_lines(root: Path) -> None:
    for path in (p for p in root.rglob("*") if p.suffix in (".csv", ".txt")):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def byte_order_mark(root: Path) -> None:
    for path in root.rglob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def upper_case(root: Path) -> None:
    for path in list(root.rglob("*.wav")):
        path.rename(path.with_suffix(".WAV"))


def streamed(size: int) -> Callable[[Path], None]:
    """WAV files written to a pipe: their sizes are ``size``, for they were not known."""

    def change(root: Path) -> None:
        for path in root.rglob("*.wav"):
            raw = bytearray(path.read_bytes())
            at = raw.find(b"data")
            raw[4:8] = raw[at + 4 : at + 8] = size.to_bytes(4, "little")
            path.write_bytes(raw)

    return change


VARIANTS: list[Callable[[Path], None]] = [
    litter, zip_each, unzip_each, unzip_and_keep_the_names, one_more_folder,
    without_the_top_folder, blank_lines, windows_lines, byte_order_mark, upper_case,
    streamed(0), streamed(0xFFFFFFFF), streamed(0x7FFFF000),
]  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_what_other_systems_do_to_files_changes_nothing(name: str, tmp_path: Path) -> None:
    made(name, tmp_path)
    was = read(loaded(name, tmp_path))
    for change in VARIANTS:
        shutil.rmtree(tmp_path / name)
        change(made(name, tmp_path))
        users = loaded(name, tmp_path)
        now = read(users)
        if change is upper_case:  # the key of an episode is its file's name
            assert now.keys() == was.keys()
        else:
            assert now == was, change
        assert users.said == [], change


def test_omniglot_is_read_wherever_it_is_unpacked(tmp_path: Path) -> None:
    made("omniglot", tmp_path)
    was = read(loaded("omniglot", tmp_path))
    archive = tmp_path / "omniglot/python/images_background_small1.zip"
    for where in ("python", ".", "images_background_small1", "deep/er"):
        root = tmp_path / where.replace("/", "-").replace(".", "here") / "omniglot"
        shutil.unpack_archive(archive, root / where)
        litter(root)
        assert read(loaded("omniglot", root.parent)) == was, where


def spoil(path: Path) -> None:
    path.write_bytes(b"x")


BROKEN_USERS = {
    "har": "DATA/s77/s77_01_sw.csv",
    "ssvep": "subject77/record-[2026.01.01-00.00.00]_raw.fif",
    "gazegraph": "DesktopActivity/P77/P77_READ.csv",
    "cwru": "118.mat",
    "stress": "Raw_data/S77/EDA.csv",
    "fsdd": "recordings/0_ann_0.wav",
    "ravdess": "Audio_Speech_Actors_01-24/Actor_77/03-01-03-01-01-01-77.wav",
    "shrec": "gesture_1/finger_1/subject_77/essai_1/skeletons_world.txt",
}


@pytest.mark.parametrize("name", sorted(BROKEN_USERS))
def test_who_cannot_be_read_is_named_and_the_others_go_on(name: str, tmp_path: Path) -> None:
    root = made(name, tmp_path)
    first, second = TWO[name][1]
    was = read(loaded(name, tmp_path))
    path = root / BROKEN_USERS[name]
    spoil(path)
    users = loaded(name, tmp_path)
    assert read(users) == {second: was[second]}
    assert list(users.left_out) == [first]
    assert path.name in users.left_out[first]
    assert users.said[0].startswith(f"{first} is left out: ")
    for other in root.rglob("*"):
        if other.is_file() and other.suffix != ".gz" and other.parent.name != "Processed_data":
            spoil(other)
    with pytest.raises(DataError, match=f"{name}: nobody is left. {first}: .*{second}: "):
        loaded(name, tmp_path)


def test_one_drawers_broken_drawing_is_nobody_elses(tmp_path: Path) -> None:
    root = made("omniglot", tmp_path)
    archive = root / "python/images_background_small1.zip"
    with zipfile.ZipFile(archive, "a") as pack:
        pack.writestr("images_background_small1/Greek/character04/0394_03.png", b"no PNG")
    users = loaded("omniglot", tmp_path)
    assert [u.name for u in users] == ["drawer_21"]
    assert "character04/0394_03.png: expected a whole PNG" in users.left_out["drawer_03"]


def test_another_participants_label_is_nobody_elses(tmp_path: Path) -> None:
    root = made("stress", tmp_path)
    path = root / "Processed_data/Improved_All_Combined_hr_rsp_binary.csv"
    lines = path.read_text().splitlines()
    lines[3] = lines[3].rsplit(",", 1)[0] + ",maybe"
    path.write_text("\n".join(lines))
    users = loaded("stress", tmp_path)
    assert [u.name for u in users] == ["S78"]
    assert "row 4: column Label: expected a number; found 'maybe'" in users.left_out["S77"]


def test_who_has_nothing_to_be_tested_on_is_left_out(tmp_path: Path) -> None:
    root = made("fsdd", tmp_path)
    for index in (2, 3):
        (root / f"recordings/{index}_ann_{index}.wav").unlink()
    (root / "recordings/1_ann_1.wav").unlink()
    users = loaded("fsdd", tmp_path)
    assert [u.name for u in users] == ["bob"]
    assert users.left_out["ann"].startswith("1 questions to learn from and 0 to be tested on")


def edit_rows(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def har_one(tmp_path: Path) -> Path:
    return tiny_sets.har(tmp_path / "har") / "DATA/s77"


def shifted(by_ms: float, first: int, last: int = 10**9) -> Callable[[list[str]], list[str]]:
    """The timestamps of rows ``first`` to ``last`` moved."""

    def change(rows: list[str]) -> list[str]:
        out = []
        for i, row in enumerate(rows):
            cells = row.split(",")
            if first <= i <= last and i:
                cells[6] = str(int(cells[6]) + int(by_ms))
            out.append(",".join(cells))
        return out

    return change


@pytest.mark.parametrize("pause_ms", [20_000, 3 * 3_600_000])
def test_nothing_is_asked_in_a_pause_of_the_devices(pause_ms: int, tmp_path: Path) -> None:
    """5 s at 100 Hz with a pause after 2.5 s. Questions at 1, 1.5, 2 and 2.5 s (as in a whole
    recording), then none before there is a second again: 2.5 s + pause + 1, 1.5, 2 and 2.5 s; the
    hops of half a second (15 ticks) stay where they were, so the first comes up to a hop later."""
    folder = har_one(tmp_path)
    for device in ("sp", "sw"):
        edit_rows(folder / f"s77_01_{device}.csv", shifted(pause_ms, 251))
    (user,) = RECORDED["har"].load(tmp_path / "har")
    episodes = [e for e in user.episodes if e.key.startswith("s77_01")]
    assert 7 <= len(episodes) <= 8
    for episode in episodes:
        (query,) = episode.queries
        for channel in ("phone", "watch"):
            t_us = episode.samples[channel].t_us
            assert (t_us >= query.t_us - 1_000_000).sum() >= 50, "half of the second asked about"
    # the script's five activities take a second each; the pause is within the third
    assert {e.queries[0].label for e in episodes} >= {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t / 1000, r"its samples are 0.01 ms apart; expected 1 to 200 ms"),
        (lambda t: t - t[0] + 1000 * np.arange(len(t)), r"its samples are 1010 ms apart"),
        (lambda t: t * 1000, r"a time of 1.65753e\+12 s: its times are not in the unit"),
        (lambda t: 0 * t, r"its samples are 0 ms apart"),
        (lambda t: t * 1e12, r"a time of 1.\d+e\+21 s: its times"),
        (lambda t: t + 1e9 * (t > t[250]), r"lasts 1000005 s; expected at most 86400 s"),
    ],
)
def test_timestamps_in_another_unit_are_refused(
    change: Callable[[np.ndarray], np.ndarray], says: str, tmp_path: Path
) -> None:
    folder = har_one(tmp_path)
    for device in ("sp", "sw"):
        path = folder / f"s77_01_{device}.csv"
        head, *rows = path.read_text().splitlines()
        cells = [row.split(",") for row in rows]
        t = change(np.array([float(c[6]) for c in cells]))
        lines = [",".join([*c[:6], repr(float(x)), c[7]]) for c, x in zip(cells, t, strict=True)]
        path.write_text("\n".join([head, *lines]))
    with pytest.raises(DataError, match=says) as error:
        RECORDED["har"].load(tmp_path / "har")
    assert "correct them" in str(error.value) or "convert them" in str(error.value)


def test_devices_that_share_no_time_are_refused(tmp_path: Path) -> None:
    edit_rows(har_one(tmp_path) / "s77_02_sw.csv", shifted(3_600_000, 1))
    with pytest.raises(DataError, match=r"s77_02: phone and watch share 0.0 s; expected 1 s"):
        RECORDED["har"].load(tmp_path / "har")
    root = tiny_sets.stress(tmp_path / "stress")
    edit_rows(root / "Raw_data/S77/HR.csv", lambda rows: ["1644231183.0", *rows[1:]])
    with pytest.raises(DataError, match="heart-rate recorded at another time than the labels"):
        RECORDED["stress"].load(root)


def one(name: str, tmp_path: Path) -> tuple[User, list[str]]:
    users = RECORDED[name].load(tmp_path / name)
    (user,) = users
    return user, users.said


def test_a_blink_in_a_table_costs_its_rows_alone(tmp_path: Path) -> None:
    path = har_one(tmp_path) / "s77_01_sp.csv"
    edit_rows(path, lambda rows: [*rows[:9], rows[9].replace("9.8", ""), *rows[10:]])
    user, said = one("har", tmp_path)
    # row 10 of the file (counted from 1) is sample 8 of the first second
    values = user.episodes[0].samples["phone"].values[:, 0].tolist()
    assert values[:10] == [0, 1, 2, 3, 4, 5, 6, 7, 9, 10]
    assert said == ["s77: 1 of 500 rows of s77_01_sp.csv have empty cells and are passed over"]

    path = tiny_sets.gazegraph(tmp_path / "gazegraph") / "DesktopActivity/P77/P77_BROWSE.csv"
    edit_rows(path, lambda rows: [*rows[:20], *["nan,NaN"] * 9, *rows[29:]])
    user, said = one("gazegraph", tmp_path)
    gaze = user.episodes[0].samples["gaze"]
    assert len(gaze) == 900 - 9
    assert gaze.t_us[20] - gaze.t_us[19] == pytest.approx(10e6 / 30, abs=2)
    assert said == ["P77: 9 of 2400 rows of P77_BROWSE.csv have empty cells and are passed over"]


def test_nothing_is_asked_of_gaze_where_the_tracker_paused(tmp_path: Path) -> None:
    """Of 80 s the rows from 20 to 30 s are empty. Windows of 30 s end at 30, 35 and 40 s in the
    first half: that which ends at 30 s has no sample in its last five, that at 35 s has."""
    path = tiny_sets.gazegraph(tmp_path / "gazegraph") / "DesktopActivity/P77/P77_BROWSE.csv"
    edit_rows(path, lambda rows: [*rows[:600], *[","] * 300, *rows[900:]])
    user, _ = one("gazegraph", tmp_path)
    keys = [e.key for e in user.episodes if e.key.startswith("browse/adapt")]
    assert keys == ["browse/adapt/01", "browse/adapt/02"]


def test_a_table_that_is_mostly_empty_is_refused(tmp_path: Path) -> None:
    path = tiny_sets.gazegraph(tmp_path / "gazegraph") / "DesktopActivity/P77/P77_BROWSE.csv"
    edit_rows(path, lambda rows: [*rows[:1000], *[","] * 1399, rows[-1]])
    with pytest.raises(DataError, match=r"P77_BROWSE\.csv: 1399 of 2400 rows have empty cells"):
        one("gazegraph", tmp_path)


def test_acceleration_in_g_is_known_by_its_size(tmp_path: Path) -> None:
    folder = har_one(tmp_path)
    for path in folder.iterdir():  # what they count is of no matter here
        edit_rows(path, lambda rows: [re.sub(r"^\d+,0,9.8", "0,0,1", row) for row in rows])
    user, said = one("har", tmp_path)
    first = user.episodes[0].samples["watch"].values[0, :3].tolist()
    assert first == pytest.approx([0, 0, 9.80665])
    assert len(said) == 4
    assert "acceleration is in g by its size (1.00)" in said[0]


def eeg(tmp_path: Path, change: Callable[[mne.io.BaseRaw], None]) -> Path:
    """The tiny set of EEG with its only file changed and saved again."""
    root = tiny_sets.ssvep(tmp_path / "ssvep")
    (path,) = root.glob("*/*_raw.fif")
    with mne.utils.use_log_level("error"):
        raw = mne.io.read_raw_fif(path, preload=True)
        change(raw)
        raw.save(path, overwrite=True)
    return root


@pytest.mark.parametrize(("factor", "unit"), [(1e-3, "volt"), (1e3, "microvolt"), (1, "")])
def test_the_unit_of_eeg_is_known_by_its_size(factor: float, unit: str, tmp_path: Path) -> None:
    made_ = tiny_sets.ssvep(tmp_path / "as" / "ssvep")
    (was,) = RECORDED["ssvep"].load(made_)
    eeg(tmp_path, lambda raw: raw.apply_function(lambda x: x * factor, picks="eeg"))
    user, said = one("ssvep", tmp_path)
    for a, b in zip(user.episodes, was.episodes, strict=True):
        np.testing.assert_allclose(a.samples["eeg"].values, b.samples["eeg"].values, rtol=1e-6)
    assert [f"EEG is in {unit} by its size" in text for text in said] == ([True] if unit else [])


def test_what_is_no_eeg_by_its_size_is_refused(tmp_path: Path) -> None:
    eeg(tmp_path, lambda raw: raw.apply_function(lambda x: x * 1e9, picks="eeg"))
    with pytest.raises(DataError, match=r"expected EEG, which deviates by .*; found 3.*e\+06"):
        one("ssvep", tmp_path)


def _mark(raw: mne.io.BaseRaw) -> None:
    raw.info["bads"] = ["O1"]


def _flatten(raw: mne.io.BaseRaw) -> None:
    raw._data[1] = 0.001


def _lose(raw: mne.io.BaseRaw) -> None:
    raw._data[1] = np.nan


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_mark, "is marked bad"),
        (_flatten, "is 0.001 throughout"),
        (_lose, "has numbers in 0 of 12800 samples"),
    ],
)
def test_an_electrode_of_no_use_is_left_out_and_named(
    change: Callable[[mne.io.BaseRaw], None], why: str, tmp_path: Path
) -> None:
    eeg(tmp_path, change)
    user, said = one("ssvep", tmp_path)
    assert [c.layout for c in user.channels] == ["eeg/Oz-POz"]
    # the first trial begins at sample 256; electrode k counts on from k x 12800, in nanovolts
    values = user.episodes[0].samples["eeg"].values[0].tolist()
    assert values == pytest.approx([256e-9, (256 + 2 * 12_800) * 1e-9])
    assert len(said) == 1
    assert f"electrode O1 {why} and is left out" in said[0]


def test_sessions_are_read_by_the_electrodes_that_all_have(tmp_path: Path) -> None:
    root = eeg(tmp_path, lambda _: None)
    (path,) = root.glob("*/*_raw.fif")
    other = path.with_name(path.name.replace("2026.01.01", "2026.01.02"))
    shutil.copy(path, other)
    marks = path.with_name(path.name.replace("_raw", "-eve"))
    shutil.copy(marks, other.with_name(other.name.replace("_raw", "-eve")))
    with mne.utils.use_log_level("error"):
        raw = mne.io.read_raw_fif(other, preload=True)
        _mark(raw)
        raw.save(other, overwrite=True)
    user, _ = one("ssvep", tmp_path)
    assert [c.layout for c in user.channels] == ["eeg/Oz-POz"]
    assert len(user.episodes) == 16


def test_a_trial_with_numbers_missing_is_passed_over(tmp_path: Path) -> None:
    def blink(raw: mne.io.BaseRaw) -> None:
        raw._data[2, 300:310] = np.nan  # in the first trial, which begins at sample 256

    eeg(tmp_path, blink)
    user, said = one("ssvep", tmp_path)
    assert said == ["subject77: 1 trials have numbers missing and are passed over"]
    assert [e.key[-2:] for e in user.episodes] == ["02", "03", "04", "05", "06", "07", "08"]


def test_a_flac_that_was_streamed_is_read_to_its_end(tmp_path: Path) -> None:
    """Its header says that it does not know how long it is: the number of samples, the last 36 bits
    before the checksum, is 0."""
    root = tiny_sets.ravdess(tmp_path / "ravdess")
    was = read(loaded("ravdess", tmp_path))
    for path in list(root.rglob("*.wav")):
        wave, rate = soundfile.read(path, dtype="int16")
        flac = path.with_suffix(".flac")
        soundfile.write(flac, wave, rate, subtype="PCM_16")
        raw = bytearray(flac.read_bytes())
        raw[8 + 13] &= 0xF0
        raw[8 + 14 : 8 + 18] = bytes(4)
        flac.write_bytes(raw)
        path.unlink()
    ((name, (_, *now)),) = read(loaded("ravdess", tmp_path)).items()
    assert [e[4] for e in now] == [e[4] for e in was[name][1:]]


def test_what_is_no_utterance_is_refused(tmp_path: Path) -> None:
    for why, change in {
        "lasts more than 60 s": {"seconds": 61.0},
        "sample rate 1000000 Hz; expected 4000 to 192000": {"rate": 1_000_000, "seconds": 0.1},
    }.items():
        root = tiny_sets.fsdd(tmp_path / why[:5] / "fsdd")
        tiny_sets.tone(root / "recordings/0_ann_0.wav", 440, **change)
        with pytest.raises(DataError, match=why):
            RECORDED["fsdd"].load(root)


def test_names_that_say_nothing_are_passed_over_and_said(tmp_path: Path) -> None:
    made("fsdd", tmp_path)
    tiny_sets.tone(tmp_path / "fsdd/recordings/eleven.wav")
    made("ravdess", tmp_path)
    actor = tmp_path / "ravdess/Audio_Speech_Actors_01-24/Actor_77"
    tiny_sets.tone(actor / "03-02-01-01-01-01-77.wav")  # a song
    for name, file in (("fsdd", "eleven.wav"), ("ravdess", "03-02-01-01-01-01-77.wav")):
        users = loaded(name, tmp_path)
        assert len(users) == 2
        assert len(users.said) == 1
        assert f"{file} is passed over: expected a name" in users.said[0]


def test_an_archive_that_is_not_unpacked_is_named(tmp_path: Path) -> None:
    (tmp_path / "ravdess").mkdir()
    (tmp_path / "ravdess" / "Audio_Speech_Actors_01-24.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"found none; unpack Audio_Speech_Actors_01-24\.zip"):
        loaded("ravdess", tmp_path)


def test_two_places_of_a_set_are_not_mixed(tmp_path: Path) -> None:
    tiny_sets.fsdd(tmp_path / "fsdd" / "one")
    tiny_sets.fsdd(tmp_path / "fsdd" / "two", "bob")
    with pytest.raises(DataError, match=r"one/recordings, two/recordings all hold .*; leave one"):
        loaded("fsdd", tmp_path)
