"""What is wrong in a folder is said once, with its place and with what to do: rates, gaps, cells,
columns, files that are empty or there twice, and what of set.toml nobody has."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_folders import LABELS, frame, line_of, read, rewrite, said, usual

from fedxr.agent.tasks import TASKS
from fedxr.scenarios.recorded.formats.folder.check import checked
from fedxr.scenarios.recorded.formats.folder.times import rates_of

USERS = ("ann", "bob", "cleo")
BELT = Path("ann/belt.csv")
WHERE = 'recordings = "{user}/belt.csv"\ntime = "t"'

CAP = """[[channels]]
name = "cap"
rate = 20
columns = {columns}
files = "{{user}}/{file}"
[labels]"""


@pytest.fixture(autouse=True)
def tasks_as_they_were():  # type: ignore[no-untyped-def]
    before = TASKS.snapshot()
    yield
    TASKS.restore(before)


def edited(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Rows of a table, the first is the header."""
    path.write_text("\n".join(change(path.read_text().split("\n"))))


# Times are 1/20 s apart: of r Hz in set.toml they are |20 / r - 1| off.
@pytest.mark.parametrize(("rate", "off"), [(18, 11), (19, 5.3), (21.5, 7), (23, 13)])
def test_a_rate_that_is_more_than_5_percent_off_is_a_problem(
    tmp_path: Path, rate: float, off: float
) -> None:
    folder = usual(tmp_path, USERS)
    rewrite(folder, ("rate = 20", f"rate = {rate}"))
    (problem,) = checked(folder).problems
    assert (
        f"20 Hz by its times, {rate:g} Hz by set.toml ({off:g} % off; 5 % are allowed)" in problem
    )
    line = line_of(folder, "rate =")
    assert "write rate = 20, or 0 where samples come irregularly: channels[1].rate" in problem
    assert f"(set.toml, line {line}) (the same in 2 more: " in problem
    assert "ann/belt.csv" in problem
    assert "cleo/belt.csv" in problem


@pytest.mark.parametrize(("rate", "notes"), [(19.3, 1), (20.8, 1), (19.7, 0), (20.3, 0), (0, 0)])
def test_a_rate_that_is_slightly_off_is_a_note(tmp_path: Path, rate: float, notes: int) -> None:
    folder = usual(tmp_path, USERS)
    rewrite(folder, ("rate = 20", f"rate = {rate}"))
    found = checked(folder)
    assert found.problems == ()
    assert sum("Hz by its times" in note for note in found.notes) == notes
    assert len(found.users) == 3


def test_a_rate_is_counted_as_stamps_allow() -> None:
    """Whole milliseconds at 300 Hz are 3, 3 and 4 ms apart; a gap counts little."""
    t = np.floor(np.arange(3000) / 0.3) / 1000
    assert rates_of(t)[0] == pytest.approx(300, rel=0.001)
    assert rates_of(t)[1] == pytest.approx(1000 / 3)
    with_gap = np.concatenate([t, t + 60])
    assert rates_of(with_gap)[0] == pytest.approx(300, rel=0.001)
    bursts = np.repeat(np.arange(100) / 10, 30)  # thirty stamps each tenth of a second
    assert rates_of(bursts) == (pytest.approx(2999 / 9.9),) * 3


