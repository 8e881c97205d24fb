"""No table of the commands cuts a word, at any width: it is stacked where it does not fit."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import msgspec
import pytest
from rich.console import Console
from rich.table import Table

from fedxr.cli.data import data
from fedxr.cli.demo_result import print_demo
from fedxr.evaluation.narrow import print_fitting
from fedxr.evaluation.result import ARMS, Result
from fedxr.evaluation.tables import SHORT, latency_table, print_table

WIDTHS = (60, 80, 100)


def printed(width: int, show: Callable[[Console], object]) -> str:
    out = Console(file=io.StringIO(), width=width, force_terminal=False)
    show(out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


@pytest.fixture(scope="module")
def full(result: Result) -> Result:
    """With every arm that there may be, which makes the widest table."""
    rows = [
        msgspec.structs.replace(row, arms=dict.fromkeys(ARMS, row.arms["generic"]))
        for row in result.rows
    ]
    return msgspec.structs.replace(result, rows=rows, compared=[])


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut(full: Result, result: Result, demo: Result, width: int) -> None:
    for show in (
        lambda out: print_table(full, out),
        lambda out: print_table(result, out),
        lambda out: print_demo(demo, out),
        lambda out: data(None, out),
    ):
        assert "…" not in printed(width, show)
    text = printed(width, lambda out: print_table(full, out))
    for arm in ARMS:
        assert all(word in text for word in SHORT[arm].split()), arm


@pytest.mark.parametrize("width", WIDTHS)
def test_an_address_is_whole(width: int) -> None:
    text = printed(width, lambda out: data(None, out))
    addresses = re.findall(r"https?://\S+", printed(400, lambda out: data(None, out)))
    assert addresses
    assert all(address in text for address in addresses)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_of_latency_keeps_its_heads(result: Result, width: int) -> None:
    text = printed(width, lambda out: print_fitting(latency_table(result), out))
    for head in ("deadline", "p50 ms", "p99 ms", "replies", "late"):
        assert head in text


def test_a_table_is_stacked_only_where_it_does_not_fit() -> None:
    table = Table("name", "what it is")
    table.add_row("alpha", "[green]unbreakable-word-of-thirty-char[/]")
    assert "│" in printed(60, lambda out: print_fitting(table, out))
    assert printed(30, lambda out: print_fitting(table, out)).splitlines() == [
        "alpha",
        "  what it is: ",
        "unbreakable-word-of-thirty-cha",
        "r",
    ]
    assert "unbreakable-word-of-thirty-char" in printed(44, lambda out: print_fitting(table, out))
