"""Arrays of numbers as C initializers."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgekit.targets.c.emit.base import float_literal

COLUMNS = 100
STRING_BYTES = 4096
# Infinity and NaN as constant expressions: those of edgekit.h are no initializers.
STATIC = {"EK_INF": "1.0f / 0.0f", "-EK_INF": "-1.0f / 0.0f", "EK_NAN": "0.0f / 0.0f"}


def array_text(array: NDArray[np.generic]) -> str:
    """The elements in order, separated by commas, several to a line."""
    lines, line = [], ""
    for word in _words(array):
        if line and len(line) + len(word) + 2 > COLUMNS:
            lines.append(line)
            line = ""
        line += f"{word}, " if line else f"    {word}, "
    return "\n".join([*(text.rstrip() for text in lines), line.rstrip()])


def _words(array: NDArray[np.generic]) -> list[str]:
    """Each element as C writes it."""
    values = array.ravel().tolist()
    if array.dtype == np.float32:
        return [STATIC.get(word, word) for word in map(float_literal, values)]
    if array.dtype == np.int64:
        return [f"INT64_C({v})" if v != -(2**63) else "INT64_MIN" for v in values]
    return [str(int(v)) if v != -(2**31) else "INT32_MIN" for v in values]


def little_endian(array: NDArray[np.generic]) -> bytes:
    """The bytes of the elements in order, little-endian."""
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def string_lines(array: NDArray[np.generic]) -> Iterator[bytes]:
    """The bytes of the elements in order, little-endian, as string literals of `STRING_BYTES` each."""
    raw = np.frombuffer(little_endian(array), np.uint8)
    for start in range(0, len(raw), STRING_BYTES):
        line = raw[start : start + STRING_BYTES]
        shown = np.arange(CHARACTERS.shape[1]) < LENGTHS[line][:, None]
        yield b'"' + CHARACTERS[line][shown].tobytes() + b'"\n'


def _escape_byte(byte: int) -> bytes:
    """One byte in a string: itself where it is printable and begins no escape or trigraph."""
    character = chr(byte)
    plain = character.isascii() and character.isprintable() and character not in '"\\?'
    return character.encode() if plain else f"\\{byte:03o}".encode()


LENGTHS = np.array([len(_escape_byte(byte)) for byte in range(256)], np.uint8)
CHARACTERS = np.array([list(_escape_byte(byte).ljust(4)) for byte in range(256)], np.uint8)
