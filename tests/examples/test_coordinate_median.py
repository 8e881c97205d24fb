"""examples/coordinate_median, installed for real, in processes of their own as users run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "coordinate_median"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "example")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", folder, source], check=True, timeout=300)
    return folder


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = (installed, ROOT, ROOT / "tests" / "fedxr")
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )


def test_the_example_is_one_short_module() -> None:
    (module,) = EXAMPLE.glob("*.py")
    assert len(module.read_text().splitlines()) < 60
    assert 20 <= len((EXAMPLE / "README.md").read_text().splitlines()) <= 40


@pytest.mark.parametrize("command", ["federate", "serve", "demo"])
def test_help_lists_it(installed: Path, command: str) -> None:
    said = run(installed, "-m", "fedxr.cli.entry", command, "--help").stdout
    assert "--aggregation {mean,coordinate-median}" in said


def test_it_is_refused_where_neighbours_only_mix(installed: Path) -> None:
    words = ("--aggregation", "coordinate-median", "--coordination")
    for coordination in ("decentralized", "local"):
        done = run(installed, "-m", "fedxr.cli.entry", "federate", *words, coordination)
        told = " ".join(done.stderr.replace("│", " ").split())
        assert done.returncode == 2
        assert f"'coordinate-median' cannot act with coordination '{coordination}'" in told
        assert "Take centralized or semi-decentralized" in told


# The command as it is, but on six small people.
SMALL = """
import sys
from made_users import users
from fedxr.cli import main as cli
from fedxr.experiments import headless
from fedxr.experiments.splits import split_users
headless.gather = lambda *_: [split_users("made", users(6), 0, 12)]
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("coordination", ["semi-decentralized", "centralized"])
def test_a_federation_runs_with_it_and_says_so(
    installed: Path, tmp_path: Path, coordination: str
) -> None:
    words = ("federate", "--aggregation", "coordinate-median", "--coordination", coordination)
    few = ("--steps", "2", "--rounds", "1", "--workers", "1", "--learning.each", "1000")
    done = run(installed, "-c", SMALL, *words, *few, "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["config"]["aggregation"] == "coordinate-median"
    (note,) = result["notes"]
    assert note.startswith(
        "aggregation coordinate-median (coordinate-wise median, arXiv:1803.01498"
    )
    assert "kind head, lora_A, lora_B; all others" in note
    assert note in done.stdout.replace("\n", " ")
    assert "aggregation coordinate-median" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.timeout(2000)
def test_the_command_runs_on_a_simulated_world(installed: Path, tmp_path: Path) -> None:
    words = ("--source", "simulated", "--scenario", "companion", "--headsets", "2")
    few = ("--rounds", "1", "--steps", "1", "--copies", "1", "--workers", "1")
    steps = ("--learning.shared.no-by-labels", "--learning.shared.train.steps", "1")
    by = ("--aggregation", "coordinate-median", "--learning.each", "1000")
    done = run(
        installed,
        "-m",
        "fedxr.cli.entry",
        "federate",
        *words,
        *few,
        *steps,
        *by,
        "--out",
        str(tmp_path),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["config"]["aggregation"] == "coordinate-median"
    assert result["traffic"]["up"] > 0


ROUNDS = """
import json
from itertools import product
import torch
from fedxr.federation import Block, Blocks, Headset, Round, StragglerDeadline, Topology
from fedxr.federation import Updates, run_round

BLOCKS = Blocks((Block("b", 0, 40, "lora_B"), Block("h", 40, 60, "head"),
                 Block("ridge:t", 60, 90, "ridge")))
HEADSETS = [Headset(f"h{i}", position=(3.0 * i, 0.0)) for i in range(8)]

def go(coordination, rule, x):
    round_ = Round(coordination, aggregation=rule, topology=Topology(cluster_size=2))
    weights = torch.full((8, 3), 20.0)
    adapt = lambda awake, union: Updates(BLOCKS, x[awake], weights[awake])
    return run_round(round_, HEADSETS, x, adapt, 0, StragglerDeadline())[0][1]

out = []
for seed, coordination in product(range(20), ("centralized", "semi-decentralized")):
    x = torch.randn(8, 90, generator=torch.Generator().manual_seed(seed))
    bad = x.clone()
    bad[0, :60] = 1e5 * torch.sign(bad[0, :60])
    honest = x[1:, :60]
    found = {rule: go(coordination, rule, bad) for rule in ("mean", "coordinate-median")}
    within = {r: bool(((y[:60] >= honest.amin(0)) & (y[:60] <= honest.amax(0))).all())
              for r, y in found.items()}
    within["sums"] = torch.equal(found["mean"][60:], found["coordinate-median"][60:])
    out.append(within)
print(json.dumps(out))
"""


def test_one_poisoned_headset_of_eight_moves_the_mean_and_not_the_median(installed: Path) -> None:
    """20 draws, two coordinations: every number stays between those that honest headsets sent;
    the sums of ridge heads are those of the mean, bit for bit."""
    done = run(installed, "-c", ROUNDS)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 40
    for one in found:
        assert one == {"mean": False, "coordinate-median": True, "sums": True}


RIDGES = """
import sys
from made_users import users
from fedxr.experiments.pretraining import pretrain_on
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import meet, split_users
from fedxr.experiments.protocol import Protocol
from fedxr.experiments.teaching import teach

split = split_users("made", users(9), 0, 12)
checkpoint = pretrain_on([split], RunConfig(steps=2), lambda _: None)
people = [meet(u, checkpoint.population) for u in split.federation]
by_mean, by_median = (
    teach(checkpoint, people, Protocol(1, "centralized", aggregation=r), personal=False)[0].cohort
    for r in ("mean", "coordinate-median")
)
for cohort in (by_mean, by_median):
    assert sum(len(state.federated) for state in cohort.headsets) == len(people)
for mean, median in zip(by_mean.headsets, by_median.headsets, strict=True):
    one, two = mean.federated, median.federated
    for task in one:
        assert one[task].sums.same(two[task].sums)
"""


def test_ridge_sums_that_headsets_hold_are_those_of_the_mean(installed: Path) -> None:
    done = run(installed, "-c", RIDGES)
    assert done.returncode == 0, done.stderr
