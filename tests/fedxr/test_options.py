"""How options are written and read: --help, wrong words, values in a row, --verbose and --quiet."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import pytest

from fedxr.cli.command_table import COMMANDS, named
from fedxr.cli.logs import loudness
from fedxr.cli.main import main, parsed, with_source
from fedxr.cli.options import spread
from fedxr.cli.overview import overview
from fedxr.learning.shipped import CHECKPOINT


def words_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command prints, without the frame that it stands in; it ends the program."""
    with pytest.raises(SystemExit):
        main(words)
    out, err = capsys.readouterr()
    return " ".join(f"{out} {err}".replace("│", " ").split())


def test_the_overview_says_what_it_is_where_to_begin_and_every_command() -> None:
    text = overview(80)
    assert text.startswith("fedxr: agents of XR headsets")
    assert text.index("fedxr demo") < text.index("fedxr serve") < text.index("fedxr doctor")
    for command in COMMANDS:
        assert f"\n  {command.name} " in text
    for width in (60, 80, 100):
        assert max(map(len, overview(width).splitlines())) <= width


def test_what_was_nearly_right_is_told_what_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fedrate"]) == 2
    assert "did you mean federate?" in capsys.readouterr().out
    for words, meant in (
        (["data", "chek"], "data check"),
        (["data", "nwe", "folder"], "data new"),
        (["dta", "check", "folder"], "data check"),
        (["dta"], "data"),
        (["serve", "--verbos"], "--verbose"),
        (["serve", "--quite"], "--quiet"),
    ):
        assert main(words) == 2
        assert f"did you mean {meant}?" in capsys.readouterr().out
    assert main(["data", "everything"]) == 2
    assert "no command 'data everything'; there are data new, data check" in capsys.readouterr().out
    assert main(["--seed", "1", "demo"]) == 2
    assert "before a command" in capsys.readouterr().out
    said = words_of(capsys, "serve", "--coordination", "centralised")
    assert "did you mean 'centralized'? known: local, centralized, decentralized, semi" in said
    assert "--scenario" in words_of(capsys, "serve", "--scenaro", "all")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("stream", "--scenario", "compagnion"), "companion"),
        (("federate", "--scenario", "compagnion"), "companion"),
        (("federate", "--source", "recordet"), "recorded"),
        (("federate", "--aggregation", "meen"), "mean"),
        (("federate", "--tuning", "lorra"), "lora"),
        (("federate", "--size", "tinny"), "tiny"),
        (("federate", "--track", "tensorbord", "--out", "{tmp}"), "tensorboard"),
        (("federate", "--data", "{tmp}", "--sets", "harr"), "har"),
        (("sensors", "--source", "bran-flow:x"), "brainflow"),
    ],
)
def test_a_name_that_is_misspelt_is_told_the_nearest(
    words: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with contextlib.suppress(SystemExit):  # as tyro refuses
        assert main([word.format(tmp=tmp_path) for word in words]) == 2
    out, err = capsys.readouterr()
    assert f"did you mean '{meant}'?" in " ".join(f"{out} {err}".replace("│", " ").split())


def test_help_writes_paths_defaults_and_one_word_of_yes_and_no(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = words_of(capsys, "serve", "--help")
    assert "--cert PATH" in said
    assert "shipped checkpoint" in said
    assert str(CHECKPOINT.parent) not in said
    assert "--no-preview" in said
    assert "--preview," not in said
    assert "--no-lan" not in said
    assert "{None}" not in said


def test_what_help_writes_is_what_is_read(tmp_path: Path) -> None:
    serve, words = named(["serve", "--lan", "--no-preview", "--cert", str(tmp_path)])
    read = parsed(serve, words)
    assert (read.lan, read.preview, read.cert, read.key) == (True, False, tmp_path, None)
    assert read.checkpoint == CHECKPOINT


def test_values_in_a_row_are_as_one_by_one() -> None:
    federate, words = named(["federate", "--sets", "har", "shrec", "--seed", "3"])
    assert parsed(federate, words).sets == ("har", "shrec")
    assert parsed(federate, ["--sets", "har", "--sets", "shrec"]).sets == ("har", "shrec")
    given = ["--a-b", "1", "2", "--c", "3", "--a_b=4"]
    assert spread(given, {"a_b"}) == ["--a-b", "1", "--a-b", "2", "--c", "3", "--a_b=4"]


def test_verbose_and_quiet_stand_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert loudness(["data", "--quiet", "--data", "x"]) == ("quiet", ["data", "--data", "x"])
    assert loudness(["--verbose", "demo"]) == ("verbose", ["demo"])
    assert main(["--verbose", "--quiet", "demo"]) == 2
    assert "give one of them" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("loud", "level"),
    [("--verbose", logging.DEBUG), ("", logging.WARNING), ("--quiet", logging.ERROR)],
)
def test_what_is_logged_and_printed_follows(
    loud: str, level: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FEDXR_DATA", raising=False)
    before = logging.getLogger("fedxr").level
    try:
        assert main(["data", *([loud] if loud else [])]) == 0
        assert logging.getLogger("fedxr").level == level
    finally:
        logging.getLogger("fedxr").setLevel(before)
    assert (capsys.readouterr().out == "") is (loud == "--quiet")


def test_data_means_the_recordings_in_it() -> None:
    """Where a command can do without recordings; what is said of the source stands."""
    for name in ("federate", "stream", "demo", "pretrain"):
        (command, _) = named([name])
        options = command.options_type()
        assert with_source(options, ["--data", "d"]) == ["--data", "d", "--source", "recorded"]
        for words in (["--seed", "1"], ["--data=d", "--source", "simulated"]):
            assert with_source(options, words) == words
    (command, _) = named(["data"])
    assert with_source(command.options_type(), ["--data", "d"]) == ["--data", "d"]
