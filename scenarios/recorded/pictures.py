"""Episodes of one picture: it is taken at time 0 and asked about at the end of its tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import TICK_US, Channel, Samples

CAMERA = Channel("camera", "vision/gray", 0)
_NOW = np.zeros(1, np.int64)


def picture(key: str, image: NDArray[np.uint8], task: str, label: int, adapt: bool) -> Episode:
    """``image`` (height, width) as an episode of one tick."""
    return Episode(
        key=key,
        samples={CAMERA.name: Samples(_NOW, image[None])},
        queries=(Query(task, TICK_US, label),),
        adapt=adapt,
        seconds=TICK_US / 1e6,
    )
