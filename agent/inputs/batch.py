"""Many episodes of many headsets as one set of tensors.

Shape legend: H headsets, B episodes a headset, T tokens an episode, Q queries an episode, M rows
of one layout over the whole batch, F numbers a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from fedxr.agent.inputs.normalization import summary_key
from fedxr.agent.inputs.tokens import TokenizedEpisode

Rows = dict[str, tuple[Tensor, Tensor]]
"""By name: the numbers (M, F) and where they go (M,), an index into H·B·T or H·B·Q."""


@dataclass
class Batch:
    features: Rows
    summaries: Rows
    tick: Tensor  # (H, B, T)
    slow: Tensor  # (H, B, T) bool
    valid: Tensor  # (H, B, T) bool
    ask_tick: Tensor  # (H, B, Q)
    ask_task: Tensor  # (H, B, Q), index into the model's tasks, -1 where nothing is asked
    label: Tensor  # (H, B, Q), -1 where unknown

    def to(self, device: torch.device | str) -> Batch:
        """The same on ``device``; itself where it is there already."""
        if self.tick.device == torch.device(device):
            return self
        moved = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, dict):
                value = {k: (a.to(device), b.to(device)) for k, (a, b) in value.items()}
            else:
                value = value.to(device)
            moved[f.name] = value
        return Batch(**moved)


def collate(
    episodes: Sequence[Sequence[TokenizedEpisode]],
    tokens_of: dict[str, tuple[int, bool]],
    tasks: Sequence[str],
) -> Batch:
    """Tensors of ``episodes[h][b]`` (every headset the same number B of them).

    ``tokens_of`` gives for each layout how many tokens an emission makes and whether they are
    slow; layouts that the model does not know are left out, and so are channels that are absent:
    they add no tokens.
    """
    rows, each = len(episodes), len(episodes[0])
    flat = [e for headset in episodes for e in headset]
    known = [[m for m in e.token_features if m.layout in tokens_of] for e in flat]
    t = max(1, max(sum(tokens_of[m.layout][0] for m in e) for e in known))
    q = max(1, max(len(e.queries) for e in flat))
    tick = np.zeros((len(flat), t), np.int64)
    slow = np.zeros((len(flat), t), bool)
    valid = np.zeros((len(flat), t), bool)
    ask_tick, ask_task, label = (np.full((len(flat), q), -1, np.int64) for _ in range(3))
    features: dict[str, list[tuple[np.ndarray, int]]] = defaultdict(list)
    summaries: dict[str, list[tuple[np.ndarray, int]]] = defaultdict(list)
    index = {name: i for i, name in enumerate(tasks)}
    for i, (episode, token_features) in enumerate(zip(flat, known, strict=True)):
        at = 0
        for m in token_features:
            n, is_slow = tokens_of[m.layout]
            features[m.layout].append((m.features, i * t + at))
            tick[i, at : at + n], slow[i, at : at + n], valid[i, at : at + n] = m.tick, is_slow, 1
            at += n
        for j, ask in enumerate(episode.queries):
            ask_tick[i, j], ask_task[i, j], label[i, j] = ask.tick, index[ask.task], ask.label
            for layout, vector in ask.summary.items():
                summaries[summary_key(ask.task, layout)].append((vector, i * q + j))
    shape = (rows, each, -1)
    return Batch(
        _stack(features),
        _stack(summaries),
        torch.from_numpy(tick).view(shape),
        torch.from_numpy(slow).view(shape),
        torch.from_numpy(valid).view(shape),
        torch.from_numpy(ask_tick).view(shape),
        torch.from_numpy(ask_task).view(shape),
        torch.from_numpy(label).view(shape),
    )


def _stack(rows: dict[str, list[tuple[np.ndarray, int]]]) -> Rows:
    return {
        name: (
            torch.from_numpy(np.stack([v for v, _ in found])),
            torch.tensor([at for _, at in found]),
        )
        for name, found in sorted(rows.items())
    }
