"""The C# tool chain for all tests here; see `toolchain`."""

from __future__ import annotations

import pytest
from toolchain import Assemblies, ToolchainMissing


@pytest.fixture(scope="session")
def assemblies() -> Assemblies:
    """Compiles C#; the test skips where there is no compiler."""
    try:
        return Assemblies.found()
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
