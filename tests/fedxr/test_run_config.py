"""One configuration for command line, YAML and Python, that ``result.json`` brings back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_users import users as made_users

from fedxr.agent.adaptation.experts import Mixing
from fedxr.cli import main as cli
from fedxr.cli.command_table import named
from fedxr.evaluation.result import Result, read_result
from fedxr.experiments import headless
from fedxr.experiments.config_file import ConfigError, as_mapping, read_config, with_changes
from fedxr.experiments.run_config import SAID_AS, RunConfig
from fedxr.experiments.splits import split_users
from fedxr.learning import learning_rule

YAML = """
rounds: 1
steps: 5
learning:
  guard: 0.5
  kept: {hold: 3}
  mixing: {share: 2e-2}
  shared: {by_labels: false, train: {steps: 2}}
  each: 1000
ranks: {r: 4}
pretraining: {batch: 16}
require: ["accuracy>=0"]
"""


@pytest.fixture
def _made(monkeypatch: pytest.MonkeyPatch) -> None:
    split = split_users("made", made_users(6), 0, 12)
    monkeypatch.setitem(headless.__dict__, "gather", lambda *_: [split])


def _run(tmp_path: Path, name: str, config: Path, *more: str) -> Result:
    out = tmp_path / name
    words = ["federate", "--config", str(config), "--workers", "1", "--out", str(out), *more]
    assert cli.main(words) == 0
    return read_result(out / "result.json")


@pytest.mark.usefixtures("_made")
def test_a_result_says_how_to_get_it_again(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(YAML)
    first = _run(tmp_path, "first", tmp_path / "mine.yaml")
    assert first.config["learning"]["kept"] == {"hold": 3, "capacity": 512}
    assert first.config["learning"]["mixing"]["share"] == 0.02
    assert first.constants["nystroem.FEATURES"] == 384
    assert (first.constants["tuning.r"], first.constants["tuning.personal_r"]) == (4, 4)
    again = _run(tmp_path, "again", tmp_path / "first" / "result.json")
    assert (again.rows, again.unseen, again.rounds) == (first.rows, first.unseen, first.rounds)
    assert [r.expression for r in again.requirements] == ["accuracy>=0"]
    mine, theirs = ({**r.config, "out": "", "config": ""} for r in (first, again))
    assert mine == theirs
    # What is said on the command line overrides the file, repeatable options included.
    other = _run(
        tmp_path, "other", tmp_path / "first" / "result.json", "--learning.guard", "2",
        "--require=accuracy>=0.01",
    )  # fmt: skip
    assert other.config["learning"] == {**first.config["learning"], "guard": 2.0}
    assert [r.expression for r in other.requirements] == ["accuracy>=0.01"]


def test_what_python_yaml_and_the_command_line_make_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(YAML)
    read = read_config(tmp_path / "mine.yaml")
    start = RunConfig()
    rule = replace(
        start.learning,
        guard=0.5,
        kept=replace(start.learning.kept, hold=3),
        mixing=Mixing(share=0.02),
        shared=replace(
            start.learning.shared,
            by_labels=False,
            train=replace(start.learning.shared.train, steps=2),
        ),
        each=1000,
    )
    assert read == RunConfig(
        rounds=1,
        steps=5,
        learning=rule,
        ranks=replace(start.ranks, r=4),
        pretraining=replace(start.pretraining, batch=16),
        require=("accuracy>=0",),
    )
    words = [
        "--rounds",
        "1",
        "--steps",
        "5",
        "--learning.guard",
        "0.5",
        "--learning.kept.hold",
        "3",
    ]
    words += ["--learning.shared.no-by-labels", "--learning.shared.train.steps", "2"]
    words += [
        "--learning.each",
        "1000",
        "--learning.mixing.share",
        "2e-2",
        "--ranks.r",
        "4",
        "--pretraining.batch",
        "16",
    ]
    assert cli.parsed(named(["federate"])[0], [*words, "--require", "accuracy>=0"]) == read
    assert with_changes(RunConfig(), as_mapping(read)) == read
    assert read.warm_protocol().adapters().r == 4
    assert read.how_to_pretrain({"doing": 2.0}).more == {"doing": 2.0}


def test_as_usual_it_is_the_rule_that_it_was() -> None:
    config = RunConfig(rounds=3, coordination="centralized", seed=5)
    usual = learning_rule.headless(3).with_round(coordination="centralized", seed=5)
    assert config.warm_protocol().rule() == usual
    cold = RunConfig(protocol="cold", rounds=3, coordination="centralized", seed=5)
    rule = cold.cold_protocol().rule()
    assert (rule.shared.train.steps, rule.round.codec, rule.each) == (0, "float32", 16)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("round: 3", "unknown key 'round'; did you mean 'rounds'? allowed here are"),
        ("learning: {mixing: {shares: 1}}", "'learning.mixing.shares'; did you mean 'share'?"),
        ("learning: {round: {seed: 1}}", "learning.round.seed is what 'seed' decides"),
        ("learning: 3", "learning is 3; it has keys of its own: shared, personal"),
        ("rounds: many", "rounds is 'many': Expected `int`"),
        ("rounds: 0", "rounds 0; take at least 1"),
        ("learning: {shared: {train: {steps: 9}}}", "9 steps at 0.003, but steps and rate come by"),
        ("pretraining: {absent: 2}", "pretraining: absent 2.0; take 0 to below 1"),
        ("learning: {mixing: {share: 2}}", "mixing: share 2.0; take 0 to 1"),
        ("learning: {kept: {hold: 1}}", "one of 1 examples held back"),
        ("protocol: cold\nlearning: {guard: 2}", "learning.guard: of no use with --protocol cold"),
        ("cold: {fit: {folds: 4}}", "cold: of no use with --protocol warm"),
        ("- 3", "write one option a line"),
        ("a: [", "neither YAML nor JSON"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "wrong.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        read_config(tmp_path / "wrong.yaml")
    assert str(tmp_path / "wrong.yaml") in str(error.value)
    assert message in str(error.value)
    assert cli.main(["federate", f"--config={tmp_path / 'wrong.yaml'}"]) == 2


def test_what_has_a_word_of_its_own_is_said_there() -> None:
    """In Python, too; and every such word is a field."""
    rule = RunConfig().learning.with_round(coordination="centralized")
    with pytest.raises(ValueError, match=r"learning.round.coordination is what 'coordination'"):
        RunConfig(learning=rule)
    assert all(hasattr(RunConfig(), word) for word in SAID_AS.values())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("learning: {guard: .inf}", "learning.guard is inf; give a finite number"),
        ("learning: {guard: .nan}", "learning.guard is nan; give a finite number"),
        ("config: other.yaml", "a file reads no other file"),
    ],
)
def test_what_could_not_be_read_back_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=why):
        read_config(tmp_path / "mine.yaml")


def test_demo_serve_and_pretrain_start_from_a_file_too(tmp_path: Path) -> None:
    from fedxr.cli.command_table import named

    def parsed(name: str, text: str, *words: str) -> Any:
        (tmp_path / f"{name}.yaml").write_text(text)
        command, rest = named([name, "--config", str(tmp_path / f"{name}.yaml"), *words])
        return cli.parsed(command, rest)

    demo = parsed("demo", "headsets: 3\nround_s: 5\ncompare: [local]\n", "--seconds", "9")
    assert (demo.headsets, demo.round_s, demo.seconds) == (3, 5.0, 9.0)
    assert demo.compare == ("local",)
    served = parsed("serve", "lan: true\nstate: there.db\n", "--port", "0")
    assert (served.lan, served.state, served.port) == (True, Path("there.db"), 0)
    trained = parsed("pretrain", "out: mine.safetensors\nsteps: 3\n")
    assert (trained.out, trained.steps) == (Path("mine.safetensors"), 3)
    assert parsed("pretrain", "steps: 3\n", "--out", "x").out == Path("x")
    with pytest.raises(SystemExit):  # as without a file
        parsed("pretrain", "steps: 3\n")
    with pytest.raises(ConfigError, match="unknown key 'port'; allowed here are out, source"):
        parsed("pretrain", "port: 3\n")
