"""What ``import fedxr`` offers: the names, a federation, its table and figure; a headset's two
lines stand in tests/bridge/test_two_lines.py."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from made_users import users as made_users

import fedxr
from fedxr.evaluation.result import CurvePoint, ResultError
from fedxr.experiments import headless
from fedxr.experiments.config_file import ConfigError
from fedxr.experiments.splits import split_users
from fedxr.federation import AggregationRule
from fedxr.plugins import PluginError
from fedxr.plugins.registry import REGISTRIES

PUBLIC = [
    "__version__", "federate", "RunConfig", "Result", "read_result", "connect", "Channel", "load",
    "Checkpoint", "register",
]  # fmt: skip
REGISTER = ["aggregation", "backbone", "modality", "recorded_set", "task", "tuning"]


@pytest.fixture
def _registries() -> Iterator[None]:
    before = [(registry, registry.snapshot()) for registry in REGISTRIES]
    yield
    for registry, entries in before:
        registry.restore(entries)


@pytest.fixture
def _made(monkeypatch: pytest.MonkeyPatch) -> None:
    split = split_users("made", made_users(9), 0, 12)
    monkeypatch.setitem(headless.__dict__, "gather", lambda *_: [split])


def test_these_names_are_public_and_no_others() -> None:
    assert fedxr.__all__ == PUBLIC
    assert fedxr.register.__all__ == REGISTER
    assert all(getattr(fedxr, name) is not None for name in PUBLIC)
    assert fedxr.__version__ == metadata.version("fedxr")
    assert set(PUBLIC) <= set(dir(fedxr))
    with pytest.raises(AttributeError, match="fedxr has no 'nothing'; public are __version__, fed"):
        _ = fedxr.nothing
    assert (Path(fedxr.__file__).parent / "py.typed").exists()


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys, fedxr; print(*{'torch', 'numpy', 'matplotlib', 'tyro'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.usefixtures("_registries")
@pytest.mark.parametrize("module", ["fedxr.register", "fedxr.learning.shipped"])
def test_the_examples_do_what_they_show(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.usefixtures("_registries")
def test_a_name_is_registered_once() -> None:
    rule = AggregationRule("first", "of the first owner", frozenset({"head"}), lambda v, _: v[0])
    assert fedxr.register.aggregation(rule) is rule
    with pytest.raises(PluginError, match="'mean' is there already"):
        fedxr.register.aggregation(AggregationRule("mean", "another"))


@pytest.mark.usefixtures("_made", "_registries")
def test_a_federation_is_a_table_and_a_figure(tmp_path: Path) -> None:
    rule = AggregationRule("first", "of the first owner", frozenset({"head"}), lambda v, _: v[0])
    fedxr.register.aggregation(rule)
    said: list[str] = []
    result = fedxr.federate(
        fedxr.RunConfig(rounds=3), say=said.append, rounds=1, steps=5, workers=1, out=tmp_path,
        aggregation="first", learning={"mixing": {"share": 0.02}, "each": 1000},
    )  # fmt: skip
    assert result == fedxr.read_result(tmp_path / "result.json")
    assert result.config["learning"]["mixing"]["share"] == 0.02
    assert (result.config["rounds"], result.config["aggregation"]) == (1, "first")
    assert any(text.startswith("made/doing: federation") for text in said)
    frame = result.to_pandas()
    (row,) = result.rows
    assert len(frame) == len(row.arms) + len(result.unseen[0].arms)
    mine = frame[(frame.role == "federation") & (frame.arm == "federated_personalised")].iloc[0]
    score = row.arms["federated_personalised"]
    assert (mine["mean"], mine["low"], mine["high"]) == (score.mean, score.low, score.high)
    assert (mine["set"], mine["users"], mine["questions"]) == (row.name, 4, row.test_windows)
    figure = result.plot()
    panels = figure.get_axes()
    assert [len(axes.patches) for axes in panels] == [len(row.arms)], "a bar for each arm"
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    again = fedxr.federate(tmp_path / "result.json", out=tmp_path / "again", workers=1)
    assert again.rows == result.rows


def test_what_a_federation_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'rounds'\? allowed here are prot"):
        fedxr.federate(round=3)
    with pytest.raises(ConfigError, match="rounds is 'x'"):
        fedxr.federate(rounds="x")


def test_what_has_no_figures_says_so() -> None:
    nothing = fedxr.Result(
        command=[], started="", seconds=0.0, config={}, seeds=[0], versions={}, machine={},
        protocol="", rows=[], curves={"doing": [CurvePoint(t=0.0, generic=None, adapted=None)]},
    )  # fmt: skip
    assert nothing.to_pandas().empty
    with pytest.raises(ResultError, match="no figures to plot"):
        nothing.plot()
