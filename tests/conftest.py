"""For all tests: one torch thread, so that a busy machine does not stall them."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
