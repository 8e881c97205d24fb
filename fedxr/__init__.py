"""Agents of XR headsets that learn from their users, and from each other.

    import fedxr

    result = fedxr.federate(scenario="companion", headsets=6, rounds=2, workers=1)
    result.to_pandas(); result.plot()
    async with fedxr.connect("ws://127.0.0.1:8765", "ann", "motion/head@72") as headset:
        await headset.send("motion/head", values)

``__all__`` is what is public (docs/python.md); each name is imported when it is first used, so that
``import fedxr`` costs nothing. All else may change from one version to the next.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedxr import register as register
    from fedxr.agent.model.checkpoint import Checkpoint as Checkpoint
    from fedxr.bridge.channels import Channel as Channel
    from fedxr.bridge.connecting.opening import connect as connect
    from fedxr.evaluation.shown import Result as Result
    from fedxr.evaluation.shown import read_result as read_result
    from fedxr.experiments.run import federate as federate
    from fedxr.experiments.run_config import RunConfig as RunConfig
    from fedxr.learning.shipped import load as load

    __version__: str

_WHERE = {
    "federate": "fedxr.experiments.run",
    "RunConfig": "fedxr.experiments.run_config",
    "Result": "fedxr.evaluation.shown",
    "read_result": "fedxr.evaluation.shown",
    "connect": "fedxr.bridge.connecting.opening",
    "Channel": "fedxr.bridge.channels",
    "load": "fedxr.learning.shipped",
    "Checkpoint": "fedxr.agent.model.checkpoint",
}
"""Public name -> the module that it is of."""

__all__ = [
    "__version__",
    "federate",
    "RunConfig",
    "Result",
    "read_result",
    "connect",
    "Channel",
    "load",
    "Checkpoint",
    "register",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        found: object = version("fedxr")
    elif name == "register":
        return import_module("fedxr.register")
    elif name in _WHERE:
        found = getattr(import_module(_WHERE[name]), name)
    else:
        raise AttributeError(f"fedxr has no {name!r}; public are {', '.join(__all__)}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
