"""LeRobot data sets as data sets, in the layouts of versions 2.1 and 3.0."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fedxr.scenarios.recorded import find
from fedxr.scenarios.users import DataError, Users

TASKS = ("pick the cube", "open the drawer")
FPS = 10


def episode(number: int, task: int, success: bool, operator: str) -> pa.Table:
    """Six seconds of a state of two numbers and an action of one."""
    n, rng = 6 * FPS, np.random.default_rng(number)
    return pa.table(
        {
            "observation.state": pa.array(
                rng.standard_normal((n, 2)).astype(np.float32).tolist(), pa.list_(pa.float32())
            ),
            "action": pa.array(
                rng.standard_normal((n, 1)).astype(np.float32).tolist(), pa.list_(pa.float32())
            ),
            "timestamp": pa.array((np.arange(n) / FPS).astype(np.float32)),
            "frame_index": pa.array(range(n)),
            "episode_index": pa.array([number] * n),
            "index": pa.array(range(number * n, number * n + n)),
            "task_index": pa.array([task] * n),
            "next.success": pa.array([False] * (n - 1) + [success]),
            "operator": pa.array([operator] * n),
        }
    )


def write(folder: Path, version: str, tasks: int = 2) -> Path:
    """Eight episodes; tasks by turns, success in the first of each two pairs, two operators."""
    (folder / "meta").mkdir(parents=True)
    (folder / "data" / "chunk-000").mkdir(parents=True)
    made = [episode(n, n % tasks, n % 4 < 2, f"op{n % 8 // 4}") for n in range(8)]
    vector = {"dtype": "float32", "shape": [2], "names": {"motors": ["shoulder", "wrist"]}}
    scalar = {"dtype": "int64", "shape": [1], "names": None}
    features = {
        "observation.state": vector,
        "action": {"dtype": "float32", "shape": [1], "names": ["grip"]},
        "observation.images.top": {"dtype": "video", "shape": [48, 64, 3], "names": None},
        "timestamp": {"dtype": "float32", "shape": [1], "names": None},
        "next.success": {"dtype": "bool", "shape": [1], "names": None},
        **dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), scalar),
    }
    info = {"codebase_version": version, "robot_type": "so100", "fps": FPS, "features": features}
    (folder / "meta" / "info.json").write_text(json.dumps(info))
    words = TASKS[:tasks]
    if version == "v2.1":
        lines = [json.dumps({"task_index": n, "task": word}) for n, word in enumerate(words)]
        (folder / "meta" / "tasks.jsonl").write_text("\n".join(lines) + "\n")
        for n, table in enumerate(made):
            pq.write_table(table, folder / "data" / "chunk-000" / f"episode_{n:06d}.parquet")
    else:
        # pandas writes the words as the index of the table
        table = pa.table({"task_index": list(range(tasks)), "__index_level_0__": list(words)})
        pq.write_table(table, folder / "meta" / "tasks.parquet")
        whole = pa.concat_tables(made)
        pq.write_table(whole, folder / "data" / "chunk-000" / "file-000.parquet")
    return folder


def read(folder: Path) -> Users:
    (known,) = find(folder).values()
    return known.load()


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_tasks_are_labels_and_a_column_may_say_the_user(tmp_path: Path, version: str) -> None:
    write(tmp_path, version)
    (tmp_path / "set.toml").write_text('[files]\nuser = "operator"\n[task]\nevery = 2.0\n')
    users = read(tmp_path)
    assert [user.name for user in users] == ["op0", "op1"]
    channels = {c.name: (c.layout, c.rate_hz) for c in users[0].channels}
    assert channels == {
        "state": ("columns/shoulder-wrist", 10.0), "action": ("columns/grip", 10.0)
    }  # fmt: skip
    asked = [(q.label, e.adapt) for e in users[0].episodes for q in e.queries]
    # 6 s each, asked every 2 s from the 2 s before; classes in the order of the alphabet
    turns = [1] * 3 + [0] * 3
    assert asked == [(n, half) for half in (True, False) for n in turns]


def test_with_one_task_success_is_the_label_and_the_folder_the_user(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        write(tmp_path / "robots" / name, "v2.1", tasks=1)
    (tmp_path / "robots" / "set.toml").write_text('name = "robots"\n')
    (known,) = find(tmp_path / "robots").values()
    assert known.known.tasks[0].classes == ("failure", "success")
    users = known.load()
    assert [user.name for user in users] == ["ann", "bob"]
    labels = [e.queries[0].label for e in users[0].episodes[::5]]
    assert labels == [1, 1, 0, 0, 1, 1, 0, 0]


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    write(tmp_path, "v3.0")
    (tmp_path / "set.toml").write_text('[files]\nuser = "who"\n')
    with pytest.raises(DataError, match=r"no column 'who', files.user \(.*line 2\); it has obs"):
        find(tmp_path)
    (tmp_path / "set.toml").unlink()
    info = tmp_path / "meta" / "info.json"
    info.write_text(info.read_text().replace('"fps": 10', '"fps": 0'))
    with pytest.raises(DataError, match=r"info.json: fps 0; expected frames a second"):
        find(tmp_path)
    info.write_text(info.read_text().replace('"fps": 0', '"fps": 10'))
    table = tmp_path / "data" / "chunk-000" / "file-000.parquet"
    pq.write_table(pq.read_table(table).drop_columns(["episode_index"]), table)
    with pytest.raises(DataError, match=r"file-000.parquet: no column episode_index; it has obs"):
        find(tmp_path)
    table.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"file-000.parquet: expected a parquet file; found"):
        find(tmp_path)
    info.write_text("{}")
    with pytest.raises(DataError, match=r"info.json: expected features and fps as LeRobot"):
        find(tmp_path)
