"""A headset of forty lines: it moves in two ways, and says each time what that was.

fedxr serve                                  # in another terminal
python headset.py [ws://127.0.0.1:8765]
"""

import asyncio
import sys

import numpy as np

import fedxr
from fedxr.bridge.clock import now_us
from fedxr.bridge.protocol import Reply

RATE, CHANNEL, TASK = 50, "motion/wrist", "doing"
MOVEMENTS = {"turning": (2, 0.7), "walking": (1, 2.5)}  # class of the task; turns a second


def wrist(hertz, start, n):
    """(n, 6): acceleration (m/s^2) with gravity, and angular rate (rad/s)."""
    turn = np.sin(2 * np.pi * hertz * (start + np.arange(n)) / RATE)
    zero = np.zeros(n)
    return np.stack((3 * turn, zero, 9.81 + turn, zero, 2 * turn, zero), 1).astype("float32")


async def listen(headset, answers):
    async for message in headset:
        if isinstance(message, Reply) and TASK in message.answers:
            answers.append(message.answers[TASK].best)


async def main(url="ws://127.0.0.1:8765", seconds=2.0):
    async with fedxr.connect(url, "ann", f"{CHANNEL}@{RATE}", tasks=[TASK]) as headset:
        answers, right = [None], []
        listening = asyncio.create_task(listen(headset, answers))
        for label, hertz in [*MOVEMENTS.values()] * 10:
            for start in range(0, int(seconds * RATE), 2):
                await headset.send(CHANNEL, wrist(hertz, start, 2))
                await asyncio.sleep(2 / RATE)
            right.append(answers[-1] == label)
            await headset.send_feedback(TASK, now_us(), label)
        listening.cancel()
        print(f"right before it was said: {sum(right)} of {len(right)}")


asyncio.run(main(*sys.argv[1:]))
