"""What examples/own_data make of public sets: labels that owe nothing to the halves tested on."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

PREPARE = Path(__file__).parents[2] / "examples" / "own_data" / "edvam" / "prepare.py"


def recording(path: Path, speeds: np.ndarray) -> None:
    """A camera that goes along x at ``speeds`` (scene units a second), ten rows a second."""
    t = np.arange(0, len(speeds) + 0.05, 0.1)
    x = np.interp(t, np.arange(len(speeds) + 1), np.concatenate([[0], np.cumsum(speeds)]))
    rows = [f"{a:.2f},{b:.6f},0" for a, b in zip(t, x, strict=True)]
    path.write_text("\n".join(["time,C_x,C_z", *rows]) + "\n")


def test_what_counts_as_walking_is_learned_from_first_halves_alone(tmp_path: Path) -> None:
    edvam = runpy.run_path(str(PREPARE))
    rng = np.random.default_rng(0)
    found = []
    for later in (0.1, 10.0):
        paths = [tmp_path / f"{later}-{user}.csv" for user in range(3)]
        for user, path in enumerate(paths):
            first = np.random.default_rng(user).uniform(0, 2, 50)
            recording(path, np.concatenate([first, later * rng.uniform(0, 2, 50)]))
        faster = edvam["walking_from"](paths)
        labels = [one for path in paths for one in edvam["labels_of"](path, faster)]
        found.append((faster, [one for one in labels if one[1] < 49]))
    assert found[0][1] == found[1][1]
    assert {label for _, _, label in found[0][1]} == {"walking", "standing"}
    assert found[0][0] == pytest.approx(found[1][0]) == pytest.approx(0.9, abs=0.1)
