"""Pictures as PNG files."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

CHANNELS = {1: 0, 3: 2}  # of a picture -> PNG's colour type


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return (height, width, 1 or 3) bytes as a PNG."""
    height, width, channels = picture.shape
    lines = b"".join(b"\0" + row.tobytes() for row in picture)
    head = struct.pack(">IIBBBBB", width, height, 8, CHANNELS[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
