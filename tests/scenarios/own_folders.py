"""Folders of somebody's own, small and right: tests make wrong what they are about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fedxr.scenarios.recorded import find
from fedxr.scenarios.recorded.formats.folder.check import Checked
from fedxr.scenarios.users import Users

HZ, SECONDS = 20, 24
HEAD = """
name = "belt"
use_case = "weaving"
{top}
[files]
{files}
[[channels]]
name = "belt"
rate = 20
columns = {columns}
[labels]
{labels}
[task]
name = "posture"
classes = ["sit", "stand"]
window = 2.0
every = 1.0
{task}
"""


def toml(
    folder: Path,
    files: str = 'time = "t"',
    columns: str = '["stretch", "tilt"]',
    labels: str = "",
    task: str = "",
    top: str = "",
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = HEAD.format(files=files, columns=columns, labels=labels, task=task, top=top)
    (folder / "set.toml").write_text(text)
    return folder


def frame(start: float = 0.0, label: bool = False) -> pd.DataFrame:
    """24 s: three times 4 s of sitting and of standing, in turn."""
    t = np.arange(SECONDS * HZ) / HZ
    standing = t // 4 % 2
    out = pd.DataFrame(
        {"t": start + t, "stretch": np.round(np.sin(t) + standing, 3), "tilt": np.round(t % 1, 3)}
    )
    return out.assign(label=np.where(standing, "stand", "sit")) if label else out


LABELS = pd.DataFrame(
    {
        "start": np.arange(6) * 4.0,
        "end": np.arange(6) * 4.0 + 4.0,
        "label": ["sit", "stand"] * 3,
    }
)


def usual(folder: Path, users: tuple[str, ...] = ("ann", "bob"), **how: str) -> Path:
    """One file a user, and labels beside it."""
    for name in users:
        (folder / name).mkdir(parents=True)
        frame().to_csv(folder / name / "belt.csv", index=False)
        LABELS.to_csv(folder / name / "labels.csv", index=False)
    return toml(folder, **how)


def read(folder: Path) -> Users:
    (one,) = (s for s in find(folder).values() if s.known.name == "belt")
    return one.load()


def said(found: Checked) -> str:
    return "\n".join((*found.problems, *found.notes))


def rewrite(folder: Path, *changes: tuple[str, str]) -> None:
    """Put other text into the set.toml of ``folder``."""
    text = (folder / "set.toml").read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "set.toml").write_text(text)


def line_of(folder: Path, text: str) -> int:
    """The line of set.toml, from 1, that ``text`` stands in first."""
    lines = (folder / "set.toml").read_text().split("\n")
    return next(number for number, line in enumerate(lines, 1) if text in line)
