"""Where the command ``fedxr`` begins: Ctrl-C ends it in one line, also while it still imports."""

from __future__ import annotations

import sys

from fedxr.extras import install_line


def main() -> int:
    """As :func:`fedxr.cli.main`."""
    try:
        try:
            from fedxr.cli.main import main as command
        except ModuleNotFoundError as error:
            # As after an update of the source without a new install; `fedxr doctor` needs it too.
            print(
                f"fedxr: the package {error.name!r} is missing: {install_line()}", file=sys.stderr
            )
            return 2
        return command()
    except KeyboardInterrupt:
        print("stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
