"""The headset page's scripts keep the types that their comments state (TypeScript's checker)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "webxr"
CHECKER = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
NODE = shutil.which("node")


def _check(*options: str) -> subprocess.CompletedProcess[str]:
    command = [str(NODE), str(CHECKER), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
@pytest.mark.skipif(
    NODE is None or not CHECKER.exists(), reason="no type checker: npm ci --prefix tests/webxr"
)
def test_scripts_keep_their_types() -> None:
    if _check("--version").returncode != 0:
        pytest.skip("the installed type checker does not start on this machine")
    done = _check("-p", str(FOLDER / "tsconfig.json"))
    assert done.returncode == 0, done.stdout
