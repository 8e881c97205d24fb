"""set.toml: what is wrong in it is said with its line, whatever the folder's format."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_folders import line_of, read, rewrite, said, usual

from fedxr.agent.tasks import TASKS
from fedxr.scenarios.recorded.formats.folder.check import checked
from fedxr.scenarios.recorded.formats.options import told
from fedxr.scenarios.recorded.formats.set_toml import read_set_toml
from fedxr.scenarios.users import DataError

TEXT = '''name = "x"  # a = 1
units = {a = "g"}
[[channels]]
columns = ["[b]", # c = 2
  "d = 3",
]
rate = 5
[[channels]]
task.window = 2.0
rate = 6
[labels.names]
" 1 " = """ sit
down = 4 """
"two words" = "stand"
[ files ]
separator = " "
'''


def test_each_key_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "set.toml").write_text(TEXT)
    toml = read_set_toml(tmp_path)
    assert toml.lines == {
        "name": 1, "units": 2, "channels[1]": 3, "channels[1].columns": 4, "channels[1].rate": 7,
        "channels[2]": 8, "channels[2].task.window": 9, "channels[2].rate": 10,
        "labels.names": 11, "labels.names.1": 12, "labels.names.two words": 14, "files": 15,
        "files.separator": 16,
    }  # fmt: skip
    assert toml.values["labels"]["names"] == {"1": "sit\ndown = 4", "two words": "stand"}
    assert toml.values["files"]["separator"] == " "
    assert toml.named("channels[1].rate") == "channels[1].rate (set.toml, line 7)"
    assert toml.named("files.skip") == "files.skip (set.toml, below line 15, [files])"
    assert toml.named("task.name") == "task.name (set.toml, in a new table [task])"
    assert toml.place("channels[1].unit") == f"{tmp_path / 'set.toml'}: line 3"
    assert toml.place("task.name") == str(tmp_path / "set.toml")


def test_a_key_is_said_with_its_line(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine")
    rewrite(folder, ("rate = 20", 'rate = "fast"'), ("window = 2.0", 'window = 2.0\nmetrik = "f1"'))
    rate, metric = line_of(folder, "rate ="), line_of(folder, "metrik")
    problems = checked(folder).problems
    assert problems == (
        f"{folder}/set.toml: line {rate}: channels[1].rate is 'fast'; write a number",
        f"{folder}/set.toml: line {metric}: key 'task.metrik' is not known; did you mean 'metric'?",
    )


@pytest.mark.parametrize("rate", ["-5", "nan", "inf", "1e9"])
def test_a_rate_that_cannot_be(tmp_path: Path, rate: str) -> None:
    folder = usual(tmp_path / "mine")
    rewrite(folder, ("rate = 20", f"rate = {rate}"))
    (problem,) = checked(folder).problems
    assert f"line {line_of(folder, 'rate =')}: channel 'belt': rate {float(rate):g}; " in problem
    assert "write samples a second, above 0 and up to 200000, or 0 where" in problem
    assert "layout" not in problem


def test_no_rate_and_no_times_is_no_clock(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine", files="")
    rewrite(folder, ("rate = 20", "rate = 0"))
    assert "no column says when: write samples a second, or name the column" in said(
        checked(folder)
    )


def test_a_single_table_of_channels_is_told_its_brackets(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine")
    rewrite(folder, ("[[channels]]", "[channels]"))
    assert "write [[channels]], with two brackets" in said(checked(folder))


def test_blanks_around_words_are_left_out_and_said(tmp_path: Path) -> None:
    before = TASKS.snapshot()
    folder = usual(tmp_path / "mine")
    rewrite(
        folder,
        ('"sit", "stand"', '" sit ", "stand"'),
        ('"tilt"]', '"tilt "]\nunit = " m/s "'),
        ("[labels]", '[labels]\nignore = ["away "]'),
    )
    found = checked(folder)
    assert found.problems == ()
    assert found.set_ is not None
    assert found.set_.task.classes == ["sit", "stand"]
    assert found.set_.channels[0].unit == "m/s"
    for key, word in (("classes", " sit "), ("columns", "tilt "), ("unit", " m/s ")):
        line = line_of(folder, f"{key} =")
        assert f"line {line}: " in said(found)
        assert f"{key}: blanks around {word!r} are left out" in said(found)
    users = read(folder)
    assert any("' sit ' are left out" in note for note in users.notes)
    TASKS.restore(before)


def test_other_formats_read_it_alike(tmp_path: Path) -> None:
    (tmp_path / "set.toml").write_text('name = " a "\n[task]\nwindow = 0.0\n[files]\nrate = nan\n')
    with pytest.raises(DataError, match=r"line 3: task.window = 0; .*; .*line 5: files.rate = nan"):
        told(tmp_path)
    (tmp_path / "set.toml").write_text("[labels]\nhold = 'long'\n[task]\nwindows = 1.0\n")
    with pytest.raises(DataError, match=r"line 2: labels.hold is 'long'.*line 4: .*'task.windows'"):
        told(tmp_path)
    (tmp_path / "set.toml").write_text("name = \n")
    with pytest.raises(DataError, match=r"at line 1, column 8.*fedxr data new DIR"):
        told(tmp_path)
    (tmp_path / "set.toml").write_bytes(b'name = "a"\n# \xe4\n')
    with pytest.raises(DataError, match=r"set.toml: line 2: no UTF-8; save the file as UTF-8"):
        told(tmp_path)
    (tmp_path / "set.toml").unlink()
    assert told(tmp_path).name == tmp_path.name
