"""A Unity player or editor as a `Player`: ML-Agents' steps as turns of named agents.

    player = UnityPlayer(Launch(path))
    turns = player.reset()                  # starts it, or waits for the editor's Play button
    turns = player.step({turn.agent: Action(...)})
    player.close()

A crash, a hang, a port in use, a missing program and a scene without agents each become a
PlayerError that says what was found (with the end of the player's log) and what to do.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlagents_envs.exception import (
    UnityCommunicatorStoppedException,
    UnityException,
    UnityTimeOutException,
    UnityWorkerInUseException,
)
from mlagents_envs.logging_util import WARNING, set_log_level
from mlagents_envs.side_channel.engine_configuration_channel import EngineConfigurationChannel
from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel
from mlagents_envs.side_channel.stats_side_channel import StatsSideChannel

from fedxr.bridge.unity.environment import QUIT_S, STOPPED, Environment
from fedxr.bridge.unity.side_channels import SceneChannel
from fedxr.bridge.unity.steps import AgentSlots, action_tuple, behaviour_of
from fedxr.bridge.unity.turns import Action, Behaviour, PlayerError, PlayerQuitError, Turn

EDITOR_PORT = 5004
"""Where an editor looks for Python; a player is told its port on its command line."""
_MOST_SEED = 2**24
"""Seeds travel as float32, which is exact below this."""
_LOG_LINES = 5


@dataclass(frozen=True)
class Launch:
    """How to get at a player.

    ``path`` None waits for an editor on ``port``; otherwise the built player is started, on any
    free port for 0. ``graphics`` False gives no camera pictures. ``timeout_s``: how long to wait
    for each message. ``time_scale`` is how fast the scene's clock runs. ``arguments`` are passed to
    the player as they are.
    """

    path: Path | None = None
    port: int = 0
    seed: int = 0
    graphics: bool = True
    timeout_s: float = 60.0
    time_scale: float = 1.0
    arguments: tuple[str, ...] = ()


class UnityPlayer:
    """See `Player`; raises PlayerError with what to do when the player cannot be had."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.scene = SceneChannel()
        self.stats = StatsSideChannel()
        self._parameters = EnvironmentParametersChannel()
        self._seats: dict[str, AgentSlots] = {}
        self._due: dict[str, list[Turn]] = {}
        self._logs = tempfile.TemporaryDirectory(prefix="fedxr-unity-")
        self._stop = threading.Event()
        self._closed = False
        self._env: Environment | None = None

    def _open(self) -> Environment:
        set_log_level(WARNING)
        engine = EngineConfigurationChannel()
        engine.set_configuration_parameters(time_scale=self.launch.time_scale)
        launch, path = self.launch, self.launch.path
        if path is not None and not path.exists():
            raise PlayerError(
                f"no player at {path}; give the program that Unity built "
                "(name.x86_64, name.app or name.exe), or --editor"
            )
        if path is not None and path.is_file() and not os.access(path, os.X_OK):
            raise PlayerError(f"{path} may not be executed; chmod +x {path}")
        return Environment(
            self._stop,
            file_name=None if path is None else str(path.resolve()),
            base_port=launch.port if path or launch.port else EDITOR_PORT,
            seed=launch.seed,
            no_graphics=not launch.graphics,
            timeout_wait=launch.timeout_s,
            additional_args=list(launch.arguments),
            side_channels=[self.scene, self.stats, self._parameters, engine],
            log_folder=None if path is None else self._logs.name,
        )

    # -- Player ----------------------------------------------------------------------------------

    @property
    def behaviours(self) -> Mapping[str, Behaviour]:
        """See `Player`."""
        return {seats.behaviour.name: seats.behaviour for seats in self._seats.values()}

    def reset(self, seed: int | None = None) -> list[Turn]:
        """Reset the whole scene, starting it first where that has not been done.

        ``seed`` reaches it as the environment parameter ``seed`` (a float, hence below 2^24): what
        it makes of it is up to the scene.
        """
        if seed is not None:
            if not 0 <= seed < _MOST_SEED:
                raise PlayerError(f"seed {seed}; a Unity scene takes 0 to {_MOST_SEED - 1}")
            self.set_parameters({"seed": float(seed)})
        if self._env is None and not self._closed:
            with self._clear():
                self._env = self._open()
        for seats in self._seats.values():
            seats.clear()
        return self._until_a_turn(self._running.reset)

    def step(self, actions: Mapping[str, Action]) -> list[Turn]:
        """See `Player`."""
        env = self._running
        due = {turn.agent: turn for turns in self._due.values() for turn in turns}
        for agent, action in actions.items():
            if agent not in due:
                have = ", ".join(due) or "none"
                raise PlayerError(f"agent {agent!r} has no turn; those that have one: {have}")
            action.check(self.behaviours[due[agent].behaviour], due[agent].allowed)
        for key, turns in self._due.items():
            behaviour = self._seats[key].behaviour
            if turns:
                rows = [
                    actions.get(turn.agent) or Action.nothing(behaviour, turn.allowed)
                    for turn in turns
                ]
                env.set_actions(key, action_tuple(rows))
        return self._until_a_turn(env.step)

    def interrupt(self) -> None:
        """From another thread: a call that waits for the player raises PlayerError, for good."""
        self._stop.set()

    def close(self) -> None:
        """Let the player quit, or kill it when it does not within seconds."""
        self._end(QUIT_S)

    # -- beside the turns ------------------------------------------------------------------------

    def set_parameters(self, parameters: Mapping[str, float]) -> None:
        """Send environment parameters with the next message
        (``Academy.Instance.EnvironmentParameters`` in the scene)."""
        for name, value in parameters.items():
            self._parameters.set_float_parameter(name, value)

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _running(self) -> Environment:
        if self._env is None:
            raise PlayerError("the player is closed; open a new one")
        return self._env

    def _until_a_turn(self, go_on: Callable[[], None]) -> list[Turn]:
        end = time.monotonic() + self.launch.timeout_s
        with self._clear():
            while time.monotonic() < end:
                self.scene.flush()
                go_on()
                turns = self._take()
                if turns:
                    return turns
                go_on = self._running.step
            raise PlayerError(
                f"no agent asked for a decision within {self.launch.timeout_s:g} s; is there "
                "an Agent with a Decision Requester, and its Behavior Type 'Default'?"
            )

    def _take(self) -> list[Turn]:
        """The turns of the last message, last turns first."""
        env = self._running
        over: list[Turn] = []
        for key, spec in env.behavior_specs.items():
            if key not in self._seats:
                self._seats[key] = AgentSlots(behaviour_of(key, spec))
            asking, ended = env.get_steps(key)
            over += self._seats[key].last_turns(ended)
            self._due[key] = self._seats[key].turns(asking)
        return over + [turn for turns in self._due.values() for turn in turns]

    @contextlib.contextmanager
    def _clear(self) -> Iterator[None]:
        """Turn what mlagents-envs raises into a PlayerError that says what to do."""
        try:
            yield
        except PlayerError:
            self.close()
            raise
        except (UnityException, OSError, EOFError, RuntimeError) as error:
            clear = self._explain(error)
            hangs = isinstance(error, UnityTimeOutException) and not self._stop.is_set()
            self._end(0.0 if hangs else QUIT_S)
            raise clear from error

    def _end(self, patience_s: float) -> None:
        env, self._env, self._closed = self._env, None, True
        if env is not None:
            with contextlib.suppress(UnityException, OSError, EOFError):
                env.end(patience_s)
        self._logs.cleanup()

    def _explain(self, error: Exception) -> PlayerError:
        who = f"the player {self.launch.path}" if self.launch.path else "the editor"
        if isinstance(error, UnityCommunicatorStoppedException):
            return PlayerQuitError(f"{who} has ended the session")
        if isinstance(error, UnityWorkerInUseException):
            return PlayerError(
                f"port {self.launch.port or EDITOR_PORT} is in use; is another trainer running? "
                "End it, or take another port (--port, and --mlagents-port in the player)"
            )
        code = self._env.returned if self._env is not None else None
        if isinstance(error, UnityTimeOutException):
            return PlayerError(f"{who} {_hung(error, self.launch)}{self._log()}")
        if code == 0:
            return PlayerQuitError(f"{who} has quit")
        return PlayerError(f"{who}: {error}{self._log()}")

    def _log(self) -> str:
        """The last lines of the player's log, where it wrote one."""
        path = Path(self._logs.name) / "Player-0.log"
        if not path.is_file():
            return ""
        lines = path.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\nThe player's log ends with:\n" + "\n".join(f"  {line}" for line in lines)


def _hung(error: Exception, launch: Launch) -> str:
    if str(error) == STOPPED:
        return "was left: the run was stopped"
    wait = f"did not answer within {launch.timeout_s:g} s"
    if launch.path is None:
        return (
            f"on port {launch.port or EDITOR_PORT} {wait}. Press Play in the editor while this "
            "waits; the scene needs an Agent whose Behavior Type is 'Default'"
        )
    return (
        f"{wait}. Does it wait for a click, or is its Behavior Type not 'Default'? "
        "On a machine without a display pass --no-graphics (no camera pictures then) or build a "
        "dedicated server; a slow scene needs a longer --timeout-s"
    )
