"""What a page is told of the door: its grants, and no token that it may not know."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import urllib.request
from pathlib import Path

import pytest

from fedxr.agent.tasks import TASKS
from fedxr.bridge.grants import Tokens
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.session import Session
from fedxr.dashboard.door import Door
from fedxr.dashboard.invitation import Invitation, InvitationState, drawn

SECRET = "a long secret"


class _Nobody(Application):
    """Lets nobody in: only pages are asked for."""

    def joined(self, session: Session) -> tuple[str, ...]:
        return ()


def lan(grants: set[str], root: Path | None = Path("root.pem")) -> InvitationState:
    door = Invitation(Tokens(SECRET), "10.0.0.7", lambda: 8765, tls=True, network=True, root=root)
    return door.state(frozenset(grants))  # type: ignore[arg-type]


def test_on_this_machine_alone_everything_is_plain() -> None:
    door = Invitation(Tokens(None), "127.0.0.1", lambda: 8765, tls=False, network=False)
    state = door.state(Tokens(None).grants(None))
    assert state["grants"] == ["administer", "record", "watch", "wear"]
    assert state["xr"] == "http://127.0.0.1:8765/xr"
    assert state["programs"] == "ws://127.0.0.1:8765"
    assert state["stream"] == "fedxr stream"  # that is where it looks by itself
    assert state["qr"] is None  # no camera reaches this machine's own address


def test_a_watcher_is_told_no_token_and_an_administrator_is() -> None:
    tokens = Tokens(SECRET)
    for grants in (set(), {"watch"}, {"watch", "record"}):
        told = json.dumps(lan(grants))
        assert not any(str(tokens[g]) in told for g in ("wear", "watch", "record", "administer"))
        assert lan(grants)["xr"] == "https://10.0.0.7:8765/xr"
        assert lan(grants)["qr"] is None
        wanted = "fedxr stream --url wss://10.0.0.7:8765 --token TOKEN --trust root.pem"
        assert lan(grants)["stream"] == wanted
    every = lan({"watch", "record", "wear", "administer"})
    assert every["xr"] == f"https://10.0.0.7:8765/xr?token={tokens['wear']}"
    assert f"--token {tokens['wear']} " in every["stream"]
    assert every["qr"] is not None
    assert SECRET not in json.dumps(every)


def test_the_qr_code_is_the_one_that_segno_draws() -> None:
    """The path is walked as a browser would, and its dark modules compared."""
    segno = pytest.importorskip("segno")
    found, drawable = drawn("https://10.0.0.7:8765/xr?token=abc")
    assert drawable
    assert found is not None
    dark, x, y = set(), 0, 0.0
    for kind, one, two in re.findall(r"([Mmh]) ?(-?\d+)(?: (-?[\d.]+))?", found["path"]):
        if kind == "h":
            dark |= {(x + k, int(y)) for k in range(int(one))}
            x += int(one)
        else:
            x, y = (int(one), float(two)) if kind == "M" else (x + int(one), y + float(two))
    rows = segno.make("https://10.0.0.7:8765/xr?token=abc", error="l").matrix
    assert dark == {(x, y) for y, row in enumerate(rows) for x, bit in enumerate(row) if bit}
    assert found["size"] == len(rows)


def test_without_segno_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    state = lan({"wear", "watch"})
    assert (state["qr"], state["drawable"], state["told"]) == (None, False, True)


async def test_it_is_served_by_token_and_tasks_by_their_classes() -> None:
    door = Door(ServerConfig(port=0, token=SECRET), "127.0.0.1")
    pages = door.pages(lambda: server.port)
    server = BridgeServer(_Nobody(), door.config, pages)

    def get(path: str) -> dict[str, dict[str, list[str]]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as response:
            found: dict[str, dict[str, list[str]]] = json.load(response)
            return found

    async with server:
        state = await asyncio.to_thread(get, f"/invitation?token={Tokens(SECRET)['watch']}")
        assert state["grants"] == ["watch"]
        assert state["programs"] == f"ws://127.0.0.1:{server.port}"
        assert (await asyncio.to_thread(get, "/invitation"))["grants"] == []
        told = await asyncio.to_thread(get, "/tasks.json")
    assert told == {name: {"classes": [*task.classes]} for name, task in TASKS.items()}
