"""mlagents-envs 0.28 made to fit: loopback only, no endless waits, both camera layouts.

`UnityEnvironment` does the talking; the two classes here override what stands in the way:

- its server listens on all interfaces without a password; a player dials ``localhost``, so ours
  listens there only, and can take any free port;
- it looks after a crashed player only every tenth of its timeout (and spins when that is below
  10 s), never during the second message, and waits a whole timeout for a hung player to quit;
- com.unity.ml-agents >= 3.0 sends pictures channels first (CHW), older ones channels last (HWC),
  under the same API version 1.5.0; 0.28 knows the latter only. Every message is turned into HWC
  before it is read, told apart by the dimensions' properties.

What is overridden are private methods of one version, hence the exact pin of the extra ``unity``.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
from mlagents_envs.communicator_objects.observation_pb2 import NONE as UNCOMPRESSED
from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto
from mlagents_envs.communicator_objects.unity_to_external_pb2_grpc import (
    add_UnityToExternalProtoServicer_to_server,
)
from mlagents_envs.environment import UnityEnvironment
from mlagents_envs.exception import UnityTimeOutException, UnityWorkerInUseException
from mlagents_envs.rpc_communicator import RpcCommunicator, UnityToExternalServicerImplementation

_CHW, _HWC = [1, 2, 2], [2, 2, 1]
"""Dimension properties: 1 none, 2 translational equivariance (a direction of the picture)."""
_MOST_BYTES = 64 * 2**20
"""Longest message from a player; gRPC's own limit of 4 MiB is one uncompressed 640x480 picture."""
STOPPED = "stopped"
"""Text of the UnityTimeOutException of a wait that was stopped."""
_LOOK_S = 0.05
"""Seconds between two looks at whether the player still lives."""
QUIT_S = 3.0
"""Seconds that a player has to quit before it is killed."""


class Communicator(RpcCommunicator):  # type: ignore[misc]
    """The gRPC server, on loopback; port 0 takes any free one."""

    def __init__(self, port: int, timeout_s: float, stop: threading.Event) -> None:
        self._stop = stop
        super().__init__(0, port, timeout_s)

    def create_server(self) -> None:
        """Raises UnityWorkerInUseException where the port is taken."""
        self.server = grpc.server(
            ThreadPoolExecutor(4),
            options=(("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _MOST_BYTES)),
        )
        self.unity_to_external = UnityToExternalServicerImplementation()
        add_UnityToExternalProtoServicer_to_server(self.unity_to_external, self.server)
        try:
            self.port: int = self.server.add_insecure_port(f"127.0.0.1:{self.port}")
        except RuntimeError:
            raise UnityWorkerInUseException(self.worker_id) from None
        with contextlib.suppress(RuntimeError):  # a machine without IPv6
            self.server.add_insecure_port(f"[::1]:{self.port}")
        self.server.start()
        self.is_open = True

    def poll_for_timeout(self, poll_callback: Callable[[], None] | None = None) -> None:
        """Wait for a message; raises when the player has died, hangs, or ``stop`` is set."""
        deadline = time.monotonic() + self.timeout_wait
        while time.monotonic() < deadline and not self._stop.is_set():
            if self.unity_to_external.parent_conn.poll(_LOOK_S):
                return
            if poll_callback is not None:
                poll_callback()
        raise UnityTimeOutException(STOPPED if self._stop.is_set() else "no answer")

    def initialize(self, inputs: Any, poll_callback: Callable[[], None] | None = None) -> Any:
        """The first two messages, both watched."""
        self.poll_for_timeout(poll_callback)
        academy = self.unity_to_external.parent_conn.recv().unity_output
        message = UnityMessageProto()
        message.header.status = 200
        message.unity_input.CopyFrom(inputs)
        self.unity_to_external.parent_conn.send(message)
        self.poll_for_timeout(poll_callback)
        self.unity_to_external.parent_conn.recv()
        return academy

    def close(self) -> None:
        """Tell the player to quit, and see that it gets to know."""
        if not self.is_open:
            return
        self.is_open = False
        quit_ = UnityMessageProto()
        quit_.header.status = 400
        self.unity_to_external.parent_conn.send(quit_)
        self.server.stop(1.0).wait()
        self.unity_to_external.parent_conn.close()


class Environment(UnityEnvironment):  # type: ignore[misc]
    """A `UnityEnvironment` that cleans up whatever happens, reads either camera layout, and stops
    waiting when ``stop`` is set."""

    def __init__(self, stop: threading.Event, **more: Any) -> None:
        self._stop = stop
        try:
            super().__init__(**more)
        except BaseException:
            self._close(0)
            raise

    def _get_communicator(
        self, worker_id: int, base_port: int, timeout_wait: float
    ) -> Communicator:
        return Communicator(base_port + worker_id, timeout_wait, self._stop)

    def _executable_args(self) -> list[str]:
        self._port = self._communicator.port
        arguments: list[str] = super()._executable_args()
        return arguments

    def _update_behavior_specs(self, output: Any) -> None:
        for observation in _observations(output):
            to_hwc(observation)
        super()._update_behavior_specs(output)

    def end(self, patience_s: float) -> None:
        """Tell the player to quit, and kill it when it has not after ``patience_s``."""
        self._close(patience_s)

    def _close(self, timeout: float | None = None) -> None:
        atexit.unregister(self._close)
        if not hasattr(self, "_communicator"):
            return  # its port was taken
        process = self._process
        super()._close(QUIT_S if timeout is None else timeout)
        if process is not None:
            process.wait()  # it was killed if it did not quit: leave no zombie

    @property
    def returned(self) -> int | None:
        """The exit status of the player's process; None while it runs or where there is none."""
        return None if self._process is None else self._process.poll()


class _Once(logging.Filter):
    """Lets each text through once: 0.28 adds a handler with every unknown side channel message, so
    that the n-th is printed n times."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        fresh = text not in self._said
        self._said.add(text)
        return fresh


logging.getLogger("mlagents_envs.side_channel.side_channel_manager").addFilter(_Once())


def _observations(output: Any) -> Iterator[Any]:
    for infos in output.rl_output.agentInfos.values():
        for info in infos.value:
            yield from info.observations


def to_hwc(observation: Any) -> None:
    """Turn an ObservationProto of a picture with channels first into one with channels last.

    A compressed one holds PNGs, which know nothing of the order: only what is said of it changes.
    """
    if list(observation.dimension_properties) != _CHW:
        return
    channels, height, width = observation.shape
    observation.shape[:] = (height, width, channels)
    observation.dimension_properties[:] = _HWC
    if observation.compression_type == UNCOMPRESSED:
        flat = np.asarray(observation.float_data.data, np.float32)
        hwc = flat.reshape(channels, height, width).transpose(1, 2, 0)
        observation.float_data.data[:] = hwc.ravel().tolist()
