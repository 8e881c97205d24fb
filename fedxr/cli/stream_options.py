"""The options of ``fedxr stream``, for whose help nothing that computes is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fedxr.agent.tasks import USE_CASES
from fedxr.experiments.choices import Source, UseCase
from fedxr.plugins.nearest import did_you_mean


@dataclass(frozen=True)
class Stream:
    """Be a headset: stream one user's recording to a bridge in real time."""

    url: str = "ws://127.0.0.1:8765"
    """Where the bridge listens."""
    scenario: UseCase = "companion"
    """Use case."""
    source: Source = "simulated"
    """A simulated person, or one of a recorded set of this use case."""
    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    user: str = "0"
    """Which person: a number, or a recorded user's name."""
    seconds: float = 60.0
    """How long, in real time."""
    token: str | None = None
    """What the server asks for."""
    trust: Path | None = None
    """Root certificate (PEM) of a server with TLS, where the system does not know it."""
    record: bool = True
    """The server may record what is streamed; --no-record forbids it."""
    seed: int = 0
    """Names all draws of chance."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("ws://", "wss://")):
            raise ValueError(
                f"url {self.url!r}; a bridge is reached at ws://HOST:PORT, or wss://HOST:PORT "
                "where it has TLS"
            )
        if not self.seconds > 0:
            raise ValueError(f"{self.seconds} seconds; stream for more than 0")
        if self.source == "simulated" and self.scenario not in USE_CASES:
            meant = did_you_mean(self.scenario, USE_CASES)
            raise ValueError(
                f"scenario {self.scenario!r}; {meant}simulated are {', '.join(USE_CASES)}: take "
                "one, or --source recorded"
            )
