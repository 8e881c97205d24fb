"""Pictures as PNG or JPEG: n images of one size travel stacked, as one picture of n * height rows.

A million pixels take about 10 ms to decode, which is why `MAX_PIXELS` is small and a server decodes
beside its event loop (`fedxr.bridge.serving.decode_queue`).
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fedxr.bridge.protocol import ProtocolError

MAX_PIXELS = 2**20
"""Pixels in all images of one block."""
MAX_SCANS = 24
"""Scans of one JPEG. Encoders make up to a dozen; each makes the decoder walk over all pixels once
more, and a thousand of them fit into 30 KB."""
_SCAN = b"\xff\xda"


def encode_png(values: NDArray[np.generic]) -> bytes:
    """Images (n, h, w) or (n, h, w, 3) uint8; zlib level 1 takes a quarter of level 6's time."""
    stack = np.ascontiguousarray(values.reshape(-1, *values.shape[2:]))
    out = io.BytesIO()
    Image.fromarray(stack).save(out, "PNG", compress_level=1)
    return out.getvalue()


def check_pixels(n: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of the picture that holds ``n`` images, or ProtocolError."""
    width, height = shape[1], n * shape[0]
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise ProtocolError(
            "too-large", f"{width}x{height} pixels; allowed are 1 to {MAX_PIXELS} in a block"
        )
    return width, height


def decode_picture(data: bytes, encoding: str, n: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """(n, *shape) uint8 from a picture of ``encoding`` png or jpeg.

    Raises ProtocolError when it is too large, broken, or not of the announced size and mode; the
    size is read from the picture's header before anything is decompressed.
    """
    size = check_pixels(n, shape)
    if encoding == "jpeg":
        # The marker cannot stand in compressed data, where 0xff is followed by 0 or a restart.
        scans = data.count(_SCAN)
        if scans > MAX_SCANS:
            raise ProtocolError("too-large", f"{scans} scans in a JPEG; allowed are {MAX_SCANS}")
    kind, mode = encoding.upper(), "L" if len(shape) == 2 else "RGB"
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            if image.size != size or image.mode != mode:
                raise ProtocolError(
                    "bad-shape", f"picture is {image.mode} {image.size}; announced {mode} {size}"
                )
            pixels = np.asarray(image)
    except ProtocolError:
        raise
    # Whatever a decoder raises over a stranger's bytes (OSError, SyntaxError, ValueError, errors of
    # zlib and struct, …) is the picture's fault.
    except Exception as error:  # noqa: BLE001
        raise ProtocolError("bad-image", f"not a {kind} picture: {error}") from None
    return pixels.reshape(n, *shape)
