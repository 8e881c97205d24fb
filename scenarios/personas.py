"""Who a simulated user is: the parameters of one body, drawn from one seed by named sub-streams.

Every random number of the simulated worlds comes from :func:`stream`, whose generator depends on
the seed and on a path of names alone ("overlays", 3, "episode 7", "gaze"). Hence a user is the
same however many others are simulated, and a channel is the same whichever other channels the
device has.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRETRAINING = 2**31
"""Populations from this number on are pretrained on. Whoever is shown, taught or tested comes from
one below, so that nobody is ever measured whom a checkpoint has learned from."""


def for_pretraining(seed: int) -> int:
    """The population that a run named ``seed`` pretrains on; raises ValueError for a seed that is
    none of a run."""
    if not 0 <= seed < PRETRAINING:
        raise ValueError(
            f"seed {seed}; allowed are 0 to {PRETRAINING - 1}: the populations from there on are "
            "pretrained on"
        )
    return PRETRAINING + seed


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """The generator of the sub-stream ``path`` of ``seed``."""
    words = "/".join(str(part) for part in path).encode()
    digest = hashlib.blake2b(words, digest_size=16).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "<u4").tolist()])


@dataclass(frozen=True)
class Persona:
    """One person's body and ways. Fields with a unit name it; the others are ratios to the usual.

    ``pace`` multiplies every tempo, ``liveliness`` how far states show in the body at all.
    ``drift`` is how far the sensors have moved after two minutes (1 is usual). ``dropout`` is the
    chance per channel and episode that a stretch of samples is lost. ``label_noise`` and
    ``feedback_delay_s`` say how often the user's feedback is wrong and how late it comes.
    """

    seed: int
    index: int
    height_m: float
    hand_scale: float
    left_handed: bool
    pace: float
    liveliness: float
    restlessness: float
    gaze_bias: tuple[float, float]
    voice_hz: float
    voice_level_db: float
    voice_tilt_db: float
    alpha_hz: float
    electrode_gain: tuple[float, ...]
    heart_hz: float
    breath_hz: float
    eda_us: float
    skin_k: float
    drift: float
    dropout: float
    label_noise: float
    feedback_delay_s: float

    @property
    def name(self) -> str:
        return f"persona-{self.index:04d}"

    def lean(self, trait: str) -> float:
        """By how many population σ this person's ``trait`` lies off the mean (standard normal)."""
        return float(stream(self.seed, "persona", self.index, "lean", trait).normal())

    def habit(self, trait: str, chance: float) -> bool:
        """Whether this person has the habit ``trait``, which ``chance`` of all people have."""
        return bool(stream(self.seed, "persona", self.index, "habit", trait).random() < chance)

    def feedback(self, label: int, classes: int, key: str) -> tuple[int, int]:
        """What the user answers when asked for the truth ``label``: (label given, delay in us).

        ``key`` names the question; the same question always gets the same answer.
        """
        rng = stream(self.seed, "persona", self.index, "feedback", key)
        delay_us = int(1e6 * self.feedback_delay_s * rng.lognormal(0.0, 0.4))
        if rng.random() >= self.label_noise:
            return label, delay_us
        return int((label + rng.integers(1, classes)) % classes), delay_us


class Typical(Persona):
    """A person without leanings, with the habits that most people have: whom a scene simulates
    where nobody wears the sensor."""

    def lean(self, trait: str) -> float:
        return 0.0

    def habit(self, trait: str, chance: float) -> bool:
        return chance > 0.5


ELECTRODES = 8


def typical() -> Typical:
    """The middle of the population in every number, with lively states: 1.3 of 0.7 to 1.3."""
    return Typical(
        seed=0,
        index=0,
        height_m=1.7,
        hand_scale=1.0,
        left_handed=False,
        pace=1.0,
        liveliness=1.3,
        restlessness=1.0,
        gaze_bias=(0.0, 0.0),
        voice_hz=160.0,
        voice_level_db=0.0,
        voice_tilt_db=-9.0,
        alpha_hz=10.0,
        electrode_gain=(1.0,) * ELECTRODES,
        heart_hz=1.2,
        breath_hz=0.26,
        eda_us=float(np.exp(1.2)),
        skin_k=306.0,
        drift=0.0,
        dropout=0.0,
        label_noise=0.0,
        feedback_delay_s=0.5,
    )


def persona_of(seed: int, index: int) -> Persona:
    """Person ``index`` of the population ``seed``. Raises ValueError for a negative number."""
    if seed < 0 or index < 0:
        raise ValueError(f"persona: seed {seed}, index {index}; both must be 0 or more")
    rng = stream(seed, "persona", index)
    deep_voice = rng.random() < 0.5
    gain = np.exp(rng.normal(0.0, 0.45, ELECTRODES))
    bias = rng.normal(0.0, 0.03, 2)
    return Persona(
        seed=seed,
        index=index,
        height_m=float(np.clip(rng.normal(1.70, 0.10), 1.40, 2.05)),
        hand_scale=float(np.clip(rng.normal(1.0, 0.09), 0.75, 1.3)),
        left_handed=bool(rng.random() < 0.12),
        pace=float(np.exp(np.clip(rng.normal(0.0, 0.16), -0.4, 0.4))),
        liveliness=float(rng.uniform(0.7, 1.3)),
        restlessness=float(np.exp(rng.normal(0.0, 0.35))),
        gaze_bias=(float(bias[0]), float(bias[1])),
        voice_hz=float(rng.uniform(90, 140) if deep_voice else rng.uniform(165, 240)),
        voice_level_db=float(rng.normal(0.0, 4.0)),
        voice_tilt_db=float(rng.normal(-9.0, 2.0)),
        alpha_hz=float(rng.uniform(8.5, 11.5)),
        electrode_gain=tuple(float(g) for g in gain),
        heart_hz=float(np.clip(rng.normal(1.2, 0.18), 0.8, 1.8)),
        breath_hz=float(np.clip(rng.normal(0.26, 0.05), 0.15, 0.4)),
        eda_us=float(np.exp(rng.normal(1.2, 0.8))),
        skin_k=float(rng.normal(306.0, 1.2)),
        drift=float(rng.uniform(0.5, 1.5)),
        dropout=float(rng.uniform(0.02, 0.12)),
        label_noise=float(rng.uniform(0.0, 0.08)),
        feedback_delay_s=float(rng.uniform(0.3, 1.5)),
    )
