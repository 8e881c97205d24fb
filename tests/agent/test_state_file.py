"""The file that states live in: full, read-only, damaged, taken away, too large or old, locked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedxr.agent.checkpoints.state import disk, rows
from fedxr.agent.checkpoints.state.errors import DamagedError, NotSavedError, StateError, TakenError
from fedxr.agent.checkpoints.state.file import Keep, StateFile, stored_names

ROOT = Path(__file__).parents[2]
NAMES = [f"user-{i:02d}" for i in range(12)]


def content(name: str) -> dict[str, bytes]:
    """20 KB by three keys, not the same for any two names."""
    return {f"key-{i}": (f"{name} {i} ".encode() * 700)[:7000] for i in range(3)}


def write(file: StateFile, *names: str) -> None:
    for name in names:
        file.write(name, "brain", f"head of {name}".encode(), content(name))


def holds(file: StateFile, name: str) -> bool:
    """Whether the file has the state of ``name``, as it was written."""
    found = file.read(name, "brain", lambda _: True)
    if found is None:
        return False
    assert (found.head, found.arrays) == (f"head of {name}".encode(), content(name))
    return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def file(path: Path) -> Iterator[StateFile]:
    file = StateFile(path, Keep(), ())
    yield file
    file.close()


def limit(file: StateFile, pages: int) -> None:
    """SQLite itself refuses to let it get larger, as on a full disk."""
    connection = file.disk._file
    assert connection is not None
    connection.execute(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_said_and_read_all_the_same(file: StateFile) -> None:
    write(file, *NAMES[:3])
    limit(file, 20)
    with pytest.raises(NotSavedError, match=r"state\.db: database or disk is full"):
        write(file, *NAMES[3:])
    there = [name for name in NAMES if holds(file, name)]
    assert there[:3] == NAMES[:3]
    assert file.names() == there
    assert file.number == 0
    assert not list(file.disk.path.parent.glob("*.damaged"))
    limit(file, 10000)
    write(file, *NAMES)
    assert all(holds(file, name) for name in NAMES)


def test_a_file_that_cannot_be_written_is_read(
    path: Path, file: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that was mounted read-only: no lock, no WAL, no write."""
    write(file, "user-00")
    file.close()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    before = {p.name: p.stat().st_mtime_ns for p in path.parent.iterdir()}
    again = StateFile(path, Keep(), ())
    assert holds(again, "user-00")
    with pytest.raises(NotSavedError, match="Read-only file system"):
        write(again, "user-01")
    assert {p.name: p.stat().st_mtime_ns for p in path.parent.iterdir()} == before
    monkeypatch.undo()
    write(again, "user-01")
    assert again.names() == ["user-00", "user-01"]
    again.close()


def test_a_disk_that_is_full_from_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "SCHEMA", "PRAGMA max_page_count=1;" + rows.SCHEMA)
    file = StateFile(path, Keep(), ())
    assert file.names() == []
    assert not holds(file, "user-00")
    with pytest.raises(NotSavedError, match="full"):
        write(file, "user-00")
    monkeypatch.undo()
    write(file, "user-00")
    assert holds(file, "user-00")
    file.close()


def test_without_a_file_and_a_folder_there_is_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    file = StateFile(tmp_path / "plain" / "state.db", Keep(), ())
    assert file.names() == []
    with pytest.raises(NotSavedError, match="plain"):
        write(file, "user-00")
    file.close()
    with pytest.raises(StateError, match="is a folder"):
        StateFile(tmp_path, Keep(), ())


def test_a_file_that_is_taken_away_is_made_anew(
    path: Path, file: StateFile, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, *NAMES[:2])
    path.unlink()
    write(file, NAMES[2])
    assert (file.names(), file.number) == ([NAMES[2]], 1)
    assert "taken away" in caplog.text
    file.close()
    assert stored_names(path) == [NAMES[2]]


def test_a_folder_that_is_taken_away_is_made_anew(tmp_path: Path) -> None:
    """And still nobody else can have it."""
    path = tmp_path / "runs" / "state.db"
    file = StateFile(path, Keep(), ())
    write(file, "user-00")
    path.parent.rename(tmp_path / "elsewhere")
    write(file, "user-01")
    assert file.names() == ["user-01"]
    with pytest.raises(TakenError):
        StateFile(path, Keep(), ())
    file.close()


