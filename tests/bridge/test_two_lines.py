"""``fedxr.connect``: a session in one line, a channel in the next, against a real server."""

from __future__ import annotations

import numpy as np
import pytest
from bridge_rig import Recorder, server_of, until

import fedxr
from fedxr.bridge.channels import Channel, ChannelError
from fedxr.bridge.protocol import BridgeError, Reply


async def test_a_channel_is_streamed_in_two_lines() -> None:
    app = Recorder()
    async with server_of(app) as server:
        values = np.tile(np.array([0, 1.6, 0, 0, 0, 0, 1], np.float32), (3, 1))
        async with fedxr.connect(server.url, "ann", "motion/head@100") as headset:
            await headset.send("motion/head", values)
            async for message in headset:
                assert isinstance(message, Reply)
                break
            with pytest.raises(ChannelError, match=r"values of shape \(3,\); motion/head takes"):
                await headset.send("motion/head", [1.0, 2.0, 3.0])
            with pytest.raises(ChannelError, match="'gaze' is not open; open are"):
                await headset.send("gaze", values)
        samples = app.frames[0].samples["motion/head"]
        assert (samples.values == values).all()
        assert np.diff(samples.t_us).tolist() == [10_000, 10_000]
        assert app.frames[0].capture_us == samples.t_us[-1]
        assert (app.sessions[0].user, app.sessions[0].hello.scenario) == ("ann", "companion")
        await until(lambda: app.over)
        # Awaited, it is the same headset; a Channel may be called otherwise than its layout.
        irregular = Channel("card", "vision/gray", 0)
        other = await fedxr.connect(server.url, "bob", irregular, tasks=["emotion"])
        assert await other.send("card", np.zeros((4, 6), np.uint8)) == 1
        with pytest.raises(ChannelError, match="2 samples of an irregular channel"):
            await other.send("card", np.zeros((2, 4, 6), np.uint8))
        await other.close()


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ((), "no channel; name at least one"),
        (("motion/head",), "'motion/head'; write LAYOUT@HERTZ"),
        (("motion/nose@3",), "unknown layout 'motion/nose'"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(channels: tuple[str, ...], message: str) -> None:
    with pytest.raises(ChannelError, match=message):
        fedxr.connect("ws://127.0.0.1:1", "ann", *channels)


async def test_where_nobody_listens_it_says_so() -> None:
    with pytest.raises(BridgeError):
        async with fedxr.connect("ws://127.0.0.1:9", "ann", "motion/head@72", timeout_s=5):
            pass
