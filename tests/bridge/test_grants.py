"""What each token lets its bearer do, over real sockets; and who may be recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from bridge_rig import Recorder, headset, server_of, until
from recording_rig import Rig, kinds_of, send
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import InvalidStatus

from fedxr.bridge.grants import ALL, Tokens
from fedxr.bridge.protocol import BridgeError, Notice
from fedxr.bridge.recording.reader import Recording

GIVES = {
    "wear": {"wear"},
    "watch": {"watch"},
    "record": {"watch", "record"},
    "administer": {"wear", "watch", "record", "administer"},
}


def test_each_token_gives_what_it_says_and_leads_to_no_other() -> None:
    tokens, again, other = Tokens("a long secret"), Tokens("a long secret"), Tokens("another")
    made = {grant: tokens[grant] for grant in GIVES}
    assert len(set(made.values())) == 4
    assert made["administer"] == "a long secret"
    for grant, gives in GIVES.items():
        assert tokens.grants(made[grant]) == gives
        assert again[grant] == made[grant]  # an invitation holds as long as the secret does
        assert not other.grants(made[grant])
    for wrong in (None, "", "wear", made["wear"] and made["wear"][:-1], "\udcff\u00e4"[1:]):
        assert not tokens.grants(wrong)
    assert Tokens(None).grants(None) == ALL
    assert Tokens(None)["wear"] is None


@pytest.mark.parametrize("grant", GIVES)
async def test_a_token_opens_its_own_doors_only(grant: str) -> None:
    async with server_of(Recorder(), token="secret") as server:
        token = server.config.tokens[grant]  # type: ignore[index]
        if "wear" in GIVES[grant]:
            await (await headset(server.url, token=token)).close()
        else:
            with pytest.raises(BridgeError, match=f"this token is for .*{grant}.*, not for wear"):
                await headset(server.url, token=token)
        live = f"{server.url}/live?token={token}"
        if "watch" in GIVES[grant]:
            async with open_websocket(live, proxy=None):
                await until(lambda: server.watchers == 1)
        else:
            with pytest.raises(InvalidStatus, match="401"):
                await open_websocket(live, proxy=None)


async def test_a_recorded_headset_is_told_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        here = await rig.connect("here")
        rig.recorder.start()
        told = await anext(here)
        assert isinstance(told, Notice)
        assert told.code == "recording"
        assert "consent: record false" in told.text
        later = await rig.connect("later")
        told = await anext(later)
        assert isinstance(told, Notice)
        assert told.code == "recording"
        await rig.recorder.stop()
        for client in (here, later):
            told = await anext(client)
            assert isinstance(told, Notice)
            assert told.code == "recording-ended"
            await client.close()


async def test_who_refuses_is_left_out_and_counted(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        yes, no = await rig.connect("yes"), await rig.connect("no", record=False)
        for n in range(1, 6):
            await send(yes, [n])
            await send(no, [n])
        await rig.arrived(yes, no)
        assert rig.recorder.status().refused == 1
        assert len(rig.app.frames) == 10  # it is answered as everybody is
        await yes.close()
        await no.close()
        await rig.all_left()
    events = list(Recording(path).events())
    assert {e.session.hello.user for e in events} == {"yes"}
    assert b'"no"' not in path.read_bytes()


async def test_a_mind_may_be_changed_at_any_time(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        client = await rig.connect()
        for n, allowed in ((1, False), (2, True), (3, True)):
            await send(client, [n])
            await rig.arrived(client)
            client.allow_recording(allowed)
            session = rig.server.sessions[client.session]
            await until(lambda s=session, a=allowed: s.recordable is a)
        await client.close()
        await rig.all_left()
    events = list(Recording(path).events())
    frames = [e for e in events if type(e.message).__name__ == "PackedFrame"]
    assert [e.message.seq for e in frames] == [1, 3]  # type: ignore[union-attr]
    assert kinds_of(events).count("Closed") == 2


async def test_one_who_came_back_is_still_not_recorded(tmp_path: Path) -> None:
    from fedxr.bridge.connecting.unacknowledged import Retry

    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        client = await rig.connect(retry=Retry(0.02, 0.1))
        client.allow_recording(False)
        await until(lambda: not rig.server.sessions[client.session].recordable)
        rig.server.sessions[client.session]._connection.transport.abort()
        await until(lambda: client.reconnects == 1)  # type: ignore[attr-defined]
        await client.send_frame(5, {})
        await rig.arrived(client)
        await client.close()
        await rig.all_left()
    assert "PackedFrame" not in kinds_of(list(Recording(path).events()))


async def test_a_recording_tells_persons_apart_and_names_nobodys_key(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        paths = []
        for _ in range(2):
            paths.append(rig.recorder.start(tmp_path / f"{len(paths)}.mcap"))
            for user in ("ann", "bob", "ann"):
                client = await rig.connect(user)
                await client.send_frame(5, {})
                await rig.arrived(client)
                await client.close()
                await rig.all_left()
            await rig.recorder.stop()
    said = []
    for path in paths:
        opened = [e.session.hello for e in Recording(path).events() if e.message is None]
        assert [hello.user for hello in opened] == ["ann", "bob", "ann"]
        said.append([hello.key for hello in opened])
        assert said[-1][0] == said[-1][2] != said[-1][1]
    assert not set(said[0]) & set(said[1])  # of another recording
    for session in rig.app.sessions:
        assert session.hello.key not in said[0]
