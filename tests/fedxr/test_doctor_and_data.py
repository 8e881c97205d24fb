"""doctor and data say what is there, what is not and how to get it."""

from __future__ import annotations

import io
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest
import torch
from rich.console import Console

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import Channel
from fedxr.cli.data import data, look
from fedxr.cli.doctor import as_text, compare, doctor, processor, recorded_data
from fedxr.scenarios.recorded import RECORDED
from fedxr.scenarios.recorded.formats.folder.example import write_example
from fedxr.scenarios.recorded.reading import users_of
from fedxr.scenarios.users import DataError, RecordedSet, User, Users


def _load(folder: Path) -> Users:
    """A set whose folder holds one file per user; an empty file is broken."""
    return users_of("tiny", ((f.stem, partial(_read, f)) for f in sorted(folder.iterdir())))


def _read(file: Path, _: object) -> User:
    if not file.read_text():
        raise DataError(f"{file}: row 1: expected a sample, found the end [of the file]")
    channels, asked = (Channel("wrist", "motion/wrist", 100),), (Query("activity", 33_333, 0),)
    episodes = tuple(Episode(str(half), {}, asked, half, 1.0) for half in (True, False))
    return User("tiny", file.stem, "companion", channels, ("activity",), episodes)


TINY = RecordedSet(
    "tiny", "tiny-set", "companion", "activity", "CC0", "https://example.org", "none", _load
)


def _printed(width: int = 200) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=False)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_data_counts_users(tmp_path: Path) -> None:
    (tmp_path / "tiny-set").mkdir()
    for name in ("ann", "bob"):
        (tmp_path / "tiny-set" / f"{name}.csv").write_text("1")
    out = _printed()
    assert data(tmp_path, out, [TINY])
    assert "2 users: motion/wrist" in _text(out)
    assert "https://example.org" in _text(out)


def test_data_names_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "tiny-set").mkdir()
    (tmp_path / "tiny-set" / "ann.csv").write_text("")
    out = _printed(400)
    assert not data(tmp_path, out, [TINY])
    assert "broken: " in _text(out)
    assert "ann.csv: row 1: expected a sample, found the end [of the file]" in _text(out)


def test_data_names_who_is_left_out_and_counts_the_others(tmp_path: Path) -> None:
    (tmp_path / "tiny-set").mkdir()
    for name, text in (("ann", ""), ("bob", "1")):
        (tmp_path / "tiny-set" / f"{name}.csv").write_text(text)
    out = _printed(400)
    assert data(tmp_path, out, [TINY])
    assert "1 users: motion/wrist" in _text(out)
    assert "ann is left out: " in _text(out)
    assert "found the end [of the file]" in _text(out)


def test_data_without_folders(tmp_path: Path) -> None:
    assert look(TINY, None).users is None
    out = _printed()
    assert data(None, out)
    text = _text(out)
    assert text.count("not found") == len(RECORDED)
    assert "$FEDXR_DATA" in text
    with pytest.raises(DataError, match="no such folder"):
        data(tmp_path / "nowhere", _printed())


def test_doctor_prints_every_look() -> None:
    out = _printed()
    doctor(out)
    text = _text(out)
    for wanted in ("Python", "torch", "processor", "chromium", "recorded data"):
        assert wanted in text
    assert "cores" in text
    assert f"{torch.__version__}, built for " in text


def test_missing_packages_come_with_a_remedy() -> None:
    lines = ["torch>=2", 'no-such-thing>=1; extra == "lan"', "numpy; extra == 'test'"]
    found = {finding.what: finding for finding in compare(lines)}
    assert found["packages"].state == "ok"
    assert found["extra lan"].state == "absent"
    assert "lacks no-such-thing" in found["extra lan"].detail
    assert found["extra test"].state == "ok"
    out = _printed()
    out.print(as_text(list(found.values())), soft_wrap=True)
    assert 'pip install -c constraints.txt -e ".[lan]"' in _text(out)
    assert compare([*lines, "nor-this"])[0].state == "missing"


def test_an_extra_that_the_installation_does_not_know_is_missing() -> None:
    """As after an update of the source without a new `pip install`."""
    unknown = "no-such-thing>=1; sys_platform == 'none' and extra == 'fuzz'"
    found = {finding.what: finding for finding in compare(["torch>=2", unknown])}
    assert found["extra sensors"].state == "missing"
    assert found["extra sensors"].remedy == 'pip install -c constraints.txt -e ".[sensors]"'
    assert found["extra fuzz"].state == "absent"


def test_every_extra_is_looked_at() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    looked = {finding.what for finding in compare([])}
    assert looked == {"packages"} | {
        f"extra {name}" for name in project["project"]["optional-dependencies"]
    }


def test_processor_reads_flags(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name : x\nflags\t\t: fpu avx2 avx512f amx_bf16 sse\n")
    assert processor(cpuinfo)[0].detail == "avx2, avx512f, amx_bf16; bf16 in hardware"
    cpuinfo.write_text("flags : avx2\n")
    assert "exact fp32" in processor(cpuinfo)[0].detail


def test_recorded_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FEDXR_DATA", raising=False)
    assert recorded_data()[0].state == "absent"
    monkeypatch.setenv("FEDXR_DATA", str(tmp_path / "nowhere"))
    assert recorded_data()[0].state == "missing"
    (tmp_path / next(iter(RECORDED.values())).folder).mkdir()
    monkeypatch.setenv("FEDXR_DATA", str(tmp_path))
    assert recorded_data()[0].state == "ok"
    assert f"1 of {len(RECORDED)} known sets" in recorded_data()[0].detail


def test_the_doctor_opens_no_file_of_the_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Hours of recordings would take minutes to look through: it counts folders."""
    for n in range(3):
        (tmp_path / f"recorded{n}").mkdir()
        (tmp_path / f"recorded{n}" / "one.mcap").write_bytes(b"not read, so nobody sees what it is")
    write_example(tmp_path / "mine")
    opened: list[str] = []
    watching = [True]

    def hear(event: str, given: tuple[object, ...]) -> None:
        if watching and event == "open" and str(given[0]).startswith(str(tmp_path)):
            opened.append(str(given[0]))

    sys.addaudithook(hear)  # which stays as long as the process, so it is told when it is over
    monkeypatch.setenv("FEDXR_DATA", str(tmp_path))
    (found,) = recorded_data()
    watching.clear()
    assert found.detail.endswith(f"0 of {len(RECORDED)} known sets, and 4 of your own")
    assert opened == []
