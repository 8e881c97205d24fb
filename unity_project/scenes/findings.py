"""What the validator says of one place in the project."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One fault: where it is, what was found, what is allowed and what to do."""

    file: str  # from the project's root
    line: int
    found: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.line}: {self.found}\n  allowed: {self.allowed}\n  do: {self.remedy}"
        )
