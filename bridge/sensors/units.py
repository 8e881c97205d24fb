"""Units that sources use, and what makes SI of them: value * scale + offset."""

from __future__ import annotations

from fedxr.bridge.sensors.source import SensorError

GRAVITY = 9.80665
"""m/s^2 (standard gravity, CGPM 1901)."""

ANY = "any"
"""The unit of columns that nobody knows: as they are."""
Affine = tuple[float, float]
"""(scale, offset)"""

_KNOWN: dict[str, dict[str, Affine]] = {
    "V": {
        "v": (1, 0), "volt": (1, 0), "volts": (1, 0),
        "mv": (1e-3, 0), "millivolt": (1e-3, 0), "millivolts": (1e-3, 0),
        "uv": (1e-6, 0), "microvolt": (1e-6, 0), "microvolts": (1e-6, 0),
        "nv": (1e-9, 0), "nanovolt": (1e-9, 0), "nanovolts": (1e-9, 0),
    },
    "S": {
        "s": (1, 0), "siemens": (1, 0), "us": (1e-6, 0), "microsiemens": (1e-6, 0),
        "ms": (1e-3, 0), "millisiemens": (1e-3, 0), "ns": (1e-9, 0), "nanosiemens": (1e-9, 0),
    },
    "K": {
        "k": (1, 0), "kelvin": (1, 0),
        "c": (1, 273.15), "degc": (1, 273.15), "celsius": (1, 273.15),
        "f": (5 / 9, 459.67 * 5 / 9), "degf": (5 / 9, 459.67 * 5 / 9),
        "fahrenheit": (5 / 9, 459.67 * 5 / 9),
    },
    "Hz": {
        "hz": (1, 0), "1/s": (1, 0), "bpm": (1 / 60, 0), "1/min": (1 / 60, 0),
        "beats/min": (1 / 60, 0), "beatsperminute": (1 / 60, 0), "breaths/min": (1 / 60, 0),
        "breathsperminute": (1 / 60, 0), "rpm": (1 / 60, 0),
    },
    "s": {
        "s": (1, 0), "sec": (1, 0), "second": (1, 0), "seconds": (1, 0),
        "ms": (1e-3, 0), "millisecond": (1e-3, 0), "milliseconds": (1e-3, 0),
        "us": (1e-6, 0), "microseconds": (1e-6, 0),
    },
    "m": {
        "m": (1, 0), "meter": (1, 0), "meters": (1, 0), "metres": (1, 0), "cm": (1e-2, 0),
        "mm": (1e-3, 0), "millimeters": (1e-3, 0), "millimetres": (1e-3, 0), "um": (1e-6, 0),
    },
    "m/s^2": {
        "m/s^2": (1, 0), "m/s2": (1, 0), "g": (GRAVITY, 0), "mg": (GRAVITY / 1000, 0),
    },
    "rad/s": {
        "rad/s": (1, 0), "deg/s": (0.017453292519943295, 0), "dps": (0.017453292519943295, 0),
    },
    "1": {
        "1": (1, 0), "normalized": (1, 0), "normalised": (1, 0), "fraction": (1, 0),
        "percent": (0.01, 0), "%": (0.01, 0),
    },
}  # fmt: skip


def plain(word: str) -> str:
    """``word`` as the tables spell it: lower case, micro as u, no degree signs, no blanks."""
    word = (
        word.strip()
        .lower()
        .replace("\N{MICRO SIGN}", "u")
        .replace("\N{GREEK SMALL LETTER MU}", "u")
    )
    return word.replace(
        "\N{DEGREE SIGN}", "deg" if word.endswith(("c", "f", "/s")) else ""
    ).replace(" ", "")


def to_si(unit: str, wanted: str) -> Affine:
    """What makes ``wanted`` (an SI unit of the layouts) of ``unit``; raises SensorError."""
    known = _KNOWN[wanted]
    found = known.get(plain(unit))
    if found is None:
        got = f"unit {unit!r}" if unit else "no unit"
        raise SensorError(f"{got} where {wanted} is due; known are {', '.join(known)}")
    return found


def convertible(unit: str, wanted: str) -> bool:
    return plain(unit) in _KNOWN[wanted]
