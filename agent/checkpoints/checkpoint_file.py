"""From pretraining users to a checkpoint: model, ridge heads and population, and back from a
file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.checkpoints.pretrain import Pretraining, fit_standards, pretrain
from fedxr.agent.checkpoints.ridge_fit import GRID, RidgeGrid, UserExamples, fit
from fedxr.agent.encoders.base import EncoderSpec
from fedxr.agent.inputs.batch import collate
from fedxr.agent.inputs.normalization import task_and_layout
from fedxr.agent.inputs.tokens import TokenizedEpisode, TokenizedQuery
from fedxr.agent.model.backbone import Backbone, Size
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.federated_model import FederatedModel
from fedxr.agent.model.m3t import M3T, Plan
from fedxr.agent.model.nystroem import FEATURES, Nystroem, side_by_side
from fedxr.agent.model.ridge_head import Fit, RidgeHead, flatten, unflatten
from fedxr.agent.tasks import register_written, task_named, written_tasks
from fedxr.plugins import loaded

FORMAT = "fedxr-brain/3"


def make_checkpoint(
    plan: Plan,
    users: Mapping[str, Sequence[Sequence[TokenizedEpisode]]],
    copies: Mapping[str, Sequence[Sequence[TokenizedEpisode]]],
    population: Mapping[str, tuple[Tensor, Tensor]],
    config: Pretraining,
    progress: Callable[[int, int, float], None] | None = None,
    build: Callable[[Size], Backbone] = Backbone,
) -> Checkpoint:
    """``build`` the backbone, pretrain on the episodes of ``users`` (by task, then user) and
    augmented ``copies`` of them (alike), then fit the ridge heads."""
    episodes = {task: [e for user in users[task] for e in user] for task in users}
    torch.manual_seed(config.seed)
    model = M3T(plan, build(plan.size))
    fit_standards(model, [e for task in sorted(episodes) for e in episodes[task]])
    both = {
        task: [*episodes[task], *(e for user in copies.get(task, ()) for e in user)]
        for task in episodes
    }
    pretrain(model, both, config, progress)
    ridges = {
        task: fit_ridge(model, task, users[task], copies.get(task, ()), config.grid)
        for task in users
    }
    return Checkpoint(model, ridges, dict(population))


def fit_ridge(
    model: M3T,
    task: str,
    users: Sequence[Sequence[TokenizedEpisode]],
    copies: Sequence[Sequence[TokenizedEpisode]] = (),
    grid: RidgeGrid = GRID,
) -> RidgeHead:
    """The ridge head of ``task`` from the episodes of ``users`` and augmented ``copies`` of each
    user's, by the best of ``grid``."""
    keys = tuple(k for k in model.plan.summaries if task_and_layout(k)[0] == task)
    sizes = tuple(model.plan.summaries[k] for k in keys)
    told = []
    for i, episodes in enumerate(users):
        x, label = questions(model, task, keys, sizes, episodes)
        more = questions(model, task, keys, sizes, copies[i] if copies else ())
        past = torch.tensor([e.adapt for e in episodes for a in e.queries if _counts(a, task)])
        told.append(UserExamples(x, label, past.bool(), *more))
    return fit(keys, sizes, told, len(task_named(task).classes), grid)


def _counts(ask: TokenizedQuery, task: str) -> bool:
    return ask.task == task and ask.label >= 0


def questions(
    model: M3T,
    task: str,
    keys: tuple[str, ...],
    sizes: tuple[int, ...],
    episodes: Sequence[TokenizedEpisode],
) -> tuple[Tensor, Tensor]:
    """Summaries side by side (M, X + 1) and labels (M,) of all labelled questions of ``task``."""
    queries = [TokenizedEpisode((), (a,)) for e in episodes for a in e.queries if _counts(a, task)]
    if not queries:
        return torch.zeros(0, sum(sizes) + 1), torch.zeros(0, dtype=torch.long)
    batch = collate([queries], model.plan.tokens_of, model.plan.tasks)
    x = side_by_side(model.summaries(batch.summaries), keys, sizes, len(queries))
    return x, torch.tensor([e.queries[0].label for e in queries])


@dataclass(frozen=True)
class Card:
    """What a checkpoint was made of: the command, and by data set (or use case) the people that it
    has learned from, as ``<population>/<name>``: they must never be shown or tested."""

    made_by: str
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)


def card_of(path: Path) -> Card:
    """The card of the checkpoint in ``path``."""
    with safe_open(str(path), "pt") as file:
        return Card(**json.loads((file.metadata() or {})["card"]))


