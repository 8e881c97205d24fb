"""Headsets and what is worn with them: senses, computer, battery and radios.

Senses and batteries follow the makers' published figures where the device exists; computers and
radios are round figures for their class, good for comparing strategies and not for a data sheet.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedxr.agent.tasks import USE_CASES
from fedxr.bridge.channels import Channel
from fedxr.plugins.nearest import did_you_mean
from fedxr.scenarios.worlds import world_of
from fedxr.scenarios.worlds.brain import LAYOUT as _EEG

MODEL_PARAMETERS = {"tiny": 1e6, "small": 5e6, "base": 10e6}
TOKENS_PER_TICK = 8
"""Tokens and task queries that one tick sends through the model (DESIGN §5: 4 to 8 and some)."""


@dataclass(frozen=True)
class Computer:
    """A class of computer: what it sustains, and what a floating-point operation costs at that."""

    name: str
    gflops: float
    picojoules_per_flop: float


GLASSES = Computer("glasses", 20.0, 20.0)
MOBILE = Computer("mobile", 500.0, 8.0)
SPATIAL = Computer("spatial", 2000.0, 5.0)
HUB = Computer("hub", 200.0, 30.0)


@dataclass(frozen=True)
class Device:
    """A headset as one user wears it in one use case.

    ``battery_wh`` 0 means mains. ``d2d_bps`` and ``uplink_bps`` are the usual rates to a
    neighbour and to the server.
    """

    name: str
    title: str
    use_case: str
    channels: tuple[Channel, ...]
    computer: Computer
    battery_wh: float
    d2d_bps: float
    uplink_bps: float

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(channel.modality for channel in self.channels))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The simulated tasks that this device's senses can answer."""
        return tuple(
            course.task
            for course in world_of(self.use_case).courses
            if any(set(some) <= set(self.modalities) for some in course.needs)
        )

    def joules_per_inference(self, size: str) -> float:
        """Energy of one tick of the model ``size``: 2 operations a parameter and token."""
        if size not in MODEL_PARAMETERS:
            raise ValueError(f"unknown size {size!r}; known are {', '.join(MODEL_PARAMETERS)}")
        flops = 2.0 * MODEL_PARAMETERS[size] * TOKENS_PER_TICK
        return flops * self.computer.picojoules_per_flop * 1e-12


_CAMERA = Channel("camera", "vision/gray", 1.0, "latest")
_GAZE = Channel("gaze", "gaze/point2", 60.0)
_PROBE = Channel("probe", "contact/vibration", 2000.0, "queue 8192")
_EAR = Channel("microphone", "audio/pcm16", 8000.0, "queue 16384")
_BAND = Channel("eeg", _EEG, 256.0, "queue 1024")
_HAND = Channel("hand", "hands/webxr25", 30.0)
_WRIST = Channel("wrist", "motion/wrist", 100.0, "queue 256")
_HEAD = Channel("head", "motion/head", 72.0, "queue 256")
_WATCH = (
    Channel("eda", "physiology/eda", 4.0),
    Channel("heart-rate", "physiology/heart-rate", 2.0),
    Channel("respiration", "physiology/respiration", 2.0),
    Channel("temperature", "physiology/temperature", 4.0),
)

_TABLE = (
    Device("hololens-2", "HoloLens 2 with a contact probe", "overlays",
           (_CAMERA, _GAZE, _PROBE), MOBILE, 16.5, 60e6, 40e6),
    Device("ar-glasses", "AR glasses with camera, eye tracker and microphone", "overlays",
           (_CAMERA, _GAZE, _EAR), GLASSES, 2.3, 20e6, 10e6),
    Device("tethered-glasses", "display glasses on a phone held to the machine", "overlays",
           (_EAR, _PROBE), MOBILE, 15.0, 40e6, 20e6),
    Device("neuro-band", "Quest Pro with a neuro band", "neuroadaptive",
           (_BAND, _GAZE), MOBILE, 20.6, 80e6, 40e6),
    Device("quest-3", "Quest 3, hand tracking only", "neuroadaptive",
           (_HAND,), MOBILE, 18.9, 100e6, 60e6),
    Device("vision-pro-band", "Vision Pro with a neuro band", "neuroadaptive",
           (_BAND, _HAND, _GAZE), SPATIAL, 35.9, 150e6, 80e6),
    Device("voice-glasses", "glasses that listen, and a watch", "companion",
           (_EAR, _WRIST), GLASSES, 0.6, 10e6, 5e6),
    Device("quest-3-watch", "Quest 3 and a watch, microphone muted", "companion",
           (_HEAD, _WRIST), MOBILE, 18.9, 100e6, 60e6),
    Device("phone-glasses", "glasses on a phone: microphone and head pose", "companion",
           (_EAR, _HEAD), MOBILE, 15.0, 40e6, 20e6),
    Device("vision-pro", "Vision Pro and a physiology watch", "storytelling",
           (_GAZE, *_WATCH), SPATIAL, 35.9, 150e6, 80e6),
    Device("quest-pro", "Quest Pro, eye tracking only", "storytelling",
           (_GAZE,), MOBILE, 20.6, 80e6, 40e6),
    Device("room-hub", "a room's screen and hub with a physiology watch", "storytelling",
           _WATCH, HUB, 0.0, 200e6, 200e6),
)  # fmt: skip
DEVICES = {device.name: device for device in _TABLE}


def devices_for(use_case: str) -> tuple[Device, ...]:
    """The devices of ``use_case``, in a fixed order; raises ValueError for an unknown one."""
    found = tuple(device for device in _TABLE if device.use_case == use_case)
    if not found:
        hint = f"{did_you_mean(use_case, USE_CASES)}known are {', '.join(USE_CASES)}"
        raise ValueError(f"unknown use case {use_case!r}; {hint}")
    return found


def device_named(name: str) -> Device:
    """The device called ``name``; raises ValueError that lists the known ones."""
    if name not in DEVICES:
        hint = f"{did_you_mean(name, DEVICES)}known are {', '.join(DEVICES)}"
        raise ValueError(f"unknown device {name!r}; {hint}")
    return DEVICES[name]
