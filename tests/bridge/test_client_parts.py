"""The parts of a headset's client, each by itself: what nobody has read, and pings."""

from __future__ import annotations

import asyncio

import pytest

from fedxr.bridge.connecting.mailbox import Mailbox
from fedxr.bridge.connecting.pings import Pings
from fedxr.bridge.protocol import BridgeError, Cue, Ping, Pong


async def test_the_oldest_goes_when_nobody_reads() -> None:
    mailbox = Mailbox(most=3)
    for n in range(5):
        mailbox.put_message(Cue(str(n)))
    assert mailbox.unread == 2
    read = [await mailbox.next_message() for _ in range(3)]
    assert [m.kind for m in read if isinstance(m, Cue)] == ["2", "3", "4"]


async def test_what_came_before_the_end_can_still_be_read() -> None:
    mailbox = Mailbox()
    reading = asyncio.create_task(mailbox.next_message())
    await asyncio.sleep(0)
    mailbox.put_message(Cue("first"))
    assert await reading == Cue("first")
    mailbox.put_message(Cue("last"))
    mailbox.close()
    assert await mailbox.next_message() == Cue("last")
    assert await mailbox.next_message() is None
    assert await mailbox.next_message() is None


async def test_who_waits_hears_of_the_end() -> None:
    mailbox = Mailbox()
    reading = asyncio.create_task(mailbox.next_message())
    await asyncio.sleep(0)
    mailbox.close()
    assert await asyncio.wait_for(reading, 10) is None


async def test_a_burst_finds_the_offset_of_the_server() -> None:
    """The server is 5000 us ahead; each way takes 10 us of a clock that goes by 10 us a look."""
    now_us = 0
    sent: list[Ping] = []

    def now() -> int:
        nonlocal now_us
        now_us += 10
        return now_us

    def send(ping: Ping) -> None:
        sent.append(ping)
        there = now() + 5000
        pings.take_pong(Pong(ping.sent_us, there, there))

    pings = Pings(now, send)
    estimate = await pings.burst(4)
    # ((there - sent) + (there - back)) / 2, with there = sent + 10 + 5000 and back = sent + 20
    assert estimate is not None
    assert estimate.offset_us == pytest.approx(5000.0)
    assert [p.sent_us for p in sent] == [10, 40, 70, 100]
    assert sent[0].offset_us is None
    told = pings.ping(1000)
    assert told.offset_us == pytest.approx(5000.0)
    pings.take_pong(Pong(10, 1, 1))  # one that nobody waits for any more


async def test_no_pong_comes_after_the_end() -> None:
    pings = Pings(lambda: 7, lambda _ping: None)
    burst = asyncio.create_task(pings.burst(2))
    await asyncio.sleep(0)
    pings.fail("the server stops")
    with pytest.raises(BridgeError, match="the session ended: the server stops"):
        await burst


async def test_nothing_waits_for_a_ping_that_could_not_be_sent() -> None:
    def over(_ping: Ping) -> None:
        raise BridgeError("the session ended: bye; connect again")

    pings = Pings(lambda: 7, over)
    with pytest.raises(BridgeError, match="connect again"):
        await pings.burst(2)
    assert not pings._pongs
