"""``fedxr unity``: a Unity player or editor with ML-Agents as headsets of a bridge."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from rich.console import Console

from fedxr.agent.tasks import TASKS, USE_CASES, task_named, use_cases
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import BridgeError
from fedxr.experiments.choices import TaskNames, UseCase
from fedxr.extras import install_line
from fedxr.scenarios.worlds import world_of

if TYPE_CHECKING:
    from fedxr.bridge.unity.drive import Drive, Driven


@dataclass(frozen=True)
class Unity:
    """Connect a Unity player or editor that has com.unity.ml-agents to a bridge."""

    player: Path | None = None
    """The program that Unity built; it is started here."""
    editor: bool = False
    """Wait for Play to be pressed in an editor, instead of starting a player."""
    port: int = 0
    """Port for ML-Agents; 0 takes 5004 for an editor and any free one for a player."""
    url: str = "ws://127.0.0.1:8765"
    """Where the bridge listens."""
    token: str | None = None
    """What the bridge asks for."""
    trust: Path | None = None
    """Root certificate (PEM) to trust besides the system's, for wss://."""
    retry_s: float = 60.0
    """Seconds to try to come back when the bridge is lost; 0: not at all."""
    scenario: UseCase = "overlays"
    """Use case of behaviours that are not named after one."""
    tasks: TaskNames = ()
    """Wanted answers, in the order in which they fill actions; none: all of the use case."""
    user: str = "unity"
    """Pseudonym; agent overlays/0 is USER-overlays-0."""
    device: str = "unity"
    """Device name told to the bridge."""
    steps_hz: float = 30.0
    """Decisions that the scene asks for in a second (50 / Decision Period, usually)."""
    seconds: float = 0.0
    """How long; 0: until the player quits or Ctrl-C."""
    graphics: bool = True
    """With --no-graphics a player runs on a machine without a display and sends no pictures."""
    timeout_s: float = 60.0
    """Seconds to wait for the player's next message."""
    time_scale: float = 1.0
    """How fast the scene's clock runs."""
    seed: int = 0
    """Given to the scene."""
    parameters: tyro.conf.UseAppendAction[dict[str, float]] = field(default_factory=dict)
    """Environment parameters of your own, once each: NAME VALUE"""
    arguments: str = ""
    """Passed to the player, as a shell would split them: --arguments="--level 2"."""

    def __post_init__(self) -> None:
        if (self.player is None) != self.editor:
            got = "both" if self.editor else "neither"
            raise ValueError(f"--player PATH or --editor: got {got}; give one of them")
        if not 0.1 <= self.steps_hz <= 1000:
            raise ValueError(f"--steps-hz {self.steps_hz}; allowed are 0.1 to 1000")


def parameters_of(use_case: str) -> dict[str, float]:
    """A use case's numbers as environment parameters, by ``use_case/…``."""
    world = world_of(use_case)
    found = {f"{use_case}/episode_s": world.seconds}
    for course in world.courses:
        at = f"{use_case}/{course.task}"
        found[f"{at}/classes"] = float(course.classes)
        found[f"{at}/dwell_s"] = course.dwell_s
        found[f"{at}/ask_every_s"] = course.ask_every_s
        if rule := task_named(course.task).cues:
            found |= {f"{at}/enter": rule.enter, f"{at}/leave": rule.leave}
    return found


def unity_command(config: Unity, console: Console) -> int:
    """Play, then say how it went. Raises BridgeError when the player or the bridge failed."""
    drive = drive_of(config)
    what = f"an editor on port {config.port or 5004}" if config.editor else str(config.player)
    console.print(f"waiting for {what}; answers come from {config.url}", highlight=False)
    try:
        driven = asyncio.run(_run(drive, config.seconds))
    except BridgeError:
        drive.driven.ended = ""  # why is said by the error
        report(drive.driven, config.steps_hz, console)
        raise
    report(driven, config.steps_hz, console)
    return 0


def lacking() -> str:
    """Why Unity players cannot be had here, and what to do; empty when they can."""
    try:
        import_module("fedxr.bridge.unity.player")
    except (ImportError, TypeError) as error:  # TypeError: a protobuf that is too new for it
        first = (str(error) or type(error).__name__).splitlines()[0]
        why = first.replace(": ", " ")
        text = f"Unity players need the extra 'unity' ({why}): {install_line('unity')}"
        return text + ("; and pip install 'setuptools<81'" if "distutils" in first else "")
    return ""


def drive_of(config: Unity) -> Drive:
    """The run that ``config`` describes; raises ValueError where the extra is missing."""
    if why := lacking():
        raise ValueError(why)
    from fedxr.bridge.unity.drive import Drive, Wearer
    from fedxr.bridge.unity.player import Launch, UnityPlayer

    launch = Launch(
        config.player,
        config.port,
        config.seed,
        config.graphics,
        config.timeout_s,
        config.time_scale,
        tuple(shlex.split(config.arguments)),
    )
    wearer = Wearer(
        config.url,
        config.scenario,
        tuple(use_cases()),
        config.user,
        config.tasks,
        {name: task.classes for name, task in TASKS.items()},
        {"model": config.device},
        config.token,
        config.trust,
        Retry(give_up_s=config.retry_s) if config.retry_s > 0 else None,
        config.steps_hz,
    )
    player = UnityPlayer(launch)
    for use_case in USE_CASES:
        player.set_parameters(parameters_of(use_case))
    player.set_parameters({**config.parameters, "seed": float(config.seed)})
    return Drive(player, wearer)


async def _run(drive: Drive, seconds: float) -> Driven:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, RuntimeError):
        loop.add_signal_handler(signal.SIGINT, drive.stop)
    try:
        return await drive.run(seconds)
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)


def report(driven: Driven, steps_hz: float, console: Console) -> None:
    """Say what each agent has lived through."""

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    for why in driven.skipped.values():
        say(f"not streamed: {why}")
    for lived in driven.lived:
        say(
            f"{lived.agent}: {lived.frames} frames in {lived.episodes} episodes, "
            f"{lived.replies} replies, cues {dict(lived.cues)}, reward {lived.reward:.2f}"
        )
        say(f"  actions: {lived.actions}")
        if lived.counts:
            say(f"  dropped, lost or late: {dict(lived.counts)}")
        for notice, times in lived.notices.items():
            say(f"  notice ({times}x): {notice}")
    if driven.clock:
        say(f"the player's clock was read anew: {dict(driven.clock)}")
    if driven.steps and driven.seconds:
        rate = driven.steps / driven.seconds
        say(f"{driven.steps} steps in {driven.seconds:.1f} s, {rate:.1f} a second")
        if not 0.8 < rate / steps_hz < 1.25:
            say(f"--steps-hz {steps_hz:g} was off: it is the rate of channels that name none")
    if driven.ended:
        say(f"ended: {driven.ended}")
