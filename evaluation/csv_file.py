"""Numbers as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_csv(numbers: Sequence[Mapping[str, object]], path: Path) -> None:
    """A line each; what was not measured is empty. Floats have six digits behind the point."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(numbers[0]) if numbers else [], lineterminator="\n")
        out.writeheader()
        for one in numbers:
            out.writerow({k: round(v, 6) if isinstance(v, float) else v for k, v in one.items()})
