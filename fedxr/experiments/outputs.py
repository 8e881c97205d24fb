"""Where results go is tried before the work starts."""

from __future__ import annotations

from pathlib import Path


class OutputError(ValueError):
    """There is no writing where something is to be written; the message says what to do."""


def check_writable(path: Path, option: str) -> None:
    """Make the folder ``path`` and try it, before any work. Raises OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".fedxr-probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"{path}: {error.strerror or error}; name a folder that you may write with {option}"
        ) from None


def check_file(path: Path, option: str) -> None:
    """As :func:`check_writable`, of the file ``path``."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file with {option}")
    check_writable(path.parent, option)
