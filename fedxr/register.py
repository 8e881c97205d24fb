"""What anybody may add, from a notebook as from a package (docs/extending.md): one call a thing.

    import fedxr
    from fedxr.agent.tasks import Task

    fedxr.register.task(Task("drowsiness", "companion", ("awake", "drowsy"), ("eeg",), 1000.0))

Each is the registry's own ``add``: it returns what it was given, and raises PluginError where
another of that name is there. A run's worker processes and the learner of a live server know what
the installed plug-ins add, not what a notebook did: run with ``workers=1`` there.
"""

from __future__ import annotations

from fedxr.agent.adaptation.adapter_stack import TUNINGS, NamedTuning
from fedxr.agent.model.backbone import BACKBONES, NamedBackbone
from fedxr.agent.tasks import TASKS, Task
from fedxr.bridge.channels import MODALITIES, Modality
from fedxr.federation import AGGREGATIONS, AggregationRule
from fedxr.scenarios.recorded import RECORDED
from fedxr.scenarios.users import RecordedSet

__all__ = ["aggregation", "backbone", "modality", "recorded_set", "task", "tuning"]


def task(entry: Task) -> Task:
    """Something that an agent can be asked; a checkpoint learns of it by `fedxr extend`.

    >>> import fedxr
    >>> from fedxr.agent.tasks import Task
    >>> entry = Task("focus-doctest", "companion", ("low", "high"), ("gaze",), deadline_ms=500.0)
    >>> fedxr.register.task(entry).classes
    ('low', 'high')
    """
    return TASKS.add(entry)


def modality(entry: Modality) -> Modality:
    """A kind of sensor: its layouts, and the encoder that reads them.

    >>> import fedxr
    >>> from fedxr.bridge.channels import Layout, Modality, Range
    >>> lidar = Layout("lidar-doctest/range", (16,), "float32", "m", range=Range(0.0, 50.0))
    >>> fedxr.register.modality(Modality("lidar-doctest", layouts=(lidar,))).name
    'lidar-doctest'
    """
    return MODALITIES.add(entry)


def recorded_set(entry: RecordedSet) -> RecordedSet:
    """A recorded data set: its folder, and what loads its users.

    >>> import fedxr
    >>> from dataclasses import replace
    >>> from fedxr.scenarios.recorded import RECORDED
    >>> mine = replace(RECORDED["har"], name="har-doctest", folder="har-of-mine")
    >>> fedxr.register.recorded_set(mine).folder
    'har-of-mine'
    """
    return RECORDED.add(entry)


def aggregation(entry: AggregationRule) -> AggregationRule:
    """How the server makes one block of what its owners sent; chosen by ``aggregation=`` its name.

    >>> import fedxr
    >>> from fedxr.federation import AggregationRule
    >>> median = AggregationRule(
    ...     "median-doctest", "coordinate-wise median", frozenset({"lora_B", "head"}),
    ...     lambda values, samples: values.median(0).values)
    >>> fedxr.register.aggregation(median).where
    ('server',)
    """
    return AGGREGATIONS.add(entry)


def tuning(entry: NamedTuning) -> NamedTuning:
    """What is trained on a headset; chosen by ``tuning=`` its name.

    >>> import fedxr
    >>> from fedxr.agent.adaptation.adapter_stack import NamedTuning, Tuning
    >>> fedxr.register.tuning(NamedTuning("wide-doctest", "rank 16", Tuning(r=16))).tuning.r
    16
    """
    return TUNINGS.add(entry)


def backbone(entry: NamedBackbone) -> NamedBackbone:
    """A size or kind of the model; chosen by ``size=`` its name.

    >>> import fedxr
    >>> from fedxr.agent.model.backbone import NamedBackbone, Size
    >>> thin = NamedBackbone("thin-doctest", "width 64, 2 layers", Size(64, 2, 2, 2, 176))
    >>> fedxr.register.backbone(thin).size.width
    64
    """
    return BACKBONES.add(entry)
