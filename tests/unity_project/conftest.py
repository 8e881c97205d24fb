"""The C# tool chain for all tests here; see `toolchain`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from mono_keys import keep_key
from scene_rig import PLAYED
from toolchain import Assemblies, ToolchainMissing

# The bridge's rig: a server on a free port and an application that remembers.
sys.path.append(str(Path(__file__).parents[1] / "bridge"))


@pytest.fixture(scope="session", autouse=True)
def _keys() -> None:
    """Of the users that the tests' scenes have."""
    settings = Path(os.environ["XDG_CONFIG_HOME"])
    for user in ("user", "ann", "bob"):
        keep_key(settings / "fedxr-keys", user)
    keep_key(settings / "fedxr" / "keys", "connection-test")


@pytest.fixture(scope="session")
def assemblies() -> Assemblies:
    """Compiles C#; the test skips where there is no compiler."""
    try:
        return Assemblies.found()
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def strict_assemblies() -> Assemblies:
    """Compiles C# with Roslyn; the test skips where it has not been fetched."""
    try:
        return Assemblies.strict()
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The scenes' rates, latency and lost frames, for whoever reads CI's log."""
    if PLAYED:
        terminalreporter.section("Unity scenes, played against agents")
        for line in PLAYED:
            terminalreporter.write_line(line)