@pytest.mark.parametrize("garbage", [b"hello" * 1000, os.urandom(9000), b"SQLite format 3\0" * 300])
def test_a_file_that_is_no_store_is_set_aside(
    path: Path, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(garbage)
    file = StateFile(path, Keep(), ())
    write(file, "user-00")
    assert holds(file, "user-00")
    file.close()
    (aside,) = path.parent.glob("state.db.*.damaged")
    assert aside.read_bytes() == garbage
    assert f"set aside as {aside.name}" in caplog.text


def test_a_file_of_another_version_is_set_aside(path: Path, file: StateFile) -> None:
    write(file, "user-00")
    file.disk.write(lambda run: run("PRAGMA user_version=1"))
    file.close()
    file = StateFile(path, Keep(), ())
    assert file.names() == ["user-00"], "its tables can be read"
    assert len(list(path.parent.glob("*.damaged"))) == 1
    file.close()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with the states of all ``NAMES``."""
    path = tmp_path_factory.mktemp("clean") / "state.db"
    file = StateFile(path, Keep(), ())
    write(file, *NAMES)
    file.close()
    return path.read_bytes()


@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_read_of_a_damaged_file_is_what_was_written(
    clean: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    """Bits flipped, pages zeroed or swapped, the end cut off: each state is whole, or said to be
    damaged, or gone; and new ones are kept."""
    monkeypatch.setattr(disk, "RENEW_S", 0.0)
    bad, size = bytearray(clean), len(clean)
    kind = data.draw(st.sampled_from(["bits", "zeros", "swap", "cut", "noise"]))
    at = data.draw(st.integers(0, size - 1))
    if kind == "bits":
        for place in data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=40)):
            bad[place] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "cut":
        del bad[at:]
    elif kind == "swap":
        one, two = at // 4096 * 4096, data.draw(st.integers(0, size // 4096 - 1)) * 4096
        bad[one : one + 4096], bad[two : two + 4096] = bad[two : two + 4096], bad[one : one + 4096]
    else:
        length = min(size - at, data.draw(st.integers(1, 30000)))
        fill = bytes(length) if kind == "zeros" else data.draw(st.randoms()).randbytes(length)
        bad[at : at + length] = fill
    survives(tmp_path, bytes(bad))


def survives(folder: Path, bad: bytes) -> None:
    """Each state of the file is whole, or said to be damaged, or gone; and new ones are kept."""
    path = folder / "state.db"
    path.write_bytes(bad)
    file = StateFile(path, Keep(), ())
    try:
        for name in NAMES:
            try:
                holds(file, name)  # asserts that it is as it was written
            except DamagedError as error:
                file.set_aside(name, "brain", str(error))
                assert not holds(file, name)
        write(file, "new", *NAMES)
        assert all(holds(file, name) for name in ("new", *NAMES))
    finally:
        file.close()
        for left in folder.glob("state.db*"):
            left.unlink()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"SQLite format 3\0\x10\0\2", b"SQLite format 3\0\x10\0\3"),  # may not be written
        (b"PRIMARY KEY, name", b"PRIMARX KEY, name"),  # a number finds nothing
        (b"user-03brain", b"user-0~brain"),  # in the index too: out of order
    ],
)
def test_each_kind_of_damage_that_looks_like_none(
    clean: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes
) -> None:
    monkeypatch.setattr(disk, "RENEW_S", 0.0)
    for at in range(clean.count(old)):
        parts = clean.split(old)
        bad = old.join(parts[: at + 1]) + new + old.join(parts[at + 1 :])
        assert len(bad) == len(clean)
        assert bad != clean
        survives(tmp_path, bad)
    assert clean.count(old)


def test_a_state_that_has_lost_a_part_is_damaged(path: Path, file: StateFile) -> None:
    write(file, "user-00")
    file.disk.write(lambda run: run("DELETE FROM array WHERE key='key-1'"))
    with pytest.raises(DamagedError, match="lost some of its parts"):
        holds(file, "user-00")


def test_one_damaged_page_costs_one_user(path: Path, clean: bytes) -> None:
    place = clean.index(b"user-05 1 ")
    path.write_bytes(clean[:place] + b"USER" + clean[place + 4 :])
    file = StateFile(path, Keep(), ())
    with pytest.raises(DamagedError, match="checksum of key-1"):
        holds(file, "user-05")
    assert all(holds(file, name) for name in NAMES if name != "user-05")
    file.close()


def test_a_damaged_name_is_said_as_the_file_is_opened(
    path: Path, file: StateFile, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, *NAMES[:2])
    file.disk.write(lambda run: run("UPDATE headset SET name='user-0x' WHERE name='user-00'"))
    file.close()
    file = StateFile(path, Keep(), ())
    assert "'user-0x' is damaged" in caplog.text
    with pytest.raises(DamagedError, match="checksum"):
        holds(file, "user-0x")
    assert holds(file, "user-01")
    file.close()


# -- room ----------------------------------------------------------------------------------------


def test_the_oldest_leave_where_there_is_no_room(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of 12 states with 20 KB and more each, 150 KB hold 5 or so: the last ones, and who is
    here."""
    file = StateFile(path, Keep(megabytes=0.15), ["user-00"])
    write(file, *NAMES)
    kept = file.names()
    file.close()
    assert kept == ["user-00", *NAMES[len(NAMES) - len(kept) + 1 :]]
    assert 3 <= len(kept) <= 7
    assert "deleted: the states of user-01: there are more than 0.15 MB" in caplog.text
    assert path.stat().st_size < 250_000


def test_what_is_set_aside_leaves_first(path: Path) -> None:
    file = StateFile(path, Keep(megabytes=0.15), ())
    write(file, *NAMES[:3])
    file.set_aside("user-02", "brain", "a test")
    write(file, *NAMES[3:6])
    rows = file.disk.read(lambda run: run("SELECT name FROM headset WHERE aside IS NOT NULL"))
    assert rows is not None
    assert rows.fetchall() == []
    assert {"user-00", "user-01"} <= set(file.names())
    file.close()


def test_where_all_are_here_no_more_is_saved(path: Path) -> None:
    file = StateFile(path, Keep(megabytes=0.1), NAMES)
    with pytest.raises(NotSavedError, match="all of their headsets are here"):
        write(file, *NAMES)
    file.close()


def test_a_file_shrinks(path: Path) -> None:
    file = StateFile(path, Keep(), ())
    many = [f"many-{i:03d}" for i in range(150)]
    write(file, *many)
    file.close()
    large = path.stat().st_size
    file = StateFile(path, Keep(megabytes=0.2), ())
    write(file, "one")
    file.close()
    assert path.stat().st_size < large / 2


def test_who_was_not_seen_for_long_leaves(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten days of 40 pass in one server; then a server each 20 days, in which one comes again."""
    hours = [0.0]
    monotonic, clock = time.monotonic, time.time
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 3600 * hours[0])
    monkeypatch.setattr(time, "time", lambda: clock() + 3600 * hours[0])
    file = StateFile(path, Keep(days=40), ())
    write(file, "gone", "back")
    for _ in range(10):
        hours[0] += 24
        file.trim()
    file.close()
    for _ in range(2):
        hours[0] += 20 * 24
        file = StateFile(path, Keep(days=40), ())
        file.see("back")
        file.trim()
        left = file.names()
        file.close()
    assert left == ["back"]


@pytest.mark.parametrize("step", [-4e9, 4e9])
def test_a_step_of_the_clock_deletes_nobody(
    path: Path, step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = StateFile(path, Keep(days=365), ())
    write(file, "user-00")
    file.close()
    clock = time.time
    for n in range(30):  # servers, each with another idea of the date
        monkeypatch.setattr(time, "time", lambda n=n: clock() + step * (n % 2))
        file = StateFile(path, Keep(days=365), ())
        file.trim()
        assert file.names() == ["user-00"]
        file.close()
        monkeypatch.setattr(time, "time", clock)


def test_a_quota_must_be_one() -> None:
    with pytest.raises(ValueError, match="both must be above 0"):
        Keep(megabytes=0)


# -- one server at a time --------------------------------------------------------------------------

_KEEPER = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from fedxr.agent.checkpoints.state.file import Keep, StateFile
file = StateFile(Path({path!r}), Keep(), ())
print("open", flush=True)
time.sleep(600)
"""


def test_the_second_server_is_refused_with_the_pid_of_the_first(path: Path, tmp_path: Path) -> None:
    """Also by another name of the same file; and once the first is killed, it is let in."""
    other = tmp_path / "link.db"
    other.symlink_to(path)
    code = _KEEPER.format(root=str(ROOT), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        for name in (path, other):
            with pytest.raises(TakenError, match=rf"another fedxr server \(pid {first.pid}\)"):
                StateFile(name, Keep(), ())
        assert stored_names(path) == [], "it may be looked at"
        first.send_signal(signal.SIGKILL)
        first.wait()
        file = StateFile(path, Keep(), ())
        write(file, "user-00")
        file.close()
    assert not Path(f"{path}.pid").exists()
