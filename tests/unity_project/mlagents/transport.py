"""What RpcCommunicator is to a built player: ML-Agents' gRPC on one side, lines of JSON to a player
of ours on the other. ``transport.py COMMAND… -- --mlagents-port P …``."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
from typing import Any

import grpc
from mlagents_envs.communicator_objects.command_pb2 import RESET
from mlagents_envs.communicator_objects.observation_pb2 import NONE
from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto
from mlagents_envs.communicator_objects.unity_output_pb2 import UnityOutputProto
from mlagents_envs.communicator_objects.unity_to_external_pb2_grpc import UnityToExternalProtoStub

Line = dict[str, Any]


class Transport:
    def __init__(self, port: str) -> None:
        channel = grpc.insecure_channel(f"localhost:{port}")
        self.exchange = UnityToExternalProtoStub(channel).Exchange
        self.described: set[str] = set()

    def begin(self) -> Line:
        output = UnityOutputProto()
        academy = output.rl_initialization_output
        academy.name, academy.communication_version = "ours", "1.5.0"
        academy.package_version = "4.1.0"
        academy.capabilities.baseRLCapabilities = True
        academy.capabilities.hybridActions = True
        self._send(output)
        return self._told(self._send(None), [])

    def step(self, line: Line) -> Line:
        output = UnityOutputProto()
        output.rl_output.side_channel = base64.b64decode(line["side"])
        for agent in line["agents"]:
            self._describe(agent, output)
            info = output.rl_output.agentInfos[agent["behaviour"]].value.add()
            info.id, info.done = agent["id"], agent["done"]
            info.max_step_reached = agent["interrupted"]
            info.action_mask.extend([False] * sum(agent["branches"]))
            for observation in agent["observations"]:
                seen = info.observations.add()
                data = memoryview(base64.b64decode(observation["data"])).cast("f")
                seen.name, seen.compression_type = observation["name"], NONE
                seen.shape.append(len(data))
                seen.dimension_properties.append(1)
                seen.float_data.data.extend(data)
        return self._told(self._send(output), line["agents"])

    def _describe(self, agent: Line, output: UnityOutputProto) -> None:
        if agent["behaviour"] in self.described or agent["done"]:
            return
        self.described.add(agent["behaviour"])
        brain = output.rl_initialization_output.brain_parameters.add()
        brain.brain_name, brain.is_training = agent["behaviour"], True
        brain.action_spec.num_discrete_actions = len(agent["branches"])
        brain.action_spec.discrete_branch_sizes.extend(agent["branches"])

    def _told(self, reply: UnityMessageProto, agents: list[Line]) -> Line:
        told = reply.unity_input.rl_input
        actions = {}
        for behaviour in {agent["behaviour"] for agent in agents}:
            asked = [a["id"] for a in agents if a["behaviour"] == behaviour and not a["done"]]
            found = told.agent_actions[behaviour].value if told.agent_actions else []
            for number, action in zip(asked, found, strict=False):  # a reset has none
                actions[str(number)] = list(action.discrete_actions)
        over = reply.header.status != 200
        command = "quit" if over else "reset" if told.command == RESET else "step"
        side = base64.b64encode(told.side_channel).decode()
        return {"command": command, "side": side, "actions": actions}

    def _send(self, output: UnityOutputProto | None) -> UnityMessageProto:
        message = UnityMessageProto()
        message.header.status = 200
        if output is not None:
            message.unity_output.CopyFrom(output)
        return self.exchange(message, wait_for_ready=True, timeout=60)


def main() -> None:
    ours, theirs = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    transport = Transport(theirs[theirs.index("--mlagents-port") + 1])
    player = subprocess.Popen(
        [*ours, *theirs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert player.stdin is not None
    assert player.stdout is not None
    with contextlib.suppress(grpc.RpcError):
        for text in player.stdout:
            line = json.loads(text)
            reply = transport.step(line) if line else transport.begin()
            print(json.dumps(reply), file=player.stdin, flush=True)
    player.stdin.close()
    player.wait(20)


if __name__ == "__main__":
    main()
