"""A use case's definition as JSON, so that the Unity scene and the simulation agree."""

from __future__ import annotations

from dataclasses import asdict

from fedxr.agent.tasks import ACTS, TASKS, Task
from fedxr.scenarios.devices import MODEL_PARAMETERS, Device, devices_for
from fedxr.scenarios.personas import typical
from fedxr.scenarios.worlds import world_of
from fedxr.scenarios.worlds.base import Course

VERSION = 1


def definition(use_case: str) -> dict[str, object]:
    """Devices, tasks, cues, hidden states and drift of ``use_case``, and how a typical person's
    states show in the simulated sensors; JSON types only.

    Raises ValueError for an unknown use case.
    """
    world = world_of(use_case)
    tasks = [task for task in TASKS.values() if task.use_case == use_case]
    told = {task.name: task.cues for task in tasks if task.cues is not None}
    acts = sorted({act for rule in told.values() for act, _ in rule.acts.values()} | {"clear"})
    return {
        "version": VERSION,
        "use_case": use_case,
        "devices": [_device(device) for device in devices_for(use_case)],
        "tasks": [_task(task) for task in tasks],
        "acts": {act: ACTS[act] for act in acts},
        "cues": {
            name: {
                "enter": rule.enter,
                "leave": rule.leave,
                "agree": rule.agree,
                "trust": rule.trust,
                "classes": {
                    label: {"act": act, "payload": dict(payload)}
                    for label, (act, payload) in rule.acts.items()
                },
            }
            for name, rule in told.items()
        },
        "world": {
            "episode_s": world.seconds,
            "courses": [_course(course) for course in world.courses],
            "drift": dict(world.drifts),
        },
        "person": world.person(typical()),
    }


def _device(device: Device) -> dict[str, object]:
    return {
        "name": device.name,
        "title": device.title,
        "channels": [asdict(channel) for channel in device.channels],
        "tasks": list(device.tasks),
        "computer": asdict(device.computer),
        "battery_wh": device.battery_wh,
        "d2d_bps": device.d2d_bps,
        "uplink_bps": device.uplink_bps,
        "joules_per_inference": {
            size: device.joules_per_inference(size) for size in MODEL_PARAMETERS
        },
    }


def _course(course: Course) -> dict[str, object]:
    """How its state moves; which devices are asked stands with each device."""
    return {name: value for name, value in asdict(course).items() if name != "needs"}


def _task(task: Task) -> dict[str, object]:
    """What a scene has to know of it; its cues stand beside it."""
    return {
        "name": task.name,
        "use_case": task.use_case,
        "classes": list(task.classes),
        "modalities": list(task.modalities),
        "deadline_ms": task.deadline_ms,
        "per_user": task.per_user,
    }
