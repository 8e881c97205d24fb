"""Where the command ``fedxr`` begins: Ctrl-C ends it in one line, also while it still imports."""

from __future__ import annotations

import io
import sys
import traceback

from fedxr.extras import STUDY, install_line


def main() -> int:
    """As :func:`fedxr.cli.main`; and 2 after a defect, since 1 means something else."""
    # A pipe of Windows has no minus sign, a file's name may hold bytes that are no letters: neither
    # may cost what was to be said.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        from fedxr.cli.main import main as command

        return command()
    except ModuleNotFoundError as error:
        # As after an update of the source without a new install; `fedxr doctor` needs it too.
        missing = str(error.name)
        line = install_line("study" if missing.split(".")[0] in STUDY else "")
        print(f"fedxr: the package {missing!r} is missing: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped")
        return 130
    except Exception:  # noqa: BLE001 - a defect is shown whole
        traceback.print_exc()
        return 2


if __name__ == "__main__":
    sys.exit(main())