def save_checkpoint(checkpoint: Checkpoint, path: Path, card: Card) -> None:
    """Write one safetensors file: weights, ridge heads and population, with its card in the
    header. Whole or not at all."""
    tensors = {f"model/{k}": v.contiguous() for k, v in checkpoint.model.state_dict().items()}
    heads = {}
    for task, r in checkpoint.ridges.items():
        tensors[f"ridge/{task}/prior"] = flatten(r.prior).contiguous()
        tensors[f"ridge/{task}/landmarks"] = r.kernel.landmarks.half().contiguous()
        heads[task] = {
            "keys": r.kernel.keys,
            "sizes": r.kernel.sizes,
            "fits": [(own, f.ridge, f.sharpness) for own, f in r.fits.items()],
            "own": r.own,
            "crowd": r.federated,
        }
    for key, (mean, deviation) in checkpoint.population.items():
        tensors[f"population/{key}"] = torch.stack((mean, deviation)).contiguous()
    federated = checkpoint.federated
    if federated is not None:
        for name, block in federated.blocks.items():
            tensors[f"federated/block/{name}"] = block.contiguous()
        for task, sums in federated.sums.items():
            tensors[f"federated/sums/{task}"] = flatten(sums).contiguous()
    plan = checkpoint.model.plan
    meta = {
        "format": FORMAT,
        "card": json.dumps(asdict(card)),
        "size": json.dumps(asdict(plan.size)),
        "layouts": json.dumps({k: asdict(v) for k, v in plan.layouts.items()}),
        "tasks": json.dumps(plan.tasks),
        "own tasks": written_tasks(plan.tasks),
        "summaries": json.dumps(dict(plan.summaries)),
        "ridges": json.dumps(heads),
    }
    if federated is not None:
        how = {"tuning": dict(federated.tuning), "rounds": federated.rounds}
        meta["federated"] = json.dumps(how)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    save_file(tensors, str(draft), meta)
    draft.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in ``path``; raises ValueError that says what is there instead. It may read
    and answer what plug-ins bring, so they are loaded first; tasks of somebody's own sets are told
    by the file itself, and registered."""
    loaded()
    remedy = "make one with `fedxr pretrain --out FILE`"
    if not path.is_file():
        raise ValueError(f"{path}: no such checkpoint file; {remedy}")
    try:
        with safe_open(str(path), "pt") as file:
            meta = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: not a readable checkpoint ({error}); {remedy}") from None
    if meta.get("format") != FORMAT:
        got = meta.get("format", "none")
        raise ValueError(f"{path}: format {got}; this fedxr reads {FORMAT}: {remedy}")
    register_written(meta.get("own tasks", "[]"))
    try:
        return _unpacked(meta, tensors)
    except KeyError as error:
        raise ValueError(f"{path}: the checkpoint lacks {error}; {remedy}") from None
    except (ValueError, TypeError, RuntimeError) as error:  # JSON, fields, shapes
        raise ValueError(f"{path}: the checkpoint does not fit ({error}); {remedy}") from None


def _unpacked(meta: Mapping[str, str], tensors: Mapping[str, Tensor]) -> Checkpoint:
    """What :func:`save_checkpoint` put into a file's header and tensors."""
    plan = Plan(
        Size(**json.loads(meta["size"])),
        {k: EncoderSpec(**v) for k, v in json.loads(meta["layouts"]).items()},
        tuple(json.loads(meta["tasks"])),
        json.loads(meta["summaries"]),
    )
    model = M3T(plan).requires_grad_(False).eval()
    model.load_state_dict(_under("model/", tensors))
    ridges = {}
    for task, head in json.loads(meta["ridges"]).items():
        classes = len(task_named(task).classes)
        prior = unflatten(tensors[f"ridge/{task}/prior"], FEATURES, classes)
        landmarks = tensors[f"ridge/{task}/landmarks"].float()
        kernel = Nystroem(tuple(head["keys"]), tuple(head["sizes"]), landmarks)
        fits = {own: Fit(ridge, sharpness) for own, ridge, sharpness in head["fits"]}
        ridges[task] = RidgeHead(kernel, prior, fits, head["own"], head["crowd"])
    population = {k: (v[0], v[1]) for k, v in _under("population/", tensors).items()}
    return Checkpoint(model, ridges, population, _federated(meta, tensors))


def _federated(meta: Mapping[str, str], tensors: Mapping[str, Tensor]) -> FederatedModel | None:
    if "federated" not in meta:
        return None
    sums = {
        task: unflatten(flat, FEATURES, len(task_named(task).classes))
        for task, flat in _under("federated/sums/", tensors).items()
    }
    how = json.loads(meta["federated"])
    Tuning(**how["tuning"])  # raises where it is none of ours
    return FederatedModel(how["tuning"], _under("federated/block/", tensors), sums, how["rounds"])


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
