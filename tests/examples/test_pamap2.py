"""examples/pamap2: six people in the official layout, and the commands of its README."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plugin_rig import environment, fedxr, install, lines_of

from fedxr.evaluation.result import read_result

ACTIVITIES = {1: 0.0, 4: 1.8, 24: 3.2}
"""Lying, walking, rope jumping; movements a second."""
BOUT_S, RATE_HZ = 31, 100


def write(folder: Path, subject: int) -> None:
    """``subject10X.dat`` as distributed: 54 columns, of which the hand's are filled; half a second
    between two activities is 0, and the radio has lost some rows."""
    rng = np.random.default_rng(subject)
    rows = []
    t = 5.0
    for number, tempo in (
        (0, 0.0),
        *((n, hz) for a in ACTIVITIES.items() for n, hz in (a, (0, 0))),
    ):
        for _ in range(BOUT_S * RATE_HZ if number else RATE_HZ // 2):
            swing = 3 * np.sin(2 * np.pi * tempo * t) if tempo else 0.0
            a, w = rng.normal([swing, 9.81, 0.3 * swing], 0.1), rng.normal(0.2 * swing, 0.05, 3)
            acc = " ".join(["NaN"] * 3 if rng.random() < 0.01 else [f"{x:.4f}" for x in a])
            gyro = " ".join(f"{x:.4f}" for x in w)
            rows.append(f"{t:.2f} {number} NaN 31.5 {acc} NaN NaN NaN {gyro}" + " NaN" * 41)
            t += 1 / RATE_HZ
    protocol = folder / "PAMAP2_Dataset" / "Protocol"
    protocol.mkdir(parents=True, exist_ok=True)
    (protocol / f"subject{subject}.dat").write_text("\n".join(rows) + "\n")


@pytest.mark.slow
def test_the_set_is_read_and_federated(tmp_path: Path) -> None:
    assert lines_of("pamap2") <= 50
    env = environment(install("pamap2", tmp_path / "plugins"))
    data = tmp_path / "data"
    for subject in range(101, 107):
        write(data, subject)
    (data / "PAMAP2_Dataset" / "Protocol" / "subject107.dat").write_text("5.00 1 NaN\n")

    told = fedxr(tmp_path, env, "data", "--data", str(data))
    assert "pamap2" in told
    assert "6 users: motion/wrist" in told
    assert "subject107 is left out: " in told
    assert "CC BY 4.0" in told

    assert "pamap2" in fedxr(tmp_path, env, "federate", "--help")

    here = ("--source", "recorded", "--data", str(data), "--out", str(tmp_path / "out"))
    quick = ("--steps", "4", "--copies", "1", "--rounds", "1", "--workers", "1")
    told = fedxr(tmp_path, env, "federate", *here, "--sets", "pamap2", *quick)
    (row,) = read_result(tmp_path / "out" / "result.json").rows
    assert (row.name, row.task, row.users) == ("pamap2", "exercise", 2)
    # six windows of 5 s in a bout of 31 s, of which three are tested on; two people, three bouts
    assert row.test_windows == 2 * 3 * 3
    assert row.chance == pytest.approx(1 / 12)
    assert row.arms["federated_personalised"].mean > 0.7
    assert "the first half of each labelled stretch" in row.halves
    assert "pamap2" in told
    assert "pamap2" in (tmp_path / "out" / "report.html").read_text()
