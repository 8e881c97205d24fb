"""A demo's comparison as tables: every arm on the same questions, percent with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from fedxr.evaluation.result import ARMS, Comparison, LabelDelay, Result, Row, Score

NAMES = {
    "generic": "generic",
    "last_label": "last label",
    "local": "local",
    "centralized": "centralized",
    "decentralized": "decentralized",
    "semi-decentralized": "semi-decentralized",
    "live": "live",
}
COLUMNS = (
    ("whole\nrun", "whole run", "all"),
    ("second\nhalf", "second half", "all"),
    ("state as\nlast told", "whole run", "as last told"),
    ("state\nchanged", "whole run", "changed"),
)
"""Head, window and state of each column; the last one of the table is what generic falls short."""
HOW = (
    "Percent right of all questions asked, against the truth [95 % interval, over users and their "
    "questions]; mean over a user's tasks, then over users. Generic is the checkpoint as it came; "
    "last label repeats what was learned last; the coordinations are replays of the same ticks "
    "without a clock; live is what was answered in real time. State as last told: the newest label "
    "learned of the task is the truth; changed: it is not."
)


def figure(score: Score | None) -> str:
    """``68 [60, 75]`` in percent."""
    if score is None:
        return "–"
    if score.low is None or score.high is None:
        return f"{100 * score.mean:.0f}"
    return f"{100 * score.mean:.0f} [{100 * score.low:.0f}, {100 * score.high:.0f}]"


def gained(score: Score | None) -> str:
    """``+4 [−1, +8]`` in points."""
    if score is None or score.gain is None:
        return "–"
    mean, low, high = (_signed(100 * x) for x in (score.gain.mean, score.gain.low, score.gain.high))
    return f"{mean} [{low}, {high}]"


def _signed(points: float) -> str:
    text = f"{points:+.0f}".replace("-", "−")
    return "0" if text in ("+0", "−0") else text


def lines(compared: Sequence[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Head and lines of the one table: counts first, then an arm a line."""
    found = {(c.window, c.state): c.arms for c in compared}
    cells = [found.get((window, state), {}) for _, window, state in COLUMNS]
    whole = cells[0]
    arms = [arm for arm in NAMES if arm in whole]
    out = [["questions", *_counts(cells, "generic"), ""]]
    for arm in arms:
        if arm == "live" and _counts(cells, "live") != _counts(cells, "generic"):
            out.append(["  of live", *_counts(cells, "live"), ""])
        texts = [figure(one.get(arm)) for one in cells]
        if arm == "last_label":  # by what the columns mean, not measured
            texts[2:] = [text.split(" ")[0] for text in texts[2:]]
        out.append([NAMES[arm], *texts, gained(whole.get(arm))])
    return ["", *(head for head, _, _ in COLUMNS), "less\ngeneric"], out


def _counts(cells: Sequence[dict[str, Score]], arm: str) -> list[str]:
    return [str(one[arm].questions) if arm in one else "0" for one in cells]


SHORT = {NAMES["semi-decentralized"]: "semi-decentr."}
"""What is too long for a terminal of 80 columns."""


def table(result: Result) -> Table:
    """For a terminal of 80 columns."""
    head, body = lines(result.compared)
    users = max((score.users for score in result.compared[0].arms.values()), default=0)
    out = _plain(f"Right answers, percent [95 %], {users:.0f} users", head)
    for line in body:
        name = SHORT.get(line[0], line[0])
        out.add_row(name, *line[1:], style="bold" if name == NAMES["live"] else "")
    return out


def task_arms(rows: Sequence[Row]) -> list[str]:
    """What the table of tasks shows: the live run, the replay that is nearest to it, baselines."""
    wanted = ("generic", "last_label", "semi-decentralized", "live")
    return [arm for arm in wanted if any(arm in row.arms for row in rows)]


def by_task(result: Result) -> Table:
    """For a terminal of 80 columns."""
    arms = task_arms(result.rows)
    heads = [SHORT.get(NAMES[arm], NAMES[arm]) for arm in arms]
    out = _plain("\nThe same by task, whole run", ["task", "n", *heads])
    for row in result.rows:
        figures = [figure(row.arms.get(arm)) for arm in arms]
        out.add_row(row.task, str(row.test_windows), *figures)
    return out


def delay(labels: LabelDelay | None, in_rounds: LabelDelay | None) -> str:
    """One sentence on how long labels took to reach answers."""
    if labels is None:
        return "label to answer: no label was learned"
    text = (
        f"label to answer, {labels.count} labels: p50 {labels.p50_s:.2f} s, "
        f"p95 {labels.p95_s:.2f} s, most {labels.max_s:.2f} s"
    )
    if labels.unknown:
        text += f"; {labels.unknown} more were known to no answer when their headset left"
    if in_rounds is None:
        return f"{text}; none came during a round"
    return f"{text}; {in_rounds.count} during a round: p95 {in_rounds.p95_s:.2f} s"


def full(result: Result) -> tuple[list[str], list[list[str]]]:
    """Everything that was compared, a line a window, state and arm."""
    out = []
    for one in result.compared:
        for arm in ARMS:
            score = one.arms.get(arm)
            if score is not None:
                count, users = str(score.questions), f"{score.users:.0f}"
                state = one.state if one.state == "all" else f"state {one.state}"
                out.append([one.window, state, NAMES.get(arm, arm), count, users, figure(score),
                            gained(score)])  # fmt: skip
    head = ["window", "questions", "arm", "n", "users", "right %", "less generic"]
    return head, out


def _plain(title: str, head: Sequence[str]) -> Table:
    out = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False,
                padding=0)  # fmt: skip
    for i, text in enumerate(head):
        out.add_column(text, justify="left" if i == 0 else "right", no_wrap=True)
    return out
