"""Tiny files in the official layouts, every sample a number of its own.

Values count upwards through a recording, so that a test sees which samples went where. `TWO` makes
each set with two users.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np
import soundfile
from PIL import Image
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
    processed = root / "Processed_data" / "Improved_All_Combined_hr_rsp_binary.csv"
    processed.parent.mkdir(exist_ok=True)
    if processed.exists():
        rows = [processed.read_text().rstrip("\n"), *rows[1:]]
    processed.write_text("\n".join(rows) + "\n")
    return root


def ssvep(root: Path, user: str = "subject77", per_class: int = 2) -> Path:
    folder = root / user
    folder.mkdir(parents=True)
    ids = [1] * per_class + [4, 2, 3] * per_class
    n = 256 * (6 * len(ids) + 2)
    info = mne.create_info(["Oz", "O1", "POz"], 256.0, "eeg")
    values = np.stack([np.arange(n) + k * n for k in range(3)]) * 1e-6  # millivolts, as the set's
    with mne.utils.use_log_level("error"):
        raw = mne.io.RawArray(values, info)
        raw.save(folder / "record-[2026.01.01-00.00.00]_raw.fif")
        events = [[256 + i * 6 * 256, 0, event] for i, event in enumerate(ids)]
        mne.write_events(folder / "record-[2026.01.01-00.00.00]-eve.fif", np.array(events))
    return root


def tone(path: Path, hz: float = 440.0, seconds: float = 0.3, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
    soundfile.write(path, wave, rate, subtype="PCM_16")
    return path


def fsdd(root: Path, user: str = "ann") -> Path:
    for index in range(4):
        tone(root / "recordings" / f"{index}_{user}_{index}.wav", 300 + 50 * index)
    return root


def ravdess(root: Path, user: int = 77) -> Path:
    for intensity in (1, 2):
        for emotion in (3, 4):
            name = f"03-01-{emotion:02d}-{intensity:02d}-01-01-{user:02d}.wav"
            folder = root / "Audio_Speech_Actors_01-24" / f"Actor_{user:02d}"
            tone(folder / name, 300 + 50 * emotion + 10 * intensity, rate=16_000)
    return root


def shrec(root: Path, user: int = 77, frames: int = 4) -> Path:
    for gesture in (1, 2):
        for finger in (1, 2):
            folder = root / f"gesture_{gesture}/finger_{finger}/subject_{user}/essai_1"
            folder.mkdir(parents=True)
            rows = [
                " ".join(f"{k / 100 + gesture + finger / 10 + frame}" for k in range(66))
                for frame in range(frames)
            ]
            (folder / "skeletons_world.txt").write_text("\n".join(rows) + "\n")
    return root


def idx(path: Path, array: np.ndarray) -> None:
    """``array`` as a gzipped IDX file, written from the format's own definition."""
    kind = {"uint8": 8, "int32": 12}[array.dtype.name]
    sizes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    body = array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(bytes((0, 0, kind, array.ndim)) + sizes + body))


def qmnist(root: Path) -> Path:
    """Six digits of two writers: 7 wrote the even rows, backwards, and 3 the odd ones."""
    root.mkdir(parents=True, exist_ok=True)
    images = np.arange(6 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(6, 28, 28)
    labels = np.array([1, 2, 3, 4, 5, 6], np.uint8)
    rows = np.zeros((9, 8), np.int32)
    rows[:6, 0] = labels
    rows[:6, 2] = [7, 3, 7, 3, 7, 3]
    rows[:6, 3] = [9, 0, 8, 1, 7, 2]
    idx(root / "t10k-images-idx3-ubyte.gz", images)
    idx(root / "t10k-labels-idx1-ubyte.gz", labels)
    idx(root / "qmnist-test-labels-idx2-int.gz", rows)
    return root


def drawing(side: int = 105, ink: int = 50) -> bytes:
    image = Image.new("1", (side, side), 1)
    image.putpixel((ink, 50), 0)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def omniglot(root: Path, drawers: tuple[int, ...] = (3, 21)) -> Path:
    (root / "python").mkdir(parents=True)
    with zipfile.ZipFile(root / "python" / "images_background_small1.zip", "w") as pack:
        for drawer in drawers:
            for n in (1, 2, 3):
                name = f"images_background_small1/Greek/character{n:02d}/0394_{drawer:02d}.png"
                pack.writestr(name, drawing(ink=10 * n + drawer))
    return root


def _twice(make: Callable[[Path, object], Path], *users: object) -> Callable[[Path], Path]:
    def both(root: Path) -> Path:
        for user in users:
            make(root, user)
        return root

    return both


TWO: dict[str, tuple[Callable[[Path], Path], tuple[str, str]]] = {
    "har": (_twice(har, "s77", "s78"), ("s77", "s78")),
    "ssvep": (_twice(ssvep, "subject77", "subject78"), ("subject77", "subject78")),
    "gazegraph": (_twice(gazegraph, "P77", "P78"), ("P77", "P78")),
    "cwru": (_twice(cwru, (118, 105), (119, 106)), ("load0", "load1")),
    "stress": (_twice(stress, 77, 78), ("S77", "S78")),
    "fsdd": (_twice(fsdd, "ann", "bob"), ("ann", "bob")),
    "ravdess": (_twice(ravdess, 77, 78), ("Actor_77", "Actor_78")),
    "shrec": (_twice(shrec, 77, 78), ("subject_77", "subject_78")),
    "qmnist": (qmnist, ("writer_0003", "writer_0007")),
    "omniglot": (omniglot, ("drawer_03", "drawer_21")),
}
"""How to make each set with two users, and who they are."""
