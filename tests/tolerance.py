"""How far two right computations of the same numbers may lie apart, on whatever processor.

Arithmetic rounds to nearest: fl(a op b) = (a op b)(1 + δ), |δ| <= u = eps / 2 of the dtype. In what
order a sum is taken, in how many lanes, with fused multiply-adds or not, depends on processor,
library, threads and shape. A bound that holds for any order is that of k roundings one after the
other, at most γ_k = k u / (1 - k u) of the sizes added up (Higham, Accuracy and Stability of
Numerical Algorithms, 2nd ed., SIAM 2002, lemma 3.1 and section 4.2). It is met when all δ have one
sign; for a network, where k is some thousands, it is √k times what happens and would hide faults.
With δ of mean 0, each whatever those before were, √k takes the place of k (Higham and Mary, SIAM J.
Sci. Comput. 41(5), A2815, 2019, doi:10.1137/18M1226312), and what remains is how large a δ usually
is: an error spread evenly over ±u of the power of two below the number, of numbers spread evenly in
their logarithm (Hamming, Bell Syst. Tech. J. 49, 1609, 1970), has deviation √(0.541 / 3) u =
0.42 u. The difference of two results has √2 times that, 0.30 eps. The tests allow six deviations:
two numbers in 10⁹ would lie further apart, if all roundings were as large as ``size`` says.

Where both sides do the same operations on the same numbers in the same shapes, or only move
numbers, nothing is rounded differently: such tests compare exactly.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

DEVIATIONS = 6
SPREAD = math.sqrt(2 * 0.541 / 3) / 2
"""Deviation of the difference of two roundings, in eps."""


class Size(Protocol):
    """What :class:`fedxr.agent.model.backbone.Size` says of a transformer."""

    @property
    def width(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def hidden(self) -> int: ...


def rounding(dtype: torch.dtype, terms: int, size: float | Tensor = 1.0, layers: int = 1) -> float:
    """The largest difference of two results that are sums of ``terms`` products, ``layers`` of them
    one after the other, each of what the one before made and none enlarging its error.

    ``size`` is how large the sums are on their way: as the results, unless these are small
    differences of large numbers. A tensor stands for the largest of its numbers. An elementary
    function counts as one term or two. Without ``size`` the result is relative.
    """
    most = float(size.abs().max()) if isinstance(size, Tensor) else abs(size)
    return DEVIATIONS * SPREAD * torch.finfo(dtype).eps * math.sqrt(terms * layers) * most


def root_mean_square(x: Tensor) -> float:
    """How large numbers usually are that are sums over the same random states: what a ``size`` is
    for logits, some of which are small by chance and none the less as inexact."""
    return float(x.square().mean().sqrt())


def pass_terms(size: Size, seen: int) -> int:
    """Terms one after the other from a token to an answer that sees ``seen`` of them.

    In a layer two norms and q, k, v, then o and gate, up are sums over the width, scores over a
    head's, attention over the tokens, down over the hidden; at last the mean of the tokens and a
    head over twice the width. A gradient goes this way, back, and is summed over the tokens: take
    three times as many.
    """
    layer = 5 * size.width + size.width // size.heads + seen + size.hidden
    return size.layers * layer + seen + 2 * size.width


def assert_same_answers(got: ArrayLike, want: ArrayLike, terms: int) -> None:
    """Probabilities (C,) from float32 logits with so many ``terms`` one after the other.

    Compared by their logarithms: in an answer that is all but certain the numbers themselves hide
    what becomes of the logits. The logarithms tell how large the logits are, and move by what one
    of them moves by and their mean does, twice as much at most.
    """
    logarithm = np.log(want)
    atol = 2 * rounding(torch.float32, terms, float(np.abs(logarithm).max()))
    np.testing.assert_allclose(np.log(got), logarithm, rtol=0, atol=atol)


def adam(relative: float, steps: int) -> float:
    """How far apart two runs of Adam may end whose gradients differ by ``relative`` of their usual
    size: as a part of how far they moved, in norm.

    Adam (Kingma and Ba, arXiv:1412.6980) divides a gradient by its own size: a step is about the
    rate long, and the gradient decides its sign. Where it is within ``relative`` of zero, rounding
    decides: for a part ``relative`` of the numbers, if they are spread over their size. Those go up
    to two rates apart in each step, hence 2 √(steps · relative); the others differ by
    ``relative`` of a step, which is less.
    """
    return 2 * math.sqrt(steps * relative)
