"""``fedxr report``: what the command writes and refuses; the pages, by axe in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
from browser_rig import SIZES, barriers, needs_chromium, page_of, picture

from fedxr.cli.main import main
from fedxr.evaluation.intervals import over_users
from fedxr.evaluation.result import Cost, Result, Round, Row, score, write_result
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_info import empty_result

USERS = {name: 0.3 + 0.05 * i for i, name in enumerate("abcdefgh")}
CLASSES = ["sitting", "walking", "turning", "reaching", "waving", "a class of a long name"]


def made(gain: float) -> Result:
    """Of three sets, with all that a report shows of a federation."""
    better = {user: share + gain for user, share in USERS.items()}
    arms = {
        "generic": score([USERS]),
        "local": score([USERS]),
        "federated_personalised": score([better]),
        "pooled": score([better]),
    }
    counts = [[40 if a == b else a for b in range(6)] for a in range(6)]
    low, high = over_users([better]) or (0.0, 0.0)
    rows, rounds = [], []
    for name in ("companion/doing", "companion/mood", "har"):
        costs = {"local": Cost(), "pooled": Cost(bytes=9_000_000, joules=4.0)}
        rows.append(
            Row(name=name, task="doing", metric="accuracy", chance=0.2, test_windows=90, users=8,
                arms=arms, halves="time forward", classes=CLASSES, costs=costs,
                confusion={"generic": counts, "federated_personalised": counts}),
        )  # fmt: skip
        rounds += [
            Round(number=i, seconds=0.1, clusters=[], row=name, accuracy=0.5 + gain, low=low,
                  high=high, bytes=40_000, joules=0.2)
            for i in range(3)
        ]  # fmt: skip
    run = empty_result(RunConfig(), [0], "as the test has it", "2026-01-02T03:04:05+00:00")
    fields = {name: getattr(run, name) for name in run.__struct_fields__}
    return Result(**{**fields, "rows": rows, "unseen": rows[:1], "rounds": rounds})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = [tmp_path_factory.mktemp("runs") / name for name in ("first", "second")]
    for folder, gain in zip(folders, (0.05, 0.1), strict=True):
        write_result(made(gain), folder / "result.json")
    return folders


def test_one_run_is_drawn_anew_and_two_are_compared(
    runs: list[Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first, second = map(str, runs)
    assert main(["report", first, "--out", str(tmp_path / "one"), "--width", "full"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Federation + personalisation gains +5.0 points [+5.0, +5.0] against local" in said
    pdf = (tmp_path / "one" / "figures" / "rounds.pdf").read_bytes()
    assert b"496.8" in pdf  # 6.9 in of 72 points
    assert main(["report", first, second, "--out", str(tmp_path / "two")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "second gains +5.0 points [+5.0, +5.0] against first: the same 16 users" in said
    assert (tmp_path / "two" / "comparison.html").is_file()
    assert (tmp_path / "two" / "figures" / "runs_rounds.svg").is_file()


def test_what_cannot_be_is_said(
    runs: list[Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "old.json").write_text(json.dumps({"schema": 1}))
    for words, expected in (
        ([], "no run was named"),
        ([str(tmp_path)], "no result.json here"),
        ([str(runs[0]), str(runs[0])], "the same run twice"),
        ([str(tmp_path / "old.json")], "schema 1; this fedxr reads 2"),
    ):
        assert main(["report", *words]) == 2
        assert expected in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("name", ["report", "comparison"])
async def test_the_pages_fit_and_axe_finds_nothing(
    runs: list[Path], tmp_path: Path, name: str
) -> None:
    """Nothing scrolls sideways but tables; the smallest text of a plot is 9 px at least; what is
    drawn has the colours of the page."""
    some = runs[:1] if name == "report" else runs
    assert main(["report", *map(str, some), "--out", str(tmp_path)]) == 0
    async with page_of((tmp_path / f"{name}.html").as_uri()) as page:
        await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        for width, height in SIZES.values():
            await page.set_viewport_size({"width": width, "height": height})
            for scheme, ink in INKS.items():
                await page.emulate_media(color_scheme=scheme)
                assert await barriers(page) == []
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
                assert await page.evaluate(SMALLEST) >= 9
                assert ink in await page.evaluate(FILLS)
        await picture(page, name)


INKS: dict[Literal["light", "dark"], str] = {
    "light": "rgb(29, 34, 48)",
    "dark": "rgb(230, 233, 242)",
}
SMALLEST = """Math.min(...[...document.querySelectorAll('svg text')].map(text => {
  const svg = text.ownerSVGElement;
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return parseFloat(getComputedStyle(text).fontSize) * scale;
}))"""
FILLS = """[...new Set([...document.querySelectorAll('svg text')].map(
  text => getComputedStyle(text).fill))]"""
