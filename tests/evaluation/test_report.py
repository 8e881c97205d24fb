"""The report and the terminal table show the numbers of the result, escaped, on their own."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from fedxr.evaluation.report import write_report
from fedxr.evaluation.requirements import figures, judge, parse
from fedxr.evaluation.result import Result
from fedxr.evaluation.sheets import plain
from fedxr.evaluation.tables import amount, print_table


class _Page(HTMLParser):
    """Collects text, and every address that would be loaded."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []
        self.plots = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.plots += tag == "svg"
        self.loads += [
            value
            for name, value in attrs
            if value and name in ("src", "href", "xlink:href") and not value.startswith("#")
            if tag != "a"  # which is followed, not loaded
        ]
        assert tag not in ("script", "link", "iframe", "for", "half")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def written(result: Result, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The page first, then what lies beside it."""
    outcome = judge([parse("accuracy>=0.99")], figures(result))
    folder = tmp_path_factory.mktemp("run") / "new"
    return write_report(
        msgspec.structs.replace(result, requirements=outcome), folder / "report.html"
    )


def test_report(written: list[Path]) -> None:
    page = _Page(written[0].read_text(encoding="utf-8"))
    text = " ".join(page.words)
    # arms and users of both roles, rounds against three axes, learning curves, two confusions
    assert page.plots == 2 * 2 + 3 + 1 + 2
    assert page.loads == []
    for wanted in (
        "90.0 ± 5.0\n[85, 95]",  # of two users, who weigh alike in all seeds
        "85.0\n[82, 88]",  # two sets of ± 4.75
        # har's users gain 0.15 and 0.05, gaze's 0.45 and 0.35, on generic: there is no local
        "Federation + personalisation gains +25.0 points",
        "against the checkpoint as it came: 4 users of the federation, mean over 2 sets, 3 seeds",
        "2 January 2026, 03:04 UTC",
        "12.3 kB",
        "3.25 J",
        "61.0",
        "accuracy>=0.99: failed, is 0.85",
        "made up <for> a test",
        "first <half> of the time",
        "extra trees",
        "users are split by seed",
    ):
        assert wanted in text, wanted


def test_report_of_an_empty_run(result: Result, tmp_path: Path) -> None:
    empty = msgspec.structs.replace(
        result, rows=[], unseen=[], latency=[], rounds=[], curves={}, interrupted=True
    )
    path = tmp_path / "report.html"
    write_report(empty, path)
    page = _Page(path.read_text(encoding="utf-8"))
    assert any(text.startswith("Interrupted.") for text in page.words)
    assert page.plots == 0


def test_any_name_of_a_set_and_one_that_sends_nothing_are_drawn(
    result: Result, tmp_path: Path
) -> None:
    """A set of one's own may be called anything, and of one headset nothing is sent."""
    odd = "$a_{b$ \\frac & <c>"
    (one,) = result.rounds
    named = msgspec.structs.replace
    rounds = [named(one, row=odd, bytes=0, joules=0.0), named(one, row="gaze")]
    rows = [named(result.rows[0], name=odd), *result.rows[1:]]
    found = named(result, rows=rows, rounds=rounds)
    page, *files = write_report(found, tmp_path / "report.html")
    assert "&lt;c&gt;" in page.read_text(encoding="utf-8")
    assert {"bytes.pdf", "joules.svg"} <= {file.name for file in files}


def test_table(result: Result) -> None:
    out = io.StringIO()
    outcome = judge([parse("p99_ms<50"), parse("accuracy>0.5")], figures(result))
    shown = msgspec.structs.replace(result, requirements=outcome, interrupted=True)
    print_table(shown, Console(file=out, width=120))
    text = out.getvalue()
    for wanted in (
        "Interrupted",
        "90.0 ± 5.0",
        "mean over sets",
        "Unseen users",
        "test halves",
        "device to device 7 B",
        "require p99_ms<50: FAILED, is 61",
        "require accuracy>0.5: held, is 0.85",
        "made up <for> a test",
    ):
        assert wanted in text, wanted


def test_a_demo_fits_a_terminal_of_80_columns(demo: Result) -> None:
    out = io.StringIO()
    print_table(demo, Console(file=out, width=80))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if "…" in line]
    assert [line.split() for line in lines if line.startswith("questions")] == [
        ["questions", "40", "40", "20", "16"]
    ]
    (repeated,) = [line for line in lines if line.startswith("last label")]
    # 55 [40, 70] twice; then 100 and 0 by what the columns mean, without an interval
    assert re.fullmatch(r"last label( +55 \[\d+, \d+\]){2} +100 +0 +−65 \[−\d+, −\d+\]", repeated)
    text = " ".join(out.getvalue().split())
    assert "label to answer, 100 labels: p50 0.10 s, p95 0.40 s" in text
    assert "10 during a round: p95 0.40 s" in text


