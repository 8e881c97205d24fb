"""What a run tells a CI system: its requirements as JUnit's XML, and a summary in Markdown."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from fedxr.evaluation.result import Requirement, Result, mean_over_rows


def said_of(one: Requirement) -> str:
    """``is 0.812``, or why there is no figure."""
    return one.reason if one.value is None else f"is {one.value:.4g}"


def write_junit(result: Result, path: Path) -> None:
    """One test case a requirement; a failed one says what was measured. Where nothing is required,
    one a set that was finished, with its figure. Raises OSError."""
    failed = sum(not one.passed for one in result.requirements)
    sets = [] if result.requirements else _sets(result)
    suite = ElementTree.Element(
        "testsuite",
        name="fedxr",
        tests=str(len(result.requirements) + len(sets)),
        failures=str(failed),
        errors="0",
        skipped="0",
        time=f"{result.seconds:.3f}",
        timestamp=result.started.partition("+")[0],
    )
    for one in result.requirements:
        case = ElementTree.SubElement(
            suite, "testcase", name=one.expression, classname="fedxr.require", time="0"
        )
        said = f"{one.expression}: {said_of(one)}"
        if not one.passed:
            failure = ElementTree.SubElement(case, "failure", message=said, type="requirement")
            failure.text = said
        else:
            ElementTree.SubElement(case, "system-out").text = said
    for name, said in sets:
        case = ElementTree.SubElement(suite, "testcase", name=name, classname="fedxr.set", time="0")
        ElementTree.SubElement(case, "system-out").text = said
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _sets(result: Result) -> list[tuple[str, str]]:
    """Every set that was finished, and what came out in a line."""
    head, found = result.headline, list[tuple[str, str]]()
    for row in result.rows:
        mean = row.arms[head].mean if head in row.arms else None
        found.append((row.name, f"{head.replace('_', ' ')}: {row.metric} {_percent(mean)}"))
    return found + [
        (curves.name, "cold start: curves over labels a class") for curves in result.cold
    ]


def markdown(result: Result) -> str:
    """What was required, and the accuracy of the headline arm beside the generic one by set."""
    lines = ["## fedxr", ""]
    if result.interrupted:
        lines += ["Interrupted: what follows is what was done until then.", ""]
    if result.requirements:
        lines += ["| requirement | held | measured |", "|---|---|---|"]
        for one in result.requirements:
            held = "yes" if one.passed else "**no**"
            lines.append(f"| `{_cell(one.expression)}` | {held} | {_cell(said_of(one))} |")
        lines.append("")
    if result.rows:
        head = result.headline
        lines += [f"| set | metric | generic | {head.replace('_', ' ')} |", "|---|---|--:|--:|"]
        for row in result.rows:
            both = [row.arms[a].mean if a in row.arms else None for a in ("generic", head)]
            lines.append(
                f"| {_cell(row.name)} | {row.metric} | {' | '.join(map(_percent, both))} |"
            )
        if len(result.rows) > 1:
            both = [mean_over_rows(result.rows, a) for a in ("generic", head)]
            lines.append(f"| mean over sets | | {' | '.join(map(_percent, both))} |")
        lines.append("")
    if result.latency:
        lines += ["| task | deadline ms | p50 ms | p99 ms |", "|---|--:|--:|--:|"]
        for late in result.latency:
            p50, p99 = ("–" if v is None else f"{v:.1f}" for v in (late.p50_ms, late.p99_ms))
            lines.append(f"| {_cell(late.task)} | {late.deadline_ms:g} | {p50} | {p99} |")
        lines.append("")
    seeds = ", ".join(map(str, result.seeds))
    lines.append(f"{result.seconds:.0f} s, seeds {seeds}, `result.json` holds all of it.")
    return "\n".join(lines) + "\n"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _cell(text: str) -> str:
    """``text`` within one cell."""
    return text.replace("|", "\\|").replace("\n", " ")
