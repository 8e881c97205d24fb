"""Loaders of motion, EEG, gaze, vibration and physiology: cuts, units, order, broken files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_sets

from fedxr.agent.tasks import TASKS
from fedxr.bridge.channels import TICK_US, layout_of
from fedxr.scenarios.recorded import RECORDED, find
from fedxr.scenarios.users import DataError, User

OURS = ("har", "ssvep", "gazegraph", "cwru", "stress")
DATA = Path(os.environ.get("FEDXR_DATA") or "/no/data")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[User]]:
    """Each of the five sets with one made-up user."""
    root = tmp_path_factory.mktemp("tiny")
    return {name: RECORDED[name].load(getattr(tiny_sets, name)(root / name)) for name in OURS}


def check_user(user: User, set_name: str) -> None:
    """What holds for every recorded user, whatever the set."""
    assert {c.layout for c in user.channels} == {layout_of(c.layout).name for c in user.channels}
    assert {e.adapt for e in user.episodes} == {True, False}
    halves = [e.adapt for e in user.episodes]
    if set_name != "ssvep":  # there the halves are cut class by class
        assert halves == sorted(halves, reverse=True), "what is tested lies after what is learnt"
    shapes = {c.name: layout_of(c.layout).shape for c in user.channels}
    for episode in user.episodes:
        (query,) = episode.queries
        assert query.t_us % TICK_US == 0
        assert 0 <= query.label < len(TASKS[query.task].classes)
        assert episode.samples, "an episode without samples cannot be answered"
        for name, samples in episode.samples.items():
            assert samples.values.shape[1:] == shapes[name]
            assert samples.values.dtype == np.float32
            assert (np.diff(samples.t_us) >= 0).all()
            assert samples.t_us[0] >= 0
            assert samples.t_us[-1] < query.t_us
            assert np.isfinite(samples.values).all()


@pytest.mark.data
@pytest.mark.parametrize("name", OURS)
def test_the_real_set_loads(name: str) -> None:
    folder = DATA / RECORDED[name].folder
    if not folder.is_dir():
        pytest.skip(f"{RECORDED[name].folder} is not under {DATA}; set FEDXR_DATA")
    users = RECORDED[name].load(folder)
    assert len({user.name for user in users}) == len(users) > 1
    for user in users:
        check_user(user, name)
        assert {q.task for e in user.episodes for q in e.queries} == {RECORDED[name].task}


@pytest.mark.parametrize("name", OURS)
def test_a_folder_of_unknown_users_loads(name: str, tiny: dict[str, list[User]]) -> None:
    (user,) = tiny[name]
    assert user.source == name
    check_user(user, name)


@pytest.mark.parametrize("name", OURS)
def test_no_sample_is_both_learnt_from_and_tested_on(
    name: str, tiny: dict[str, list[User]]
) -> None:
    (user,) = tiny[name]
    for channel in user.channels:
        seen = {True: set[float](), False: set[float]()}
        for episode in user.episodes:
            if channel.name in episode.samples:  # the first axis numbers the samples
                values = episode.samples[channel.name].values
                seen[episode.adapt] |= set(values.reshape(len(values), -1)[:, 0].tolist())
        assert seen[True]
        assert seen[False]
        assert not seen[True] & seen[False]


def test_har_asks_for_what_filled_the_last_second(tiny: dict[str, list[User]]) -> None:
    # 5 s with an activity a second: the question at 1.0 s is about 0..1 s, seated; at 1.5 s it is
    # half and half (the earlier class wins the tie), at 2.0 s standing up; hop 0.5 s
    (user,) = tiny["har"]
    first = [e.queries[0].label for e in user.episodes if e.key.startswith("s77_01")]
    assert first[::2] == [0, 1, 2, 3]
    contexts = [e.queries[0].t_us // TICK_US for e in user.episodes if e.key.startswith("s77_01")]
    assert contexts == [30, 45, 60, 75, 90, 90, 90, 90]


def test_ssvep_events_are_not_in_the_order_of_the_frequencies(
    tiny: dict[str, list[User]],
) -> None:
    # ids 1, 1, then 4, 2, 3 twice; 4 is 17 Hz (class 2), 2 is 13 Hz (1), 3 is 21 Hz (3)
    (user,) = tiny["ssvep"]
    labels = [(e.queries[0].label, e.adapt) for e in user.episodes]
    assert labels == [
        (0, True),
        (0, False),
        (2, True),
        (1, True),
        (3, True),
        (2, False),
        (1, False),
        (3, False),
    ]
    eeg = user.episodes[2].samples["eeg"]  # the third trial begins at sample 256 + 2 * 6 * 256
    assert eeg.values[0].tolist() == pytest.approx(  # the file counts nanovolts
        [1e-9 * (256 * 13 + k * 256 * 50) for k in range(3)]
    )
    assert len(eeg) == 5 * 256


def test_gaze_activities_take_turns(tiny: dict[str, list[User]]) -> None:
    (user,) = tiny["gazegraph"]
    assert [e.queries[0].label for e in user.episodes[:12]] == [0, 1, 2, 3, 4, 5] * 2
    # 2400 rows are 80 s; halves of 40 s hold windows of 30 s from 0, 5 and 10 s: three a half
    assert len(user.episodes) == 2 * 3 * 6


def test_bearings_are_in_metres_per_second_squared(tiny: dict[str, list[User]]) -> None:
    (user,) = tiny["cwru"]
    assert user.name == "load0"
    ball = user.episodes[0].samples["bearing"]  # 0.2 s at 12 kHz, values 0, 1, 2… g
    assert len(ball) == 2400
    assert ball.values[:3].tolist() == pytest.approx([0.0, 9.80665, 2 * 9.80665])
    assert {e.queries[0].label for e in user.episodes} == {1, 2, 3}, "no normal file, no episodes"


def test_the_normal_bearing_is_brought_to_12_khz(tmp_path: Path) -> None:
    # a 1 kHz tone sampled at 48 kHz has 12 samples a period once it is at 12 kHz
    tone = np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)
    tiny_sets.cwru(tmp_path, numbers=(97, 118))
    tiny_sets.savemat(tmp_path / "97.mat", {"X097_DE_time": tone[:, None]})
    (user,) = RECORDED["cwru"].load(tmp_path)
    normal = next(e for e in user.episodes if e.queries[0].label == 0).samples["bearing"]
    spectrum = np.abs(np.fft.rfft(normal.values))
    assert spectrum.argmax() == round(1000 * len(normal) / 12_000)


def test_stress_is_in_si_units_and_misses_nothing(tiny: dict[str, list[User]]) -> None:
    (user,) = tiny["stress"]
    first = user.episodes[0].samples
    # EDA and TEMP begin 9 s (36 samples) before the labels with 1, 2, 3…
    assert first["eda"].values[0] == pytest.approx(37e-6)
    assert first["temperature"].values[0] == pytest.approx(37 + 273.15)
    assert first["heart-rate"].values[0] == pytest.approx(1 / 60)
    assert first["respiration"].values[0] == pytest.approx(10 / 60)
    assert first["ibi"].t_us[0] == 3_000_000  # 12 s after a start 9 s before the labels
    labels = {e.key: e.queries[0].label for e in user.episodes}
    # questions every 10 s from 120 s on, stress from 200 s: the seventh is at 190, the ninth at 210
    assert labels["adapt/007"] == 0
    assert labels["adapt/009"] == 1
    assert labels["test/000"] == 1  # at 300 + 120 s


def _drop(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).unlink()


def _edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new, 1))

    return edit


def _truncate(path: str, part: float) -> Callable[[Path], None]:
    def cut(root: Path) -> None:
        data = (root / path).read_bytes()
        (root / path).write_bytes(data[: int(len(data) * part)])

    return cut


_HAR = "DATA/s77/s77_01_sp.csv"
_GAZE = "DesktopActivity/P77/P77_READ.csv"
_RAW = "Raw_data/S77/"
_LABELS = "Processed_data/Improved_All_Combined_hr_rsp_binary.csv"
_FIF = "subject77/record-[2026.01.01-00.00.00]_raw.fif"
_EVENTS = "subject77/record-[2026.01.01-00.00.00]-eve.fif"

BROKEN = [
    ("har", _drop(_HAR), "s77_01_sp.csv: missing"),
    ("har", _edit(_HAR, "z_gyro", "zz"), "row 1: expected columns .*z_gyro.* found .*zz"),
    ("har", _edit(_HAR, "2,0,9.8", "2,oops,9.8"), "row 4: column y_acc: .* found 'oops'"),
    ("har", _edit(_HAR, "SEATED", "FLYING"), "row 2: expected one of SEATED, .* found FLYING"),
    ("har", _edit(_HAR, "10,SEATED", "00,SEATED,1"), "row 3: expected 8 cells; found 9"),
    ("har", _edit(_HAR, "1657534630020", "1657534630001"), "row 4: expected a timestamp >="),
    ("har", _truncate(_HAR, 0.5), r"row \d+: expected 8 cells; found \d"),
    ("ssvep", _truncate(_FIF, 0.5), r"byte \d+: expected \d+ bytes of tag 300; found \d+"),
    ("ssvep", _truncate(_FIF, 0.0), "byte 0: the file is empty"),
    ("ssvep", _drop(_EVENTS), "eve.fif: missing"),
    ("ssvep", _truncate(_EVENTS, 0.7), r"-eve.fif: byte \d+: expected \d+ bytes"),
    ("gazegraph", _drop(_GAZE), "P77_READ.csv: missing"),
    ("gazegraph", _truncate(_GAZE, 0.3), r"row \d+: expected 1800 rows or more"),
    ("gazegraph", _edit(_GAZE, ",0.5", ",half"), "row 1: column y: expected a number"),
    ("cwru", _truncate("105.mat", 0.4), "105.mat: after .* bytes: expected a whole MATLAB 5"),
    ("cwru", lambda root: (root / "105.mat").rename(root / "131.mat"), None),
    ("stress", _drop(_LABELS), "binary.csv: missing"),
    ("stress", _drop(_RAW + "TEMP.csv"), "TEMP.csv: missing"),
    ("stress", _edit(_RAW + "EDA.csv", "\n7\n", "\n7;8\n"), "row 9: column value: .* '7;8'"),
    ("stress", _edit(_RAW + "HR.csv", "\n1.0\n", "\n0.0\n"), "row 2: expected a rate"),
    ("stress", _edit(_RAW + "IBI.csv", "\n13,", "\n11,"), "row 3: expected an offset >= 12"),
    ("stress", _edit(_LABELS, ",0\n", ",2\n"), "row 2: expected label 0 or 1; found 2"),
]


@pytest.mark.parametrize(("name", "damage", "message"), BROKEN)
def test_a_broken_file_is_named_with_its_place(
    name: str, damage: Callable[[Path], None], message: str | None, tmp_path: Path
) -> None:
    root = getattr(tiny_sets, name)(tmp_path / name)
    damage(root)
    if message is None:  # a load that lacks one file keeps its other classes
        assert RECORDED[name].load(root)
        return
    with pytest.raises(DataError, match=message) as error:
        RECORDED[name].load(root)
    assert re.search(r"fetch|leave", str(error.value)), "it says what to do"


@pytest.mark.parametrize("name", OURS)
def test_an_empty_folder_says_what_belongs_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(str(tmp_path))):
        RECORDED[name].load(tmp_path)
    with pytest.raises(DataError):
        RECORDED[name].load(tmp_path / "nowhere")


def test_find_lists_what_is_there(tmp_path: Path) -> None:
    assert find(tmp_path) == {}
    (tmp_path / "cwru").mkdir()
    assert {n: s.folder for n, s in find(tmp_path).items()} == {"cwru": tmp_path / "cwru"}
