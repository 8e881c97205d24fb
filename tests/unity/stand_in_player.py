"""A stand-in for a built Unity player: a real process that speaks ML-Agents from the Unity side.

It dials the gRPC server on ``--mlagents-port`` and exchanges messages in the order of the C#
RpcCommunicator. Two behaviours: ``overlays`` (camera, gaze, a vector that is no channel of ours;
hybrid actions) and ``neuroadaptive`` (two agents with hands; the second asks at every other step
only; masks). What a sensor shows is a formula of agent, episode and step, which `sensed` tells the
tests as well. ``--report`` names a file into which it writes what Python has sent.

    python tests/unity/stand_in_player.py --mlagents-port 5004 --layout chw    # as an editor
"""

from __future__ import annotations

import argparse
import io
import json
import os
import struct
import sys
import time
import uuid
from pathlib import Path

import grpc
import numpy as np
from mlagents_envs.communicator_objects.command_pb2 import RESET
from mlagents_envs.communicator_objects.observation_pb2 import NONE, PNG
from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto
from mlagents_envs.communicator_objects.unity_output_pb2 import UnityOutputProto
from mlagents_envs.communicator_objects.unity_to_external_pb2_grpc import UnityToExternalProtoStub
from PIL import Image

ENGINE = uuid.UUID("e951342c-4f7e-11ea-b238-784f4387d1f7")
PARAMETERS = uuid.UUID("534c891e-810f-11ea-a9d0-822485860400")
STATS = uuid.UUID("a1d8f7b7-cec8-50f9-b78b-d3e165a78520")
SCENE = uuid.UUID("5c0f7a3e-3b1d-4f0e-9a43-6f9f1d0c7b11")

STEP_US = 33_333
START_US = 5_000_000
"""What the player's clock shows at its first step."""
CAMERA = (28, 36)
"""Height and width; unequal, so that a mix-up of the two shows."""


def sensed(sensor: str, agent: int, episode: int, step: int) -> np.ndarray:
    """What ``sensor`` of agent number ``agent`` shows, in Unity's units and coordinates.

    Cameras (h, w, channels) uint8; the others flat float32.
    """
    x = agent + 0.1 * episode + 0.01 * step
    if sensor == "vision/gray":
        h, w = CAMERA
        rows, columns = np.arange(h)[:, None, None], np.arange(w)[None, :, None]
        return ((3 * rows + 5 * columns + 7 * step + 11 * episode) % 256).astype(np.uint8)
    if sensor == "gaze/point2@60":
        return np.array([0.3, 0.4, 0.5, 0.6], np.float32) + np.float32(0.01 * (step % 10))
    if sensor == "motion/head":
        return np.array([x, 1.6, -x, 0.0, np.sin(x / 2), 0.0, np.cos(x / 2)], np.float32)
    if sensor == "hands/webxr25":
        joints = np.arange(25)[:, None]
        pose = np.array([[0.1, 1.0, 0.3, 0.0, 0.6, 0.0, 0.8]])
        return (pose + 0.01 * joints * [1, 0, 1, 0, 0, 0, 0] + x * 0.001).astype(np.float32).ravel()
    return np.array([x, 2 * x, 3 * x], np.float32)


SCENES = {
    "overlays": (("vision/gray", "gaze/point2@60", "stamina"), 6, (7, 3), 1),
    "neuroadaptive": (("motion/head", "hands/webxr25"), 0, (5, 4), 2),
}
"""By behaviour: sensors, continuous actions, discrete branches, agents."""


class Agent:
    """One agent; ``every``: it asks for a decision at each such step of its episode."""

    def __init__(self, behaviour: str, index: int, length: int) -> None:
        self.behaviour, self.index, self.length, self.every = behaviour, index, length, index + 1
        self.episode, self.step, self.number, self.reward = -1, 0, -1, 0.0

    def begin(self, number: int) -> None:
        self.episode, self.step, self.number, self.reward = self.episode + 1, 0, number, 0.0


def packed(channel: uuid.UUID, body: bytes) -> bytes:
    return channel.bytes_le + struct.pack("<i", len(body)) + body


def unpacked(data: bytes):
    at = 0
    while at < len(data):
        (n,) = struct.unpack_from("<i", data, at + 16)
        yield uuid.UUID(bytes_le=data[at : at + 16]), data[at + 20 : at + 20 + n]
        at += 20 + n


