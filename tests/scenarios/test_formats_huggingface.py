"""Hugging Face data sets, written by the library itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import datasets
import numpy as np
import pytest

from fedxr.scenarios.recorded import find
from fedxr.scenarios.users import DataError, Users

datasets.disable_progress_bars()
CLASSES = ["sit", "walk"]


def read(folder: Path) -> Users:
    (known,) = find(folder).values()
    return known.load()


def samples(users: int = 2) -> datasets.Dataset:
    """A row a sample, at 20 Hz; 5 s of either class by turns, for 40 s."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[object]] = {n: [] for n in ("subject", "time", "x", "eda", "label")}
    for user in range(users):
        for n in range(800):
            rows["subject"].append(f"p{user}")
            rows["time"].append(100.0 + n / 20)
            rows["x"].append(float(rng.standard_normal()))
            rows["eda"].append(2.0)
            rows["label"].append(n // 100 % 2)
    features = datasets.Features(
        {
            "subject": datasets.Value("string"),
            "time": datasets.Value("float64"),
            "x": datasets.Value("float32"),
            "eda": datasets.Value("float32"),
            "label": datasets.ClassLabel(names=CLASSES),
        }
    )
    return datasets.Dataset.from_dict(rows, features=features)


def examples(users: int = 2) -> datasets.Dataset:
    """A row an example of 2 s at 50 Hz with three numbers a sample; all of a class in a row."""
    rng = np.random.default_rng(0)
    rows = [
        {"user": user, "activity": name, "acc": rng.standard_normal((100, 3)).tolist()}
        for user in range(users)
        for name in CLASSES
        for _ in range(6)
    ]
    return datasets.Dataset.from_list(rows)


def test_times_may_be_stamps_and_are_seconds(tmp_path: Path) -> None:
    seconds = samples()
    seconds.save_to_disk(tmp_path / "seconds")
    rising = [one["time"] for one in seconds]
    stamped = seconds.remove_columns("time").add_column(
        "time", [datetime.fromtimestamp(t, UTC) for t in rising]
    )
    stamped.save_to_disk(tmp_path / "stamps")
    wrong = seconds.remove_columns("time").add_column("time", [1000 * t for t in rising])
    wrong.save_to_disk(tmp_path / "ms")
    one, other = (read(tmp_path / name) for name in ("seconds", "stamps"))
    assert [len(u.episodes) for u in one] == [len(u.episodes) for u in other]
    assert one[0].channels == other[0].channels
    assert "p0: rows are 50 s apart; column time is to be in seconds" in read(tmp_path / "ms").said


@pytest.mark.parametrize("form", ["disk", "splits", "parquet"])
def test_rows_that_are_samples(tmp_path: Path, form: str) -> None:
    data = samples()
    if form == "disk":
        data.save_to_disk(tmp_path)
    elif form == "splits":
        halves = {"train": data.select(range(800)), "test": data.select(range(800, 1600))}
        datasets.DatasetDict(halves).save_to_disk(tmp_path)
    else:
        (tmp_path / "data").mkdir()
        data.to_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
    (tmp_path / "set.toml").write_text('[units]\neda = "uS"\n')
    users = read(tmp_path)
    assert [user.name for user in users] == ["p0", "p1"]
    channels = {c.name: (c.layout, c.rate_hz) for c in users[0].channels}
    assert channels == {"eda": ("physiology/eda", 20.0), "signals": ("columns/x", 20.0)}
    assert users[0].episodes[0].samples["eda"].values[0] == pytest.approx(2e-6)
    asked = [(q.label, e.adapt) for e in users[0].episodes for q in e.queries]
    # 5 s each, asked every second from the 2 s before: 4 times
    turns = [0] * 4 + [1] * 4
    assert asked == [(n, half) for half in (True, False) for n in turns * 2]


def test_a_column_that_says_the_label_once_more_is_no_signal(tmp_path: Path) -> None:
    data = samples()
    data.add_column("label_id", [7 - n for n in data["label"]]).save_to_disk(tmp_path)
    layouts = {c.layout for c in read(tmp_path)[0].channels}
    assert layouts == {"columns/x-eda"}


def test_rows_that_are_examples_take_turns_over_the_classes(tmp_path: Path) -> None:
    examples().save_to_disk(tmp_path)
    with pytest.raises(DataError, match=r"how many samples there are in a second.*files\.rate"):
        find(tmp_path)
    (tmp_path / "set.toml").write_text("[files]\nrate = 50\n")
    users = read(tmp_path)
    assert [user.name for user in users] == ["0", "1"]
    (channel,) = users[0].channels
    assert (channel.layout, channel.rate_hz) == ("columns/acc0-acc1-acc2", 50.0)
    asked = [(q.label, e.adapt) for e in users[0].episodes for q in e.queries]
    assert asked == [(n, half) for half in (True, False) for n in [0, 1] * 3]


def test_what_is_lacking_is_named(tmp_path: Path) -> None:
    samples().rename_column("subject", "who").save_to_disk(tmp_path)
    with pytest.raises(DataError, match=r"columns who, time, x, eda, label; .*the user"):
        find(tmp_path)
    (tmp_path / "set.toml").write_text('[files]\nuser = "who"\n')
    assert len(read(tmp_path)) == 2
    (tmp_path / "set.toml").write_text('[files]\nuser = "whom"\n')
    with pytest.raises(DataError, match=r"columns who, time, x, eda, label; .*the user"):
        find(tmp_path)
    next(tmp_path.glob("*.arrow")).write_bytes(b"no arrow")
    with pytest.raises(DataError, match="expected a Hugging Face data set; found"):
        find(tmp_path)
