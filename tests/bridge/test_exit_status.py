"""The one rule of docs/commands.md, over real commands: 0 done, 1 not as required, 2 cannot be
done, with one line that begins with ``fedxr:``. (130, Ctrl-C: test_stop.py.)"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from recording_rig import record

from fedxr.cli.main import main

CANNOT = {
    "no such command": ["serv"],
    "a port that is none": ["serve", "--port", "99999"],
    "open to all without a token": ["serve", "--host", "0.0.0.0", "--port", "0"],  # noqa: S104
    "no such checkpoint": ["serve", "--checkpoint", "nope.safetensors", "--port", "0"],
    "no server, stream": ["stream", "--url", "ws://127.0.0.1:1"],
    "no server, replay": ["replay", "{recording}", "--url", "ws://127.0.0.1:1"],
    "no such recording": ["export", "nope.mcap"],
    "no such player": ["unity", "--player", "nope"],
    "no such folder": ["data", "--data", "nope"],
    "nowhere to write, demo": ["demo", "--no-open", "--port", "0", "--out", "/proc/nope"],
    "nowhere to write, record": ["record", "--port", "0", "--out", "/proc/nope/r.mcap"],
    "a requirement that is none": ["federate", "--require", "accuracy=>1"],
    "both of two": ["doctor", "--verbose", "--quiet"],
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    return asyncio.run(record(folder / "r.mcap", users=("ann",), ticks=5))


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_done_is_2_and_one_line_says_why(
    case: str,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word.format(recording=recording) for word in CANNOT[case]]
    assert main(words) == 2
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("fedxr:")]
    assert len(said) == 1
    assert "Errno" not in said[0] or "Connection refused" in said[0], "in words, not in numbers"


@pytest.mark.parametrize("words", [["demo", "--headsets", "0"], ["serve", "--bogus"]])
def test_options_that_cannot_be_are_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_what_is_not_as_required_is_1(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "damaged.mcap"
    damaged.write_bytes(recording.read_bytes()[: recording.stat().st_size * 2 // 3])
    assert main(["export", str(damaged)]) == 1
    monkeypatch.setenv("FEDXR_DATA", str(tmp_path / "nowhere"))
    assert main(["doctor"]) == 1


def test_what_was_asked_is_0(recording: Path, tmp_path: Path) -> None:
    assert main([]) == main(["--help"]) == main(["--version"]) == 0
    assert main(["export", str(recording), "--out", str(tmp_path / "r.xdf")]) == 0
    for words in (["serve", "--help"], ["export", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0


def test_a_defect_is_no_requirement_that_failed() -> None:
    """Python ends with 1 where an exception is not caught."""
    run = (
        "import sys, fedxr.cli.main as m; m.named = lambda words: 1 / 0\n"
        "from fedxr.cli.entry import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", run, "doctor"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "ZeroDivisionError" in done.stderr
