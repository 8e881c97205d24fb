"""One's own folders: what researchers bring is read, and what is wrong in it is said, all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_folders import HZ, LABELS, frame, read, said, toml, usual

from fedxr.agent.tasks import TASKS
from fedxr.scenarios.recorded import find
from fedxr.scenarios.recorded.formats.folder.check import checked
from fedxr.scenarios.recorded.formats.folder.example import USERS, write_example
from fedxr.scenarios.recorded.formats.folder.picture import draw
from fedxr.scenarios.users import DataError, Users


@pytest.fixture(autouse=True)
def tasks_as_they_were() -> Iterator[None]:
    before = TASKS.snapshot()
    yield
    TASKS.restore(before)


def truth(users: Users) -> list[tuple[int, int]]:
    """(to learn from, to test) of each user; 4 s make questions after 2, 3 and 4 s: 18 of 24 s."""
    for user in users:
        for episode in user.episodes:
            (query,) = episode.queries
            assert 2 * len(episode.samples["belt"]) >= HZ * episode.seconds
            assert query.task == "posture"
    halves = [[sum(e.adapt is h for e in u.episodes) for h in (True, False)] for u in users]
    return [(a, b) for a, b in halves]


def test_a_file_a_user_with_labels_beside_it(tmp_path: Path) -> None:
    users = read(usual(tmp_path / "mine"))
    assert truth(users) == [(9, 9), (9, 9)]
    assert users[0].channels[0].layout == "columns/stretch-tilt"
    assert users[0].use_case == "weaving"
    assert [e.queries[0].label for e in users[0].episodes[:6]] == [0, 0, 0, 1, 1, 1]
    assert TASKS["posture"].classes == ("sit", "stand")


def test_beside_others_and_by_itself(tmp_path: Path) -> None:
    usual(tmp_path / "mine")
    (tmp_path / "cwru").mkdir()
    assert set(find(tmp_path)) == {"cwru", "belt"}
    assert set(find(tmp_path / "mine")) == {"belt"}


def test_a_name_or_a_task_that_is_taken_is_refused(tmp_path: Path) -> None:
    usual(tmp_path / "one")
    usual(tmp_path / "two")
    with pytest.raises(DataError, match=r"two sets are called 'belt': .*two and .*one"):
        find(tmp_path)
    text = (tmp_path / "two" / "set.toml").read_text().replace('"posture"', '"activity"')
    (tmp_path / "two" / "set.toml").write_text(text)
    with pytest.raises(DataError, match=r"a task 'activity' with other classes .* fedxr or a plug"):
        find(tmp_path / "two")


def test_one_that_is_wrong_keeps_no_other_out(tmp_path: Path) -> None:
    usual(tmp_path / "good")
    toml(tmp_path / "bad", top='licens = "x"')
    sets = find(tmp_path)
    assert set(sets) == {"belt", "bad (unreadable)"}
    with pytest.raises(DataError, match="'licens' is not known"):
        sets["bad (unreadable)"].load()
    assert len(sets["belt"].load()) == 2


def test_a_column_of_labels_in_files_named_by_user_and_session(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        for session in (1, 2):
            frame(1.7e9, label=True).to_csv(tmp_path / f"{name}_s{session}.csv", index=False)
    files = 'time = "t"\nrecordings = "{user}_{session}.csv"'
    toml(tmp_path, files, labels='column = "label"', top='halves = "recordings"')
    assert truth(read(tmp_path)) == [(18, 18), (18, 18)]


def test_trials_in_folders_by_class(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        for label in ("sit", "stand"):
            for trial in range(3):
                (tmp_path / name / label).mkdir(parents=True, exist_ok=True)
                frame()[: 4 * HZ].to_csv(tmp_path / name / label / f"{trial}.csv", index=False)
    toml(tmp_path, 'time = "t"\nrecordings = "{user}/{label}/*.csv"', top='halves = "stretches"')
    users = read(tmp_path)
    # 4 s in two: one question from 2 s in either half, of six trials.
    assert truth(users) == [(6, 6), (6, 6)]
    assert not users[0].ordered


def test_one_file_of_everybody_with_columns_for_user_and_trial(tmp_path: Path) -> None:
    parts = [
        frame(label=True).assign(who=who, trial=trial) for who in (7, 8) for trial in ("a", "b")
    ]
    pd.concat(parts).to_csv(tmp_path / "all.csv", index=False)
    files = 'time = "t"\nrecordings = "all.csv"\nuser = "who"\nrecording = "trial"'
    toml(tmp_path, files, labels='column = "label"')
    users = read(tmp_path)
    assert [u.name for u in users] == ["7", "8"]
    assert truth(users) == [(18, 18), (18, 18)]


def test_a_label_file_that_names_the_trials_of_one_file(tmp_path: Path) -> None:
    """Trial 7 of user 7: the file's name is none of a recording in it."""
    for name in ("7", "8"):
        parts = pd.concat([frame().assign(trial=trial) for trial in ("9", "7")])
        parts.to_csv(tmp_path / f"{name}.csv", index=False)
        marks = pd.concat([LABELS.assign(trial=trial) for trial in ("7", "9")])
        (tmp_path / "labels").mkdir(exist_ok=True)
        marks.to_csv(tmp_path / "labels" / f"{name}.csv", index=False)
    files = 'time = "t"\nrecordings = "{user}.csv"\nrecording = "trial"'
    labels = 'files = "labels/{user}.csv"\nrecording = "trial"'
    users = read(toml(tmp_path, files, labels=labels, top='halves = "recordings"'))
    assert truth(users) == [(18, 18), (18, 18)]
    assert users[0].episodes[0].key.startswith("9/")  # in the file's order


