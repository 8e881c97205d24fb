"""What our scripts rely on in UnityEngine, pinned on the stub: ``pins/`` says of each behaviour
where Unity documents it. But for what only the stub has (`Hands`, the painter) the same tests hold
in the editor, so a doubt about the stub can be settled there."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scene_rig import stub_of
from toolchain import Assemblies, nunit_framework

HERE = Path(__file__).parent


def test_the_stub_behaves_as_unity_documents(assemblies: Assemblies) -> None:
    pins = assemblies.build("Pins", [HERE / "pins"], [stub_of(assemblies), nunit_framework()])
    summary = assemblies.nunit(pins)
    assert int(re.findall(r"Tests run: (\d+)", summary)[0]) >= 45, summary


@pytest.mark.parametrize("kind", ["RGB24", "R8"])
def test_its_jpeg_is_a_picture_that_others_read(
    assemblies: Assemblies, tmp_path: Path, kind: str
) -> None:
    """A ramp from the lower left to the upper right, 40 x 24: decoded by Pillow it is the same, the
    lowest row last. Quality 90 may be wrong by some levels."""
    source = tmp_path / "Ramp.cs"
    source.write_text(
        """
        using System.IO;
        using UnityEngine;

        static class Ramp
        {
            static void Main(string[] arguments)
            {
                var format = (TextureFormat)System.Enum.Parse(typeof(TextureFormat), arguments[0]);
                var made = new Texture2D(40, 24, format, false);
                for (int y = 0; y < 24; y++)
                    for (int x = 0; x < 40; x++)
                        made.SetPixel(x, y, new Color(x / 40f, y / 24f, 0.5f));
                File.WriteAllBytes(arguments[1], made.EncodeToJPG(90));
            }
        }
        """
    )
    program = assemblies.build("Ramp", [source], [stub_of(assemblies)], target="exe")
    assemblies.run(program, kind, str(tmp_path / "ramp.jpg"))
    with Image.open(io.BytesIO((tmp_path / "ramp.jpg").read_bytes())) as picture:
        assert picture.format == "JPEG"
        got = np.asarray(picture, dtype=float)
    red = np.tile(np.arange(40) / 40 * 255, (24, 1))
    green = np.tile(np.arange(24)[::-1, None] / 24 * 255, (1, 40))
    want = red if kind == "R8" else np.stack([red, green, np.full_like(red, 127.5)], axis=-1)
    assert got.shape == want.shape
    assert np.abs(got - want).mean() < 3
    assert np.abs(got - want).max() < 20
