"""The C# core against its Python sources of truth: the table, the vectors, the clock; its
NUnit tests; and that a frame allocates nothing."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from core_rig import runner
from mono_keys import keep_key
from toolchain import PACKAGE, ROOT, Assemblies, nunit_framework

from fedxr.bridge.channels import LAYOUTS, Layout, layout_of
from fedxr.bridge.clock import ClockSync, Exchange
from fedxr.bridge.user_key import proves

sys.path.insert(0, str(ROOT / "tests" / "golden"))
from make import HOST, NONCE, user_key

GOLDEN = ROOT / "tests" / "golden" / "fedxr_v1.json"


def _line(layout: Layout) -> str:
    """As the C# runner prints a layout."""
    dtype = np.dtype(layout.dtype).str[1:]
    return f"{layout.name} {dtype} {','.join(map(str, layout.shape))}"


def test_the_table_of_layouts_is_pythons(assemblies: Assemblies) -> None:
    printed = assemblies.run(runner(assemblies), "layouts").stdout.splitlines()
    assert sorted(printed) == sorted(_line(layout) for layout in LAYOUTS.values())


@pytest.mark.parametrize(
    "name", ["eeg/Oz", "eeg/Fp1-C3-Cz", "fnirs/F3-F4", "eeg/A12ab", "columns/strain-tilt_x"]
)
def test_electrodes_are_counted_as_in_python(assemblies: Assemblies, name: str) -> None:
    assert assemblies.run(runner(assemblies), "layout", name).stdout.strip() == _line(
        layout_of(name)
    )


def test_golden_vectors(assemblies: Assemblies) -> None:
    done = assemblies.run(runner(assemblies), "golden", str(GOLDEN))
    vectors = json.loads(GOLDEN.read_text(encoding="utf-8"))
    names = [vector["name"] for vector in vectors["accepted"]]
    names += [f"refused: {vector['shows']}" for vector in vectors["refused"]]
    said = [line for line in done.stdout.splitlines() if not line.startswith("  ")]
    assert said == [f"{name}: ok" for name in names]


def test_the_golden_challenge_is_answered_with_the_golden_proof(
    assemblies: Assemblies, tmp_path: Path
) -> None:
    keep_key(tmp_path, "user", user_key())
    nonce = base64.b64encode(NONCE).decode()
    done = assemblies.run(runner(assemblies), "prove", str(tmp_path), nonce, HOST)
    public, proof = map(base64.b64decode, done.stdout.split())
    assert public == user_key().public
    assert proof == user_key().prove(NONCE, HOST)


def test_a_key_that_is_made_here_is_kept_and_proves(assemblies: Assemblies, tmp_path: Path) -> None:
    nonce = base64.b64encode(NONCE).decode()
    said = [
        assemblies.run(runner(assemblies), "prove", str(tmp_path / "new"), nonce, HOST).stdout
        for _ in range(2)
    ]
    assert said[0] == said[1]
    public, proof = map(base64.b64decode, said[0].split())
    assert proves(public, proof, NONCE, HOST)
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_the_clock_is_fitted_as_in_python(assemblies: Assemblies) -> None:
    chance = random.Random(3)
    python, bursts, due = ClockSync(), [], []
    for k in range(90):
        # 50 ppm fast and 1.7e9 s ahead; from the 70th burst on the server's clock is set anew.
        ahead = 1_700_000_000_000_000 + (40_000_000 if k >= 70 else 0)
        burst = []
        for i in range(8):
            sent = 5_000_000 + k * 2_000_000 + i * 1000
            there, back = chance.randint(20, 900), chance.randint(20, 900)
            received = ahead + round((sent + there) * 1.00005)
            burst.append(Exchange(sent, received, received + 10, sent + there + 10 + back))
        if k % 9 == 0:
            burst[0] = Exchange(sent, received, received + 900, sent + 100)  # impossible: skipped
        bursts.append(burst)
        estimate = python.add_burst(burst)
        assert estimate is not None
        due.append((estimate.offset_us, estimate.drift, estimate.at_us, estimate.uncertainty_us))
    assert python.resets == 1
    said = "\n".join(
        " ".join(f"{e.sent_us} {e.received_us} {e.answered_us} {e.back_us}" for e in burst)
        for burst in bursts
    )
    done = subprocess.run(
        assemblies.command(runner(assemblies), "clock"),
        input=said,
        capture_output=True,
        text=True,
        check=True,
    )
    got = np.array([list(map(float, line.split())) for line in done.stdout.splitlines()])
    assert got[-1, 4] == 1
    # Microseconds beside 1.7e15: the last bits of float64 are worth a quarter of one.
    np.testing.assert_allclose(got[:, 0], [d[0] for d in due], rtol=0, atol=0.5)
    np.testing.assert_allclose(got[:, 1], [d[1] for d in due], rtol=0, atol=1e-9)
    np.testing.assert_allclose(got[:, 2], [d[2] for d in due], rtol=0, atol=0.5)
    np.testing.assert_allclose(got[:, 3], [d[3] for d in due], rtol=1e-3, atol=0.5)


def test_a_frame_allocates_nothing(assemblies: Assemblies) -> None:
    done = assemblies.run(runner(assemblies), "encode", "20000")
    assert " allocated=0 collections=0" in done.stdout


def test_nunit(assemblies: Assemblies) -> None:
    tests = assemblies.build(
        "Fedxr.Core.Tests",
        [PACKAGE / "Tests" / "Editor" / "Core"],
        [assemblies.core, nunit_framework()],
    )
    print(assemblies.nunit(tests))