def test_a_demos_report(demo: Result, tmp_path: Path) -> None:
    """Every accuracy with its count and interval; no mean that hides how few questions a task
    has."""
    write_report(demo, tmp_path / "report.html")
    page = _Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    text = " ".join(page.words)
    assert page.loads == []
    live = demo.compared[0].arms["live"]
    assert "No clear gain" in text or "Live answers gain" in text
    assert f"80 [{100 * live.low:.0f}, {100 * live.high:.0f}]" in text
    assert f"+10 [+{100 * live.gain.low:.0f}, +{100 * live.gain.high:.0f}]" in text
    assert "state changed" in text
    assert "mean over sets" not in text
    assert "label to answer, 100 labels" in text
    assert "activity, n 40" in text  # the plot's title is text, too


def test_figures_and_tables_lie_beside_the_report(written: list[Path]) -> None:
    """Of every plot the numbers that are drawn, of every table those that are shown."""
    assert all(path.stat().st_size for path in written)
    folder = written[0].parent / "figures"
    assert {path.parent for path in written[1:]} == {folder}
    found = {path.name for path in folder.iterdir()}
    assert found == {path.name for path in written} - {"report.html"}
    for name in ("arms_federation", "users_unseen", "rounds", "bytes", "confusion_gaze"):
        assert {f"{name}.{kind}" for kind in ("pdf", "svg", "csv")} <= found
    assert {"table_federation.tex", "table_federation.csv", "seeds.tex"} <= found
    users = list(csv.DictReader((folder / "users_federation.csv").open()))
    assert [(u["set"], u["user"], u["before"], u["after"]) for u in users[:2]] == [
        ("har", "a", "80.0", "95.0"),
        ("har", "b", "80.0", "85.0"),
    ]
    first = next(csv.DictReader((folder / "table_federation.csv").open()))
    assert (first["set"], first["arm"], float(first["mean"])) == ("har", "generic", 0.8)


def test_fonts_of_a_paper_are_embedded_as_truetype(written: list[Path]) -> None:
    """Publishers refuse Type 3. A column is 3.35 in of 72 points."""
    pdf = (written[0].parent / "figures" / "arms_federation.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert re.search(rb"/MediaBox \[ ?0 0 241.2 ", pdf)


def test_a_page_of_many_plots_has_no_name_twice(written: list[Path]) -> None:
    """Of clip paths and hatches: a plot would take those of another."""
    text = written[0].read_text(encoding="utf-8")
    names = re.findall(r'\bid="([^"]+)"', text)
    assert len(names) == len(set(names))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', text)) <= set(names)


def test_latex_is_escaped() -> None:
    sheet = plain("t", "50 % & more", ["a_b", "±"], [["x\ny", "−1 #"]])
    assert sheet.latex().splitlines() == [
        r"% 50 \% \& more",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"a\_b & $\pm$ \\",
        r"\midrule",
        r"x y & $-$1 \# \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_amount() -> None:
    assert [amount(n, "B") for n in (0, 999, 12_300, 4e6, 2e13)] == [
        "0 B",
        "999 B",
        "12.3 kB",
        "4 MB",
        "20 TB",
    ]
