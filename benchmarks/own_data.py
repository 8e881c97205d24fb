"""Three public sets that no loader here knows, as folders with a set.toml: what they give.

    python -m benchmarks.own_data --data DIR [--seeds N] [--sets edvam-walking …]

DIR holds EDVAM, AVTrack360 and eeg-feature-generation as their distributors give them. Each becomes
a folder by what lies in examples/own_data; then `fedxr federate` as anybody runs it, with its
defaults: every arm beside classical models of the same numbers, over as many splits as seeds. Of so
few users, one seed has one or two in the federation: look at the intervals.
"""

from __future__ import annotations

import argparse
import os
import runpy
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from fedxr.evaluation.intervals import wilson
from fedxr.evaluation.result import Result, Row, Score
from fedxr.experiments.headless import SeedRun, result_of, run_seed
from fedxr.experiments.run_config import RunConfig
from fedxr.scenarios.recorded import data_folder, find
from fedxr.scenarios.recorded.formats.folder.check import checked

EXAMPLES = Path(__file__).parents[1] / "examples" / "own_data"
ARMS = {
    "generic": "pretrained on others",
    "local": "each alone",
    "federated_personalised": "federated + personal",
    "pooled": "data brought together",
    "classical_own": "classical, own half",
    "classical_pretraining": "classical, + pretraining",
    "classical_everyone": "classical, + everyone",
}
"""What is shown of federate's table, in its order."""


def prepare(data: Path, out: Path) -> None:
    """Each of the three that is under ``data``, as a folder under ``out``."""
    for folder in sorted(EXAMPLES.iterdir()):
        source = next((p for p in data.iterdir() if p.name.lower() == folder.name), None)
        if source is None:
            print(f"{folder.name}: not under {data}")
            continue
        script = folder / "prepare.py"
        if script.exists():
            runpy.run_path(str(script))["prepare"](source, out / folder.name)
        else:
            shutil.copytree(source, out / folder.name)
            shutil.copy(folder / "set.toml", out / folder.name)


def run(name: str, data: Path, seeds: int) -> Result:
    """The set's table over all splits."""
    config = RunConfig(source="recorded", sets=(name,), workers=1)
    by_seed = []
    for seed in range(seeds):
        done = SeedRun(seed)
        began = time.monotonic()
        run_seed(replace(config, seed=seed), data, _quiet, done)
        print(f"{name}, seed {seed}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        by_seed.append(done)
    return result_of(config, by_seed, "", 0.0)


def _quiet(_: str) -> None:
    pass


def interval(one: Score, questions: int) -> str:
    """Over users; of a single one, over their questions (Wilson)."""
    if one.low is None or one.high is None:
        low, high = wilson(one.mean, questions)
        return f" ({100 * low:.0f}, {100 * high:.0f})"
    return f" [{100 * one.low:.0f}, {100 * one.high:.0f}]"


def line(role: str, row: Row) -> str:
    arms = [row.arms.get(arm) for arm in ARMS]
    cells = [
        "–" if one is None else f"{100 * one.mean:.0f}{interval(one, row.test_windows)}"
        for one in arms
    ]
    users = f"{row.users} user{'s' * (row.users != 1)}"
    about = f"{row.name}, {role}: {users}, {row.test_windows} questions, {row.metric}"
    return f"| {about} | {100 * row.chance:.0f} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("FEDXR_DATA"))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--sets", nargs="*", default=())
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = data_folder(asked.data)
    if data is None or not data.is_dir():
        parser.error("say where the three sets are: --data DIR, or $FEDXR_DATA")
    heads = [
        "percent, mean over users [95 % interval; of one user, over questions]",
        "chance",
        *ARMS.values(),
    ]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    with tempfile.TemporaryDirectory() as place:
        prepare(data, Path(place))
        for name, one in find(Path(place)).items():
            if asked.sets and name not in asked.sets:
                continue
            wrong = checked(one.folder).problems
            if wrong:
                print("\n".join(wrong))
                continue
            result = run(name, Path(place), asked.seeds)
            for role, rows in (("federation", result.rows), ("unseen", result.unseen)):
                for row in rows:
                    print(line(role, row), flush=True)


if __name__ == "__main__":
    main()
