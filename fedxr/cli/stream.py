"""``fedxr stream``: one simulated or recorded user as a headset of a bridge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console

from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.transport.connection import run
from fedxr.cli.stream_options import Stream
from fedxr.evaluation.intervals import mean_of, wilson
from fedxr.extras import need_study
from fedxr.scenarios.recorded import data_folder, find
from fedxr.scenarios.users import DataError, User
from fedxr.virtual.headsets import recorded_actor, simulated_actor, stream_device
from fedxr.virtual.streaming import Played, VirtualHeadset, play

RECORDED_BRAIN = (
    "The shipped checkpoint has learned from simulated people. For recorded ones make one of your "
    "own: `fedxr pretrain --source recorded --out FILE`, then `fedxr serve --checkpoint FILE`."
)


def stream_command(config: Stream, console: Console) -> int:
    """Stream, then say how it went; 2 when the server ended the session. Raises BridgeError where
    it is not there, or refuses."""
    actor, seconds = actor_of(config, data_folder(config.data)), config.seconds
    try:
        played = run(
            play(
                config.url,
                actor,
                seconds,
                config.token,
                trust=config.trust,
                retry=Retry(),
                record=config.record,
            )
        )
    except BridgeError as error:
        if config.source == "recorded":
            raise BridgeError(f"{error}. {RECORDED_BRAIN}") from error
        raise
    for notice in dict.fromkeys(played.notices):
        console.print(notice, highlight=False, markup=False)
    if played.latency_ms:
        p50, p99 = np.percentile(played.latency_ms, (50, 99))
        console.print(
            f"{played.name}: {len(played.latency_ms)} replies, p50 {p50:.1f} ms, p99 {p99:.1f} ms; "
            f"cues {dict(played.cues)}",
            highlight=False,
            markup=False,
        )
        for line in said_rightly(played, actor.voice.errors):
            console.print(line, highlight=False, markup=False)
    else:
        console.print(
            f"{played.name}: {played.frames} frames sent, no answers came; `fedxr serve` answers, "
            "a bridge without agents (`fedxr record`) does not",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    if played.ended:
        console.print(f"ended early: {played.ended}", highlight=False, markup=False)
    return 2 if played.ended else 0


def said_rightly(played: Played, errors: float) -> list[str]:
    """How the answers were, against the truth that the streaming side knows; ``errors`` is how
    often the feedback it gave is wrong."""
    asked: dict[str, list[bool]] = {}
    for one in played.answers:
        if one.best is not None:
            asked.setdefault(one.task, []).append(one.best == one.truth)
    if not asked:
        return ["no question was answered in time"]
    right, questions = (sum(map(f, asked.values())) for f in (sum, len))
    late = len(played.answers) - questions
    whole = (
        f"right against the truth: {right} of {questions} questions; as the mean over "
        f"{len(asked)} tasks {_percent(*mean_of([(sum(r), len(r)) for r in asked.values()]))}; "
        f"{late} had no answer in time; {100 * errors:.1f} % of this user's feedback is wrong"
    )
    lines = [whole]
    for task, rights in sorted(asked.items()):
        share = sum(rights) / len(rights)
        sure = _percent(share, *wilson(share, len(rights)))
        lines.append(f"  {task}: {sum(rights)} of {len(rights)}, {sure}")
    return lines


def _percent(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def actor_of(config: Stream, data: Path | None) -> VirtualHeadset:
    """The person that ``config`` names; raises ValueError that says who there is."""
    if config.source == "simulated":
        if not config.user.isdigit():
            raise ValueError(f"user {config.user!r}; simulated people have numbers: 0, 1, 2, …")
        device = stream_device(config.scenario)
        return simulated_actor(device, config.seed, int(config.user), config.seconds)
    need_study("a recorded person")
    sets = [s for s in find(data).values() if s.known.use_case == config.scenario]
    users, said = list[User](), list[str]()
    for one in sets:
        try:
            found = one.load()
        except (DataError, OSError) as error:  # the one who is named may be of another set
            said.append(str(error))
            continue
        users += found
        said += [f"{who} is left out: {why}" for who, why in found.left_out.items()]
    named = [u for u in users if config.user == u.name] or (
        users[int(config.user) : int(config.user) + 1] if config.user.isdigit() else []
    )
    if not named:
        raise ValueError(
            f"user {config.user!r}: {len(users)} people of {config.scenario} in {data}"
            + (f", the first is {users[0].name!r}" if users else "; see `fedxr data`")
            + "".join(f"; {text}" for text in said)
        )
    return recorded_actor(named[0], config.seed, 0)
