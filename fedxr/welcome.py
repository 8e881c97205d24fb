"""What a headset that comes can be given: which channels are read, which tasks answered, and who
it says that it is."""

from __future__ import annotations

import math
from dataclasses import asdict

from agent.encoders import encoder_for
from agent.fleet import Brain, Member
from agent.tasks import USE_CASES, task_named
from bridge.application import RefusalError
from bridge.channels import Channel, ChannelError
from bridge.session import Session
from fedxr.profile import Profile
from scenarios.devices import DEVICES, MOBILE

MOST_TASKS = 8
"""Tasks that one headset may have answered."""


def readable(brain: Brain, channel: Channel) -> str | None:
    """Why this brain cannot read ``channel``, or None when it can."""
    try:
        shape = encoder_for(channel).shape(channel)
    except ChannelError as error:
        return str(error)
    known = brain.model.plan.layouts.get(channel.layout)
    if known is None:
        layouts = ", ".join(brain.model.plan.layouts)
        return f"layout {channel.layout}: this checkpoint reads {layouts}"
    if shape != known:
        mine, its = asdict(shape), asdict(known)
        differs = ", ".join(f"{k} {v} instead of {its[k]}" for k, v in mine.items() if v != its[k])
        return (
            f"channel {channel.name}: {channel.layout} at {channel.rate_hz:g} Hz has {differs} of "
            "this checkpoint; send it at the rate that it was trained on"
        )
    return None


def tasks_for(brain: Brain, scenario: str, session: Session) -> tuple[str, ...]:
    """The wanted tasks (none named: all of its scenario) that some channel can answer; of
    ``scenario`` alone, or of all. Raises RefusalError where there is none."""
    known = [
        t for t in brain.model.plan.tasks if scenario in ("all", task_named(t).use_case)
    ]
    senses = {c.modality for c in session.channels.values()}
    its = session.hello.scenario
    wanted = session.hello.tasks or [
        t for t in known if its not in USE_CASES or task_named(t).use_case == its
    ]
    tasks = tuple(t for t in wanted if t in known and senses & set(task_named(t).modalities))
    if tasks:
        return tasks[:MOST_TASKS]
    refused = "; ".join(f"{n}: {why}" for n, why in session.refused.items())
    raise RefusalError(
        "nothing-to-answer",
        f"of the tasks {', '.join(wanted) or 'of ' + its} none can be answered from "
        f"{', '.join(sorted(senses)) or 'no channel'}. This server answers "
        f"{', '.join(known)}." + (f" Refused channels: {refused}" if refused else ""),
    )


def profile_of(session: Session, tasks: tuple[str, ...], place: int) -> Profile:
    """Who a headset says that it is; what it does not say is taken from its device's table, and
    its position from a circle of 4 m."""
    told = session.hello.device
    device = str(told.get("model", "headset"))
    known = DEVICES.get(device)
    angle = 2.4 * place  # the golden angle: neighbours on the circle are never the same

    def number(key: str, default: float, low: float, high: float) -> float:
        value = told.get(key, default)
        fine = isinstance(value, int | float) and math.isfinite(value)
        return min(max(float(value), low), high) if fine else default

    return Profile(
        Member(f"{session.user}/{device}", tuple(session.channels.values()), tasks),
        user=session.user,
        use_case=session.hello.scenario,
        device=device,
        position=(
            number("x", 4 * math.cos(angle), -1e4, 1e4),
            number("z", 4 * math.sin(angle), -1e4, 1e4),
        ),
        battery=number("battery", 1.0, 0.0, 1.0),
        battery_j=known.battery_wh * 3600 if known else 0.0,
        computer=known.computer if known else MOBILE,
        d2d_bytes_per_s=known.d2d_bps / 8 if known else None,
        uplink_bytes_per_s=known.uplink_bps / 8 if known else None,
    )
