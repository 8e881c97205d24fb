"""What a block of theta, or of an update, holds: by fields, of which its name is a rendering."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class BlockId:
    """``part``: ``shared`` or ``personal``. ``kind``:

    - ``lora_A``, ``lora_B``: an adapter's factors, of the ``group`` of linear layers
      (:data:`fedxr.agent.model.backbone.GROUPS`) in layer ``layer``;
    - ``head``: a head of ``task``, or its shortcut from the summaries of ``layout``.

    Nothing reads a name: it is what stored states and both ends of the wire compare.
    """

    part: str
    kind: str
    task: str | None = None
    layout: str | None = None
    layer: int | None = None
    group: str | None = None

    @cached_property
    def name(self) -> str:
        if self.kind == "head":
            return f"{self.part}.{self.head}"
        return f"{self.place}.{'A' if self.kind == 'lora_A' else 'B'}"

    @property
    def head(self) -> str:
        """The name of a head in the model (:data:`fedxr.agent.model.m3t.Heads`)."""
        return f"head:{self.task}" if self.layout is None else f"shortcut:{self.task}|{self.layout}"

    @property
    def place(self) -> str:
        """Where an adapter is; both of its factors are there."""
        return f"{self.part}.{self.layer}.{self.group}"