class Player:
    def __init__(self, told: argparse.Namespace) -> None:
        self.told = told
        channel = grpc.insecure_channel(f"localhost:{told.mlagents_port}")
        self.exchange = UnityToExternalProtoStub(channel).Exchange
        self.agents = [
            Agent(behaviour, i, told.episode + 3 * i)
            for behaviour, (_, _, _, n) in SCENES.items()
            for i in range(n)
            if behaviour in told.behaviours
        ]
        self.asking: list[Agent] = []
        self.described: set[str] = set()
        self.connected = False
        self.steps = self.numbers = 0
        self.report: dict = {
            "arguments": sys.argv[1:],
            "parameters": {},
            "engine": {},
            "scene": [],
            "actions": [],
            "resets": 0,
            "seed": None,
        }

    # -- the flow of the C# RpcCommunicator --------------------------------------------------------

    def run(self) -> None:
        self.may_end("start")
        begin = UnityOutputProto()
        academy = begin.rl_initialization_output
        academy.name, academy.communication_version = "stand-in", "1.5.0"
        academy.package_version = "3.0.0" if self.told.layout == "chw" else "2.0.1"
        for able in (
            "baseRLCapabilities",
            "concatenatedPngObservations",
            "compressedChannelMapping",
            "hybridActions",
            "trainingAnalytics",
            "variableLengthObservation",
            "multiAgentGroups",
        ):
            setattr(academy.capabilities, able, True)
        reply = self.send(begin)
        self.report["seed"] = reply.unity_input.rl_initialization_input.seed
        self.may_end("init")
        reply = self.send(None)
        while reply.header.status == 200:
            told = reply.unity_input.rl_input
            self.side_channels(told.side_channel)
            if told.command == RESET:
                self.report["resets"] += 1
                done = []
                for agent in self.agents:
                    agent.episode = -1
                    self.begin(agent)
                self.asking = list(self.agents)
            else:
                self.act(told)
                done = self.advance()
            reply = self.send(self.output(done))

    def send(self, output: UnityOutputProto | None) -> UnityMessageProto:
        message = UnityMessageProto()
        message.header.status = 200
        if output is not None:
            message.unity_output.CopyFrom(output)
        # Only the first message waits for Python; later ones fail when it has gone, as in Unity.
        first, self.connected = not self.connected, True
        return self.exchange(message, wait_for_ready=first)

    def may_end(self, when: str) -> None:
        """Crash, hang or quit, when that was asked for."""
        how, _, at = self.told.end.partition(":")
        if at != when:
            return
        print(f"stand-in: {how} at {when}", flush=True)
        if how == "hang":
            time.sleep(3600)
        elif how == "crash":
            os._exit(7)
        else:
            message = UnityMessageProto()
            message.header.status = 400
            self.exchange(message, timeout=10)
            raise SystemExit(0)

    # -- the scene ---------------------------------------------------------------------------------

    def begin(self, agent: Agent) -> None:
        agent.begin(self.numbers)
        self.numbers += 1

    def act(self, told) -> None:
        """Actions come in the order of the agents that asked; a right shape is part of the deal."""
        for behaviour in self.described:
            asked = [a for a in self.asking if a.behaviour == behaviour]
            actions = told.agent_actions[behaviour].value
            assert len(actions) == len(asked), (behaviour, len(actions), len(asked))
            _, continuous, branches, _ = SCENES[behaviour]
            for agent, action in zip(asked, actions, strict=True):
                assert len(action.continuous_actions) == continuous
                assert len(action.discrete_actions) == len(branches)
                chosen = list(action.discrete_actions)
                assert not self.masked(agent)[chosen[0]], "a masked choice"
                agent.reward = float(chosen[0])
                self.report["actions"].append(
                    [agent.behaviour, agent.index, list(action.continuous_actions), chosen]
                )

    def advance(self) -> list[tuple[Agent, int]]:
        """One step of everyone; returns whose episode ended, with the number it had."""
        if self.told.hz:
            time.sleep(1 / self.told.hz)
        self.steps += 1
        self.may_end(str(self.steps))
        told = {m["agent"] for m in self.report["scene"] if m["type"] == "answers"}
        if self.steps >= 60 and len(told) == len(self.agents):
            self.may_end("answered")
        done = []
        for agent in self.agents:
            agent.step += 1
            if agent.step >= agent.length:
                done.append((agent, agent.number))
        self.asking = [a for a in self.agents if a.step % a.every == 0 and a.step < a.length]
        return done

    def output(self, done: list[tuple[Agent, int]]) -> UnityOutputProto:
        out = UnityOutputProto()
        infos = out.rl_output.agentInfos
        for agent, number in done:
            info = infos[agent.behaviour].value.add()
            info.id, info.done, info.reward = number, True, agent.reward
            info.max_step_reached = agent.episode % 2 == 1
            self.observe(agent, info)
            self.begin(agent)
            self.asking.append(agent)
        for agent in self.asking:
            info = infos[agent.behaviour].value.add()
            info.id, info.reward = agent.number, agent.reward
            info.action_mask.extend([*self.masked(agent), *[False] * SCENES[agent.behaviour][2][1]])
            self.observe(agent, info)
            if agent.behaviour not in self.described:
                self.described.add(agent.behaviour)
                _, continuous, branches, _ = SCENES[agent.behaviour]
                brain = out.rl_initialization_output.brain_parameters.add()
                brain.brain_name, brain.is_training = agent.behaviour, True
                brain.action_spec.num_continuous_actions = continuous
                brain.action_spec.num_discrete_actions = len(branches)
                brain.action_spec.discrete_branch_sizes.extend(branches)
        out.rl_output.side_channel = self.said()
        return out

    def masked(self, agent: Agent) -> list[bool]:
        """True is forbidden; hands may not choose 2 at every third step."""
        size = SCENES[agent.behaviour][2][0]
        return [
            agent.behaviour == "neuroadaptive" and agent.step % 3 == 0 and k == 2
            for k in range(size)
        ]

    def observe(self, agent: Agent, info) -> None:
        for sensor in SCENES[agent.behaviour][0]:
            value = sensed(sensor, agent.index, agent.episode, agent.step)
            seen = info.observations.add()
            seen.name = sensor
            if value.ndim == 3:
                self.picture(value, seen)
            else:
                seen.shape.append(value.size)
                seen.dimension_properties.append(1)
                seen.compression_type = NONE
                seen.float_data.data.extend(value.tolist())

    def picture(self, value: np.ndarray, seen) -> None:
        chw = self.told.layout == "chw"
        h, w, c = value.shape
        seen.shape.extend([c, h, w] if chw else [h, w, c])
        seen.dimension_properties.extend([1, 2, 2] if chw else [2, 2, 1])
        if self.told.uncompressed:
            ordered = value.transpose(2, 0, 1) if chw else value
            seen.compression_type = NONE
            seen.float_data.data.extend((ordered.ravel() / np.float32(255)).tolist())
        else:  # Unity's PNGs are RGB; the mapping says that all three are one gray channel
            png = io.BytesIO()
            Image.fromarray(np.repeat(value, 3, axis=2)).save(png, "PNG")
            seen.compression_type = PNG
            seen.compressed_data = png.getvalue()
            seen.compressed_channel_mapping.extend([0, 0, 0])

    # -- side channels -----------------------------------------------------------------------------

    def said(self) -> bytes:
        out = []
        if self.told.stamps:
            jump = 100_000_000 if self.steps >= self.told.jump else 0
            out.append({"type": "time", "us": START_US + jump + self.steps * STEP_US})
        if self.steps == 30 and "neuroadaptive" in self.told.behaviours:
            us = START_US + 20 * STEP_US if self.told.stamps else 0
            out.append(
                {
                    "type": "feedback",
                    "agent": "neuroadaptive/0",
                    "task": "intent",
                    "label": 2,
                    "us": us,
                }
            )
            out.append({"type": "feedback", "agent": "nobody/9", "task": "intent", "label": 2})
            out.append({"type": "no such thing"})
        data = b"".join(packed(SCENE, json.dumps(message).encode()) for message in out)
        name = b"scene/steps"
        stat = struct.pack("<i", len(name)) + name + struct.pack("<fi", self.steps, 1)
        return data + packed(STATS, stat)

    def side_channels(self, data: bytes) -> None:
        for channel, body in unpacked(data):
            if channel == SCENE:
                self.report["scene"].append(json.loads(body))
            elif channel == PARAMETERS:
                (n,) = struct.unpack_from("<i", body)
                kind, value = struct.unpack_from("<if", body, 4 + n)
                assert kind == 0
                self.report["parameters"][body[4 : 4 + n].decode("ascii")] = value
            elif channel == ENGINE:
                (kind,) = struct.unpack_from("<i", body)
                self.report["engine"][str(kind)] = body[4:].hex()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--mlagents-port", type=int, default=5004)
    parser.add_argument("-logFile", default="")
    parser.add_argument("-nographics", action="store_true")
    parser.add_argument("-batchmode", action="store_true")
    parser.add_argument("--layout", choices=("hwc", "chw"), default="hwc")
    parser.add_argument("--uncompressed", action="store_true")
    parser.add_argument("--behaviours", nargs="+", default=list(SCENES), choices=list(SCENES))
    parser.add_argument("--episode", type=int, default=40, help="steps of an episode")
    parser.add_argument("--stamps", action="store_true", help="send the player's own clock")
    parser.add_argument("--jump", type=int, default=10**9, help="step at which 100 s are left out")
    parser.add_argument("--hz", type=float, default=0.0, help="steps a second; 0: all it can")
    parser.add_argument(
        "--end", default="", help="crash, hang or quit, and :start, :init, :STEP or :answered"
    )
    parser.add_argument("--report", type=Path)
    return parser.parse_args()


def main() -> None:
    told = arguments()
    if told.logFile:
        sys.stdout = sys.stderr = Path(told.logFile).open("w")  # noqa: SIM115
    player = Player(told)
    try:
        player.run()
    except grpc.RpcError as error:
        print(f"stand-in: Python has gone: {error.code()}", flush=True)  # as Unity logs it
    finally:
        if told.report:
            told.report.write_text(json.dumps(player.report))


if __name__ == "__main__":
    main()
