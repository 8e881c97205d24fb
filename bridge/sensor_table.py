"""Our own modalities, a row each: layouts, units, plausible ranges, encoders.

The ranges are wide: far beyond what bodies and rooms do, but such that no encoder overflows.
Encoders are named, not imported: the bridge stands below the agent.
"""

from __future__ import annotations

from fedxr.bridge.layouts import Layout, Modality, Places, Range

_FAR = 1e4  # m: from one end of the largest scene to the other
_SAY_POSE = "position x y z (m), orientation x y z w"
_SAY_CONTROLLER = (
    f"{_SAY_POSE}; trigger, squeeze, stick right, stick up, stick pressed, A or X, B or Y"
)
_POSE = Range((-_FAR,) * 3 + (-1.1,) * 4, (_FAR,) * 3 + (1.1,) * 4, units=((3, 7),))
_BUTTONS = (1.5,) * 7
_CONTROLLER = Range(
    (-_FAR,) * 3 + (-1.1,) * 4 + tuple(-x for x in _BUTTONS),
    (_FAR,) * 3 + (1.1,) * 4 + _BUTTONS,
    units=((3, 7),),
)
_RAY = Range((-_FAR,) * 3 + (-1.1,) * 3, (_FAR,) * 3 + (1.1,) * 3, units=((3, 6),))
_INERTIAL = Range((-2e3,) * 3 + (-200.0,) * 3, (2e3,) * 3 + (200.0,) * 3)  # 200 g, 11,000 deg/s
_FLIPPED_POSE = (2, 3, 4)  # Z, and with it x and y of a rotation
_POSE_UNITS = ("m",) * 3 + ("1",) * 4
_INERTIAL_UNITS = ("m/s^2",) * 3 + ("rad/s",) * 3


def _hand(name: str, joints: int) -> Layout:
    return Layout(
        name, (joints, 7), "float32", "m", "world", _SAY_POSE, _POSE, mirrored=_FLIPPED_POSE
    )


def _inertial(name: str) -> Layout:
    said = "acceleration with gravity, gyro"
    unit = "m/s^2, rad/s"
    return Layout(name, (6,), "float32", unit, "device", said, _INERTIAL, _INERTIAL_UNITS)


def _body(name: str, unit: str, said: str, low: float, high: float, *labels: str) -> Layout:
    return Layout(name, (), "float32", unit, "", said, Range(low, high), labels=labels)


# fmt: off
OURS = (
    Modality("vision", (
        Layout("vision/gray", (0, 0), "uint8", "1/255", "camera", "row-major, top row first"),
        Layout("vision/rgb", (0, 0, 3), "uint8", "1/255", "camera", "row-major, sRGB"),
    ), channels=4, encoder="fedxr.agent.encoders.vision:ENCODER"),
    Modality("depth", (
        Layout("depth/map", (0, 0), "float32", "m", "camera", "distance along the optical axis",
               Range(0.0, _FAR, places=True)),
    )),
    Modality("audio", (
        Layout("audio/pcm16", (), "int16", "1/32768", "",
               "mono; the channel's rate is the sample rate"),
    ), channels=4, encoder="fedxr.agent.encoders.audio:ENCODER"),
    Modality("gaze", (
        Layout("gaze/point2", (2,), "float32", "1", "viewport", "x right, y up, 0..1 inside",
               Range(-5.0, 5.0, lost=-1.0)),
        Layout("gaze/ray", (6,), "float32", "m", "world", "origin x y z, unit direction x y z",
               _RAY, ("m",) * 3 + ("1",) * 3, mirrored=(2, 5)),
        Layout("gaze/pupil", (2,), "float32", "m", "", "diameter left, right",
               Range(5e-4, 0.015, places=True)),
    ), encoder="fedxr.agent.encoders.gaze:ENCODER", restless=True),
    Modality("hands", (
        _hand("hands/openxr26", 26),
        _hand("hands/webxr25", 25),
        Layout("hands/shrec22", (22, 3), "float32", "m", "camera",
               "wrist, palm, then 4 per finger", Range(-_FAR, _FAR, lost=0.0)),
    ), encoder="fedxr.agent.encoders.hands:ENCODER"),
    Modality("motion", (
        Layout("motion/head", (7,), "float32", "m", "world", _SAY_POSE, _POSE, _POSE_UNITS,
               _FLIPPED_POSE),
        Layout("motion/controller", (14,), "float32", "m, 1", "world", _SAY_CONTROLLER,
               _CONTROLLER, mirrored=_FLIPPED_POSE),
        _inertial("motion/wrist"),
        _inertial("motion/phone"),
    ), channels=4, encoder="fedxr.agent.encoders.motion:ENCODER", restless=True),
    Modality("spatial", (
        Layout("spatial/points", (0, 3), "float32", "m", "world", "a cloud per sample",
               Range(-_FAR, _FAR, places=True), mirrored=(2,)),
    )),
    Modality("thermal", (
        Layout("thermal/map", (0, 0), "float32", "K", "camera", "surface temperature",
               Range(1.0, 3e3, places=True)),
    )),
    Modality("eeg", places=Places(
        "electrodes", "V", "potential at each named electrode",
        Range(-1.0, 1.0, places=True),  # the input range of amplifiers; electrodes drift by 0.3 V
    ), encoder="fedxr.agent.encoders.eeg:ENCODER", per_user=True, restless=True),
    Modality("fnirs", places=Places(
        "optodes", "mol/m^3", "change of HbO2 and HHb per optode",
        Range(-10.0, 10.0, places=True), ("HbO2", "HHb"),
    ), restless=True),
    Modality("physiology", (
        _body("physiology/eda", "S", "electrodermal conductance", -1e-6, 1e-3,
              "eda", "gsr", "skinconductance"),
        _body("physiology/temperature", "K", "skin temperature", 250.0, 340.0,
              "temperature", "temp", "skintemperature"),
        _body("physiology/heart-rate", "Hz", "beats per second", 0.3, 5.0, "hr", "heartrate"),
        _body("physiology/respiration", "Hz", "breaths per second", 0.01, 3.0,
              "respirationrate", "breathingrate"),
        _body("physiology/ibi", "s", "time between two heart beats", 0.2, 5.0,
              "rr", "rri", "rrinterval", "ibi"),
    ), encoder="fedxr.agent.encoders.physiology:ENCODER", per_user=True),
    Modality("face", (
        Layout("face/arkit52", (52,), "float32", "1", "", "blend shape weights 0..1",
               Range(-0.5, 2.0)),
    ), channels=1),
    Modality("haptics", (
        Layout("haptics/amplitude", (), "float32", "1", "", "what the device plays, 0..1",
               Range(-0.5, 2.0)),
    ), channels=8),
    Modality("contact", (
        Layout("contact/vibration", (), "float32", "m/s^2", "machine",
               "acceleration of a machine part", Range(-1e5, 1e5)),
    ), channels=8, encoder="fedxr.agent.encoders.contact:ENCODER", restless=True),
    Modality("columns", places=Places(
        "columns", "any", "measured numbers that no other layout has, by name",
        Range(-1e9, 1e9, places=True), free=True,
    ), channels=8, encoder="fedxr.agent.encoders.columns:ENCODER", per_user=True),
)
# fmt: on