def test_gaps_are_told_with_the_longest(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    # Rows 102 to 121 (1 s, from 5.0 s) and 202 to 261 (3 s, from 10.0 s) lack.
    some = frame().drop(index=[*range(100, 120), *range(200, 260)])
    some.to_csv(folder / BELT, index=False)
    found = checked(folder)
    assert found.problems == ()
    # From 4.95 to 6.0 s, and from 9.95 to 13.0 s; 200 - 20 rows and the header precede the second.
    text = (
        "ann: belt.csv: channel 'belt': 2 gaps of 4.1 s in all, the longest of 3.05 s after row 181"
    )
    assert text in said(found)
    assert said(found).count("gap") == 1


def test_a_cell_that_is_no_number_is_said_once_a_file(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    some = frame().astype(object)
    some.loc[7:9, ["stretch", "tilt"]] = "oops"
    some.to_csv(folder / BELT, index=False)
    (problem,) = checked(folder).problems
    at = f"{folder / BELT}: row 9: column "
    text = "'oops' is no number, nor are 2 more below; correct or empty it"
    also = f"(the same in 1 more: {at}'tilt' (channel 'belt'))"
    assert problem == f"{at}'stretch' (channel 'belt'): {text} {also}"
    assert "cells" not in said(checked(folder))


@pytest.mark.parametrize("cell", ["", "NaN", "inf", "-inf"])
def test_empty_cells_are_counted_with_the_first(tmp_path: Path, cell: str) -> None:
    folder = usual(tmp_path, USERS)
    some = frame().astype(object)
    some.loc[[7, 50, 51], "tilt"] = cell
    some.to_csv(folder / BELT, index=False)
    found = checked(folder)
    assert found.problems == ()
    text = (
        "3 of 960 cells are empty, NaN or infinite, the first in row 9, column 'tilt'; they count"
    )
    assert f"ann: belt.csv: channel 'belt': {text} as absent" in said(found)
    (episode, *_) = read(folder)[0].episodes
    assert not np.isinf(episode.samples["belt"].values).any()


def test_rows_without_a_time_are_counted(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    some = frame()
    some.loc[[3, 4], "t"] = np.nan
    some.to_csv(folder / BELT, index=False)
    assert "2 of 480 rows have no time in column 't', the first is row 5" in said(checked(folder))


def test_a_label_without_a_time_is_said_once(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    some = LABELS.astype(object)
    some.loc[[1, 2], "start"] = "soon"
    some.to_csv(folder / "ann/labels.csv", index=False)
    (problem,) = checked(folder).problems
    assert "row 3: column 'start' (labels.start): 'soon' is no number, nor are 1 more" in problem
    some.loc[[1, 2], "start"] = [7.9, 99]
    some.loc[2, "end"] = 98
    some.loc[1, "end"] = 7
    some.to_csv(folder / "ann/labels.csv", index=False)
    (problem,) = checked(folder).problems
    text = "row 3: from 7.9 to 7; a label ends after it begins; so it is in 1 more rows"
    assert problem == f"{folder}/ann/labels.csv: {text}"
    some.loc[[1, 2], "start"] = None
    some.to_csv(folder / "ann/labels.csv", index=False)
    assert "row 3: a label without a start or an end: write both" in said(checked(folder))


def test_classes_and_channels_that_nobody_has_are_said(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS, files=WHERE)
    second = (
        '[[channels]]\nname = "cap"\nrate = 20\ncolumns = [2]\nfiles = "{user}/cap.csv"\n[labels]'
    )
    rewrite(folder, ('"stand"]', '"stand", "lie"]'), ("[labels]", second))
    (folder / "bob" / "cap.csv").write_text(frame().to_csv(index=False))
    text = said(checked(folder))
    line = line_of(folder, "classes =")
    assert f"task.classes (set.toml, line {line}): class 'lie' is labelled nowhere" in text
    line = line_of(folder, '"cap"')
    assert f"channels[2].name (set.toml, line {line}): 2 of 3 users have no channel 'cap'" in text
    assert any("class 'lie' is labelled nowhere" in note for note in read(folder).notes)
    (folder / "bob" / "cap.csv").unlink()
    text = said(checked(folder))
    assert "no file matches '{user}/cap.csv' (channel 'cap')" in text
    assert f"correct channels[2].files (set.toml, line {line_of(folder, 'cap.csv')})" in text


def test_a_class_that_nobody_has_in_one_half_is_said(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    for name in USERS:  # stands in the first half alone
        LABELS.assign(label=["sit", "stand", "sit", "sit", "sit", "sit"]).to_csv(
            folder / name / "labels.csv", index=False
        )
    at = f"task.classes (set.toml, line {line_of(folder, 'classes =')})"
    text = f"{at}: class 'stand': no user has it in the half to be tested on; halves = 'stretches'"
    assert text in said(checked(folder))


def test_what_set_toml_has_to_mend_is_said_once_with_its_line(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS, files=WHERE, labels='start = "begin"')
    rewrite(folder, ('"stand"]', '"stnad"]'))
    (problem,) = checked(folder).problems
    line = line_of(folder, "begin")
    assert f"correct labels.start (set.toml, line {line}) (the same in 2 more: " in problem
    rewrite(folder, ('start = "begin"', ""))
    (problem,) = checked(folder).problems
    assert "label 'stand' (3 times) is none of task.classes (sit, stnad), and is nearest" in problem
    assert f"add it to task.classes (set.toml, line {line_of(folder, 'classes')})" in problem
    assert "labels.ignore (set.toml, below line" in problem
    rewrite(folder, ("[labels]", '[labels]\nfiles = "{user}/marks.csv"'))
    (problem,) = checked(folder).problems
    assert f"labels.files (set.toml, line {line_of(folder, 'marks')})" in problem
    assert "(the same in 2 more: " in problem


def test_a_recording_that_is_empty_is_a_problem_of_its_file(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    for text in ("t,stretch,tilt\n", "t,stretch,tilt"):
        (folder / BELT).write_text(text)
        (problem,) = checked(folder).problems
        assert problem.startswith(f"{folder / BELT}: only a header and no row: write the rows, or")
    (folder / BELT).write_text("")
    assert f"{folder / BELT}: the file is empty (0 bytes); " in said(checked(folder))
    (folder / BELT).write_text("\n\n")
    assert f"{folder / BELT}: blank lines only; expected a header" in said(checked(folder))
    assert [user.name for user in read(folder)] == ["bob", "cleo"]


def test_a_file_of_everybody_that_is_empty_is_a_problem(tmp_path: Path) -> None:
    folder = usual(tmp_path, (), files='recordings = "all.csv"\nuser = "who"\ntime = "t"')
    (folder / "all.csv").write_text("who,t,stretch,tilt\n")
    assert "all.csv: only a header and no row" in said(checked(folder))
    (folder / "all.csv").write_text("who,t,stretch,tilt\n,0,1,2\n")
    assert "all.csv: no row says its user or recording: see files.user" in said(checked(folder))


def test_a_label_file_that_is_empty_is_a_problem_of_its_file(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    (folder / "ann/labels.csv").write_text("start,end,label\n")
    (problem,) = checked(folder).problems
    assert problem.startswith(f"{folder}/ann/labels.csv: only a header and no label: write labels")


def in_clock(t: float, form: str) -> str:
    return (pd.Timestamp("2024-05-01 12:00") + pd.Timedelta(seconds=t)).strftime(form)


@pytest.mark.parametrize(
    ("form", "what"),
    [
        ("%H:%M:%S.%f", "a time of day"),
        ("%M:%S.%f", "a time of day"),
        ("%H:%M:%S,%f", "a time of day"),
        ("%Y-%m-%dT%H:%M:%S.%f", "a stamp"),
    ],
)
def test_times_of_day_are_told_how_to_be_read(tmp_path: Path, form: str, what: str) -> None:
    folder = usual(tmp_path, USERS, labels='time_unit = "s"\nfrom_start = true')
    for path in folder.glob("*/belt.csv"):
        some = frame()
        some.assign(t=[in_clock(t, form) for t in some["t"]]).to_csv(path, index=False, sep=";")
    (problem,) = checked(folder).problems
    remedy = "iso" if form.startswith("%Y") else form
    assert f"is {what}, not a number of s; write time_unit = '{remedy}'" in problem
    assert "files.time_unit (set.toml, below line" in problem
    rewrite(folder, ('time = "t"', f'time = "t"\ntime_unit = "{remedy}"'))
    assert checked(folder).problems == ()
    assert sum(e.adapt for e in read(folder)[0].episodes) == 9


def test_a_single_time_of_day_is_a_cell_to_correct(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    edited(folder / BELT, lambda rows: [*rows[:9], "12:00,1,1", *rows[10:]])
    (problem,) = checked(folder).problems
    assert "row 10: column 't' (time): '12:00' is a time of day, not a number of s" in problem
    assert "correct it (times are in s: files.time_unit" in problem
    assert "1 of 480 rows" in problem


@pytest.mark.parametrize("header", ["t,stretch,stretch,tilt", "t,stretch, stretch ,tilt"])
def test_a_column_that_is_there_twice_is_a_problem(tmp_path: Path, header: str) -> None:
    folder = usual(tmp_path, USERS)
    some = frame()
    some.insert(2, "more", some["stretch"] + 1)
    some.to_csv(folder / BELT, index=False)
    edited(folder / BELT, lambda rows: [header, *rows[1:]])
    (problem,) = checked(folder).problems
    assert "belt.csv: channel 'belt': columns 2 and 3 are both called 'stretch': rename" in problem
    assert f"channels[1].columns (set.toml, line {line_of(folder, 'columns')})" in problem
    for name in USERS:
        (folder / name / "belt.csv").write_text((folder / BELT).read_text())
    rewrite(folder, ('["stretch", "tilt"]', "[2, 4]"))
    assert checked(folder).problems == ()


def test_a_column_that_is_there_twice_and_the_same_is_read(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    frame().assign(again=frame()["t"]).to_csv(folder / BELT, index=False)
    edited(folder / BELT, lambda rows: ["t,stretch,tilt,t", *rows[1:]])
    found = checked(folder)
    assert found.problems == ()
    assert "columns 1 and 4 are both called 't' and hold the same: one is read" in said(found)


@pytest.mark.parametrize("name", ["ann/belt.csv", "ann/labels.csv"])
@pytest.mark.parametrize("ending", ["csv.gz", "parquet"])
def test_a_table_that_is_there_twice_is_a_problem(tmp_path: Path, name: str, ending: str) -> None:
    folder = usual(tmp_path, USERS)
    path = folder / name
    other = path.with_suffix(f".{ending}")
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        pd.read_csv(path).to_parquet(other)
    else:
        other.write_bytes(gzip.compress(path.read_bytes()))
    (problem,) = checked(folder).problems
    assert problem == (
        f"{folder}/ann: {path.name} and {other.name} are one table twice, and only one can be "
        "read: remove the other"
    )
    users = read(folder)
    assert [user.name for user in users] == ["bob", "cleo"]
    assert other.name in users.left_out["ann"]


def test_tables_of_two_channels_may_be_called_alike(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS, files=WHERE)
    second = CAP.format(columns='["x"]', file="belt.tsv")
    rewrite(folder, ("[labels]", second))
    for name in USERS:
        some = frame().rename(columns={"tilt": "x"})
        some.to_csv(folder / name / "belt.tsv", index=False, sep="\t")
    assert checked(folder).problems == ()
    assert {c.name for c in read(folder)[0].channels} == {"belt", "cap"}


def test_names_that_differ_by_capitals_are_one_table_or_two_users(tmp_path: Path) -> None:
    folder = usual(tmp_path, (*USERS, "Bob"), files=WHERE)
    if len(list(folder.iterdir())) < 5:
        pytest.skip("a file system without capitals")
    assert checked(folder).problems == ()
    (folder / "ann" / "Belt.csv").write_text((folder / BELT).read_text())
    (problem,) = checked(folder).problems
    assert "Belt.csv and belt.csv are one table twice" in problem


def test_blanks_around_all_labels_are_said_once(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    for name in USERS:
        some = LABELS.assign(label=[f"{word} " for word in LABELS["label"]])
        some.to_csv(folder / name / "labels.csv", index=False)
    found = checked(folder)
    assert found.problems == ()
    text = "column 'label': blanks around 6 of 6 words are left out, first in row 2"
    assert f"ann: labels.csv: {text} (the same in 2 more: " in said(found)


def test_two_rates_that_are_wrong_are_two_problems(tmp_path: Path) -> None:
    folder = usual(tmp_path, USERS)
    some = frame()
    some.assign(t=some["t"] * 2).to_csv(folder / BELT, index=False)
    rewrite(folder, ("rate = 20", "rate = 15"))
    ten, twenty = checked(folder).problems[:2]
    assert "10 Hz by its times, 15 Hz by set.toml" in ten
    assert "write rate = 20, " in twenty
    assert "(the same in 1 more: " in twenty


def test_times_of_day_count_from_midnight(tmp_path: Path) -> None:
    """Noon is 12 * 3600 s: labels in seconds of the day meet recordings in times of day."""
    files = 'time = "t"\ntime_unit = "%H:%M:%S.%f"'
    folder = usual(tmp_path, USERS, files=files, labels='time_unit = "s"')
    for name in USERS:
        some = frame()
        clock = [in_clock(t, "%H:%M:%S.%f") for t in some["t"]]
        some.assign(t=clock).to_csv(folder / name / "belt.csv", index=False)
        noon = LABELS.assign(start=LABELS["start"] + 43200, end=LABELS["end"] + 43200)
        noon.to_csv(folder / name / "labels.csv", index=False)
    assert checked(folder).problems == ()
    assert sum(e.adapt for e in read(folder)[0].episodes) == 9
