"""What a headset that comes can be given: which channels are read, which tasks answered, and who
it says that it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.encoders import encoder_for
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import task_named, use_cases
from fedxr.bridge.channels import Channel, ChannelError, modality_of
from fedxr.bridge.serving.application import RefusalError
from fedxr.bridge.serving.session import Session
from fedxr.learning.profile import HeadsetProfile
from fedxr.live.electrodes import Montage, lacking, montage_for
from fedxr.plugins.nearest import did_you_mean

DEVICES_EACH = 4
"""Headsets of one user that are here at once, each with what it learns."""
MOST_TASKS = 8
"""Tasks that one headset may have answered."""


def readable(checkpoint: Checkpoint, channel: Channel) -> Montage | str | None:
    """Why this checkpoint cannot read ``channel``; a montage where it reads some of its electrodes;
    None where it reads the channel as it is."""
    layouts = checkpoint.model.plan.layouts
    montage = None
    known = [name for name in layouts if name.partition("/")[0] == channel.modality]
    if channel.layout not in layouts:
        places = modality_of(channel.layout).places_of(channel.layout)
        if places is not None and known:
            montage = montage_for(channel, known)
            if montage is None:
                return (
                    f"the {places.called} {lacking(channel, known)} are missing: this checkpoint "
                    f"reads {' or '.join(known)}, in any order and with any others beside them"
                )
        else:
            reads = ", ".join(known or layouts)
            of = f"of {channel.modality} it reads" if known else "it reads"
            why = f"this checkpoint does not read {channel.layout}; {of} {reads}"
            if modality_of(channel.layout).encoder is None:
                return f"{why}. No encoder reads modality {channel.modality!r}; a plug-in may"
            return why
    read = montage.channel if montage else channel
    try:
        shape, trained = encoder_for(read).shape(read), layouts[read.layout]
    except ChannelError as error:
        return str(error)
    if shape != trained:
        mine, its = asdict(shape), asdict(trained)
        differs = ", ".join(f"{k} {v} instead of {its[k]}" for k, v in mine.items() if v != its[k])
        return (
            f"channel {channel.name}: {channel.layout} at {channel.rate_hz:g} Hz has {differs} of "
            "this checkpoint; send it at the rate that it was trained on"
        )
    return montage


def tasks_for(checkpoint: Checkpoint, scenario: str, session: Session) -> tuple[str, ...]:
    """The wanted tasks (none named: all of its scenario) that some channel can answer; of
    ``scenario`` alone, or of all. Raises RefusalError where there is none."""
    known = [t for t in checkpoint.model.plan.tasks if scenario in ("all", task_named(t).use_case)]
    senses = {c.modality for c in session.channels.values()}
    its = session.hello.scenario
    wanted = session.hello.tasks or [
        t for t in known if its not in use_cases() or task_named(t).use_case == its
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


def unknown_scenario(session: Session, tasks: Sequence[str]) -> str | None:
    """What to tell a headset whose scenario no task names. It is answered all the same: the
    protocol leaves the name open, and the tasks may be named apart from it."""
    its = session.hello.scenario
    if its in use_cases():
        return None
    return (
        f"scenario {its!r} is not known; answering tasks {', '.join(tasks)}; "
        f"{did_you_mean(its, use_cases())}known are {', '.join(use_cases())}"
    )


def check_devices(session: Session, here: Iterable[HeadsetIdentity]) -> None:
    """Raise RefusalError where the user of ``session`` is here with as many headsets as one may be:
    a key costs nothing to make, but each device of it would be another model to keep and answer."""
    worn = [m.name for m in here if m.user_id.startswith(f"{session.user_id}/")]
    if len(worn) >= DEVICES_EACH:
        raise RefusalError(
            "full",
            f"you are here with {len(worn)} headsets already ({', '.join(worn)}), and at most "
            f"{DEVICES_EACH} of one user are; close one, and this one can come",
        )


def profile_of(
    session: Session, tasks: tuple[str, ...], place: int, montages: Mapping[str, Montage]
) -> HeadsetProfile:
    """Who a headset says that it is; what it does not say is taken from its device's table, and
    its position from a circle of 4 m."""
    channels = [montages[n].channel if n in montages else c for n, c in session.channels.items()]
    told = session.hello.device
    device = str(told.get("model", "headset"))[:64]  # as long as a name of the protocol
    angle = 2.4 * place  # the golden angle: neighbours on the circle are never the same

    def number(key: str, default: float, low: float, high: float) -> float:
        value = told.get(key, default)
        fine = isinstance(value, int | float) and math.isfinite(value)
        return min(max(float(value), low), high) if fine else default

    return HeadsetProfile(
        HeadsetIdentity(
            f"{session.user}/{device}", tuple(channels), tasks, f"{session.user_id}/{device}"
        ),
        user=session.user,
        use_case=session.hello.scenario,
        device=device,
        position=(
            number("x", 4 * math.cos(angle), -1e4, 1e4),
            number("z", 4 * math.sin(angle), -1e4, 1e4),
        ),
        battery=number("battery", 1.0, 0.0, 1.0),
    ).equipped()
