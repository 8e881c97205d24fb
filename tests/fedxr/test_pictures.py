"""The command that takes every page's picture: all are there, and axe finds nothing on any."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_rig import needs_chromium
from PIL import Image

from benchmarks.pictures import SCHEMES, SIZES, Pictures, main

VIEWS = ("live-empty", "live", "live-no-token", "xr-idle", "xr-trying", "xr-no-token", "report")


@pytest.mark.slow
@needs_chromium
async def test_every_page_is_taken_and_keeps_nobody_out(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text('<!doctype html><html lang="en"><title>r</title><main><h1>A run</h1></main>')
    out = tmp_path / "pictures"
    assert await main(Pictures(out, also=(f"report={report}",), make=False, seconds=2)) == 0
    for view in VIEWS:
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                with Image.open(out / f"{view}-{size}-{scheme}.png") as taken:
                    assert taken.width == width
                    assert taken.height >= height


@pytest.mark.parametrize("also", ["report.html", "report=", "report=nowhere.html", "a/b=http://x"])
def test_what_cannot_be_taken_is_said_first(also: str) -> None:
    with pytest.raises(SystemExit, match=r"--also .*: (give NAME=|there is no file nowhere)"):
        Pictures(also=(also,)).pages()
