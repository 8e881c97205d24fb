"""Files for what people's sensors saw: recordings and what is exported from them."""

from __future__ import annotations

import os
from pathlib import Path

from fedxr.bridge.protocol import BridgeError


def make_private(path: Path) -> None:
    """A new, empty file that only this user may read. Raises BridgeError when there is one
    already, or none can be made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise BridgeError(f"{path} exists; name another, for nothing is overwritten") from None
        file = isinstance(error, FileExistsError)  # where a folder has to be
        why = f"{path.parent} is no folder" if file else error.strerror or error
        raise BridgeError(
            f"cannot write {path}: {why}; name a file in a folder that you may write to"
        ) from None
