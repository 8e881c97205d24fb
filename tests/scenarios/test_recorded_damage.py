"""Random damage to random files of every set: never a traceback, and of everybody it is known
whether they were read or left out, and why."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_recorded_variants import read
from tiny_sets import TWO

from fedxr.scenarios.recorded import RECORDED
from fedxr.scenarios.users import DataError, Users

SHARED = ("Processed_data", "t10k", "qmnist-", ".zip")
"""Files that hold something of everybody."""
Damage = Callable[[Path, random.Random], None]


def _cut(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def _flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 20))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _blank(path: Path, rng: random.Random) -> None:
    """A stretch of zeros, as a power cut leaves."""
    data = path.read_bytes()
    at = rng.randrange(len(data))
    path.write_bytes(data[:at] + bytes(min(500, len(data) - at)) + data[at + 500 :])


def _hole(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    at = rng.randrange(len(data))
    path.write_bytes(data[:at] + data[at + rng.randrange(1, 2000) :])


def _words(path: Path, rng: random.Random) -> None:
    """A cell that is another: empty, no number, or one that nobody expects."""
    cells = path.read_bytes().split(b",")
    new = (b"", b"NaN", b"inf", b"-1e300", b"1e30", b"x", b"\xff\xfe", b"1;2", b'"', b"1,2,3,4")
    for _ in range(rng.choice((1, 3))):
        cells[rng.randrange(len(cells))] = rng.choice(new)
    path.write_bytes(b",".join(cells))


def _double(path: Path, _: random.Random) -> None:
    path.write_bytes(path.read_bytes() * 2)


def _gone(path: Path, _: random.Random) -> None:
    path.unlink()


def _folder(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path, _: random.Random) -> None:
    path.unlink()
    path.symlink_to(path)


DAMAGES: tuple[Damage, ...] = (
    _cut, _flip, _blank, _hole, _words, _double, _gone, _folder, _link
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every set with two users."""
    root = tmp_path_factory.mktemp("whole")
    for name, (make, _) in TWO.items():
        make(root / name)
    return root


def loaded(name: str, root: Path) -> tuple[Users | None, str]:
    """The users, or why there is nobody."""
    try:
        return RECORDED[name].load(root), ""
    except DataError as error:
        return None, str(error)


def check(name: str, whole: Path, here: Path, seed: int) -> None:
    """Spoil one file of a copy, and see that everybody is accounted for."""
    rng = random.Random(seed)
    root, people = here / name, TWO[name][1]
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(whole / name, root)
    files = sorted(p for p in root.rglob("*") if p.is_file())
    path, damage = rng.choice(files), rng.choice(DAMAGES)
    shared = any(part in str(path.relative_to(root)) for part in SHARED)
    damage(path, rng)
    was = read(RECORDED[name].load(whole / name))
    users, error = loaded(name, root)
    if users is None:
        assert shared, f"{damage.__name__} of {path.name}: {error}"
        assert str(root) in error or any(user in error for user in people)
        return
    if shared:
        return
    for samples in (s for u in users for e in u.episodes for s in e.samples.values()):
        assert np.isfinite(samples.values).all(), f"{damage.__name__} of {path.name}"
    now = read(users)
    for user in people:
        known = user in now or user in users.left_out or damage in (_gone, _folder, _link)
        assert known, f"{damage.__name__} of {path.name}: no word of {user}"
    whole_ones = [user for user in people if now.get(user) == was[user]]
    assert whole_ones, f"{damage.__name__} of {path.name}: it has harmed both"
    for user, why in users.left_out.items():
        assert user in people
        assert len(why) > 20


@pytest.mark.parametrize("name", sorted(TWO))
def test_any_damage_is_its_users_own(name: str, whole: Path, tmp_path: Path) -> None:
    slow = name == "ssvep"

    @settings(
        max_examples=12 if slow else 60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def spoil(seed: int) -> None:
        check(name, whole, tmp_path, seed)

    spoil()
