"""Tiny files in the official layouts, every sample a number of its own.

Values count upwards through a recording, so that a test sees which samples went where.
"""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
from scipy.io import savemat

HAR_HEADER = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label"
HAR_SCRIPT = ("SEATED", "STANDING_UP", "WALKING", "TURNING", "SITTING_DOWN")


def har(root: Path, user: str = "s77", runs: int = 2, seconds: float = 5.0) -> Path:
    folder = root / "DATA" / user
    folder.mkdir(parents=True)
    count = 0
    for run in range(1, runs + 1):
        for device in ("sp", "sw"):
            rows = [HAR_HEADER]
            for i in range(int(seconds * 100)):
                label = HAR_SCRIPT[int(i / (seconds * 100) * len(HAR_SCRIPT))]
                rows.append(
                    f"{count},0,9.8,0,0,0,{1_657_534_570_000 + run * 60_000 + i * 10},{label}"
                )
                count += 1
            (folder / f"{user}_{run:02d}_{device}.csv").write_text("\n".join(rows) + "\n")
    return root


def gazegraph(root: Path, user: str = "P77", rows: int = 2400) -> Path:
    folder = root / "DesktopActivity" / user
    folder.mkdir(parents=True)
    for a, activity in enumerate(("BROWSE", "PLAY", "READ", "SEARCH", "WATCH", "WRITE")):
        x = (np.arange(rows) + a * rows) / 100_000
        lines = [f"{value:.5f},0.5" for value in x]
        (folder / f"{user}_{activity}.csv").write_text("\n".join(lines) + "\n")
    return root


def cwru(root: Path, numbers: tuple[int, ...] = (118, 105, 130), rows: int = 12_000) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for i, number in enumerate(numbers):
        values = (np.arange(rows, dtype=float) + i * rows)[:, None]
        savemat(root / f"{number}.mat", {f"X{number:03d}_DE_time": values})
    return root


def stress(root: Path, user: int = 77, seconds: int = 600) -> Path:
    raw = root / "Raw_data" / f"S{user:02d}"
    raw.mkdir(parents=True)
    begin = 1_644_227_583
    for name, rate, lead in (("EDA", 4, 9), ("TEMP", 4, 9), ("HR", 1, 0)):
        lines = [f"{begin - lead}.0", f"{rate}.0"]
        lines += [f"{i + 1}" for i in range((seconds + lead) * rate)]
        (raw / f"{name}.csv").write_text("\n".join(lines) + "\n")
    beats = [f"{begin - 9}.0, IBI"] + [f"{12 + i},{0.5 + i / 10_000:.4f}" for i in range(seconds)]
    (raw / "IBI.csv").write_text("\n".join(beats) + "\n")
    rows = ["Participant,HR,respr,Time(sec),Label"]
    for i in range(seconds):
        hr = "" if i == 5 else f"{60 + i}"
        rows.append(f"{user},{hr},{10 + i},{begin + i},{int(200 <= i < 260 or 400 <= i < 500)}")
    processed = root / "Processed_data"
    processed.mkdir()
    (processed / "Improved_All_Combined_hr_rsp_binary.csv").write_text("\n".join(rows) + "\n")
    return root


def ssvep(root: Path, user: str = "subject77", per_class: int = 2) -> Path:
    folder = root / user
    folder.mkdir(parents=True)
    ids = [1] * per_class + [4, 2, 3] * per_class
    n = 256 * (6 * len(ids) + 2)
    info = mne.create_info(["Oz", "O1", "POz"], 256.0, "eeg")
    values = np.stack([np.arange(n) + k * n for k in range(3)]).astype(float)
    with mne.utils.use_log_level("error"):
        raw = mne.io.RawArray(values, info)
        raw.save(folder / "record-[2026.01.01-00.00.00]_raw.fif")
        events = [[256 + i * 6 * 256, 0, event] for i, event in enumerate(ids)]
        mne.write_events(folder / "record-[2026.01.01-00.00.00]-eve.fif", np.array(events))
    return root
