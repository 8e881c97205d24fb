"""The live page in a real browser, fed a made-up state over a real websocket."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_type_hints
from urllib.parse import quote

import pytest
from browser_rig import PATIENCE_MS, barriers, needs_chromium, page_of
from playwright.async_api import Page, expect

from fedxr.bridge.frames import Frame
from fedxr.bridge.grants import Grant, Tokens
from fedxr.bridge.protocol import Feedback
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.session import Session
from fedxr.bridge.serving.watchers import Watcher
from fedxr.dashboard import state as live_state
from fedxr.dashboard.door import Door
from fedxr.dashboard.state import (
    AccuracyState,
    LiveHeadsetState,
    LiveState,
    SensedState,
    SenseState,
    TaskState,
)
from fedxr.dashboard.static_files import page_files

ROOT = Path(__file__).parents[2]
TASKS = ("activity", "gesture", "emotion", "digit_written")


def _task(name: str, p99_ms: float | None) -> TaskState:
    return TaskState(
        name=name,
        deadline_ms=50,
        p50_ms=None if p99_ms is None else p99_ms / 2,
        p99_ms=p99_ms,
        predicted=None if p99_ms is None else "swipe <em>right</em>",
        probability=None if p99_ms is None else 0.93,
        truth="swipe left",
        recent=[True, False, True] if p99_ms is not None else [],
        accuracy_before=None if p99_ms is None else 0.61,
        accuracy_now=None if p99_ms is None else 0.84,
        questions=25 if p99_ms is not None else 0,
        low=0.653 if p99_ms is not None else None,
        high=0.936 if p99_ms is not None else None,
    )


def _accuracy(generic: float, given: float) -> AccuracyState:
    """Of 200 questions; this server knows the truth."""
    return AccuracyState(
        against="truth",
        questions=200,
        headsets=8,
        generic=generic,
        last_label=0.55,
        given=given,
        low=given - 0.0649,
        high=given + 0.0549,
        feedback_errors=0.04,
    )


def _headset(n: int) -> LiveHeadsetState:
    return LiveHeadsetState(
        id=f"headset-{n}",
        user=f"user-{n:02d}",
        use_case=("overlays", "neuroadaptive", "companion", "storytelling")[n % 4],
        device="Quest 3",
        since=5.0,
        against="truth" if n != 3 else "feedback",
        channels=[{"name": "hands", "hz": 71.9}, {"name": "eda", "hz": 3.96}],
        tasks=[_task("gesture", 61.2 if n == 0 else 20.0 + n), _task("digit_written", None)],
        battery=0.83 if n else 0.12,
        joules=0.035,
        epsilon=None,
        cluster=None if n == 7 else n // 4,
        representative=n in (1, 5),
        position=(1.5 * n, float(n % 3)),
        drops=[{"what": "gaze", "count": 3, "why": "a newer one came"}] if n == 2 else [],
    )


def made_up(t: float) -> LiveState:
    """Eight headsets in two clusters, one headset that belongs to none yet."""
    curve = [(5.0 * k, 0.6, 0.6 + 0.03 * k, 10 * k) for k in range(1, 2 + int(t) % 12)]
    return LiveState(
        t=t,
        round=3,
        trouble="",
        headsets=[_headset(n) for n in range(8)],
        clusters=[
            {
                "id": 0,
                "members": [f"headset-{n}" for n in range(4)],
                "representative": "headset-1",
                "gamma": 4,
            },
            {
                "id": 1,
                "members": [f"headset-{n}" for n in range(4, 7)],
                "representative": "headset-5",
                "gamma": 2,
            },
        ],
        links=[
            {"ends": ("headset-1", "headset-0"), "bytes": 1, "joules": 0.1},
            {"ends": ("headset-1", "headset-2"), "bytes": 100, "joules": 0.1},
            {"ends": ("headset-5", "server"), "bytes": 25_000_000, "joules": 0.002},
            {"ends": ("headset-5", "who left"), "bytes": 5, "joules": 0.2},
        ],
        events=[
            {"number": 1, "t": 5.0, "kind": "joined", "headset": "headset-0", "text": "with hands"},
            {"number": 2, "t": 9.5, "kind": "round", "headset": None, "text": "round 3: 8 here"},
        ],
        ledger={
            "d2d_bytes": 1_234_567,
            "up_bytes": 4321,
            "down_bytes": 98,
            "joules": 0.42,
            "epsilon": None,
        },
        accuracy=_accuracy(0.71, 0.79),
        tasks={task: _accuracy(0.6, 0.81) for task in TASKS},
        curves={task: list(curve) for task in TASKS},
        labels={
            "count": 142,
            "waiting": 2,
            "p50_s": 0.184,
            "p95_s": 0.312,
            "max_s": 1.4,
            "in_rounds": 31,
            "in_rounds_p95_s": 0.449,
        },
        recording={
            "on": True,
            "file": "a.mcap",
            "seconds": 63.0,
            "bytes": 12_300_000,
            "sessions": 8,
            "dropped": 0,
            "error": "",
            "refused": 1,
        },
    )


class _Nobody:
    """The application of a server that only shows a page."""

    def joined(self, session: Session) -> tuple[str, ...]:
        return ()

    def frame(self, session: Session, frame: Frame) -> None:
        return None

    def feedback(self, session: Session, feedback: Feedback) -> None:
        return None

    def left(self, session: Session, reason: str) -> None:
        return None

    def dropped(self, session: Session, counts: Mapping[str, int]) -> None:
        return None


STROKES = """() => {
  globalThis.drawn = {};
  const context = CanvasRenderingContext2D.prototype;
  const count = (name, what) => {
    const plain = context[name];
    context[name] = function (...all) {
      const id = this.canvas.closest("details.senses")?.dataset.headset;
      if (id !== undefined && what === null) globalThis.drawn[id] = { dots: 0, lines: 0 };
      else if (id !== undefined) globalThis.drawn[id][what] += 1;
      return plain.apply(this, all);
    };
  };
  count("clearRect", null);
  count("fill", "dots");
  count("stroke", "lines");
}"""
"""Counts what the latest drawing of each headset consists of."""


def _empty() -> LiveState:
    """Of a server that nobody has come to."""
    nothing = {**_accuracy(0, 0), "questions": 0, "headsets": 0}
    return {
        **made_up(1),
        "round": 0,
        "headsets": [],
        "clusters": [],
        "links": [],
        "events": [],
        "accuracy": nothing,
        "tasks": {},
        "curves": {},
    }  # type: ignore[typeddict-item]


async def _publish(server: BridgeServer, state: LiveState | None) -> None:
    t = 65.0
    while True:
        server.publish(json.dumps(state or made_up(t)).encode())
        await asyncio.sleep(0.1)
        t += 1


@asynccontextmanager
async def _opened(
    query: str, asked: list[list[str]] | None = None, state: LiveState | None = None
) -> AsyncIterator[Page]:
    """The live page of a server that publishes made-up states, or this ``state``, and wants a
    token; what its page asks to be shown is made up as well, and noted in ``asked``."""
    config = ServerConfig(port=0, token="let me in")
    server = BridgeServer(_Nobody(), config, Door(config, config.host).pages(lambda: server.port))
    async with server:
        publishing = asyncio.create_task(_publish(server, state))

        def hear(data: bytes, watcher: Watcher) -> None:
            wish = json.loads(data)
            if "grants" in wish:
                watcher.show(json.dumps({"grants": sorted(watcher.grants)}).encode())
                return
            names = wish["open"]
            if asked is not None:
                asked.append(names)
            made = {name: state for name, state in _sensed().items() if name in names}
            watcher.show(json.dumps({"sensed": made}).encode())

        server.hear = hear
        try:
            async with page_of(f"http://127.0.0.1:{server.port}/{query}") as page:
                yield page
        finally:
            publishing.cancel()


@pytest.mark.slow
@needs_chromium
async def test_page_shows_the_state() -> None:
    async with _opened("?token=let%20me%20in") as page:
        await page.wait_for_selector('#connection[data-state="live"]')
        # The page's policy forbids eval, and with it Playwright's wait_for_function.
        await expect(page.locator("canvas")).to_have_count(len(TASKS), timeout=PATIENCE_MS)
        await expect(page.locator("article")).to_have_count(8, timeout=PATIENCE_MS)
        await page.wait_for_selector("#card-headset-7")
        document = await page.content()
    for wanted in (
        "<dd>8</dd>",  # headsets
        "<dd>1.23 MB</dd>",  # device to device
        "61 of 50 ms",  # the only task over its deadline
        "gesture, user-00",
        "<dd>0.42 J</dd>",
        "<span>hands</span> <b>72 Hz</b>",
        "<span>eda</span> <b>4.0 Hz</b>",
        "31 / 61 of 50",
        '<span class="hidden"> late</span>',
        "battery 83&nbsp;%",
        "35 mJ spent",
        "<span>ε: none (no differential privacy)</span>",  # of a headset
        '<dd>ε: none</dd><dd class="note">no differential privacy</dd>',  # of all rounds
        "here ",
        "cluster 0, representative",
        "gaze 3: a newer one came",
        "2 of the latest 3 agreed",
        "✗ swipe left",
        "<span>61 → 84&nbsp;%</span> <small>[65, 94] of 25</small>",
        "accuracy <small>of truth</small>",
        "accuracy <small>of feedback</small>",  # the headset from elsewhere
        "<dd>71 → 79&nbsp;%</dd>",
        "[73, 84] of 200; last label 55&nbsp;%; against the truth",
        "<dd>0.31 s</dd>",
        "p95 of 142 labels; p50 0.18 s; 0.45 s during rounds; 2 waiting",
        "<span>60 → 81&nbsp;%</span><small>[75, 86] of 200, last label 55</small>",
        "3 headsets, Γ = 2, 0 B, 0 J; represented by headset-5",
        "headset-4, headset-5, headset-6",
        "4 headsets, Γ = 4, 101 B, 0.20 J; represented by headset-1",
        "to 25.0 MB a link",
        "round 3: 8 here",
        "a.mcap, 1:03, 12.3 MB, without 1 headset that may not be recorded",
        "Stop recording",
    ):
        assert wanted in document, wanted
    assert document.count("<rect") == 2 + 1  # two representatives and the server
    assert document.count("<line") == 3  # the link of who left is not drawn
    assert "swipe &lt;em&gt;right&lt;/em&gt;" in document  # text stays text
    assert "<em>" not in document


def _sensed() -> dict[str, SensedState]:
    """A headset for each layout of hands, and one that is not there."""

    def hand(layout: str, joints: int) -> SenseState:
        places = [[0.01 * k, 1.2 + 0.002 * k * k, -0.3] for k in range(joints)]
        return SenseState(name="hand", layout=layout, age_ms=40, values=places)

    head = SenseState(name="head", layout="motion/head", age_ms=0, values=[0, 1.6, 0, 0, 0, 0, 1])
    ray = SenseState(name="gaze", layout="gaze/ray", age_ms=9000, values=[0, 1.6, 0, 0, -0.6, -0.8])
    point = SenseState(name="gaze", layout="gaze/point2", age_ms=0, values=[0.25, 0.75])
    return {
        "headset-0": {"senses": [hand("hands/openxr26", 26), head, ray], "error": ""},
        "headset-1": {"senses": [hand("hands/shrec22", 22), point], "error": ""},
        "headset-2": {"senses": [], "error": "this server shows no previews"},
    }


@pytest.mark.slow
@needs_chromium
async def test_every_layout_of_hands_and_gaze_is_drawn() -> None:
    """A dot a joint and a bone between neighbours: all joints hang together, as fingers do."""
    asked: list[list[str]] = []
    async with _opened("?token=let%20me%20in", asked) as page:
        await expect(page.locator("article")).to_have_count(8, timeout=PATIENCE_MS)
        await page.evaluate(STROKES)
        for n in range(3):
            await page.locator("article summary").nth(n).click()
        for n, wanted in enumerate(
            (
                ["hand: 26 joints", "head: 1.60 m up", "room, not seen for "],
                ["hand: 22 joints", "gaze: 25 % from the left, 75 % from below"],
                ["this server shows no previews"],
            )
        ):
            for text in wanted:
                part = page.locator("article details").nth(n)
                await expect(part).to_contain_text(text, timeout=PATIENCE_MS)
        assert asked[-1] == ["headset-0", "headset-1", "headset-2"]
        drawn = await page.evaluate("drawn")
    # Bones: one less than joints, since nothing hangs loose and nothing goes in a circle. Beside
    # them the visor (one outline), the line ahead and the ray; and the ray's end or the point.
    assert drawn["headset-0"] == {"dots": 26 + 1, "lines": 25 + 1 + 1 + 1}
    assert drawn["headset-1"] == {"dots": 22 + 1, "lines": 21}
    assert "headset-2" not in drawn or drawn["headset-2"] == {"dots": 0, "lines": 0}


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize(
    ("grant", "buttons"),
    [("watch", []), ("record", ["Stop recording"]), ("administer", ["Stop recording", "Put out"])],
)
async def test_a_page_offers_what_its_token_allows(grant: Grant, buttons: list[str]) -> None:
    token = quote(str(Tokens("let me in")[grant]))
    async with _opened(f"?token={token}") as page:
        await page.wait_for_selector("#card-headset-7")
        for text in ("Stop recording", "Put out"):
            offered = page.locator("button:visible", has_text=text)
            many = {"Stop recording": 1, "Put out": 8}[text] if text in buttons else 0
            await expect(offered).to_have_count(many, timeout=PATIENCE_MS)


@pytest.mark.slow
@needs_chromium
async def test_page_without_the_token_says_one_sentence() -> None:
    async with _opened("") as page:
        await expect(page.locator("#locked")).to_be_visible(timeout=PATIENCE_MS)
        assert "This page shows nothing without its token" in await page.inner_text("main")
        assert "\n" not in (await page.inner_text("main")).strip()
        assert await barriers(page) == []


@pytest.mark.slow
@needs_chromium
async def test_an_empty_page_says_how_to_join() -> None:
    async with _opened("?token=let%20me%20in", state=_empty()) as page:
        await expect(page.locator("#joining li")).to_have_count(3, timeout=PATIENCE_MS)
        where = page.url.split("/")[2]
        said = await page.inner_text("#joining")
        token = Tokens("let me in")["wear"]
        assert f"http://{where}/xr?token={token}" in said
        assert f"fedxr stream --url ws://{where} --token {token}" in said
        assert f'fedxr.connect("ws://{where}"' in said
        await expect(page.locator(".panels")).to_be_hidden()
        for scheme in ("dark", "light"):
            await page.emulate_media(color_scheme=scheme)
            assert await barriers(page) == [], scheme


@pytest.mark.slow
@needs_chromium
async def test_curves_scroll_back_numbers_are_saved_and_keys_listed() -> None:
    async with _opened("?token=let%20me%20in") as page:
        await expect(page.locator("canvas")).to_have_count(len(TASKS), timeout=PATIENCE_MS)
        live = page.get_by_role("button", name="Live")
        await expect(live).to_be_disabled()
        await page.keyboard.press("+")  # half of the run, up to now
        await page.keyboard.press("[")  # and back
        await expect(live).to_be_enabled()
        shown = await page.inner_text("#window")
        await asyncio.sleep(1)  # the run goes on, what is shown stays
        assert await page.inner_text("#window") == shown
        await page.keyboard.press("l")
        await expect(live).to_be_disabled()

        async with page.expect_download() as coming:
            await page.keyboard.press("c")
        rows = list(csv.DictReader((await (await coming.value).path()).open(encoding="utf-8")))
        given = [
            r for r in rows if (r["what"], r["task"], r["figure"]) == ("curve", "gesture", "given")
        ]
        assert [float(r["t_s"]) for r in given][:2] == [5.0, 10.0]
        cards = {r["headset"]: r["value"] for r in rows if r["figure"] == "user"}
        assert cards == {f"headset-{n}": f"user-{n:02d}" for n in range(8)}
        async with page.expect_download() as coming:
            await page.get_by_role("button", name="Save the numbers as JSON").click()
        saved = json.loads((await (await coming.value).path()).read_text(encoding="utf-8"))
        assert saved["state"]["ledger"] == made_up(1)["ledger"]
        assert saved["history"]["gesture"][0] == [5.0, 0.6, 0.63, 10]

        await page.keyboard.press("?")
        keys = page.get_by_role("dialog", name="Keys")
        await expect(keys).to_be_visible()
        assert await barriers(page) == []
        await keys.get_by_label("single keys are on").uncheck()
        await keys.get_by_role("button", name="Close").click()
        await page.keyboard.press("?")
        await expect(keys).to_be_hidden()


def test_every_field_of_the_state_is_documented_and_made_up() -> None:
    text = (ROOT / "docs" / "live_state.md").read_text(encoding="utf-8")
    state = made_up(65)
    sensed = _sensed()["headset-0"]
    examples = {
        live_state.SensedState: sensed,
        live_state.SenseState: sensed["senses"][0],
        live_state.LiveState: state,
        live_state.LiveHeadsetState: state["headsets"][0],
        live_state.ChannelState: state["headsets"][0]["channels"][0],
        live_state.TaskState: state["headsets"][0]["tasks"][0],
        live_state.DropState: state["headsets"][2]["drops"][0],
        live_state.LinkState: state["links"][0],
        live_state.EventState: state["events"][0],
        live_state.ClusterState: state["clusters"][0],
        live_state.LedgerState: state["ledger"],
        live_state.AccuracyState: state["accuracy"],
        live_state.LabelDelayState: state["labels"],
        live_state.RecordingState: state["recording"],
    }
    for kind, example in examples.items():
        assert set(get_type_hints(kind)) == set(example), kind
        for field in example:
            assert f"`{field}`" in text or f"`{field}[]`" in text, f"{kind.__name__}.{field}"


def test_pages_load_nothing_from_elsewhere() -> None:
    pages = page_files()
    assert pages["/"] == pages["/live.html"]
    assert pages["/vendor/LICENSE.uPlot"][1].startswith(b"The MIT License")
    for path, (_, body) in pages.items():
        text = body.decode().replace("http://www.w3.org/2000/svg", "")
        if not path.startswith("/vendor/"):
            assert "http://" not in text, path
            assert "https://" not in text, path
            assert "innerHTML" not in text, path


def test_what_the_page_names_is_there() -> None:
    pages = page_files()
    html = pages["/"][1].decode()
    named = re.findall(r'(?:src|href)="([^"#:]+)"', html)
    for path, (_, body) in pages.items():
        if path.endswith(".js") and not path.startswith(("/vendor/", "/xr/")):
            named += re.findall(r'from "\./([^"]+)"', body.decode())
    assert {"live.js", "live.css", "format.js", "vendor/uPlot.min.css"} <= set(named)
    assert [name for name in named if f"/{name}" not in pages] == []
