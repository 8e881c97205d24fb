"""What one sample of a sensor looks like, which numbers can be in it, and what a modality is.

Shapes: those of one sample; K numbers of its last axis; n places that a layout names.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from fedxr.plugins import PluginError


class ChannelError(ValueError):
    """A channel or its samples do not fit the table; the message says what would."""


@dataclass(frozen=True)
class Range:
    """Numbers ``low`` to ``high``, one for all or one each of the last axis (K,). ``units`` are the
    stretches (start, stop) of that axis that have length 1; ``places``: each is there by itself;
    ``lost``: a sample in which every number is this one was not tracked."""

    low: float | tuple[float, ...]
    high: float | tuple[float, ...]
    units: tuple[tuple[int, int], ...] = ()
    places: bool = False
    lost: float | None = None


@dataclass(frozen=True)
class Layout:
    """What one sample of a sensor looks like.

    ``shape`` is that of one sample; a 0 stands for a size that the sample itself brings
    (image height and width, number of points). ``frame`` is the coordinate frame, if any.
    ``range`` is what its numbers can be (`fedxr.bridge.plausible`); integers have none, for all
    that they can hold can be. Where the numbers of a sample differ in their unit, ``units`` has one
    for each. ``mirrored`` are the numbers of the last axis that change sign where Z does: Unity is
    left-handed. ``labels`` are what laboratory sources call a column of it, in lower-case letters
    and digits: `fedxr sensors` recognises it by them."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str
    frame: str = ""
    meaning: str = ""
    range: Range | None = None
    units: tuple[str, ...] = ()
    mirrored: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)  # that of all fields takes 2 us

    @property
    def modality(self) -> str:
        return self.name.split("/", 1)[0]

    @property
    def is_row(self) -> bool:
        """Whether a sample is one row of measured numbers, as laboratory streams bring them."""
        return self.dtype == "float32" and len(self.shape) <= 1 and 0 not in self.shape

    @property
    def units_of_all(self) -> tuple[str, ...]:
        """The unit of each number of a sample."""
        return self.units or (self.unit,) * math.prod(self.shape)

    @property
    def signs(self) -> tuple[float, ...]:
        """What makes each number of the last axis right-handed that comes from Unity: -1 or 1."""
        last = self.shape[-1] if self.shape else 1
        return tuple(-1.0 if n in self.mirrored else 1.0 for n in range(last))

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ChannelError unless ``shape`` is that of one sample of this layout."""
        fits = len(shape) == len(self.shape) and all(
            a in (0, b) for a, b in zip(self.shape, shape, strict=True)
        )
        if not fits:
            want = "x".join(str(n) if n else "any" for n in self.shape) or "scalar"
            raise ChannelError(
                f"layout {self.name}: a sample has shape {shape}; allowed is {want} ({self.unit})"
            )


_PLACE = r"[A-Z][A-Za-z0-9]{0,4}"
_FREE = r"[A-Za-z0-9_]{1,32}"


@dataclass(frozen=True)
class Places:
    """Layouts that name where each number is measured, as ``eeg/Oz-O1`` does: any such places, in
    any order. ``called`` is what messages call them ("electrodes"); a place has one number, or the
    ones that ``each`` names. A place is a capital letter and up to four letters or digits; where
    names are ``free``, 1 to 32 letters, digits and ``_``."""

    called: str
    unit: str
    meaning: str
    range: Range
    each: tuple[str, ...] = ()
    free: bool = False

    def layout(self, name: str) -> Layout | None:
        """That called ``name``; None where what stands after the slash are no names of places,
        joined by ``-``."""
        _, _, places = name.partition("/")
        one = _FREE if self.free else _PLACE
        if not re.fullmatch(f"{one}(-{one})*", places):
            return None
        n = places.count("-") + 1
        shape = (n, len(self.each)) if self.each else (n,)
        return Layout(name, shape, "float32", self.unit, "", self.meaning, self.range)

    def columns(self, name: str) -> list[str]:
        """What each number of a sample of layout ``name`` is called."""
        places = name.partition("/")[2].split("-")
        return [f"{place} {kind}".strip() for place in places for kind in self.each or ("",)]


DTYPES = ("uint8", "int16", "float32")
"""What a number on the wire can be."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True)
class Modality:
    """A kind of sensor, all that is known of it.

    ``layouts`` have names of their own (``gaze/ray``); ``places`` are layouts that name where they
    measure (``eeg/Oz-O1``). ``channels`` is how many of one layout a device has at most: both hands
    may share one, as may four cameras. ``encoder`` turns its samples into numbers for the model: an
    `fedxr.agent.encoders.base.Encoder`, or "module:NAME" of one; without, the modality travels and
    is recorded, but no agent reads it. ``per_user``: its level is personal (EEG, skin conductance),
    so its features are standardised by the user's own. ``restless``: a sensor whose last bit always
    trembles, so that one that never changes is loose."""

    name: str
    layouts: tuple[Layout, ...] = ()
    places: Places | None = None
    channels: int = 2
    encoder: object = None
    per_user: bool = False
    restless: bool = False

    def __post_init__(self) -> None:
        what = f"modality {self.name!r}"
        if not _NAME.fullmatch(self.name):
            raise PluginError(f"{what}: give it a name of lower-case letters, digits and '-'")
        if not self.layouts and self.places is None:
            raise PluginError(f"{what} has no layouts; say what a sample of it looks like")
        if self.channels < 1:
            raise PluginError(f"{what}: {self.channels} channels of a layout; 1 or more can be")
        for layout in self.layouts:
            if layout.modality != self.name or layout.name.endswith("/"):
                raise PluginError(f"{what}: layout {layout.name!r}; name it {self.name}/…")
            if layout.dtype not in DTYPES:
                allowed = ", ".join(DTYPES)
                raise PluginError(
                    f"layout {layout.name}: dtype {layout.dtype}; known are {allowed}"
                )
            if layout.dtype == "float32":
                _check_range(layout)

    def layout(self, name: str) -> Layout | None:
        """The layout called ``name``; None where this modality has none such."""
        for layout in self.layouts:
            if layout.name == name:
                return layout
        return self.places.layout(name) if self.places else None

    def places_of(self, name: str) -> Places | None:
        """The places that layout ``name`` names; None where it names none."""
        own = any(layout.name == name for layout in self.layouts)
        return None if own else self.places


def _check_range(layout: Layout) -> None:
    """Raise PluginError unless a layout of floats says what they can be."""
    if layout.range is None:
        raise PluginError(
            f"layout {layout.name} has no range; say between what its numbers lie, in "
            f"{layout.unit or 'its unit'}: what is beyond counts as absent"
        )
    last = layout.shape[-1] if layout.shape else 0
    for ends in (layout.range.low, layout.range.high):
        if isinstance(ends, tuple) and len(ends) != last:
            raise PluginError(
                f"layout {layout.name}: {len(ends)} ends of a range for {last} numbers; give one "
                "for all, or one for each of the last axis"
            )