def test_labels_of_everybody_in_one_file_counted_from_the_start(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        frame(1.7e9).to_csv(tmp_path / f"{name}.csv", index=False)
    pd.concat([LABELS.assign(who=n) for n in ("ann", "bob")]).to_csv(
        tmp_path / "labels.csv", index=False
    )
    labels = 'files = "labels.csv"\nuser = "who"\nfrom_start = true'
    toml(tmp_path, 'time = "t"\nrecordings = "{user}.csv"', labels=labels)
    assert truth(read(tmp_path)) == [(9, 9), (9, 9)]
    for name in ("ann", "bob"):
        (tmp_path / f"{name}.csv").rename(tmp_path / f"{name}_1.csv")
        frame(1.8e9).to_csv(tmp_path / f"{name}_2.csv", index=False)
    toml(tmp_path, 'time = "t"\nrecordings = "{user}_{run}.csv"', labels=labels)
    assert any("each label counts in 2 recordings" in note for note in checked(tmp_path).notes)


def test_labels_without_ends_last_until_the_next_of_the_same_user(tmp_path: Path) -> None:
    where = 'recordings = "{user}/belt.csv"\ntime = "t"'
    told = 'files = "labels.csv"\nuser = "who"'
    folder = usual(tmp_path / "mine", files=where, labels=told)
    both = [LABELS[["start", "label"]].assign(who=who) for who in ("ann", "bob")]
    pd.concat(both).to_csv(folder / "labels.csv", index=False)
    assert checked(folder).problems == ()
    assert truth(read(folder)) == [(9, 9), (9, 9)]


def test_who_is_called_otherwise_in_the_label_file_is_said(tmp_path: Path) -> None:
    where = 'recordings = "{user}/belt.csv"\ntime = "t"'
    told = 'files = "labels.csv"\nuser = "who"'
    folder = usual(tmp_path / "mine", users=("01", "02"), files=where, labels=told)
    both = [LABELS.assign(who=who) for who in (1, 2)]
    pd.concat(both).to_csv(folder / "labels.csv", index=False)
    said = "; ".join(checked(folder).problems)
    assert "labels.csv: no label of user '01' by labels.user (set.toml, line" in said
    assert "nearest are '1'; call them alike" in said


def test_a_table_in_utf_16_is_read(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine")
    table = folder / "ann" / "belt.csv"
    table.write_bytes(table.read_text().replace(",", "\t").encode("utf-16"))
    assert checked(folder).problems == ()
    assert truth(read(folder)) == [(9, 9), (9, 9)]


def test_a_recording_without_labels_costs_the_others_nothing(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine", files='recordings = "{user}/{run}.csv"\ntime = "t"')
    frame(start=100.0).to_csv(folder / "ann" / "later.csv", index=False)
    (folder / "ann" / "empty.csv").write_text("t,stretch,tilt\n")
    found = checked(folder)
    assert found.problems == ()
    assert "ann: empty.csv: no row with a time; it is left out" in found.notes
    assert truth(read(folder)) == [(9, 9), (9, 9)]


def test_labels_to_ignore_may_lie_anywhere(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine", labels='ignore = ["away"]')
    with (folder / "ann" / "labels.csv").open("a") as file:
        file.write("90,99,away\n")
    assert checked(folder).problems == ()
    with (folder / "ann" / "labels.csv").open("a") as file:
        file.write("90,99,sit\n")
    assert "1 of 8 labels are outside of ann's recordings" in checked(folder).problems[0]


def test_blanks_around_a_class_are_said(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine")
    labels = LABELS.copy()
    labels.loc[1, "label"] = f"{labels.loc[1, 'label']} "
    labels.to_csv(folder / "ann" / "labels.csv", index=False)
    found = checked(folder)
    assert found.problems == ()
    said = f"column 'label': blanks around 1 of {len(labels)} words are left out, first in row 3"
    assert any(said in note for note in found.notes), found.notes
    assert truth(read(folder)) == [(9, 9), (9, 9)]


def test_no_moment_is_in_both_halves_where_labels_overlap(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine")
    labels = LABELS.copy()
    labels.loc[0, "end"] = 23.0  # reaches over all the others
    labels.to_csv(folder / "ann" / "labels.csv", index=False)
    found = checked(folder)
    assert found.problems == ()
    assert any("ann: 5 labels begin before the one before" in note for note in found.notes)
    assert truth(read(folder)) == [(9, 9), (9, 9)]  # as if it had ended where the next begins


def test_what_can_be_no_pattern_and_no_window_is_said(tmp_path: Path) -> None:
    folder = usual(tmp_path / "mine", files='recordings = "{user}/{1}.csv"\ntime = "t"')
    text = (folder / "set.toml").read_text().replace("window = 2.0", "window = inf")
    text = text.replace('time = "t"', 'time = "t"\ntime_unit = "%H:%Q"\nskip = -1')
    (folder / "set.toml").write_text(text)
    said = "; ".join(checked(folder).problems)
    assert "files '{user}/{1}.csv': a placeholder is a name in braces" in said
    assert "window inf s, every 1 s; both are above 0, up to 3600" in said
    assert "files.time_unit '%H:%Q': 'Q' is a bad directive" in said
    assert "files: header 1, skip -1; both are 0 or more" in said


def test_a_german_spreadsheet_with_a_row_of_units(tmp_path: Path) -> None:
    usual(tmp_path)
    for path in tmp_path.glob("*/belt.csv"):
        text = frame().to_csv(index=False, sep=";", decimal=",").split("\n", 1)
        rows = "\r\n".join([text[0], "s;cm;°", *text[1].split("\n")])
        path.write_bytes(b"\xef\xbb\xbf" + rows.encode() + b"\r\n;;\r\n\r\n")
    toml(tmp_path, 'time = "t"\nskip = 1')
    assert truth(read(tmp_path)) == [(9, 9), (9, 9)]
    toml(tmp_path)
    text = said(checked(tmp_path))
    assert "row 2: column 't' (time): 's' is no number" in text
    assert "(the same in 5 more: " in text
    assert "ann/belt.csv: row 2: column 'stretch' (channel 'belt')" in text
    assert "write skip = 1 in [files]" in text


def test_no_header_no_times_and_codes_for_classes(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        code = frame(label=True)["label"].map({"sit": 1, "stand": 2})
        frame().assign(code=code).drop(columns="t").to_csv(
            tmp_path / f"{name}.txt", sep="\t", header=False, index=False
        )
    files = 'recordings = "{user}.txt"\nheader = 0'
    labels = 'column = 3\nnames = {1 = "sit", 2 = "stand"}'
    users = read(toml(tmp_path, files, "[1, 2]", labels))
    assert truth(users) == [(9, 9), (9, 9)]
    assert users[0].channels[0].layout == "columns/0-1"


@pytest.mark.parametrize(
    ("unit", "times"),
    [
        ("ms", lambda t: t * 1000),
        ("us", lambda t: np.rint(t * 1e6)),
        ("ns", lambda t: np.rint(t * 1e9).astype("int64")),
        ("iso", lambda t: (pd.Timestamp(0) + pd.to_timedelta(t, "s")).map(pd.Timestamp.isoformat)),
        ("%d.%m.%Y %H:%M:%S.%f", lambda t: (pd.Timestamp(0) + pd.to_timedelta(t, "s")).map(
            lambda x: x.strftime("%d.%m.%Y %H:%M:%S.%f"))),
    ],
)  # fmt: skip
def test_times_in_any_unit(tmp_path: Path, unit: str, times) -> None:  # type: ignore[no-untyped-def]
    usual(tmp_path, files=f'time = "t"\ntime_unit = "{unit}"', labels='time_unit = "s"')
    for path in tmp_path.glob("*/belt.csv"):
        some = frame()
        index = pd.Index(some["t"])
        some["t"] = list(times(index if "%" in unit or unit == "iso" else some["t"]))
        some.to_csv(path, index=False)
    assert truth(read(tmp_path)) == [(9, 9), (9, 9)]


def test_gaps_and_unsorted_times_are_said_and_read(tmp_path: Path) -> None:
    usual(tmp_path)
    some = frame().sample(frac=1.0, random_state=0)
    some.loc[some.index[:5], "tilt"] = np.nan
    some.loc[some.index[5:9], ["stretch", "tilt"]] = np.nan
    some.to_csv(tmp_path / "ann" / "belt.csv", index=False, na_rep="n/a")
    users = read(tmp_path)
    assert truth(users) == [(9, 9), (9, 9)]
    assert any("are not in the order of time" in note for note in users.notes)
    assert any("4 of 480 rows hold no belt" in note for note in users.notes)


def test_values_become_classes_by_their_edges(tmp_path: Path) -> None:
    usual(tmp_path)
    for path in tmp_path.glob("*/labels.csv"):
        LABELS.assign(label=[10, 80] * 3).to_csv(path, index=False)
    text = (tmp_path / "set.toml").read_text()
    text = text.replace('classes = ["sit", "stand"]', "edges = [0, 50, 100]")
    (tmp_path / "set.toml").write_text(text)
    assert truth(read(tmp_path)) == [(9, 9), (9, 9)]
    assert TASKS["posture"].classes == ("0 to 50", "50 to 100")


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    usual(tmp_path, ("ann", "bob", "cleo", "dan", "eve"))
    frame().rename(columns={"stretch": "Strech"}).to_csv(tmp_path / "ann/belt.csv", index=False)
    late = frame()
    late["t"] *= 1000
    late.to_csv(tmp_path / "bob/belt.csv", index=False)
    LABELS.assign(label=["sit", "Stand "] * 3).to_csv(tmp_path / "cleo/labels.csv", index=False)
    far = LABELS.copy()
    far[["start", "end"]] += 1e6
    far.to_csv(tmp_path / "dan/labels.csv", index=False)
    (tmp_path / "eve/belt.csv").write_text("t,stretch,tilt\n0,1,2\n1,oops,2\n2,1,2,3\n")
    text = said(checked(tmp_path))
    assert "ann/belt.csv: channel 'belt': no column 'stretch'; nearest are 'Strech'" in text
    assert "0.02 Hz by its times, 20 Hz by set.toml" in text
    assert "time_unit" in text
    assert "'Stand' (3 times) is none of task.classes (sit, stand), and differs by case" in text
    assert "6 of 6 labels are outside of dan's recordings (rows 2, 3, 4, 5, 6, …)" in text
    assert "eve/belt.csv: row 4: 4 cells where 3 are due" in text
    assert text.count("no user can be used as it is") == 1


def test_a_key_that_is_not_known_is_told_the_nearest(tmp_path: Path) -> None:
    usual(
        tmp_path, top='licens = "mine"\nhalves = "thirds"', task='metrik = "accuracy"\nwindow = 2'
    )
    (tmp_path / "set.toml").write_text(
        (tmp_path / "set.toml").read_text().replace("window = 2.0\n", "").replace("rate = 20\n", "")
    )
    text = said(checked(tmp_path))
    assert "key 'licens' is not known; did you mean 'licence'?" in text
    assert "key 'task.metrik' is not known; did you mean 'metric'?" in text
    assert "key 'channels[1].rate' is missing" in text
    with pytest.raises(DataError, match=r"licens.*channels\[1\].*metrik"):
        find(tmp_path)


def test_a_unit_that_cannot_be_is_seen_by_size(tmp_path: Path) -> None:
    usual(tmp_path, columns='["stretch", "tilt"]\nlayout = "eeg/Oz-O1"\nunit = "bananas"')
    assert "unit 'bananas' where V is due; known are v, volt" in said(checked(tmp_path))
    toml(tmp_path, columns='["stretch", "tilt"]\nlayout = "eeg/Oz-O1-O2"')
    assert "2 columns for layout eeg/Oz-O1-O2, which has 3" in said(checked(tmp_path))


def test_rows_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    """Two lines of a device's own above the header: the columns' names are in row 3."""
    usual(tmp_path)
    path = tmp_path / "ann" / "belt.csv"
    lines = ["device 7", "exported, today", *frame().to_csv(index=False).split("\n")]
    path.write_text("\n".join(lines))
    assert "no column 't'; it stands in row 3: write header = 3" in said(checked(tmp_path))
    toml(tmp_path, 'time = "t"\nheader = 3')
    (tmp_path / "bob" / "belt.csv").write_text(path.read_text())
    assert not checked(tmp_path).problems
    path.write_text("\n".join([*lines[:9], "0.3,oops,1", *lines[10:]]))
    assert "belt.csv: row 10: column 'stretch' (channel 'belt'): 'oops' is no" in said(
        checked(tmp_path)
    )
    path.write_text("\n".join([*lines[:9], "0.3,1,1,1", *lines[10:]]))
    assert "belt.csv: row 10: 4 cells where 3 are due" in said(checked(tmp_path))


def test_stamps_and_restarts_are_seen(tmp_path: Path) -> None:
    usual(tmp_path)
    stamped = frame()
    stamped["t"] = pd.Timestamp("2024-05-01") + pd.to_timedelta(stamped["t"], "s")
    stamped.to_csv(tmp_path / "ann" / "belt.csv", index=False)
    pd.concat([frame(), frame()]).to_csv(tmp_path / "bob" / "belt.csv", index=False)
    text = said(checked(tmp_path))
    assert "is a stamp, not a number of s; write time_unit = 'iso'" in text
    assert "row 482: the time goes back by 23.95 s, 1 time in all: are these several" in text


def test_all_columns_are_those_that_say_nothing_else(tmp_path: Path) -> None:
    (user, _) = read(usual(tmp_path, columns='["*"]'))
    assert user.channels[0].layout == "columns/stretch-tilt"


def test_one_user_is_told_what_can_be_done(tmp_path: Path) -> None:
    found = checked(usual(tmp_path, ("ann",)))
    assert not found.problems
    assert "one user: `fedxr federate` takes 3" in said(found)
    assert "--unseen-data" in said(found)


def test_the_example_is_right_and_drawn(tmp_path: Path) -> None:
    write_example(tmp_path / "new")
    found = checked(tmp_path / "new")
    assert not found.problems
    assert not found.notes
    assert [u.name for u in found.users] == list(USERS)
    assert found.set_ is not None
    draw(found.set_, found.people[0], tmp_path / "ann.png")
    assert (tmp_path / "ann.png").stat().st_size > 20_000
    with pytest.raises(DataError, match="there is something already"):
        write_example(tmp_path / "new")
