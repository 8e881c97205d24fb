"""What our scripts rely on in UnityEngine, pinned on the stub: ``pins/`` says of each behaviour
where Unity documents it. But for what only the stub has (`Hands`, the painter) the same tests hold
in the editor, so a doubt about the stub can be settled there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scene_rig import STUB, stub_of
from toolchain import PACKAGE, ROOT, Assemblies, nunit_framework

HERE = Path(__file__).parent


def test_the_stub_behaves_as_unity_documents(assemblies: Assemblies) -> None:
    pins = assemblies.build("Pins", [HERE / "pins"], [stub_of(assemblies), nunit_framework()])
    summary = assemblies.nunit(pins)
    assert int(re.findall(r"Tests run: (\d+)", summary)[0]) >= 40, summary


@pytest.mark.parametrize("kind", ["R8G8B8_UNorm", "R8_UNorm"])
def test_its_jpeg_is_a_picture_that_others_read(
    assemblies: Assemblies, tmp_path: Path, kind: str
) -> None:
    """A ramp from the lower left to the upper right, 40 x 24: decoded by Pillow it is the same, the
    lowest row last. Quality 90 may be wrong by some levels."""
    y, x = np.mgrid[0:24, 0:40]
    ramp = np.stack([x * 6, y * 10, np.full_like(x, 128)], axis=-1).astype(np.uint8)
    raw = ramp if kind == "R8G8B8_UNorm" else ramp[..., 0]
    (tmp_path / "ramp").write_bytes(raw.tobytes())
    source = tmp_path / "Ramp.cs"
    source.write_text(
        """
        using System;
        using System.IO;
        using UnityEngine;
        using UnityEngine.Experimental.Rendering;

        static class Ramp
        {
            static void Main(string[] arguments)
            {
                var kind = (GraphicsFormat)Enum.Parse(typeof(GraphicsFormat), arguments[0]);
                byte[] raw = File.ReadAllBytes(arguments[1]);
                byte[] made = ImageConversion.EncodeArrayToJPG(raw, kind, 40, 24, 0, 90);
                File.WriteAllBytes(arguments[1] + ".jpg", made);
            }
        }
        """
    )
    program = assemblies.build("Ramp", [source], [stub_of(assemblies)], target="exe")
    assemblies.run(program, kind, str(tmp_path / "ramp"))
    with Image.open(tmp_path / "ramp.jpg") as picture:
        assert picture.format == "JPEG"
        got = np.asarray(picture, dtype=float)
    want = raw[::-1].astype(float)
    assert got.shape == want.shape
    assert np.abs(got - want).mean() < 3
    assert np.abs(got - want).max() < 20


def test_the_stub_has_nothing_that_nobody_uses() -> None:
    """Every public type and member of UnityEngine in the stub is named in our scripts, their tests,
    the tutorial or the player; or else in the stub more than once."""
    users = [PACKAGE, ROOT / "unity_project" / "Assets", ROOT / "docs", HERE]
    files = [f for u in users for pattern in ("*.cs", "*.md") for f in u.rglob(pattern)]
    outside = [f for f in files if f.parent.name not in ("stub", "pins")]
    named = {word for f in outside for word in _words(f)}
    inside = Counter(word for f in STUB.glob("*.cs") for word in _words(f))
    unused = [
        f"{f.name}: {name}"
        for f in sorted(STUB.glob("*.cs"))
        for name in _public_names(f.read_text(encoding="utf-8"))
        if name not in named and name.removesuffix("Attribute") not in named and inside[name] < 2
    ]
    assert unused == []


def _words(file: Path) -> list[str]:
    return re.findall(r"\w+", file.read_text(encoding="utf-8"))


def _public_names(source: str) -> list[str]:
    """Of public types, methods, properties and fields."""
    found = re.findall(
        r"^ +public (?:static |sealed |abstract |override |virtual |const |readonly |event )*"
        r"(?:class |struct |enum )?(?:[\w.<>\[\], ]+ )?(\w+)(?:<\w+>)?(?= *[({;=]|$| =>)",
        source,
        re.M,
    )
    return sorted(set(found) - {"operator"})
