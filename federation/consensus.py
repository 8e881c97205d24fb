"""Agreement between neighbours, without a server.

Legend: s headsets of one cluster, P columns, K blocks; V (s, s) the cluster's mixing matrix;
lambda = ||V - J||_2; w weights of one block; z values.

*Ratio consensus* (Kempe, Dobra and Gehrke 2003) finds a weighted mean with a V that knows nothing
of weights: the headsets mix w z and w side by side and divide at the end. A headset that does not
own a block starts with w = 0, hence adds nothing, yet passes on what it hears, so that owners agree
across it and a representative can carry a block that is not its own. Since V is the same for all
columns and w for all columns of a block, Gamma rounds are one small matrix per block,
diag(1 / V^G w) V^G diag(w), and one product with the stacked values.

How many rounds: the smallest number that meets the error target (TT-HF, arXiv:2103.10481; MH-FL,
arXiv:2007.09511). The largest distance between two members is taken as known; live headsets learn
it by gossiping a maximum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedxr.federation.aggregation import blank, product
from fedxr.federation.blocks import Updates
from fedxr.federation.codec import NumberFormat, rounded


@dataclass(frozen=True)
class Consensus:
    """How well a cluster has to agree before it goes on.

    ``relative_error``: root mean square of the distance to the cluster's mean that may remain, as a
    part of that by which the round's learning has moved its owners, kind of block by kind of block:
    agreeing better than steps move is wasted energy, and as steps shrink the target does (TT-HF).
    ``weight_error``: by what
    fraction a headset may misjudge how many samples its cluster has; it decides how the server
    weighs the clusters. ``max_rounds``: D2D rounds after which a cluster stops all the same; the
    report then says that it fell short. ``rounds``: so many always; None: as many as that takes.
    """

    relative_error: float = 0.05
    weight_error: float = 0.01
    max_rounds: int = 64
    rounds: int | None = None

    def __post_init__(self) -> None:
        errors = {f"{n}_error": getattr(self, f"{n}_error") for n in ("relative", "weight")}
        if not (min(errors.values()) > 0 and self.max_rounds >= 1):
            raise ValueError(
                f"consensus: {', '.join(f'{n} {x}' for n, x in errors.items())} must be above 0 "
                f"and max_rounds {self.max_rounds} at least 1; for no mixing at all choose the "
                "coordination 'local' or 'centralized'"
            )
        if self.rounds is not None and self.rounds < 0:
            raise ValueError(f"consensus: rounds {self.rounds}; take 0 or more, or None")

    def of(self, needed: int) -> int:
        """How many are held where ``needed`` would be enough."""
        return min(needed, self.max_rounds) if self.rounds is None else self.rounds


def rounds_needed(norm: float, spread: float, target: float, weights: Tensor) -> int:
    """Smallest Gamma after which the s headsets are certainly within ``target`` of their mean.

    ``spread`` is the largest distance between two owners, ``target`` bounds the Frobenius norm of
    what remains, ``weights`` is (s,). With equal weights this is MH-FL's
    ceil(log(target / (sqrt((s - 1) / 2) spread)) / log lambda). In general, with mean weight m and
    shares p = w / sum w: the numerators start within
    d = spread sqrt(max(w) sum(w) (1 - sum p^2) / 2) of agreement, both they and the weights shrink
    by lambda per round, and lambda^G d / (m - lambda^G ||w - m||) <= target is solved for G.
    """
    total = float(weights.sum())
    if total == 0:
        return 0  # nobody owns the block
    unequal = 1 - float((weights / total).square().sum())
    start = spread * math.sqrt(float(weights.max()) * total * unequal / 2)
    mean = total / len(weights)
    return _rounds(norm, start + target * float((weights - mean).norm()), target * mean)


def _rounds(norm: float, start: float, target: float) -> int:
    """Smallest G with norm^G start <= target."""
    if start <= target:
        return 0
    if norm < 1e-12:
        return 1
    return math.ceil(math.log(target / start) / math.log(norm))


def rounds_for(updates: Updates, moved: Tensor, norm: float, rule: Consensus) -> int:
    """Gamma of one cluster: the smallest that is enough for each of its blocks, without the cap.

    ``moved`` (s, K) is the root mean square by which each block has changed. Where nobody has
    learned anything, the error may be that part of how far apart they are.
    """
    if len(updates) == 1:
        return 0
    most = 0
    for columns, weight_s in updates.runs(by_kind=True):
        owners = weight_s > 0
        values = updates.values[:, columns]
        step = _step(updates, moved, columns, owners)
        if step == 0:
            step = float(values[owners].std(0, correction=0).square().mean().sqrt())
        target = rule.relative_error * step * math.sqrt(len(updates) * values.shape[1])
        widest = spread(values if bool(owners.all()) else values[owners])
        most = max(most, rounds_needed(norm, widest, target, weight_s))
        mean = weight_s.mean()
        misjudged = float((weight_s - mean).norm())
        most = max(most, _rounds(norm, misjudged, rule.weight_error * float(mean)))
    return most


def _step(updates: Updates, moved: Tensor, columns: slice, owners: Tensor) -> float:
    """Root mean square by which the ``owners`` of the blocks in ``columns`` have moved there."""
    here = [k for k, b in enumerate(updates.blocks) if columns.start <= b.start < columns.stop]
    sizes = updates.blocks.sizes[here].double()
    square = moved[owners][:, here].square().mean(0)
    return math.sqrt(float((square * sizes).sum() / sizes.sum()))


def spread(values: Tensor) -> float:
    """Largest Euclidean distance between two rows."""
    # Gram matrix of the differences to the first row: exact where the rows are nearly equal
    from_first = values - values[:1]
    gram = (from_first @ from_first.T).double()
    own = gram.diagonal()
    return float((own[:, None] + own[None] - 2 * gram).clamp_min(0).max().sqrt())


def mix(v: Tensor, updates: Updates, rounds: int, codec: NumberFormat = "float32") -> Updates:
    """What each headset carries after ``rounds`` exchanges with its neighbours under V (s, s).

    Row i then holds, per block, the mean that headset i has reached and the weight behind it; a
    block that nobody within reach owns has weight 0. With another ``codec`` than
    ``float32`` what is sent is rounded, what is kept is not, and the weighted mean of all is still
    kept.
    """
    if len(v) != len(updates):
        raise ValueError(f"a mixing matrix {tuple(v.shape)} for {len(updates)} headsets")
    if rounds == 0:
        return updates
    power = torch.linalg.matrix_power(v, rounds)
    mixed = blank(updates, len(updates))
    for columns, weight_s in updates.runs():
        if codec == "float32":
            reached = power @ weight_s
            # where nothing has arrived yet the row of the power is 0 on all owners
            shares = power * weight_s / torch.where(reached > 0, reached, 1.0)[:, None]
            product(shares, updates.values[:, columns], weight_s > 0, mixed[:, columns])
        else:
            steps = _exchanges(v, weight_s, rounds, updates.values.dtype)
            for tile in updates.blocks.tiles(columns, TILE):
                mixed[:, tile] = _mix_rounded(steps, updates.values[:, tile], weight_s > 0, codec)
    return Updates(updates.blocks, mixed, power @ updates.weights, updates.owns)


TILE = 4096
"""Columns that go through all exchanges at once: with 64 rows of float32 that is 1 MB."""


def _exchanges(
    v: Tensor, weights: Tensor, rounds: int, dtype: torch.dtype
) -> list[tuple[Tensor, Tensor]]:
    """For each exchange what a row keeps of itself (s, 1), and what it takes from what everybody
    has sent (s, s): w z <- w z + (V - I) w sent, which keeps the sum of w z, divided by the new w.
    """
    steps, w, away = [], weights, v - torch.eye(len(v), dtype=v.dtype)
    for _ in range(rounds):
        after = v @ w
        part = torch.where(after > 0, 1 / after, 0.0)[:, None]
        steps.append(((w[:, None] * part).to(dtype), (away * w * part).to(dtype)))
        w = after
    return steps


def _mix_rounded(
    exchanges: Sequence[tuple[Tensor, Tensor]], values: Tensor, owners: Tensor, codec: NumberFormat
) -> Tensor:
    """(s, p) after the ``exchanges``, in each of which rounded values are sent."""
    z = values if bool(owners.all()) else torch.where(owners[:, None], values, 0.0)
    for kept, taken in exchanges:
        z = torch.addmm(z * kept, taken, rounded(z, codec))
    return z
