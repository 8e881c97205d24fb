"""Where the command ``fedxr`` begins: Ctrl-C ends it in one line, also while it still imports."""

from __future__ import annotations

import sys


def main() -> int:
    """As :func:`fedxr.cli.main`."""
    try:
        from fedxr.cli import main as command

        return command()
    except KeyboardInterrupt:
        print("stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
