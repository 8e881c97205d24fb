"""AVTrack360 as a set: python prepare.py AVTrack360 OUT

A table a user from the distributor's JSON, with the yaw made continuous; and every two seconds a
label of what comes: whether the head will have turned by more than 10 degrees a second later. The
label's stretch are the two seconds before it, all that may be looked at.
"""

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np

TURN_DEG, AHEAD_S, EVERY_S = 10.0, 1.0, 2.0


def tables_of(path: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Rows of samples and of labels, without their heads."""
    samples, labels = list[tuple[object, ...]](), list[tuple[object, ...]]()
    for watched in json.loads(path.read_text(encoding="utf-8"))["data"]:
        video = watched["filename"].removesuffix(".mp4")
        rows = watched["pitch_yaw_roll_data_hmd"]
        table = np.array([[row[name] for name in ("sec", "pitch", "yaw", "roll")] for row in rows])
        t, pitch, yaw, roll = table.T
        yaw = np.unwrap(yaw, period=360)
        samples += zip([video] * len(t), t, pitch, yaw, roll, strict=True)
        for end in np.arange(t[0] + EVERY_S, t[-1] - AHEAD_S, EVERY_S):
            turn = np.interp(end + AHEAD_S, t, yaw) - np.interp(end, t, yaw)
            side = "ahead" if abs(turn) <= TURN_DEG else "right" if turn > 0 else "left"
            labels.append((video, round(end - EVERY_S, 3), round(end, 3), side))
    return samples, labels


def prepare(source: Path, out: Path) -> None:
    (out / "labels").mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("AVTrack360_dataset/Head_rotation/*.json")):
        samples, labels = tables_of(path)
        for place, head, rows in (
            (out, ("video", "sec", "pitch", "yaw", "roll"), samples),
            (out / "labels", ("video", "start", "end", "label"), labels),
        ):
            with (place / f"{path.stem}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([head, *rows])
    shutil.copy(Path(__file__).with_name("set.toml"), out)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
