"""QMNIST and Omniglot: users found, classes, halves, and every kind of broken file."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_sets import drawing, idx
from tiny_sets import qmnist as digits

from fedxr.agent.tasks import TASKS
from fedxr.bridge.channels import TICK_US
from fedxr.scenarios.recorded import omniglot, qmnist
from fedxr.scenarios.users import DataError, RecordedSet, User

DATA = Path(os.environ.get("FEDXR_DATA") or "/no/data")


def recorded(data_set: RecordedSet) -> list[User]:
    folder = DATA / data_set.folder
    if not folder.is_dir():
        pytest.skip(f"{data_set.name} is not there: set FEDXR_DATA to the folder of the sets")
    return data_set.load(folder)


STEM = "images_background_small1"


def drawings(root: Path, names: list[str], raw: bytes | None = None, zipped: bool = True) -> Path:
    (root / "python").mkdir()
    content = drawing() if raw is None else raw
    if zipped:
        with zipfile.ZipFile(root / "python" / f"{STEM}.zip", "w") as pack:
            for name in names:
                pack.writestr(f"{STEM}/{name}", content)
    else:
        for name in names:
            path = root / "python" / STEM / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root


@pytest.mark.data
@pytest.mark.parametrize("data_set", [qmnist.SET, omniglot.SET], ids=lambda s: s.name)
def test_a_picture_is_asked_at_the_end_of_its_tick(data_set: RecordedSet) -> None:
    users = recorded(data_set)
    assert len({user.name for user in users}) == len(users)
    for user in users:
        assert sum(e.adapt for e in user.episodes) == pytest.approx(len(user.episodes) / 2, abs=0.5)
        for episode in user.episodes:
            camera = episode.samples["camera"]
            assert camera.t_us.tolist() == [0]
            assert camera.values.dtype == np.uint8
            (query,) = episode.queries
            assert query.t_us == TICK_US
            assert 0 <= query.label < len(TASKS[query.task].classes)


@pytest.mark.data
def test_omniglot_halves_share_no_class_and_drawers_complete_each_other() -> None:
    users = recorded(omniglot.SET)
    learnt = set()
    for user in users:
        past = {e.queries[0].label for e in user.episodes if e.adapt}
        future = {e.queries[0].label for e in user.episodes if not e.adapt}
        assert not past & future
        learnt |= past
    assert learnt == set(range(70))


def test_qmnist_follows_the_form(tmp_path: Path) -> None:
    three, seven = qmnist.load(digits(tmp_path))
    assert (three.name, seven.name) == ("writer_0003", "writer_0007")
    assert [e.queries[0].label for e in three.episodes] == [2, 4, 6]
    assert [e.queries[0].label for e in seven.episodes] == [5, 3, 1]  # places 7, 8, 9
    assert [e.adapt for e in seven.episodes] == [True, True, False]
    # the pixel value counts on through the file: row 4 starts at 4 x 784 = 3136 = 12 x 256 + 64
    assert seven.episodes[0].samples["camera"].values[0, 0, 0] == 64


def _replace(name: str, change):
    def damage(root: Path) -> Path:
        path = root / name
        path.write_bytes(change(path.read_bytes()))
        return path

    return damage


IMAGES, LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
WRITERS = "qmnist-test-labels-idx2-int.gz"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_replace(IMAGES, lambda raw: raw[:-30]), "expected a whole gzip file"),
        (_replace(LABELS, lambda _: b""), "byte 0: the file is empty"),
        (_replace(LABELS, lambda raw: raw[:2] + b"plain"), "expected a whole gzip file"),
        (_replace(LABELS, lambda _: b"plain"), "byte 0: expected the IDX header"),
        (_replace(IMAGES, lambda raw: gzip.compress(gzip.decompress(raw)[:-9])),
         # 16 bytes of header and 6 x 784 pixels
         "ends at byte 4711 when unzipped, expected 4720 bytes for 6 x 28 x 28"),
        (_replace(WRITERS, lambda raw: gzip.compress(b"\0\0\x08\1" + gzip.decompress(raw)[4:])),
         "byte 0: expected the IDX header of an array with 2 axes"),
        (_replace(LABELS, lambda raw: gzip.compress(gzip.decompress(raw)[:-1] + b"\5")),
         "row 5: its class is 6, .* has 5"),
    ],
)  # fmt: skip
def test_broken_qmnist_files_are_named(tmp_path: Path, damage, says: str) -> None:
    digits(tmp_path)
    path = damage(tmp_path)
    with pytest.raises(DataError, match=says) as caught:
        qmnist.load(tmp_path)
    assert path.name in str(caught.value)


def test_qmnist_files_of_different_length_are_named(tmp_path: Path) -> None:
    idx(digits(tmp_path) / LABELS, np.array([1, 2], np.uint8))
    with pytest.raises(DataError, match="expected 6 labels, one per image"):
        qmnist.load(tmp_path)
    idx(tmp_path / LABELS, np.array([1, 2, 3, 4, 5, 6], np.uint8))
    idx(tmp_path / WRITERS, np.zeros((5, 8), np.int32))
    with pytest.raises(DataError, match="expected 6 rows or more of 8 numbers, found 5 x 8"):
        qmnist.load(tmp_path)
    (tmp_path / WRITERS).unlink()
    with pytest.raises(DataError, match="missing"):
        qmnist.load(tmp_path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_smaller_omniglot_keeps_its_classes(tmp_path: Path, zipped: bool) -> None:
    names = [
        "Greek/character02/0394_21.png",  # class 24 + 22 + 1
        "Greek/character01/0393_21.png",  # class 24 + 22
        "Balinese/character24/0131_21.png",  # class 23
        "Korean/character01/0500_21.png",  # not in the task
        "Early_Aramaic/character01/0300_03.png",  # class 24
    ]
    users = omniglot.load(drawings(tmp_path, names, zipped=zipped))
    (twenty_one,) = users
    assert twenty_one.name == "drawer_21"
    assert [e.queries[0].label for e in twenty_one.episodes] == [23, 46, 47]
    # 23 + 21 and 47 + 21 are even; of drawer 3 there is class 24 alone, and 24 + 3 is odd
    assert [e.adapt for e in twenty_one.episodes] == [True, False, True]
    why = "0 questions to learn from and 1 to be tested on; both are needed"
    assert users.left_out["drawer_03"].startswith(why)
    pixels = twenty_one.episodes[0].samples["camera"].values[0]
    assert (pixels == 0).sum() == 1  # ink
    assert (pixels == 255).sum() == 105 * 105 - 1  # paper


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("Greek/character25/1_01.png", None, "expected character01 to character24 in Greek"),
        ("Greek/1_01.png", None, "expected images_background_small1/<alphabet>/character<NN>"),
        ("Greek/character01/1_01.png", drawing()[:60], "expected a whole PNG"),
        ("Greek/character01/1_01.png", b"", "expected a whole PNG"),
        ("Greek/character01/1_01.png", drawing(64), "expected 105 x 105 pixels, found 64 x 64"),
        ("Latin/character01/1_01.png", None, "no drawing of Balinese, Early_Aramaic, Greek found"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_broken_drawings_are_named(
    tmp_path: Path, name: str, raw: bytes | None, says: str, zipped: bool
) -> None:
    with pytest.raises(DataError, match=says):
        omniglot.load(drawings(tmp_path, [name], raw, zipped))


def test_a_broken_or_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no drawing"):
        omniglot.load(tmp_path)
    archive = drawings(tmp_path, ["Greek/character01/1_01.png"]) / "python" / f"{STEM}.zip"
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=f"{STEM}.zip: expected a whole zip file"):
        omniglot.load(tmp_path)
    middle = whole.index(b"IDAT")
    archive.write_bytes(whole[:middle] + b"????????" + whole[middle + 8 :])
    with pytest.raises(DataError, match=f"drawer_01: .*{STEM}.*expected a whole PNG"):
        omniglot.load(tmp_path)
