"""The files of the headset's page: served whole, naming nothing that is not there."""

from __future__ import annotations

import posixpath
import re

from fedxr.dashboard.static_files import page_files

NAMED = re.compile(r'(?:src=|href=|from |new URL\()"([^"#:]+)"')


def test_the_page_is_served_under_its_short_name() -> None:
    pages = page_files()
    assert pages["/xr"] == pages["/xr/index.html"]
    assert pages["/xr"][0].startswith("text/html")
    assert pages["/vendor/msgpack/LICENSE.msgpack"][1].startswith(b"Copyright 2019 The MessagePack")


def test_what_the_files_name_is_there() -> None:
    pages = page_files()
    found = 0
    for path, (kind, body) in pages.items():
        if not path.startswith(("/xr/", "/vendor/msgpack/")):
            continue
        for name in NAMED.findall(body.decode()):
            found += 1
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            assert whole in pages, f"{path} names {name}"
            assert pages[whole][0].split(";")[0] in ("text/javascript", "text/css")
        if path.endswith((".js", ".mjs")):
            assert kind.startswith("text/javascript"), path
    assert found > 60


def test_every_script_of_ours_is_type_checked() -> None:
    """`tsc` reads the files that ask for it; the audio thread's globals are unknown to it."""
    for path, (_, body) in page_files().items():
        if path.startswith("/xr/") and path.endswith(".js") and "worklet" not in path:
            assert body.startswith(b"// @ts-check\n"), path
